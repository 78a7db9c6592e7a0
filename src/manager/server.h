// SPDX-License-Identifier: MIT
// The clients of the control socket: their bytes in and out, within limits, so that no client, slow
// or broken, costs supervision more than moments.
#pragma once

#include "base/buffer.h"
#include "base/str.h"
#include "os/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct subscription;

struct client {
    struct server *server;
    struct client *next;
    int fd;
    uint32_t events; // that it is watched for
    struct loop_source source;
    struct buffer in;  // not served yet
    size_t scanned;    // bytes at its front in which no message ends
    struct buffer out; // from `sent` on not taken yet
    size_t sent;
    bool has_ended;                    // it will send nothing more
    bool is_gone;                      // it takes no answers any more
    bool is_broken;                    // to be closed
    bool is_raw;                       // it sends bytes, no messages: for server_feed
    struct subscription *subscription; // what it waits for or listens to: nothing else is served
};

// Serves one message, the NUL not included: appends to client->out, or subscribes.
typedef void server_serve(void *context, struct client *client, struct str message);
// Frees client->subscription when the client goes.
typedef void server_forget(void *context, struct client *client);
// Takes from the front of client->in what can be taken now, of a client that is raw.
typedef void server_feed(void *context, struct client *client);

struct server_calls {
    server_serve *serve;
    server_forget *forget;
    server_feed *feed;
    void *context;
};

struct server {
    struct loop *loop;
    int fd; // listens; -1: not open
    struct loop_source source;
    struct client *clients;
    unsigned client_count;
    unsigned client_limit;
    bool has_work;    // something came, or was appended, since server_work()
    bool has_backlog; // messages that are whole wait: come again at once
    nsec_t accept_at; // when it is tried again to take a connection; NSEC_NEVER
    struct server_calls calls;
};

// Serves what connects to `fd`, which listens and is borrowed.
void server_open(struct server *server, struct loop *loop, int fd,
                 const struct server_calls *calls);

// A connection that somebody else has accepted. NULL without memory, and it is closed.
struct client *server_adopt(struct server *server, int fd);

// Call once a round: serves what waits, sends what was appended, closes what is broken.
void server_work(struct server *server);
nsec_t server_due_at(const struct server *server); // …and then, if nothing else has come before

// What was appended outside of server_serve is sent in the next round.
void server_touch(struct client *client);

// Whether more may be appended for this client than an answer that it asked for.
bool server_has_room(const struct client *client);

// Takes bytes from the front of what it has sent.
void server_take(struct client *client, size_t size);

// Whether it has been sent all that was appended.
bool server_has_sent(const struct client *client);

// Sends what clients that read still have to get, for a second at most, and closes all.
void server_close(struct server *server);
