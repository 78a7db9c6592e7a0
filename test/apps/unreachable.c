// SPDX-License-Identifier: MIT
// Set-user-ID root: becomes root's wholly, so that whoever started it may not signal it any more.
// It says so, and ends by itself once somebody writes to the fifo `enough`.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    if (setgid(0) < 0 || setuid(0) < 0) {
        perror("unreachable");
        return 1;
    }
    printf("unreachable %d\n", getpid());
    fflush(stdout);
    return open("enough", O_RDONLY) < 0; // waits for whoever opens the other end
}
