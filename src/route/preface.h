// SPDX-License-Identifier: MIT
// The header of the PROXY protocol: which client a connection is from, for a backend that sees only
// the router. Formats: "The PROXY protocol, versions 1 & 2", doc/proxy-protocol.txt of HAProxy.
#pragma once

#include "route/message.h"

#include <stddef.h>
#include <sys/socket.h>

enum { PREFACE_BYTES = 16 + 2 * 108 }; // the longest: two unix addresses in version 2

// Writes the header of a connection that came from `peer` to `own`, which are of one family, and
// returns its size (none: 0). What the format has no name for is UNKNOWN there (version 1), or the
// connection's own addresses count (version 2, LOCAL).
size_t preface_make(enum route_preface version, const struct sockaddr_storage *peer,
                    const struct sockaddr_storage *own, char out[PREFACE_BYTES]);
