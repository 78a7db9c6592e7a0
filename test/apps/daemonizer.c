// SPDX-License-Identifier: MIT
// What a twelve-factor process never does: it forks twice into a session of its own, writes a PID
// file if one is named, and its main process exits with 0 while the daemon lives on.
//
//   daemonizer [PIDFILE]
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    pid_t first = fork();
    if (first > 0) {
        waitpid(first, NULL, 0); // until the daemon has told its pid
        return 0;
    }
    setsid();
    int told[2];
    char done;
    if (pipe(told) < 0)
        return 1;
    if (fork() > 0) {
        close(told[1]);
        return read(told[0], &done, 1) == 1 ? 0 : 1;
    }
    FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (file) {
        fprintf(file, "%d\n", getpid());
        fclose(file);
    }
    printf("daemon %d\n", getpid());
    fflush(stdout);
    if (write(told[1], "x", 1) != 1)
        return 1;
    close(told[0]);
    close(told[1]);
    for (;;)
        pause();
}
