// SPDX-License-Identifier: MIT
// Does nothing until a signal ends it, and costs as little as a process can.
#include <unistd.h>

int main(void)
{
    for (;;)
        pause();
}
