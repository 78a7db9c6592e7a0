// SPDX-License-Identifier: MIT
// A process that only SIGKILL ends: it ignores TERM, INT, HUP and QUIT and says so once it does.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    printf("stubborn %d\n", getpid());
    fflush(stdout);
    for (;;)
        pause();
}
