// SPDX-License-Identifier: MIT
// The smallest process to supervise: it notes that it runs, then sleeps until a signal ends it.
#include "board.h"

int main(void)
{
    int64_t now = board_now();
    board_hold_life();
    board_mark(board_open(), now);
    for (;;)
        pause();
}
