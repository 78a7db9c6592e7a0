// SPDX-License-Identifier: MIT
// Replies that only look: the formation, its processes, their last lives.
#include "manager/serve.h"

#include "control/json_put.h"
#include "control/varlink.h"
#include "manager/drops.h"
#include "os/clock.h"
#include "os/pressure.h"
#include "os/usage.h"
#include "view/sentence.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void serve_status(struct manager *manager, struct client *client)
{
    const struct description description = serve_description(manager);
    unsigned count = supervisor_slot_count(manager->supervisor);
    struct sink_facts sinks[LIMIT_SINKS];
    const struct formation_status status = {
        .formation = supervisor_formation(manager->supervisor),
        .guard_pid = manager->board->guard_pid,
        .manager_restarts = atomic_load(&manager->board->manager_count) - 1,
        .manager_pid = getpid(),
        .version = FORMATION_VERSION,
        .since = manager->memory->began_at,
        .processes = count > 0 ? supervisor_process(manager->supervisor, 0) : NULL,
        .process_count = count,
        .sinks = sinks,
        .sink_count = sinks_look(manager, sinks),
    };
    varlink_reply_open(&client->out);
    describe_status(&client->out, &description, &status);
    varlink_reply_close(&client->out, false);
}

// Slots in the order of types and numbers.
struct place {
    struct process_id id;
    unsigned slot;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    int difference = (int)a->id.type - (int)b->id.type;
    return difference ? difference : (int)a->id.number - (int)b->id.number;
}

// The selected ones. Memory is of the arena; NULL without it.
static struct place *list_places(const struct manager *manager, const struct selection *selection,
                                 struct arena *arena, size_t *count)
{
    unsigned slot_count = supervisor_slot_count(manager->supervisor);
    struct place *places = arena_alloc(arena, slot_count * sizeof(*places) + 1);
    *count = 0;
    for (unsigned slot = 0; places && slot < slot_count; slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        if (record->state != PROCESS_VACANT && selection_has(selection, record->id))
            places[(*count)++] = (struct place){record->id, slot};
    }
    if (places)
        qsort(places, *count, sizeof(*places), compare_places);
    return places;
}

static struct process_facts facts_of(const struct manager *manager, unsigned slot)
{
    return (struct process_facts){
        .record = supervisor_process(manager->supervisor, slot),
        .status_text = manager->memory->status_texts[slot],
        .dropped = drops_of_process(manager, slot),
    };
}

// Who has no limit of its own waits for what the machine lacks.
static void read_pressure(const struct process *process, struct process_usage *out)
{
    const struct manager *manager = process->manager;
    const struct process_record *record = supervisor_process(manager->supervisor, process->slot);
    const struct tree_limits *limits = &manager->plan->types[record->id.type].confinement.tree;
    struct pressure pressure;
    if (limits->cpu_thousandths == 0 && limits->memory_bytes == 0)
        return;
    pressure_read(&manager->tree, process->name, &pressure);
    out->cpu_pressure = pressure.cpu;
    out->memory_pressure = pressure.memory;
}

static void put_process(struct manager *manager, const struct description *description,
                        unsigned slot, bool with_usage, struct buffer *out)
{
    struct process_facts facts = facts_of(manager, slot);
    const struct process_record *record = facts.record;
    const struct process *process = process_of(manager, slot);
    struct process_usage usage;
    bool has_usage = with_usage && process && record->pid > 0 && record->state != PROCESS_BACKOFF &&
                     record->state != PROCESS_FINISHED;
    if (has_usage) {
        struct usage used;
        usage_read(&manager->tree, process->name, record->pid, &used);
        usage = (struct process_usage){used.cpu, used.memory_bytes, used.tasks, -1, -1};
        read_pressure(process, &usage);
        facts.usage = &usage;
    }
    describe_process(out, NULL, description, &facts);
}

void serve_list(struct manager *manager, struct client *client, struct request *request)
{
    const struct description description = serve_description(manager);
    struct selection selection;
    size_t count;
    if (serve_select(manager, client, request, &selection) < 0)
        return;
    struct place *places = list_places(manager, &selection, &request->arena, &count);
    if (!places) {
        client->out.failed = true;
        return;
    }
    varlink_reply_open(&client->out);
    json_put_list(&client->out, "processes");
    for (size_t i = 0; i < count; i++)
        put_process(manager, &description, places[i].slot, request->list.usage, &client->out);
    json_put_list_end(&client->out);
    varlink_reply_close(&client->out, false);
}

enum { LIVES_TOLD = 10, LINES_TOLD = 10 };

// The last lives of one process, oldest first, as the journal's events tell them one by one.
struct biography {
    struct process_id id;
    unsigned count; // of all; the last LIVES_TOLD are kept, in a ring
    struct process_life lives[LIVES_TOLD];
    struct process_life now;
};

// Who was ready from its start on has kept the time of it.
static nsec_t started_by_record(const struct plan *plan, const struct process_record *record)
{
    return plan->types[record->id.type].policy.waits_for_ready ? NSEC_NEVER : record->ready_at;
}

static void add_event(struct biography *biography, const struct plan *plan,
                      const struct event *event)
{
    struct process_life *now = &biography->now;
    if (event->kind == EVENT_STARTED) {
        *now = (struct process_life){.pid = event->process.pid, .started = event->at};
    } else if (event->kind == EVENT_SPAWN_FAILED || event->kind == EVENT_EXITED) {
        if (event->kind == EVENT_SPAWN_FAILED) {
            *now = (struct process_life){.started = NSEC_NEVER, .spawn_error = event->detail};
        } else {
            now->pid = event->process.pid;
            now->exit_status = event->detail;
            if (now->started == NSEC_NEVER) // too long ago for the journal
                now->started = started_by_record(plan, &event->process);
        }
        now->ended = event->at;
        now->asked = event->process.flags & (RECORD_ASKED | RECORD_RESTART);
        biography->lives[biography->count++ % LIVES_TOLD] = *now;
        *now = (struct process_life){.started = NSEC_NEVER};
    }
}

// One walk through the journal for all that are asked about. NULL without memory.
static struct biography *read_journal(const struct manager *manager, const struct place *places,
                                      size_t count, struct arena *arena)
{
    unsigned slot_count = supervisor_slot_count(manager->supervisor);
    struct biography *biographies = arena_alloc(arena, count * sizeof(*biographies) + 1);
    // NOLINTNEXTLINE(bugprone-sizeof-expression) // pointers, one for each slot
    struct biography **of_slot = arena_alloc(arena, slot_count * sizeof(*of_slot) + 1);
    struct journal_cursor cursor = {.next = 1};
    struct event event;
    uint64_t lost;
    if (!biographies || !of_slot)
        return NULL;
    memset(of_slot, 0, slot_count * sizeof(*of_slot)); // NOLINT(bugprone-sizeof-expression)
    for (size_t i = 0; i < count; i++) {
        biographies[i] = (struct biography){.id = places[i].id, .now.started = NSEC_NEVER};
        of_slot[places[i].slot] = &biographies[i];
    }
    while (journal_next(manager->journal, &cursor, &event, &lost)) {
        if (!event_is_of_process(event.kind) || event.slot >= slot_count)
            continue;
        struct biography *biography = of_slot[event.slot];
        if (biography && event.process.id.type == biography->id.type &&
            event.process.id.number == biography->id.number)
            add_event(biography, manager->plan, &event);
    }
    return biographies;
}

// Whether the line is our note of a start; `is_its`: of this life's.
static bool is_start(const struct recent_line *line, const struct process_life *life, bool *is_its)
{
    struct buffer wanted = {0};
    bool is_note = line->owner & SHOW_IS_NOTE && str_starts_with(line->text, "started with pid ");
    sentence_started(&wanted, life->pid);
    *is_its = is_note && str_equal(line->text, buffer_str(&wanted));
    buffer_fini(&wanted);
    return is_note;
}

// The time of a line as those of events.
static nsec_t time_of(const struct recent_line *line)
{
    return line->at - clock_wall() + clock_now();
}

static struct str text_of(const struct recent_line *line, struct arena *arena)
{
    static const char more[] = " …";
    struct buffer text = {0};
    struct str out = line->text;
    if (!line->is_cut)
        return out;
    buffer_append_str(&text, line->text);
    buffer_append_text(&text, more);
    if (!text.failed)
        (void)arena_str(arena, buffer_str(&text), &out);
    buffer_fini(&text);
    return out;
}

// What it wrote last: between the note of its start and that of the next. Time alone cannot tell,
// as lives may be shorter than a clock's tick. If that note is not kept any more, what is kept of
// it comes before the first one. The note may have outlived what the journal says of the start.
static void read_lines(const struct manager *manager, unsigned slot, struct process_id id,
                       struct process_life *life, struct arena *arena)
{
    const nsec_t slack = 20 * NSEC_PER_MSEC; // lines are stamped by a coarse clock
    struct str *lines = arena_alloc(arena, LINES_TOLD * sizeof(*lines));
    struct recent_line line;
    uint64_t cursor = 0;
    size_t count = 0;
    bool has_begun = false;
    while (lines && life->pid > 0 && recent_next(&manager->memory->recent, slot, &cursor, &line)) {
        bool is_its;
        if (!show_is_of(line.owner, id))
            continue;
        if (is_start(&line, life, &is_its)) {
            if (has_begun || (!is_its && count > 0 && time_of(&line) >= life->ended - slack))
                break;
            has_begun = is_its;
            if (is_its && life->started == NSEC_NEVER && time_of(&line) <= life->ended)
                life->started = time_of(&line);
            count = 0;
        } else if (line.owner & SHOW_IS_NOTE) {
            if (has_begun && str_starts_with(line.text, "left "))
                life->left = text_of(&line, arena);
        } else {
            if (count == LINES_TOLD)
                memmove(lines, lines + 1, (--count) * sizeof(*lines));
            lines[count++] = text_of(&line, arena);
        }
    }
    life->last_lines = (struct str_list){lines, lines ? count : 0};
}

static void put_history(struct manager *manager, const struct description *description,
                        unsigned slot, const struct biography *biography, struct arena *arena,
                        struct buffer *out)
{
    const struct process_facts facts = facts_of(manager, slot);
    struct process_life newest_first[LIVES_TOLD];
    size_t count = 0;
    while (count < LIVES_TOLD && count < biography->count) {
        struct process_life *life = &newest_first[count];
        *life = biography->lives[(biography->count - 1 - count) % LIVES_TOLD];
        read_lines(manager, slot, facts.record->id, life, arena);
        count++;
    }
    describe_history(out, NULL, description, &facts, newest_first, count);
}

void serve_why(struct manager *manager, struct client *client, struct request *request)
{
    const struct description description = serve_description(manager);
    struct selection selection;
    size_t count;
    if (serve_select(manager, client, request, &selection) < 0)
        return;
    struct place *places = list_places(manager, &selection, &request->arena, &count);
    struct biography *biographies =
        places ? read_journal(manager, places, count, &request->arena) : NULL;
    if (!biographies) {
        client->out.failed = true;
        return;
    }
    varlink_reply_open(&client->out);
    json_put_list(&client->out, "histories");
    for (size_t i = 0; i < count; i++)
        put_history(manager, &description, places[i].slot, &biographies[i], &request->arena,
                    &client->out);
    json_put_list_end(&client->out);
    varlink_reply_close(&client->out, false);
}
