// SPDX-License-Identifier: MIT
// What was read from processes and is not written yet, kept where it outlives its owner: who is
// killed between any two instructions loses no byte and shows none twice.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DESK_INBOX_BYTES = 64 * 1024 };

// To be held by somebody who lives on; all three together make a desk.
enum desk_part {
    DESK_MEMORY, // a memfd
    DESK_INBOX,  // pipes of which both ends are this one descriptor
    DESK_OUTBOX,
    DESK_PARTS,
};

// What is true, and which operation is under way whose outcome only the kernel knows. Positions are
// those of bytes in queue and inbox.
struct desk_state {
    uint64_t from;       // of the queue: in between waits what …
    uint64_t end;        // …is to be written
    uint64_t told;       // the owner's own: up to which event all is in the queue
    uint64_t write_at;   // where the file stood before the write that is under way; DESK_NOWHERE
    uint32_t writing;    // bytes that are being written; 0: none
    uint32_t reading;    // bytes that are on their way from the inbox's pipe to its memory
    uint32_t slot;       // whose bytes the inbox holds, in its pipe or in memory
    uint32_t inbox_from; // of those in memory: in between are those …
    uint32_t inbox_end;  // …that nobody has looked at
    uint32_t held_slot;  // whose unfinished line has changed last …
    uint32_t held_bytes; // …and how long it is
    bool uses_outbox;    // for the write that is under way
};

#define DESK_NOWHERE UINT64_MAX

struct desk_memory;

struct desk {
    struct desk_memory *memory; // NULL: there is no desk
    struct desk_state state;    // true from the next commit on
    struct buffer queue;        // all bytes, those before `from` too; does not grow
    char *inbox;
    size_t outbox_bytes; // in its pipe
    size_t outbox_capacity;
    size_t touched_bytes; // of the queue, since its memory was given back
    int parts[DESK_PARTS];
    bool is_new; // nobody has worked at it before
};

// Makes the parts of a new desk. 0 or -errno.
int desk_make(int parts[DESK_PARTS]);

// Sits down at a desk, as its last owner has left it, who wrote to `output`. The parts stay the
// caller's. 0, or -errno when these are no parts of a desk.
int desk_open(struct desk *desk, const int parts[DESK_PARTS], int output);
void desk_close(struct desk *desk);

// Makes `state` true in one moment, with all that was appended to the queue.
void desk_commit(struct desk *desk);

// Reads once from a pipe or terminal, for `slot`; the inbox must be empty. Returns how many bytes
// lie in it from 0 on, 0 when there are none now.
size_t desk_read(struct desk *desk, int fd, unsigned slot);

// Ends the work on the inbox. The unfinished line of its slot is `tail`, or if not `is_new`, what
// it was before and then `tail`.
void desk_hold(struct desk *desk, unsigned slot, struct str tail, bool is_new);

// The unfinished line of a slot: copies at most `size` bytes from `at` on. Returns how many.
size_t desk_held(const struct desk *desk, unsigned slot, size_t at, char *out, size_t size);

// One write of what waits, as write(2) would do it: how many bytes, or -1 and errno. The first for
// pipes. In the second `writer` writes; `position`: desk_position() of where it does.
typedef long desk_writer(void *context, const char *bytes, size_t size);
long desk_write_pipe(struct desk *desk, int pipe);
long desk_write(struct desk *desk, uint64_t position, desk_writer *writer, void *context);

// Where the next write to a regular file goes; DESK_NOWHERE in any other file.
uint64_t desk_position(int fd);

// What is not written yet, in queue and outbox.
size_t desk_waiting_bytes(const struct desk *desk);

// Forgets all that waits, or moves it to the front of the queue if that is worth it.
void desk_clear(struct desk *desk);
void desk_compact(struct desk *desk);
