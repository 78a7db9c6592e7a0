// SPDX-License-Identifier: MIT
// The receiving end of sd_notify(3): a datagram socket, and what is said there.
#pragma once

#include "base/duration.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    NOTIFY_MESSAGE_BYTES = 4096, // longer ones are not understood; systemd's limit, too
    NOTIFY_NAME_BYTES = 32,
};

enum notify_word {
    NOTIFY_READY = 1 << 0,
    NOTIFY_RELOADING = 1 << 1,
    NOTIFY_STOPPING = 1 << 2,
    NOTIFY_STATUS = 1 << 3,
    NOTIFY_WATCHDOG = 1 << 4,         // it works
    NOTIFY_WATCHDOG_TRIGGER = 1 << 5, // it wants to be treated as if it did not
    NOTIFY_MAINPID = 1 << 6,
    NOTIFY_EXTEND = 1 << 7, // it needs more time
};

struct notify_message {
    unsigned words;      // enum notify_word
    struct str status;   // borrows from the text
    struct str main_pid; // as it was written
    nsec_t extend;
};

// A message as it stands in the socket, and who the kernel says has sent it.
struct notify_packet {
    pid_t sender; // 0: of a pid namespace that is not below ours
    uid_t uid;
    bool is_too_long;
    size_t size;
    char bytes[NOTIFY_MESSAGE_BYTES];
};

// A socket with an abstract name that nobody else has; it does not block, and is closed on exec.
// 0 or -errno.
int notify_open(int *out);

// What NOTIFY_SOCKET is to be for it. 0 or -errno.
int notify_name(int fd, char out[NOTIFY_NAME_BYTES]);

// Looks at the oldest message, which stays until notify_take(): who dies in between has not lost
// it. Descriptors that came with it are closed by that. Returns 1, 0: there is none, or -errno.
int notify_peek(int fd, struct notify_packet *out);
void notify_take(int fd);

// What the text of a message says; what is not known is left out.
void notify_parse(struct str text, struct notify_message *out);
