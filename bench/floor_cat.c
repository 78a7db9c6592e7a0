// SPDX-License-Identifier: MIT
// The limit for output: the program writes into a pipe of 1 MiB, cat(1) moves it on.
#include <fcntl.h>
#include <unistd.h>

enum { PIPE_BYTES = 1024 * 1024 };

int main(int argc, char **argv)
{
    int output[2];
    if (argc != 2 || pipe2(output, O_CLOEXEC) < 0)
        return 2;
    fcntl(output[1], F_SETPIPE_SZ, PIPE_BYTES);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(output[1], STDOUT_FILENO);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    dup2(output[0], STDIN_FILENO);
    execlp("cat", "cat", NULL);
    return 127;
}
