// SPDX-License-Identifier: MIT
// Installed set-user-ID root, it becomes root as sudo does: who started it may not signal it then.
// It lives until there is a file called `end`.
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    if (setresuid(0, 0, 0) < 0) {
        perror("setresuid");
        return 1;
    }
    printf("privileged %d\n", getpid());
    fflush(stdout);
    while (access("end", F_OK) < 0)
        nanosleep(&pause, NULL);
    return 0;
}
