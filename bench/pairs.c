// SPDX-License-Identifier: MIT
// pairs COUNT PROGRAM READER [ARG…]: so many times PROGRAM, each with a READER of its own at the
// other end of its pipe, as s6, runit and daemontools run their loggers. An ARG that ends in "%"
// gets the number of its pair there.
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void number_argument(char **argument, size_t number)
{
    size_t size = strlen(*argument);
    char *text = NULL;
    if (size == 0 || (*argument)[size - 1] != '%')
        return;
    if (asprintf(&text, "%.*s%zu", (int)size - 1, *argument, number) < 0)
        _exit(127);
    *argument = text;
}

static pid_t start_reader(int input, char **argv, size_t number)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    dup2(input, STDIN_FILENO);
    for (char **argument = argv; *argument; argument++)
        number_argument(argument, number);
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    size_t count = strtoul(argv[1], NULL, 10);
    for (size_t number = 1; number <= count; number++) {
        int input = feed_start(argv[2], count);
        if (input < 0 || start_reader(input, argv + 3, number) < 0)
            return 1;
        close(input);
    }
    for (;;)
        pause();
}
