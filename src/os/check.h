// SPDX-License-Identifier: MIT
// A command whose exit status is all that is wanted of it.
#pragma once

#include "os/loop.h"
#include "os/spawn.h"

#include <stdbool.h>

struct check;
typedef void check_news(struct check *check);

struct check {
    struct loop *loop;
    struct loop_source source; // the pidfd
    check_news *news;
    pid_t pid;
    bool has_ended;
    int wait_status; // once it has
};

// Starts it, in a session of its own; `news` is called when it has ended. 0, or as spawn_process().
int check_begin(struct check *check, struct loop *loop, const struct spawn_request *request,
                check_news *news, enum spawn_stage *stage);

// The same for a child that runs already.
int check_adopt(struct check *check, struct loop *loop, pid_t pid, check_news *news);

// SIGKILL to its process group; its end is told as any other.
void check_kill(const struct check *check);

// Waits for its end, `patience_ms` at most; without news.
void check_wait(struct check *check, int patience_ms);
