// SPDX-License-Identifier: MIT
// Reading is level-triggered and bounded: each ready process gives one buffer a round, so that one
// that floods does not keep the others, or supervision, waiting. While the outlet is full nothing
// is read at all: the pipes fill, and the processes wait.
#include "manager/serve.h"
#include "manager/state.h"

#include "os/clock.h"
#include "os/output.h"
#include "view/sentence.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

// So many lines go through each step of their way together: a step is then one small loop over what
// the processor has at hand.
enum { BATCH_LINES = 1024 };

// The beginning of a line is shown when it has no end by then, and again when there is more of it.
#define LINGER_AFTER (200 * NSEC_PER_MSEC)

static void note_cut(struct process *process, size_t size)
{
    struct buffer text = {0};
    if (size < LIMIT_LINE_BYTES)
        sentence_line_cut_early(&text);
    else
        sentence_line_cut(&text, LIMIT_LINE_BYTES);
    show_note(&process->manager->show, &process->voice, process->name, buffer_str(&text));
    buffer_fini(&text);
}

unsigned output_lane(const struct inlet *inlet)
{
    return show_lane(inlet->process->slot, inlet == &inlet->process->inlets[INLET_ERRORS]);
}

struct inlet *output_inlet(const struct manager *manager, unsigned lane)
{
    struct process *process =
        lane / SHOW_LANES < LIMIT_PROCESSES ? manager->processes[lane / SHOW_LANES] : NULL;
    return process ? &process->inlets[lane % SHOW_LANES] : NULL;
}

// What was read is in the queue or held from here on, also for the next manager.
static void settle(struct inlet *inlet, struct str bytes, bool has_lines)
{
    struct desk *desk = &inlet->process->manager->desk;
    if (desk->memory && has_lines)
        desk_hold(desk, output_lane(inlet), lines_pending(&inlet->lines), true);
    else if (desk->memory)
        desk_hold(desk, output_lane(inlet), bytes, false);
}

// The next lines: as many as lie whole in the bytes, or one that does not.
static size_t next_lines(struct inlet *inlet, struct str *bytes, struct str *out)
{
    size_t count = lines_next_whole(&inlet->lines, bytes, out, BATCH_LINES);
    return count > 0 ? count : lines_next(&inlet->lines, bytes, out);
}

static void show_soon(struct inlet *inlet)
{
    struct manager *manager = inlet->process->manager;
    if (inlet->pending_at == NSEC_NEVER)
        inlet->pending_at = clock_now() + LINGER_AFTER;
    if (inlet->pending_at < manager->linger_at)
        manager->linger_at = inlet->pending_at;
}

static void show_as_its(struct inlet *inlet, const struct str *lines, size_t count)
{
    struct process *process = inlet->process;
    process->voice.is_error = inlet == &process->inlets[INLET_ERRORS];
    show_lines(&process->manager->show, &process->voice, process->name, lines, count);
}

static void show_bytes(struct inlet *inlet, struct str bytes)
{
    struct process *process = inlet->process;
    struct manager *manager = process->manager;
    struct str lines[BATCH_LINES];
    struct str all = bytes;
    size_t count;
    bool has_lines = false;
    bool was_cut = inlet->lines.is_cut;
    show_now(&manager->show);
    while ((count = next_lines(inlet, &bytes, lines)) > 0) {
        show_as_its(inlet, lines, count);
        has_lines = true;
        for (size_t i = was_cut; process->watch && i < count; i++) // not the rest of a cut one
            watch_hear_line(process, lines[i]);
        if (inlet->lines.is_cut && !was_cut)
            note_cut(process, lines[0].size); // told once a line, behind its first piece
        was_cut = inlet->lines.is_cut;
    }
    settle(inlet, all, has_lines);
    if (process->attachment)
        attach_hear(process, all);
    if (has_lines)
        inlet->pending_at = NSEC_NEVER;
    if (manager->show.outlet.is_terminal && lines_pending(&inlet->lines).size > 0)
        show_soon(inlet);
    (void)outlet_offer(&manager->show.outlet);
}

// Reads once. Returns the bytes, or 0 when there is nothing now (or never again).
static size_t read_once(struct inlet *inlet)
{
    struct manager *manager = inlet->process->manager;
    ssize_t size;
    if (manager->desk.memory) {
        size_t count = desk_read(&manager->desk, inlet->near, output_lane(inlet));
        if (count > 0)
            show_bytes(inlet, str_from(manager->desk.inbox, count));
        return count;
    }
    do {
        size = read(inlet->near, manager->bytes, sizeof(manager->bytes));
    } while (size < 0 && errno == EINTR);
    if (size <= 0)
        return 0;
    show_bytes(inlet, str_from(manager->bytes, (size_t)size));
    return (size_t)size;
}

static void hold_up(struct process *process, struct held_up *queue)
{
    for (unsigned i = 0; i < INLETS; i++)
        loop_remove(&process->manager->outputs, &process->inlets[i].source);
    if (process->is_held_up)
        return;
    process->is_held_up = true;
    process->next_held_up = NULL;
    if (queue->last)
        queue->last->next_held_up = process;
    else
        queue->first = process;
    queue->last = process;
}

// Room that a sink gets is for those who found none. Whoever has filled it is read behind them: one
// that floods would take all of it each time, being the first that is ready.
static void on_output(struct loop_source *source, uint32_t events)
{
    struct inlet *inlet = loop_owner(source, struct inlet, source);
    struct process *process = inlet->process;
    struct manager *manager = process->manager;
    if (outlet_is_full(&manager->show.outlet) || !news_is_started(process))
        return;
    if (sinks_hold_up(manager, process, OUTLET_FULL_BYTES)) {
        hold_up(process, &manager->refused);
        return;
    }
    if (read_once(inlet) == 0 && events & (EPOLLHUP | EPOLLERR))
        loop_remove(&manager->outputs, source); // only when the guard is gone: it holds an end
    else if (sinks_hold_up(manager, process, OUTLET_FULL_BYTES))
        hold_up(process, &manager->served);
}

void output_watch(struct inlet *inlet)
{
    if (inlet->near >= 0 && !inlet->source.is_added)
        (void)loop_add(&inlet->process->manager->outputs, &inlet->source, inlet->near, EPOLLIN,
                       on_output);
}

static void watch_again(struct held_up *queue)
{
    struct process *next;
    for (struct process *process = queue->first; process; process = next) {
        next = process->next_held_up;
        process->is_held_up = false;
        for (unsigned i = 0; i < INLETS; i++)
            output_watch(&process->inlets[i]);
    }
    *queue = (struct held_up){0};
}

void output_read_again(struct manager *manager)
{
    watch_again(&manager->refused);
    watch_again(&manager->served);
}

// For who has ended memory is used instead of patience: what its pipe holds is all there is, and a
// paused terminal must not keep the next one from being started. At the end of the formation that
// goes for all, without a limit: a slow reader must not look like a process that hangs.
static bool must_wait(const struct process *process)
{
    struct manager *manager = process->manager;
    struct outlet *outlet = &manager->show.outlet;
    if (outlet_is_full(outlet))
        (void)outlet_push(outlet);
    if (sinks_hold_up(manager, process, OUTLET_FULL_BYTES))
        (void)sinks_push(manager);
    return (outlet_waiting_bytes(outlet) >= LIMIT_REST_QUEUE_BYTES ||
            sinks_hold_up(manager, process, LIMIT_REST_QUEUE_BYTES)) &&
           !manager->guard_is_gone &&
           supervisor_formation(manager->supervisor)->phase == FORMATION_RUNNING;
}

static bool read_rest(struct inlet *inlet, bool is_last)
{
    struct str line;
    // What was there at first. More may come from what is left of its tree, without end.
    if (inlet->rest_bytes == 0 || is_last)
        inlet->rest_bytes = output_waiting_bytes(inlet->near);
    while (inlet->rest_bytes > 0) {
        if (must_wait(inlet->process)) {
            inlet->process->manager->rest_waits = true;
            return false;
        }
        size_t size = read_once(inlet);
        inlet->rest_bytes -= size == 0 || size > inlet->rest_bytes ? inlet->rest_bytes : size;
    }
    if (is_last && lines_flush(&inlet->lines, &line)) {
        show_now(&inlet->process->manager->show);
        show_as_its(inlet, &line, 1);
        inlet->pending_at = NSEC_NEVER;
        output_forget(inlet);
    }
    return true;
}

bool output_read_rest(struct process *process, bool is_last)
{
    bool is_read = true;
    for (unsigned i = 0; i < INLETS; i++)
        if (process->inlets[i].near >= 0)
            is_read &= read_rest(&process->inlets[i], is_last);
    return is_read;
}

void output_read_awaited(struct manager *manager)
{
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        struct process *process = process_of(manager, slot);
        if (!process || !watch_waits_for_line(process))
            continue;
        (void)output_read_rest(process, false);
        manager->linger_at = clock_now() + LINGER_AFTER; // which leads here again
    }
}

void output_forget(struct inlet *inlet)
{
    struct desk *desk = &inlet->process->manager->desk;
    if (desk->memory)
        desk_hold(desk, output_lane(inlet), str_of(""), true);
}

static void take_held(struct inlet *inlet)
{
    struct manager *manager = inlet->process->manager;
    size_t at = 0;
    size_t size;
    while ((size = desk_held(&manager->desk, output_lane(inlet), at, manager->bytes,
                             sizeof(manager->bytes))) > 0) {
        struct str bytes = str_from(manager->bytes, size);
        struct str none;
        (void)lines_next(&inlet->lines, &bytes, &none); // it is held: it has no end yet
        at += size;
    }
}

static unsigned lane_count(const struct manager *manager)
{
    return SHOW_LANES * supervisor_slot_count(manager->supervisor);
}

void output_resume(struct manager *manager)
{
    const struct desk_state *state = &manager->desk.state;
    if (!manager->desk.memory)
        return;
    for (unsigned lane = 0; lane < lane_count(manager); lane++)
        if (output_inlet(manager, lane))
            take_held(output_inlet(manager, lane));
    struct inlet *inlet = output_inlet(manager, state->lane);
    if (inlet && state->inbox_end > state->inbox_from)
        show_bytes(inlet, str_from(manager->desk.inbox + state->inbox_from,
                                   state->inbox_end - state->inbox_from));
}

void output_bring_back(struct manager *manager)
{
    struct terminal *terminal = &manager->show.terminal;
    struct inlet *inlet = terminal->has_hidden ? output_inlet(manager, terminal->hidden) : NULL;
    terminal->has_hidden = false;
    if (inlet && lines_pending(&inlet->lines).size > 0)
        show_soon(inlet);
}

static void show_beginning(struct inlet *inlet)
{
    struct process *process = inlet->process;
    struct show *show = &process->manager->show;
    inlet->pending_at = NSEC_NEVER;
    process->voice.is_error = inlet == &process->inlets[INLET_ERRORS];
    show_now(show);
    show_partial(show, &process->voice, process->name, lines_pending(&inlet->lines));
}

void output_show_lingering(struct manager *manager, nsec_t now)
{
    manager->linger_at = NSEC_NEVER;
    for (unsigned lane = 0; lane < lane_count(manager); lane++) {
        struct inlet *inlet = output_inlet(manager, lane);
        if (!inlet || inlet->pending_at == NSEC_NEVER)
            continue;
        if (inlet->pending_at <= now)
            show_beginning(inlet);
        else if (inlet->pending_at < manager->linger_at)
            manager->linger_at = inlet->pending_at;
    }
}
