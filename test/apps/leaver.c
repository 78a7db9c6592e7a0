// SPDX-License-Identifier: MIT
// A process that ends in order when it is asked to by TERM: it says so, takes its time, says that
// it is done, and exits.
//
//   leaver [AFTER [CODE]]
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t is_asked;

static void on_term(int number)
{
    (void)number;
    is_asked = 1;
}

int main(int argc, char **argv)
{
    double after = argc > 1 ? atof(argv[1]) : 0;
    int exit_code = argc > 2 ? atoi(argv[2]) : 0;
    struct timespec wait = {(time_t)after, (long)((after - (double)(time_t)after) * 1e9)};
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    signal(SIGTERM, on_term);
    printf("leaver %d\n", getpid());
    fflush(stdout);
    while (!is_asked)
        sigsuspend(&before);
    printf("leaving\n");
    fflush(stdout);
    nanosleep(&wait, NULL);
    printf("gone\n");
    return exit_code;
}
