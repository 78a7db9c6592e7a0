// SPDX-License-Identifier: MIT
// What was read from processes and is not written yet, kept where it outlives its owner: who is
// killed between any two instructions loses no byte and shows none twice.
#pragma once

#include "base/limits.h"
#include "base/str.h"
#include "stream/tray.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DESK_INBOX_BYTES = 64 * 1024,
    DESK_TRAYS = 1 + LIMIT_SINKS,     // the first is standard output's
    DESK_LANES = 2 * LIMIT_PROCESSES, // ways that bytes come by, each with lines of its own
};

// To be held by somebody who lives on; all three together make a desk.
enum desk_part {
    DESK_MEMORY, // a memfd
    DESK_INBOX,  // pipes of which both ends are this one descriptor
    DESK_OUTBOX,
    DESK_PARTS,
};

// What is true, and which operation is under way whose outcome only the kernel knows. Positions are
// those of bytes in the inbox.
struct desk_state {
    uint64_t told;       // the owner's own: up to which event all is in the queues
    uint32_t reading;    // bytes that are on their way from the inbox's pipe to its memory
    uint32_t lane;       // whose bytes the inbox holds, in its pipe or in memory
    uint32_t inbox_from; // of those in memory: in between are those …
    uint32_t inbox_end;  // …that nobody has looked at
    uint32_t held_lane;  // whose unfinished line has changed last …
    uint32_t held_bytes; // …and how long it is
    uint32_t drops_slot; // the owner's own, as `told`
    uint32_t drops_owner;
    uint64_t drops_count;
    uint32_t tray_count; // that are of use
    struct tray_state trays[DESK_TRAYS];
};

struct desk_memory;

struct desk {
    struct desk_memory *memory; // NULL: there is no desk
    struct desk_state state;    // true from the next commit on
    char *inbox;
    struct tray trays[DESK_TRAYS];
    int parts[DESK_PARTS];
    bool is_new; // nobody has worked at it before
};

// Makes the parts of a new desk. 0 or -errno.
int desk_make(int parts[DESK_PARTS]);

// Sits down at a desk, as its last owner has left it. The parts stay the caller's. 0, or -errno
// when these are no parts of a desk.
int desk_open(struct desk *desk, const int parts[DESK_PARTS]);
void desk_close(struct desk *desk);

// Takes one of its trays, whose last owner wrote to `output`. Of a write that was under way when it
// was killed a regular file tells how much it has got; anything else counts as written, or with -1
// as not written. 0 or -errno.
int desk_take_tray(struct desk *desk, unsigned index, int output, struct tray **out);

void desk_put_tray(struct tray *tray); // what waits in it stays

// For tray.c: after its owner was killed; and how many bytes a pipe holds.
void tray_recover(struct tray *tray, int output);
size_t desk_pipe_bytes(int pipe);

// Makes `state` true in one moment, with all that was appended to the trays.
void desk_commit(struct desk *desk);

// Reads once from a pipe or terminal, for `lane`; the inbox must be empty. Returns how many bytes
// lie in it from 0 on, 0 when there are none now.
size_t desk_read(struct desk *desk, int fd, unsigned lane);

// Ends the work on the inbox. The unfinished line of its lane is `tail`, or if not `is_new`, what
// it was before and then `tail`.
void desk_hold(struct desk *desk, unsigned lane, struct str tail, bool is_new);

// The unfinished line of a lane: copies at most `size` bytes from `at` on. Returns how many.
size_t desk_held(const struct desk *desk, unsigned lane, size_t at, char *out, size_t size);
