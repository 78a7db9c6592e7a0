// SPDX-License-Identifier: MIT
// What waits to be written to one place. On a desk (stream/desk.h) it outlives its owner.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The owner's own, of what does not get to the place. They never fall.
struct tray_counts {
    uint64_t dropped;      // lines left out, …
    uint64_t dropped_told; // …those of them of which the lines behind them tell, …
    uint64_t refused;      // …messages that outlet.h counts as refused, …
    uint64_t refused_told;
    uint64_t reported; // …and of both, what the last report was about
    bool is_reporting; // another one has begun
};

// What is true of one tray, whose bytes all go the same way out. Positions are those of bytes in
// its queue.
struct tray_state {
    uint64_t from;       // in between waits what …
    uint64_t end;        // …is to be written
    uint64_t write_at;   // where the file stood before the write that is under way; TRAY_NOWHERE
    uint64_t device;     // which file that is, …
    uint64_t inode;      // …when it is one that could have been replaced
    uint64_t record_end; // of the record that is being written; not behind `from`: the next is
    struct tray_counts counts;
    uint64_t place;   // the owner's own number for where its bytes go; 0: it is free
    uint32_t owner;   // of that record
    uint32_t writing; // bytes that are being written; 0: none
    bool uses_outbox; // for the write that is under way
};

#define TRAY_NOWHERE UINT64_MAX

struct desk;

// Zero-initialise for one that dies with its owner, then tray_init(). Does not move.
struct tray {
    struct desk *desk; // NULL: on none
    struct tray_state *state;
    struct tray_state own_state; // without a desk
    struct buffer queue;         // all bytes, those before `from` too; on a desk it does not grow
    size_t touched_bytes;        // of the queue, since its memory was given back
    size_t record_at;            // of the last record's head, while it is open; 0: none is
    int outbox;                  // a pipe, of a desk's first tray only; -1
    size_t outbox_bytes;         // in it
    size_t outbox_capacity;
};

void tray_init(struct tray *tray);
void tray_fini(struct tray *tray); // one without a desk

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

// --- records: bytes for different places, in their order

// The queue, into which what is appended next is for `owner`. Nothing else may be appended to a
// tray of records.
struct buffer *tray_record(struct tray *tray, uint32_t owner);

// What is to be written next, and for whom; false: nothing. Write it by tray_write() with its size
// as the limit. What is appended from now on is a record of its own.
bool tray_next_record(struct tray *tray, uint32_t *owner, size_t *size);

// Appends those that wait, also what is left of one that is partly written, to be appended to the
// queue of a tray that waits for the same places.
void tray_save_records(struct tray *tray, struct buffer *out);

// Makes records whole whose owner was killed while they grew.
void tray_mend_records(struct tray *tray);
