// SPDX-License-Identifier: MIT
// Numbers and texts with their length, one behind the other, in the order in which they are taken.
#include "manager/handover.h"

#include "control/varlink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_number(struct buffer *out, uint64_t number)
{
    buffer_append(out, &number, sizeof(number));
}

static void put_text(struct buffer *out, struct str text)
{
    put_number(out, text.size);
    buffer_append_str(out, text);
}

static uint64_t take_number(struct handover *handover)
{
    uint64_t number = 0;
    if (handover->rest.size < sizeof(number)) {
        handover->is_broken = true;
        return 0;
    }
    memcpy(&number, handover->rest.bytes, sizeof(number));
    handover->rest = str_slice(handover->rest, sizeof(number), handover->rest.size);
    return number;
}

static struct str take_text(struct handover *handover)
{
    size_t size = (size_t)take_number(handover);
    if (size > handover->rest.size) {
        handover->is_broken = true;
        return str_of("");
    }
    struct str text = str_slice(handover->rest, 0, size);
    handover->rest = str_slice(handover->rest, size, handover->rest.size);
    return text;
}

static void put_lines_of(const struct inlet *inlet, struct buffer *out)
{
    struct str pending = lines_pending(&inlet->lines);
    if (pending.size == 0)
        return;
    put_number(out, output_lane(inlet));
    put_text(out, pending);
}

static void put_lines(const struct manager *manager, struct buffer *out)
{
    uint64_t count = 0;
    unsigned lane_count = SHOW_LANES * supervisor_slot_count(manager->supervisor);
    for (unsigned lane = 0; lane < lane_count; lane++) {
        const struct inlet *inlet = output_inlet(manager, lane);
        count += inlet && lines_pending(&inlet->lines).size;
    }
    put_number(out, count);
    for (unsigned lane = 0; lane < lane_count; lane++)
        if (output_inlet(manager, lane))
            put_lines_of(output_inlet(manager, lane), out);
}

static void put_subscription(const struct subscription *subscription, struct buffer *out)
{
    put_text(out, buffer_str(&subscription->message));
    put_text(out, buffer_str(&subscription->changes));
    put_number(out, subscription->lost);
    put_text(out, str_from((const char *)subscription->targets,
                           subscription->target_count * sizeof(*subscription->targets)));
}

// One that is to be closed is closed by our end.
static bool is_kept(const struct client *client)
{
    return !client->is_broken && !client->is_gone && !client->out.failed;
}

static void put_client(const struct client *client, struct buffer *out)
{
    put_number(out, (uint64_t)client->fd);
    put_number(out, client->has_ended);
    put_number(out, client->is_raw);
    put_text(out, buffer_str(&client->in));
    put_text(out, str_slice(buffer_str(&client->out), client->sent, client->out.size));
    put_number(out, client->subscription != NULL);
    if (client->subscription)
        put_subscription(client->subscription, out);
}

static void put_clients(const struct manager *manager, struct buffer *out)
{
    uint64_t count = 0;
    for (const struct client *client = manager->server.clients; client; client = client->next)
        count += is_kept(client);
    put_number(out, count);
    for (const struct client *client = manager->server.clients; client; client = client->next)
        if (is_kept(client))
            put_client(client, out);
}

// Where the cursor stands.
static void put_terminal(const struct terminal *terminal, struct buffer *out)
{
    put_number(out, terminal->is_within_line + terminal->is_bar);
    put_number(out, terminal->is_colored);
    put_number(out, terminal->owner);
    put_number(out, terminal->shown_bytes);
}

void handover_write(const struct manager *manager, struct buffer *out)
{
    put_number(out, HANDOVER_FORMAT);
    put_number(out, (uint64_t)getpid()); // execve keeps it: by that we know that it is for us
    put_terminal(&manager->show.terminal, out);
    put_text(out, outlet_unwritten(&manager->show.outlet));
    put_lines(manager, out);
    put_clients(manager, out);
}

void handover_keep(const struct manager *manager, bool is_kept_open)
{
    for (const struct client *client = manager->server.clients; client; client = client->next)
        (void)fcntl(client->fd, F_SETFD, is_kept_open && is_kept(client) ? 0 : FD_CLOEXEC);
}

static int open_memory(void)
{
    struct stat status;
    unsigned long number;
    bool is_number = str_to_unsigned(str_of(getenv(HANDOVER_VARIABLE)), &number);
    int fd = is_number && number <= INT_MAX ? (int)number : -1;
    (void)unsetenv(HANDOVER_VARIABLE);
    // Somebody else may have set the variable.
    bool is_memory = fd >= MANAGER_DESCRIPTOR_END && fstat(fd, &status) == 0 &&
                     S_ISREG(status.st_mode) && status.st_nlink == 0;
    return is_memory ? fd : -1;
}

void handover_open(struct handover *handover)
{
    struct stat status;
    int fd = open_memory();
    *handover = (struct handover){0};
    if (fd < 0 || fstat(fd, &status) < 0)
        return;
    size_t size = (size_t)status.st_size;
    handover->bytes = malloc(size + 1);
    if (handover->bytes && pread(fd, handover->bytes, size, 0) == (ssize_t)size)
        handover->rest = str_from(handover->bytes, size);
    (void)close(fd);
    bool is_known = take_number(handover) == HANDOVER_FORMAT;
    handover->is_ours = take_number(handover) == (uint64_t)getpid();
    handover->is_broken = !is_known || !handover->is_ours;
}

void handover_close(struct handover *handover)
{
    free(handover->bytes);
    *handover = (struct handover){0};
}

static bool is_empty(const struct handover *handover)
{
    return !handover->bytes || handover->is_broken;
}

// Then all of the output is there already.
static bool has_desk(const struct manager *manager)
{
    return manager->desk.memory && !manager->desk.is_new;
}

void handover_take_output(struct handover *handover, struct manager *manager)
{
    struct terminal terminal = manager->show.terminal;
    if (is_empty(handover))
        return;
    uint64_t place = take_number(handover);
    terminal.is_within_line = place > 0;
    terminal.is_bar = place > 1;
    terminal.is_colored = take_number(handover) != 0;
    terminal.owner = (uint32_t)take_number(handover);
    terminal.shown_bytes = (size_t)take_number(handover);
    struct str bytes = take_text(handover);
    if (handover->is_broken)
        return;
    manager->show.terminal = terminal;
    if (!has_desk(manager))
        buffer_append_str(outlet_buffer(&manager->show.outlet), bytes);
}

void handover_take_lines(struct handover *handover, struct manager *manager)
{
    uint64_t count = is_empty(handover) ? 0 : take_number(handover);
    for (uint64_t i = 0; i < count && !handover->is_broken; i++) {
        uint64_t lane = take_number(handover);
        struct str bytes = take_text(handover);
        struct inlet *inlet = lane < DESK_LANES ? output_inlet(manager, (unsigned)lane) : NULL;
        struct str none;
        if (inlet && !has_desk(manager))
            (void)lines_next(&inlet->lines, &bytes, &none); // it is held: it has no end yet
    }
}

struct taken_subscription {
    struct str message;
    struct str changes;
    uint64_t lost;
    struct str targets;
};

// The request is parsed again, and goes on where it was.
static void resume_subscription(struct manager *manager, struct client *client,
                                const struct taken_subscription *taken)
{
    struct subscription *subscription = serve_again(manager, client, taken->message);
    size_t count = taken->targets.size / sizeof(struct target);
    if (!subscription)
        return;
    subscription->targets = arena_alloc(&subscription->request.arena, taken->targets.size + 1);
    if (!subscription->targets) {
        client->is_broken = true;
        return;
    }
    if (count > 0)
        memcpy(subscription->targets, taken->targets.bytes, count * sizeof(struct target));
    subscription->target_count = count;
    for (size_t i = 0; i < count; i++)
        subscription->done_count += subscription->targets[i].is_done;
    buffer_append_str(&subscription->changes, taken->changes);
    subscription->lost = taken->lost;
    if (client->is_raw)
        attach_again(manager, subscription);
}

static void take_client(struct handover *handover, struct manager *manager)
{
    struct taken_subscription taken = {0};
    int fd = (int)take_number(handover);
    bool has_ended = take_number(handover) != 0;
    bool is_raw = take_number(handover) != 0;
    struct str in = take_text(handover);
    struct str out = take_text(handover);
    bool has_subscription = take_number(handover) != 0;
    if (has_subscription) {
        taken.message = take_text(handover);
        taken.changes = take_text(handover);
        taken.lost = take_number(handover);
        taken.targets = take_text(handover);
    }
    if (fd >= MANAGER_DESCRIPTOR_END)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    struct client *client = handover->is_broken ? NULL : server_adopt(&manager->server, fd);
    if (!client)
        return;
    client->has_ended = has_ended;
    client->is_raw = is_raw;
    buffer_append_str(&client->in, in);
    buffer_append_str(&client->out, out);
    if (has_subscription)
        resume_subscription(manager, client, &taken);
}

void handover_take_clients(struct handover *handover, struct manager *manager)
{
    uint64_t count = is_empty(handover) ? 0 : take_number(handover);
    for (uint64_t i = 0; i < count && !handover->is_broken; i++)
        take_client(handover, manager);
}
