// SPDX-License-Identifier: MIT
// The methods of org.formation.Manager, between the clients and the rest of the manager. Shared by
// the files of this module only.
#pragma once

#include "control/describe.h"
#include "control/request.h"
#include "control/selection.h"
#include "manager/server.h"
#include "manager/state.h"

#include <stdbool.h>

// What a process is to become before a client gets its answer.
enum goal {
    GOAL_READY, // ready, or over in order
    GOAL_GONE,  // it does not run
};

struct target {
    unsigned slot;
    struct process_id id;
    enum goal goal;
    uint32_t token; // of the incarnation that counts, or a later one
    bool is_done;
};

// A request that is not answered yet: it waits for `targets`, or it listens.
struct subscription {
    struct request request;
    struct selection selection;
    struct client *client;
    struct subscription *next; // of all, in manager->subscriptions
    struct target *targets;    // of request.arena
    bool is_begun;             // it waits for targets, and all of them are known
    int halted;                // slot that has halted a roll before that; -1
    size_t target_count;
    size_t done_count;
    struct buffer message;    // as it came, for a manager that goes on with it
    struct buffer changes;    // JSON: what Scale or Reload changed, for the last reply
    uint64_t lost;            // lines, events or bytes since the last one that it got
    struct process *attached; // whose terminal it has; NULL: none
};

// serve.c
// Makes the socket, or goes on with that of a dead manager. 0, or -errno and a sentence.
int serve_open(struct manager *manager, struct error *error);
void serve_open_later(struct manager *manager); // it failed: serve_work() tries it again
void serve_work(struct manager *manager);
// The formation is over: whoever waits or listens is told. Who asks is still answered …
void serve_end(struct manager *manager);
// … while the last lines are written: until one of the others (LIMIT_SINKS at most) is ready, or
// the time is over, or somebody was answered.
struct pollfd;
void serve_meanwhile(struct manager *manager, const struct pollfd *others, size_t count,
                     int patience_ms);
void serve_close(struct manager *manager);
// A request that an earlier manager has begun: its subscription again, with nothing of its
// progress; NULL when it cannot go on, and the client is broken.
struct subscription *serve_again(struct manager *manager, struct client *client,
                                 struct str message);
void serve_refuse(struct client *client, const struct refusal *refusal);
struct description serve_description(const struct manager *manager);

// Which processes a request means. The arena is the request's. 0, or refused already.
int serve_select(struct manager *manager, struct client *client, struct request *request,
                 struct selection *out);

// serve_read.c: what is.
void serve_status(struct manager *manager, struct client *client);
void serve_list(struct manager *manager, struct client *client, struct request *request);
void serve_why(struct manager *manager, struct client *client, struct request *request);

// serve_change.c: what shall be. They take the request over.
void serve_scale(struct manager *manager, struct client *client, struct request *request);
void serve_processes(struct manager *manager, struct client *client, struct request *request);
void serve_signal(struct manager *manager, struct client *client, struct request *request);
void serve_shutdown(struct manager *manager, struct client *client, struct request *request);

// Puts a plan in force, which the manager owns from then on. 0; or it is freed, whoever asked (may
// be NULL) is refused, and all is as it was: -errno.
int serve_adopt_plan(struct manager *manager, struct subscription *subscription, struct plan *plan);

// reload.c
void reload_serve(struct manager *manager, struct client *client, struct request *request);
void reload_by_signal(struct manager *manager);

// serve_reopen.c
void serve_reopen(struct manager *manager, struct client *client);

// serve_wait.c: answers that come when the effect is there.
struct subscription *wait_new(struct manager *manager, struct client *client,
                              struct request *request, size_t target_count); // NULL: no memory
void wait_add(struct subscription *subscription, const struct process_record *record, unsigned slot,
              enum goal goal, bool of_next);
void wait_begin(struct manager *manager, struct subscription *subscription);
void wait_review(struct manager *manager); // after every round of decisions
void wait_hear(struct manager *manager, const struct event *event);

// serve_listen.c: lines and events.
void serve_logs(struct manager *manager, struct client *client, struct request *request);
void serve_events(struct manager *manager, struct client *client, struct request *request);
void listen_to_lines(struct manager *manager);
void listen_hear(struct manager *manager, const struct event *event);
bool listen_review(struct manager *manager); // once a round; whether there is something to send

// serve_attach.c: the terminal of a process, for one client at a time.
void serve_attach(struct manager *manager, struct client *client, struct request *request);
void serve_resize(struct manager *manager, struct client *client, struct request *request);
void attach_feed(void *context, struct client *client);      // a server_feed
void attach_hear(struct process *process, struct str bytes); // that it has written
void attach_tell_lost(struct subscription *subscription);
// After an upgrade: goes on, or ends.
void attach_again(struct manager *manager, struct subscription *subscription);
void attach_forget(struct manager *manager, struct subscription *subscription);
// The process has ended, or the formation.
void attach_end(struct manager *manager, struct subscription *subscription);
void attach_end_of(struct process *process);

void listen_finish(struct manager *manager, struct subscription *subscription);

// Answers it with an error, unless no answer is wanted, and ends it.
void subscription_refuse(struct manager *manager, struct subscription *subscription,
                         const struct refusal *refusal);

// The formation is over: whoever listens has heard all, whoever still waits waits in vain.
void subscription_end(struct manager *manager, struct subscription *subscription);
void subscription_free(struct manager *manager, struct subscription *subscription);
