// SPDX-License-Identifier: MIT
// Of the lines with the time of the last one, as many are left out as were there already.
#include "cli/follow.h"

#include "cli/reply.h"
#include "os/clock.h"

#include <errno.h>

struct following {
    engine_take *take;
    void *context;
    bool has_news;      // since the present manager was asked
    long long sequence; // of the last event; 0: none yet
    double at;          // of the last line; 0: none yet
    size_t same;        // lines of that time …
    size_t to_skip;     // … that were taken from an earlier manager
};

static bool is_repeated(struct following *following, const json_t *line)
{
    double at = json_number_value(json_object_get(line, "at"));
    if (at != following->at) {
        following->at = at;
        following->same = following->to_skip = 0;
    }
    bool is_skipped = following->to_skip > 0;
    following->to_skip -= is_skipped;
    following->same += !is_skipped;
    return is_skipped;
}

static int take(void *context, json_t *reply, bool is_last)
{
    struct following *following = context;
    const json_t *event = json_object_get(reply, "event");
    const json_t *line = json_object_get(reply, "line");
    following->has_news = true;
    if (event)
        following->sequence = reply_integer(event, "sequence");
    if (line && is_repeated(following, line))
        return 0;
    return following->take(following->context, reply, is_last);
}

// What the next manager is asked for.
static void go_on(struct following *following, json_t *parameters)
{
    if (following->sequence > 0)
        (void)json_object_set_new(parameters, "after", json_integer(following->sequence));
    if (following->at > 0) {
        (void)json_object_set_new(parameters, "since", json_real(following->at));
        (void)json_object_del(parameters, "lines");
    }
    following->to_skip = following->same;
}

int follow(struct client *client, const char *method, json_t *parameters, nsec_t patience,
           engine_take *take_one, void *context)
{
    struct following following = {.take = take_one, .context = context};
    const struct engine_request request = {method, parameters, patience};
    struct error error = {0};
    nsec_t until = NSEC_NEVER;
    int result;
    while ((result = engine_call_more(client->engine, &request, take, &following, &error)) ==
               -ECONNRESET &&
           (following.has_news || clock_now() < until)) {
        if (following.has_news || until == NSEC_NEVER)
            until = clock_now() + CLIENT_ASKS_AGAIN_FOR;
        following.has_news = false;
        go_on(&following, parameters);
        int status = client_open_again(client);
        if (status != 0) {
            json_decref(parameters);
            return status;
        }
    }
    json_decref(parameters);
    return result < 0 ? client_tell(client, result, &error) : result;
}
