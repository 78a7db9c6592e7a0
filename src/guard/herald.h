// SPDX-License-Identifier: MIT
// What the guard does for the init that has started it: it hands on what the manager says of the
// formation (sd_notify(3)), since an init listens to its service's main process only; and it keeps
// the listening sockets that the init has opened.
#pragma once

#include "guard/board.h"
#include "guard/link.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct herald {
    int socket; // -1: nobody wants to be notified
    socklen_t address_size;
    struct sockaddr_un address; // NOTIFY_SOCKET; named anew each time, as an init may open it anew
    nsec_t promise;             // a manager that gives no sign of life for so long hangs; 0
    nsec_t look_at;             // whether there was one; NSEC_NEVER
    unsigned silent_looks;
    int socket_count; // that were opened for us; they are …
    int sockets[LIMIT_SOCKETS];
};

// Moves the sockets that the init has opened (LISTEN_FDS) above the reserved descriptors: before
// anything else is opened. What is wrong with them stands in `socket_count`, as on the board.
void herald_take_sockets(struct herald *herald);

// Opens what messages are sent by; again after the guard has become another program.
void herald_open(struct herald *herald);

// Whether a SIGHUP means "read your files again": it comes from an init, not from a terminal.
bool herald_is_reloaded_by_hangup(const struct herald *herald);

// GUARD_NOTIFY: sends the text in the launch ring, if there is one, and notes the promise.
void herald_notify(struct herald *herald, struct board *board, const struct guard_request *request);

// The manager has given a sign of life.
void herald_hear(struct herald *herald);

// Whether a manager that is there hangs, to be asked at `look_at`: by so many looks without a sign,
// not by the time, so that who was stopped together with us for an hour is not blamed.
bool herald_finds_silence(struct herald *herald);
