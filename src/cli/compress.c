// SPDX-License-Identifier: MIT
// formation compress PATH: what a manager runs for each log file that was put aside. It gets what
// processor and disk others leave: it is in no hurry.
#include "os/compress.h"
#include "base/str.h"
#include "cli/command.h"

#include <linux/ioprio.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void give_way(void)
{
    enum { NICENESS = 10, THIS_PROCESS = 0 };
    (void)nice(NICENESS);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, THIS_PROCESS,
                  IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

int command_compress(char **words)
{
    struct error error;
    if (!words[0] || words[1]) {
        (void)fputs("'compress' takes one file\n", stderr);
        return 2;
    }
    give_way();
    if (compress_file(words[0], &error) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", error.text);
    return 1;
}
