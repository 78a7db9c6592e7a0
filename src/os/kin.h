// SPDX-License-Identifier: MIT
// The living descendants of a process, from the kernel's own lists: it costs what they are, however
// many other processes the machine has.
#pragma once

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct kin {
    pid_t pid;
    pid_t parent; // when it was listed
};

// Grows; free with kin_fini(). Zero-initialised it is empty.
struct kin_list {
    struct kin *items;
    size_t count;
    size_t capacity;
};

void kin_fini(struct kin_list *list);
bool kin_add(struct kin_list *list, struct kin kin); // false: no memory, or far too many

// Appends the children of `pid`, zombies too. 0; -ENOENT when it is gone or when this kernel keeps
// no lists; -ENOMEM.
int kin_add_children(struct kin_list *list, pid_t pid);

// Appends the descendants of all items from index `first` on, parents before their children.
void kin_descend(struct kin_list *list, size_t first);

// Whether `kin` is still what was listed: a child of that parent, or of `adopter`, who takes
// orphans in. Zombies are not living.
bool kin_lives(struct kin kin, pid_t adopter);

// Pids that are known, for looking them up among many.
enum { KIN_SET_SIZE = 2 * LIMIT_PROCESSES };
struct kin_set {
    pid_t pids[KIN_SET_SIZE]; // 0: empty
    unsigned count;
};

void kin_set_clear(struct kin_set *set);
void kin_set_add(struct kin_set *set, pid_t pid); // at most KIN_SET_SIZE - 1 different ones
bool kin_set_has(const struct kin_set *set, pid_t pid);
