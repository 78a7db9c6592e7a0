// SPDX-License-Identifier: MIT
// Unix stream sockets at paths of any length: one listener a path, for its own user and root only.
#pragma once

#include "base/duration.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

// The process at the other end: who connected, or who listened.
struct socket_peer {
    pid_t pid; // 0: it is in another pid namespace
    uid_t uid;
    gid_t gid;
};

// Listens at `path`, with mode 0600 from the first moment on; the socket does not block and is
// closed on exec. What a crash left there is replaced; of many that try at once exactly one gets
// it. 0, or -errno and a sentence: -EADDRINUSE: somebody listens (`holder`, may be NULL, gets the
// pid, or 0 when that cannot be known); -EEXIST: something else is there, which is left alone;
// -ENAMETOOLONG: without /proc long paths cannot be used.
int socket_listen(const char *path, int backlog, int *out, pid_t *holder, struct error *error);

// Makes the caller the one whom peers see as the listener, which is at first whoever called
// socket_listen. 0 or -errno.
int socket_listen_again(int listener, int backlog);

// Ends the listening, whoever else holds the descriptor, and closes it; the file is left, stale.
void socket_close(int listener);

// Removes the socket at `path` if nobody listens there. 0; -EADDRINUSE: somebody does; -EEXIST: it
// is no socket; or another -errno (-ENOENT).
int socket_remove_stale(const char *path);

// The next client; its socket does not block and is closed on exec. 0 or -errno (-EAGAIN: none).
int socket_accept(int listener, int *out);

// Connects; the socket does not block and is closed on exec. While the listener's queue is full it
// waits for `timeout`. 0 or -errno: -ENOENT; -ECONNREFUSED: nobody listens any more; -EACCES;
// -ENOTSOCK: the file is something else; -ETIMEDOUT; -ENAMETOOLONG as above.
int socket_connect(const char *path, nsec_t timeout, int *out);

// Who is at the other end of a connected socket, as of connect(2) or listen(2). 0 or -errno.
int socket_read_peer(int fd, struct socket_peer *out);

// Whether that is ourselves, by user, or root.
bool socket_peer_is_trusted(const struct socket_peer *peer);
