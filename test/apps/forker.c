// SPDX-License-Identifier: MIT
// A process with a child that ignores TERM, INT and HUP: who stops only the main process leaves the
// child behind.
//
//   forker [--setsid] [--double] [--silent] [--exit CODE]
//
// --setsid puts the child into a session of its own, --double makes it a grandchild whose parent is
// gone, --silent closes its output, --exit ends the main process once the child runs (without it,
// the main process sleeps until a signal). Prints "child PID" once the child is as described.
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void child_run(bool own_session, bool silent, int told)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (own_session)
        setsid();
    if (silent) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    pid_t own = getpid();
    if (write(told, &own, sizeof own) != sizeof own)
        _exit(1);
    close(told);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"setsid", no_argument, NULL, 's'},
        {"double", no_argument, NULL, 'd'},
        {"silent", no_argument, NULL, 'q'},
        {"exit", required_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    bool own_session = false, twice = false, silent = false;
    int exit_code = -1;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            own_session = true;
            break;
        case 'd':
            twice = true;
            break;
        case 'q':
            silent = true;
            break;
        case 'e':
            exit_code = atoi(optarg);
            break;
        default:
            return 2;
        }
    }

    int told[2];
    if (pipe2(told, O_CLOEXEC) < 0)
        return 1;
    pid_t between = fork();
    if (between == 0) {
        if (twice && fork() != 0)
            _exit(0);
        child_run(own_session, silent, told[1]);
    }
    if (twice)
        waitpid(between, NULL, 0);
    pid_t child = 0;
    if (read(told[0], &child, sizeof child) != sizeof child)
        return 1;
    printf("child %d\n", child);
    fflush(stdout);
    if (exit_code >= 0)
        return exit_code;
    for (;;)
        pause();
}
