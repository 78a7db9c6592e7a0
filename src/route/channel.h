// SPDX-License-Identifier: MIT
// A manager's end of the channel to a router (route/router.h): it says which backends there are and
// hears how many connections each has.
//
// A manager sends a table whenever a backend becomes ready, is about to be stopped, or is gone.
// One that is about to be stopped is ROUTE_DRAINING first: no connection goes there once a report
// has come whose `table` is that table's number, and it is at rest when its `in_flight` is 0. One
// whose process has ended is in no table any more, or connections of it may never end.
#pragma once

#include "route/message.h"

#include <stddef.h>
#include <sys/socket.h>

// A channel: [0] is the manager's, [1] becomes ROUTE_CHANNEL_FD of the router. Both are closed on
// exec. 0 or -errno.
int route_channel_open(int out[2]);

// Fills in the address: IPv4, IPv6 (of no scope) or unix with a path. 0, or -EAFNOSUPPORT: it is
// none of these; -ENAMETOOLONG.
int route_backend_set_address(struct route_backend *backend, const struct sockaddr *address,
                              socklen_t size);

// Sends the table; its head's kind and version are set here. Never waits. 0 or -errno: -EAGAIN: the
// router has not read the last ones yet, the newest is to be sent again once the channel is
// writable; -EINVAL: the table is none; -EPIPE: the router has ended.
int route_channel_send_table(int channel, struct route_table *table);

// Asks for a report, whose `question` will be this number. As above.
int route_channel_ask(int channel, uint64_t number);

// Receives a report without waiting; `buffer` has ROUTE_REPORT_BYTES and is aligned as one. Returns
// 1, 0: there is none now, or -errno: -EPIPE: the router has ended and all was read; -EBADMSG: it
// has said what cannot be understood.
int route_channel_receive(int channel, void *buffer, const struct route_report **out);
