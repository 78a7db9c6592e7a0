// SPDX-License-Identifier: MIT
// What was read from processes and is not written yet, kept where it outlives its owner: who is
// killed between any two instructions loses no byte and shows none twice.
#pragma once

#include "base/buffer.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DESK_INBOX_BYTES = 64 * 1024,
    DESK_TRAYS = 1 + LIMIT_SINKS, // the first is standard output's
};

// To be held by somebody who lives on; all three together make a desk.
enum desk_part {
    DESK_MEMORY, // a memfd
    DESK_INBOX,  // pipes of which both ends are this one descriptor
    DESK_OUTBOX,
    DESK_PARTS,
};

// What is true of one tray, whose bytes all go the same way out. Positions are those of bytes in
// its queue.
struct tray_state {
    uint64_t from;     // in between waits what …
    uint64_t end;      // …is to be written
    uint64_t write_at; // where the file stood before the write that is under way; DESK_NOWHERE
    uint64_t device;   // which file that is, …
    uint64_t inode;    // …when it is one that could have been replaced
    uint64_t counter;  // the owner's own: lines that were dropped
    uint32_t member;   // the owner's own: for which of several files it waits
    uint32_t writing;  // bytes that are being written; 0: none
    bool uses_outbox;  // for the write that is under way
};

// What is true, and which operation is under way whose outcome only the kernel knows. Positions are
// those of bytes in the inbox.
struct desk_state {
    uint64_t told;       // the owner's own: up to which event all is in the queues
    uint32_t reading;    // bytes that are on their way from the inbox's pipe to its memory
    uint32_t slot;       // whose bytes the inbox holds, in its pipe or in memory
    uint32_t inbox_from; // of those in memory: in between are those …
    uint32_t inbox_end;  // …that nobody has looked at
    uint32_t held_slot;  // whose unfinished line has changed last …
    uint32_t held_bytes; // …and how long it is
    uint32_t tray_count; // that are of use
    struct tray_state trays[DESK_TRAYS];
};

#define DESK_NOWHERE UINT64_MAX

struct desk_memory;

struct desk;

struct tray {
    struct desk *desk; // NULL: it is not open
    struct tray_state *state;
    struct buffer queue;  // all bytes, those before `from` too; does not grow
    size_t touched_bytes; // of the queue, since its memory was given back
    int outbox;           // a pipe, of the first tray only; -1
    size_t outbox_bytes;  // in it
    size_t outbox_capacity;
};

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

// Makes `state` true in one moment, with all that was appended to the trays.
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
// pipes. In the second `writer` writes at most `limit` bytes to `output`, which may be a file that
// tells its position.
typedef long tray_writer(void *context, const char *bytes, size_t size);
long tray_write_pipe(struct tray *tray, int pipe);
long tray_write(struct tray *tray, int output, size_t limit, tray_writer *writer, void *context);

// What is not written yet: in the queue, and with what is in the outbox.
struct str tray_unwritten(const struct tray *tray);
size_t tray_waiting_bytes(const struct tray *tray);

// Forgets all that waits, or moves it to the front of the queue if that is worth it.
void tray_clear(struct tray *tray);
void tray_compact(struct tray *tray);
