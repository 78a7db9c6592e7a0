// SPDX-License-Identifier: MIT
// A queue in front of a descriptor: writing to it never blocks the caller and loses nothing, and
// whoever shares the descriptor (a shell, say) never finds it changed.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"
#include "base/error.h"
#include "stream/desk.h"

#include <stdbool.h>
#include <stddef.h>

// Above this the callers stop reading processes: a slow terminal slows them, memory stays bounded.
#define OUTLET_FULL_BYTES (256 * 1024)

// A write as large as a pipe's default capacity; smaller ones only at the end of a round.
#define OUTLET_WRITE_BYTES (64 * 1024)

enum outlet_state {
    OUTLET_IDLE,     // everything is written
    OUTLET_BUSY,     // bytes wait until outlet_fd is writable
    OUTLET_NO_SPACE, // bytes wait for room on the disk: push again in a while
    OUTLET_CLOSED,   // the reader or the terminal is gone; for ever
    OUTLET_FAILED,   // see `error`; for ever
};

enum outlet_kind {
    OUTLET_FILE,     // written directly: blocks for the disk only, and keeps the shared offset
    OUTLET_OWN,      // a pipe or terminal, opened anew for us, non-blocking
    OUTLET_SOCKET,   // send(2) can be told not to block
    OUTLET_POLLED,   // could not be opened anew: polled before each small write
    OUTLET_MESSAGES, // a socket for datagrams: the queue consists of those of outlet_message_*()
};

struct outlet {
    struct tray *tray; // in the place of `queue`; NULL: what is queued dies with us
    struct buffer queue;
    size_t sent_bytes; // of the queue's front, written already
    int fd;
    enum outlet_kind kind;
    enum outlet_state state;
    int error;           // errno of OUTLET_CLOSED and OUTLET_FAILED
    bool is_framed;      // OUTLET_MESSAGES go to a stream that tells them apart itself
    bool hears_refusals; // …or by UDP, with IP_RECVERR or IPV6_RECVERR, where refusals come later
    bool refuses_at_once;    // …as a rule: but here within the call, since it is this machine
    size_t frame_sent_bytes; // of the first one
    uint64_t sent_from;   // in the tray's queue: behind it are those that were sent, and that the
                          // other machine has perhaps not got
    bool outlives_reader; // what waits is kept when it is over, for outlet_resume()
    bool is_terminal;
    bool is_pipe;
    bool is_null; // /dev/null: nothing needs to be queued
    size_t
        refused_count; // datagrams that were too long for the way, or refused when they were sent
    bool lost_bytes;   // memory was short while somebody formatted into the queue
};

// Puts a queue before `fd`, which stays the caller's and must stay open. The caller ignores SIGPIPE
// and SIGXFSZ. Returns 0, or -EBADF with a sentence.
int outlet_open(struct outlet *outlet, int fd, struct error *error);

// The same for a socket that is connected: bytes, or datagrams of outlet_message_begin(). Closing
// it stays the caller's.
void outlet_open_socket(struct outlet *outlet, int fd, bool has_messages);

// Goes on with what waits, on another descriptor of the same kind.
void outlet_resume(struct outlet *outlet, int fd);

// Appends between these two become one datagram.
size_t outlet_message_begin(struct outlet *outlet);
void outlet_message_end(struct outlet *outlet, size_t begin);

// Closes what outlet_open opened and drops what is queued. Does nothing on a closed outlet.
void outlet_close(struct outlet *outlet);

// Queues in a tray from now on, which is borrowed. Nothing may be queued yet.
void outlet_use_tray(struct outlet *outlet, struct tray *tray);

// Where to append: what is appended is queued, and written by the next push.
struct buffer *outlet_buffer(struct outlet *outlet);

// Writes what can be written now. Closed or failed outlets drop what is queued.
enum outlet_state outlet_push(struct outlet *outlet);

// Pushes if a large write has gathered; for use inside a round, with one outlet_push at its end.
enum outlet_state outlet_offer(struct outlet *outlet);

// The descriptor to poll for POLLOUT while OUTLET_BUSY. Regular files are never busy.
int outlet_fd(const struct outlet *outlet);

struct str outlet_unwritten(const struct outlet *outlet); // without what is in a tray's outbox
size_t outlet_waiting_bytes(const struct outlet *outlet);

// A stream to another machine has failed: what that has not got waits again. Before it is closed.
void outlet_take_back(struct outlet *outlet);

// What the kernel tells of datagrams that were refused: counts them.
void outlet_hear_refusals(struct outlet *outlet);

// True when nothing should be added before something was written.
bool outlet_is_full(const struct outlet *outlet);

// Writes everything, waiting for at most `limit` (NSEC_NEVER: as long as it takes). IDLE, or the
// state in which it gave up.
enum outlet_state outlet_drain(struct outlet *outlet, nsec_t limit);
