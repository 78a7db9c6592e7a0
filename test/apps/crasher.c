// SPDX-License-Identifier: MIT
// Ends as it is told: with an exit code or by a signal (KILL, SEGV, 9 with a leading minus: -9),
// after so many seconds.
//
//   crasher CODE|SIGNAL [AFTER]
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int signal_of(const char *text)
{
    if (text[0] == '-')
        return atoi(text + 1);
    for (int number = 1; number < NSIG; number++) {
        const char *name = sigabbrev_np(number);
        if (name && strcmp(name, text) == 0)
            return number;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    double after = argc > 2 ? atof(argv[2]) : 0;
    struct timespec wait = {(time_t)after, (long)((after - (double)(time_t)after) * 1e9)};
    printf("crasher %d\n", getpid());
    fflush(stdout);
    nanosleep(&wait, NULL);
    if (isdigit((unsigned char)argv[1][0]))
        return atoi(argv[1]);

    int number = signal_of(argv[1]);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    raise(number);
    fprintf(stderr, "crasher: %s is no exit code and no deadly signal\n", argv[1]);
    return 2;
}
