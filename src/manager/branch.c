// SPDX-License-Identifier: MIT
// The tree of a process, ready to be searched. Where there are no cgroup folders, the children of
// the guard are searched at each exit: of those, only orphans have to be looked into, and which are
// the main processes stands on the board.
#include "manager/state.h"

#include <unistd.h>

const struct tree *branch_tree(struct manager *manager)
{
    const struct board *board = manager->board;
    if (manager->tree.fd >= 0)
        return &manager->tree;
    kin_set_clear(&manager->mains);
    kin_set_add(&manager->mains, getpid());
    if (board->witness_pid > 0)
        kin_set_add(&manager->mains, board->witness_pid);
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        enum board_slot_state state =
            atomic_load_explicit(&board->slots[slot].state, memory_order_acquire);
        if (state == BOARD_LIVE || state == BOARD_DEAD)
            kin_set_add(&manager->mains, board->slots[slot].pid);
    }
    manager->tree.mains = &manager->mains;
    return &manager->tree;
}
