// SPDX-License-Identifier: MIT
// A program that somebody puts in the place of the formation's, and that is none. What it does
// follows from the name of its file, so copy it:
//
//   crashes   is fit in its trial, and ends by SIGABRT once it has taken over
//   hangs     is fit in its trial, and does nothing once it has taken over
//   waits     does not end in its trial, and neither does a child of its
//   talks     writes without end in its trial, whether that is read or not
//   fails     is fit in its trial, and exits with a status that says something else
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((noreturn)) static void wait_for_ever(void)
{
    for (;;)
        pause();
}

static void be_tried(const char *name)
{
    if (strcmp(name, "waits") == 0) {
        (void)fork();
        wait_for_ever();
    }
    while (strcmp(name, "talks") == 0)
        (void)puts("There is much to be said about that");
    (void)puts("formation: fit to go on");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    char path[PATH_MAX] = "";
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[size > 0 ? size : 0] = '\0';
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (argc > 1 && strcmp(argv[1], "trial") == 0)
        be_tried(name);
    else if (strcmp(name, "hangs") == 0)
        wait_for_ever();
    else
        abort();
    return strcmp(name, "fails") == 0 ? 3 : 0;
}
