// SPDX-License-Identifier: MIT
#include "manager/sinks.h"

#include "control/describe.h"
#include "manager/drops.h"
#include "manager/serve.h"
#include "manager/sink.h"
#include "manager/state.h"
#include "os/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

// With a sink that takes nothing while we end; with one that may drop lines.
#define PATIENCE (10 * NSEC_PER_SEC)
#define LITTLE_PATIENCE NSEC_PER_SEC
#define LOOK_AGAIN_MS 20

static void hear(void *context, const struct show_lines *lines)
{
    struct manager *manager = context;
    manager->sinks_heard++;
    for (size_t i = 0; i < manager->sink_count; i++)
        sink_append(&manager->sinks[i], lines);
}

static bool have_memory(struct manager *manager)
{
    if (!manager->sinks)
        manager->sinks = calloc(LIMIT_SINKS, sizeof(*manager->sinks)); // they never move
    if (!manager->sinks)
        show_system(&manager->show, str_of("there is no memory for the sinks under logs:"));
    return manager->sinks;
}

static bool is_in_plan(const struct plan *plan, uint64_t place)
{
    for (size_t i = 0; i < plan->sink_count; i++)
        if (plan_sink_place(plan, &plan->sinks[i]) == place)
            return true;
    return false;
}

// Which of the desk's trays has what waits for that place: not by its number in the list, which is
// another one after a reload, at any moment of which we may be killed. Else one that is free.
static unsigned tray_for(struct manager *manager, uint64_t place)
{
    struct desk *desk = &manager->desk;
    unsigned unused = 0;
    unsigned any = 0;
    for (unsigned i = 1; i < DESK_TRAYS; i++) {
        if (desk->trays[i].desk)
            continue;
        if (desk->state.trays[i].place == place)
            return i;
        any = i;
        if (unused == 0 && !is_in_plan(manager->plan, desk->state.trays[i].place))
            unused = i;
    }
    unsigned found = unused > 0 ? unused : any; // that of a second sink for one place, now gone
    desk->state.trays[found] = (struct tray_state){.place = place};
    return found;
}

// What waits for a place that is gone was written at once, or never is.
static void clear_trays(struct desk *desk)
{
    if (!desk->memory)
        return;
    for (unsigned i = 1; i < DESK_TRAYS; i++)
        if (!desk->trays[i].desk)
            desk->state.trays[i] = (struct tray_state){0};
    desk_commit(desk);
}

static int open_sink(struct manager *manager, size_t index)
{
    const struct plan_sink *declared = &manager->plan->sinks[index];
    unsigned tray =
        manager->desk.memory ? tray_for(manager, plan_sink_place(manager->plan, declared)) : 0;
    return sink_open(&manager->sinks[index], manager, declared, tray);
}

static void tell_unusable(struct manager *manager, size_t index, int result)
{
    sink_tell(&manager->sinks[index], "a place under logs: cannot be used: %s",
              strerrordesc_np(-result));
}

int sinks_open(struct manager *manager)
{
    const struct plan *plan = manager->plan;
    int result = 0;
    if (plan->sink_count == 0 || !have_memory(manager))
        return 0;
    manager->show.sink = hear;
    manager->show.sink_context = manager;
    drops_resume(manager);
    while (manager->sink_count < plan->sink_count &&
           (result = open_sink(manager, manager->sink_count)) == 0)
        manager->sink_count++;
    if (result < 0 && manager->desk.memory && !manager->desk.is_new)
        return result;
    if (result < 0)
        tell_unusable(manager, manager->sink_count, result);
    clear_trays(&manager->desk);
    return 0;
}

void sinks_close(struct manager *manager)
{
    for (size_t i = 0; i < manager->sink_count; i++)
        sink_close(&manager->sinks[i]);
    free(manager->sinks);
    manager->sinks = NULL;
    manager->sink_count = 0;
}

static bool push_all(struct manager *manager)
{
    bool has_room = false;
    for (size_t i = 0; i < manager->sink_count; i++) {
        bool was_full = sink_is_full(&manager->sinks[i]);
        sink_push(&manager->sinks[i]);
        has_room |= was_full && !sink_is_full(&manager->sinks[i]);
    }
    return has_room;
}

bool sinks_push(struct manager *manager)
{
    bool has_room = push_all(manager);
    uint64_t heard = manager->sinks_heard;
    drops_work(manager);
    if (manager->sinks_heard != heard)
        has_room |= push_all(manager);
    if (has_room) // found now, and not again by the next push
        output_read_again(manager);
    return has_room;
}

int sinks_reopen(struct manager *manager, struct buffer *paths, struct error *error)
{
    struct error each;
    int first = 0;
    for (size_t i = 0; i < manager->sink_count; i++)
        manager->sinks[i].again_at = NSEC_NEVER; // now is the time to try again
    (void)sinks_push(manager);
    for (size_t i = 0; i < manager->sink_count; i++) {
        int result = sink_reopen_files(&manager->sinks[i], paths, &each);
        if (result < 0 && first == 0) {
            first = result;
            *error = each;
        }
    }
    return first;
}

bool sinks_hold_up(const struct manager *manager, const struct process *process, size_t most_bytes)
{
    const struct process_id id = process->voice.id;
    for (size_t i = 0; i < manager->sink_count; i++)
        if (sink_is_full(&manager->sinks[i]) &&
            tray_waiting_bytes(manager->sinks[i].tray) >= most_bytes &&
            sink_matches(manager->sinks[i].declared, manager->plan->types[id.type].name, id.number))
            return true;
    return false;
}

bool sinks_tell_apart(const struct manager *manager, const struct process *process)
{
    const struct process_id id = process->voice.id;
    struct str type = manager->plan->types[id.type].name;
    if (sink_format_tells_apart(manager->options->log_format))
        return true;
    for (size_t i = 0; i < manager->plan->sink_count; i++)
        if (sink_tells_apart(&manager->plan->sinks[i]) &&
            sink_matches(&manager->plan->sinks[i], type, id.number))
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
    nsec_t at = drops_due_at(manager);
    for (size_t i = 0; i < manager->sink_count; i++) {
        nsec_t due_at = sink_due_at(&manager->sinks[i]);
        if (due_at < at)
            at = due_at;
    }
    return at;
}

static enum sink_state state_of(const struct sink *sink)
{
    bool is_full = sink_is_full(sink) || !drops_has_room(sink);
    return sink->is_failing ? SINK_FAILING : is_full ? SINK_SLOW : SINK_OK;
}

size_t sinks_look(const struct manager *manager, struct sink_facts *out)
{
    for (size_t i = 0; i < manager->sink_count; i++) {
        const struct sink *sink = &manager->sinks[i];
        out[i] = (struct sink_facts){
            .name = str_of(sink->name),
            .policy = sink->declared->policy,
            .state = state_of(sink),
            .since = sink->is_failing ? sink->failing_since : NSEC_NEVER,
            .why = str_of(sink->why),
            .waiting_bytes = tray_waiting_bytes(sink->tray),
            .dropped = drops_of_sink(sink),
        };
    }
    return manager->sink_count;
}

static size_t waiting_bytes(const struct manager *manager)
{
    size_t bytes = 0;
    for (size_t i = 0; i < manager->sink_count; i++)
        bytes += tray_waiting_bytes(manager->sinks[i].tray);
    return bytes;
}

static nsec_t patience(const struct manager *manager)
{
    for (size_t i = 0; i < manager->sink_count; i++)
        if (manager->sinks[i].declared->policy == SINK_BLOCK &&
            tray_waiting_bytes(manager->sinks[i].tray) > 0)
            return PATIENCE;
    return LITTLE_PATIENCE;
}

// Until a socket that was full has room, or it is time to look at the others.
static void wait_for_room(struct manager *manager)
{
    struct pollfd ready[LIMIT_SINKS];
    size_t count = 0;
    for (size_t i = 0; i < manager->sink_count; i++) {
        const struct sink *sink = &manager->sinks[i];
        if (sink->declared->kind != SINK_FILE && sink->socket >= 0 &&
            sink->outlet.state == OUTLET_BUSY)
            ready[count++] = (struct pollfd){.fd = sink->socket, .events = POLLOUT};
    }
    serve_meanwhile(manager, ready, count, LOOK_AGAIN_MS);
}

void sinks_drain(struct manager *manager)
{
    size_t least = SIZE_MAX;
    nsec_t moved_at = clock_now();
    drops_finish(manager);
    (void)sinks_push(manager);
    for (size_t bytes; (bytes = waiting_bytes(manager)) > 0; (void)sinks_push(manager)) {
        if (bytes < least) {
            least = bytes;
            moved_at = clock_now();
        }
        if (clock_now() - moved_at > patience(manager) || news_is_interrupted(manager)) {
            show_aside("nobody took the last %zu bytes of the logs", bytes);
            return;
        }
        wait_for_room(manager);
    }
}

// One at the same place in the list, too, goes on as it is, with all that it has open.
static bool stays(const struct manager *manager, const struct plan *old, size_t index)
{
    const struct plan *plan = manager->plan;
    bool has_same_paths = str_equal(old->app, plan->app) && str_equal(old->root, plan->root);
    return index < manager->sink_count && index < plan->sink_count &&
           sink_is_same_place(&old->sinks[index], &plan->sinks[index]) &&
           (has_same_paths || plan->sinks[index].kind != SINK_FILE);
}

// Without a desk, what waits for one that is elsewhere in the list now goes along, and the counts
// of what it lacks.
struct luggage {
    bool is_there;
    struct buffer queue;
    struct tray_counts counts;
};

static void pack(struct sink *sink, struct luggage *out)
{
    if (sink->tray != &sink->own)
        return;
    *out = (struct luggage){.is_there = true, .counts = sink->tray->state->counts};
    sink_save(sink, &out->queue);
    sink->tray->state->counts = (struct tray_counts){0};
    tray_clear(sink->tray);
}

static void bring(struct manager *manager, const struct plan *old, size_t index,
                  struct luggage saved[LIMIT_SINKS], size_t saved_count)
{
    struct tray *tray = manager->sinks[index].tray;
    for (size_t i = 0; i < saved_count; i++) {
        if (!saved[i].is_there || !sink_is_same_place(&old->sinks[i], &manager->plan->sinks[index]))
            continue;
        buffer_append_str(&tray->queue, buffer_str(&saved[i].queue));
        tray->state->counts = saved[i].counts;
        saved[i].is_there = false;
        return;
    }
}

static void put_in_force(struct manager *manager, const struct plan *old)
{
    struct luggage saved[LIMIT_SINKS] = {0};
    bool is_staying[LIMIT_SINKS];
    int result = 0;
    size_t old_count = manager->sink_count;
    for (size_t i = 0; i < LIMIT_SINKS; i++)
        is_staying[i] = stays(manager, old, i);
    for (size_t i = 0; i < old_count; i++) {
        if (is_staying[i])
            continue;
        pack(&manager->sinks[i], &saved[i]);
        sink_close(&manager->sinks[i]);
    }
    manager->sink_count = 0;
    for (size_t i = 0; i < manager->plan->sink_count; i++, manager->sink_count++) {
        if (is_staying[i])
            sink_declare(&manager->sinks[i], &manager->plan->sinks[i]);
        else if ((result = open_sink(manager, i)) == 0)
            bring(manager, old, i, saved, old_count);
        else
            break;
    }
    if (result < 0)
        tell_unusable(manager, manager->sink_count, result);
    for (size_t i = 0; i < old_count; i++)
        buffer_fini(&saved[i].queue);
}

void sinks_adopt(struct manager *manager, const struct plan *old)
{
    if (plan_sinks_differ(old, manager->plan)) {
        (void)sinks_push(manager);
        if (manager->plan->sink_count > 0 && !have_memory(manager))
            return;
        put_in_force(manager, old);
        manager->show.sink = manager->sink_count > 0 ? hear : NULL;
        manager->show.sink_context = manager;
        clear_trays(&manager->desk);
        output_read_again(manager); // the one that they have waited for may be gone
        return;
    }
    for (size_t i = 0; i < manager->sink_count; i++)
        sink_declare(&manager->sinks[i], &manager->plan->sinks[i]);
}
