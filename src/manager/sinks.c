// SPDX-License-Identifier: MIT
#include "manager/sinks.h"

#include "manager/sink.h"
#include "manager/state.h"
#include "os/clock.h"

#include <poll.h>
#include <stdlib.h>

#define PATIENCE (10 * NSEC_PER_SEC) // with a sink that takes nothing while we end
#define LOOK_AGAIN_MS 20

static void hear(void *context, unsigned source, const struct recent_line *line)
{
    struct manager *manager = context;
    for (size_t i = 0; i < manager->sink_count; i++)
        sink_append(&manager->sinks[i], source, line);
}

void sinks_open(struct manager *manager)
{
    const struct plan *plan = manager->plan;
    manager->sinks =
        plan->sink_count > 0 ? calloc(plan->sink_count, sizeof(*manager->sinks)) : NULL;
    if (plan->sink_count > 0 && !manager->sinks) {
        show_system(&manager->show, str_of("there is no memory for the sinks under logs:"));
        return;
    }
    manager->show.sink = plan->sink_count > 0 ? hear : NULL;
    manager->show.sink_context = manager;
    for (size_t i = 0; i < plan->sink_count; i++) {
        struct sink *sink = &manager->sinks[manager->sink_count];
        if (sink_open(sink, manager, &plan->sinks[i], (unsigned)i + 1) == 0)
            manager->sink_count++;
    }
}

void sinks_close(struct manager *manager)
{
    for (size_t i = 0; i < manager->sink_count; i++)
        sink_close(&manager->sinks[i]);
    free(manager->sinks);
    manager->sinks = NULL;
    manager->sink_count = 0;
}

bool sinks_push(struct manager *manager)
{
    bool has_room = false;
    for (size_t i = 0; i < manager->sink_count; i++) {
        bool was_full = sink_is_full(&manager->sinks[i]);
        sink_push(&manager->sinks[i]);
        has_room |= was_full && !sink_is_full(&manager->sinks[i]);
    }
    return has_room;
}

bool sinks_hold_up(const struct manager *manager, const struct process *process)
{
    const struct process_id id = process->voice.id;
    for (size_t i = 0; i < manager->sink_count; i++)
        if (sink_is_full(&manager->sinks[i]) &&
            sink_matches(manager->sinks[i].declared, manager->plan->types[id.type].name, id.number))
            return true;
    return false;
}

bool sinks_are_full(const struct manager *manager)
{
    for (size_t i = 0; i < manager->sink_count; i++)
        if (sink_is_full(&manager->sinks[i]))
            return true;
    return false;
}

nsec_t sinks_due_at(const struct manager *manager)
{
    nsec_t at = NSEC_NEVER;
    for (size_t i = 0; i < manager->sink_count; i++)
        if (manager->sinks[i].again_at < at)
            at = manager->sinks[i].again_at;
    return at;
}

static size_t waiting_bytes(const struct manager *manager)
{
    size_t bytes = 0;
    for (size_t i = 0; i < manager->sink_count; i++)
        bytes += tray_waiting_bytes(manager->sinks[i].tray);
    return bytes;
}

void sinks_drain(struct manager *manager)
{
    size_t least = SIZE_MAX;
    nsec_t moved_at = clock_now();
    (void)sinks_push(manager);
    for (size_t bytes; (bytes = waiting_bytes(manager)) > 0; (void)sinks_push(manager)) {
        if (bytes < least) {
            least = bytes;
            moved_at = clock_now();
        } else if (clock_now() - moved_at > PATIENCE) {
            show_aside("nobody took the last %zu bytes of the logs", bytes);
            return;
        }
        (void)poll(NULL, 0, LOOK_AGAIN_MS);
    }
}

// What waits for a sink that stays goes along; for one that is gone it is written now or never.
static void save(const struct sink *sink, struct buffer *out)
{
    buffer_append_str(out, tray_unwritten(sink->tray));
}

static const struct sink *find_same(const struct sink *sinks, size_t count,
                                    const struct plan_sink *declared)
{
    for (size_t i = 0; i < count; i++)
        if (sink_is_same_place(sinks[i].declared, declared))
            return &sinks[i];
    return NULL;
}

void sinks_adopt(struct manager *manager, const struct plan *old)
{
    struct buffer saved[LIMIT_SINKS] = {0};
    struct sink *gone = manager->sinks;
    size_t gone_count = manager->sink_count;
    if (!plan_sinks_differ(old, manager->plan)) {
        for (size_t i = 0; i < gone_count; i++)
            gone[i].declared = &manager->plan->sinks[gone[i].declared - old->sinks];
        return;
    }
    (void)sinks_push(manager);
    for (size_t i = 0; i < gone_count; i++) {
        save(&gone[i], &saved[i]);
        tray_clear(gone[i].tray);
        sink_close(&gone[i]);
    }
    manager->sinks = NULL;
    manager->sink_count = 0;
    sinks_open(manager);
    for (size_t i = 0; i < manager->sink_count; i++) {
        const struct sink *same = find_same(gone, gone_count, manager->sinks[i].declared);
        if (same)
            buffer_append_str(&manager->sinks[i].tray->queue, buffer_str(&saved[same - gone]));
    }
    if (manager->desk.memory)
        desk_commit(&manager->desk);
    for (size_t i = 0; i < gone_count; i++)
        buffer_fini(&saved[i]);
    free(gone);
}
