// SPDX-License-Identifier: MIT
// Notes the time and becomes the manager: the start is measured from exec, not from the bench's
// own fork.
#include "board.h"

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    struct board *board = board_open();
    atomic_store(&board->launched_at, board_now());
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
