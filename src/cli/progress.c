// SPDX-License-Identifier: MIT
// How many it will be is known by asking for a list first; in between somebody may have scaled, so
// that number only ever grows with what is done.
#include "cli/progress.h"

#include "cli/reply.h"

#include <stdio.h>

struct progress {
    const struct client *client;
    const struct progress_words *words;
    size_t expected;
    size_t done;
    size_t total; // by the last reply
};

static int print_done(struct progress *progress, const json_t *names)
{
    struct buffer out = {0};
    size_t index;
    const json_t *name;
    json_array_foreach(names, index, name)
    {
        progress->done++;
        if (progress->expected < progress->done)
            progress->expected = progress->done;
        buffer_append_format(&out, "%s %s", json_string_value(name), progress->words->done);
        if (progress->expected > 1)
            buffer_append_format(&out, " (%zu of %zu)", progress->done, progress->expected);
        buffer_append_char(&out, '\n');
    }
    int status = client_print(progress->client, &out);
    buffer_fini(&out);
    return status;
}

static int print_begun(const struct progress *progress, const json_t *names)
{
    struct buffer out = {0};
    size_t index;
    const json_t *name;
    json_array_foreach(names, index, name)
        buffer_append_format(&out, "%s %s\n", progress->words->begun, json_string_value(name));
    int status = client_print(progress->client, &out);
    buffer_fini(&out);
    return status;
}

static int take(void *context, json_t *reply, bool is_last)
{
    struct progress *progress = context;
    const struct client_options *options = &progress->client->invocation->client;
    const json_t *names = json_object_get(reply, "processes");
    if (is_last)
        progress->total = json_array_size(names);
    if (options->json)
        return is_last ? client_print_json(progress->client, reply) : 0;
    if (options->no_wait)
        return print_begun(progress, names);
    return is_last ? 0 : print_done(progress, names);
}

// Those that are too many end soon, and are not meant.
static size_t count_wanted(const json_t *processes)
{
    size_t index;
    size_t count = 0;
    const json_t *process;
    json_array_foreach(processes, index, process) count +=
        reply_integer(process, "number") <= reply_integer(process, "quantity_of_type");
    return count;
}

int progress_show(struct client *client, const struct progress_words *words)
{
    const struct client_options *options = &client->invocation->client;
    struct progress progress = {.client = client, .words = words};
    json_t *list = NULL;
    int status = client_ask(client, "List", client_select(client, 0), &list);
    if (status != 0)
        return status;
    progress.expected = count_wanted(json_object_get(list, "processes"));
    json_decref(list);
    json_t *parameters = client_select(client, 0);
    if (parameters)
        (void)json_object_set_new(parameters, "wait", json_boolean(!options->no_wait));
    status = client_stream(client, words->method, parameters, options->no_wait ? 0 : NSEC_NEVER,
                           take, &progress);
    if (status == 0 && progress.total == 0 && !options->json)
        status = client_refuse(client, "%s", words->none);
    return status;
}
