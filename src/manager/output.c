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
enum { BATCH_LINES = 256 };

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

// What was read is in the queue or held from here on, also for the next manager.
static void settle(struct process *process, struct str bytes, bool has_lines)
{
    struct desk *desk = &process->manager->desk;
    if (desk->memory && has_lines)
        desk_hold(desk, process->slot, lines_pending(&process->lines), true);
    else if (desk->memory)
        desk_hold(desk, process->slot, bytes, false);
}

// The next lines: as many as lie whole in the bytes, or one that does not.
static size_t next_lines(struct process *process, struct str *bytes, struct str *out)
{
    size_t count = lines_next_whole(&process->lines, bytes, out, BATCH_LINES);
    return count > 0 ? count : lines_next(&process->lines, bytes, out);
}

static void show_soon(struct process *process)
{
    struct manager *manager = process->manager;
    if (process->pending_at == NSEC_NEVER)
        process->pending_at = clock_now() + LINGER_AFTER;
    if (process->pending_at < manager->linger_at)
        manager->linger_at = process->pending_at;
}

static void show_bytes(struct process *process, struct str bytes)
{
    struct manager *manager = process->manager;
    struct str lines[BATCH_LINES];
    struct str all = bytes;
    size_t count;
    bool has_lines = false;
    bool was_cut = process->lines.is_cut;
    show_now(&manager->show);
    while ((count = next_lines(process, &bytes, lines)) > 0) {
        show_lines(&manager->show, &process->voice, process->name, lines, count);
        has_lines = true;
        for (size_t i = was_cut; process->watch && i < count; i++) // not the rest of a cut one
            watch_hear_line(process, lines[i]);
        if (process->lines.is_cut && !was_cut)
            note_cut(process, lines[0].size); // told once a line, behind its first piece
        was_cut = process->lines.is_cut;
    }
    settle(process, all, has_lines);
    if (process->attachment)
        attach_hear(process, all);
    if (has_lines)
        process->pending_at = NSEC_NEVER;
    if (manager->show.outlet.is_terminal && lines_pending(&process->lines).size > 0)
        show_soon(process);
    (void)outlet_offer(&manager->show.outlet);
}

// Reads once. Returns the bytes, or 0 when there is nothing now (or never again).
static size_t read_once(struct process *process)
{
    struct manager *manager = process->manager;
    ssize_t size;
    if (manager->desk.memory) {
        size_t count = desk_read(&manager->desk, process->near, process->slot);
        if (count > 0)
            show_bytes(process, str_from(manager->desk.inbox, count));
        return count;
    }
    do {
        size = read(process->near, manager->bytes, sizeof(manager->bytes));
    } while (size < 0 && errno == EINTR);
    if (size <= 0)
        return 0;
    show_bytes(process, str_from(manager->bytes, (size_t)size));
    return (size_t)size;
}

static void on_output(struct loop_source *source, uint32_t events)
{
    struct process *process = loop_owner(source, struct process, source);
    struct manager *manager = process->manager;
    if (outlet_is_full(&manager->show.outlet) || !news_is_started(process))
        return;
    if (sinks_hold_up(manager, process, OUTLET_FULL_BYTES)) {
        process->is_held_up = true;
        loop_remove(&manager->outputs, source);
        return;
    }
    if (read_once(process) == 0 && events & (EPOLLHUP | EPOLLERR))
        loop_remove(&manager->outputs, source); // only when the guard is gone: it holds an end
}

void output_watch(struct process *process)
{
    (void)loop_add(&process->manager->outputs, &process->source, process->near, EPOLLIN, on_output);
}

void output_read_again(struct manager *manager)
{
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        struct process *process = process_of(manager, slot);
        if (!process || !process->is_held_up)
            continue;
        process->is_held_up = false;
        output_watch(process);
    }
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

bool output_read_rest(struct process *process, bool is_last)
{
    struct str line;
    // What was there at first. More may come from what is left of its tree, without end.
    if (process->rest_bytes == 0 || is_last)
        process->rest_bytes = output_waiting_bytes(process->near);
    while (process->rest_bytes > 0) {
        if (must_wait(process)) {
            process->manager->rest_waits = true;
            return false;
        }
        size_t size = read_once(process);
        process->rest_bytes -= size == 0 || size > process->rest_bytes ? process->rest_bytes : size;
    }
    if (is_last && lines_flush(&process->lines, &line)) {
        show_now(&process->manager->show);
        show_lines(&process->manager->show, &process->voice, process->name, &line, 1);
        process->pending_at = NSEC_NEVER;
        output_forget(process);
    }
    return true;
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

void output_forget(struct process *process)
{
    struct desk *desk = &process->manager->desk;
    if (desk->memory)
        desk_hold(desk, process->slot, str_of(""), true);
}

static void take_held(struct process *process)
{
    struct manager *manager = process->manager;
    size_t at = 0;
    size_t size;
    while ((size = desk_held(&manager->desk, process->slot, at, manager->bytes,
                             sizeof(manager->bytes))) > 0) {
        struct str bytes = str_from(manager->bytes, size);
        struct str none;
        (void)lines_next(&process->lines, &bytes, &none); // it is held: it has no end yet
        at += size;
    }
}

void output_resume(struct manager *manager)
{
    const struct desk_state *state = &manager->desk.state;
    if (!manager->desk.memory)
        return;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++)
        if (process_of(manager, slot))
            take_held(process_of(manager, slot));
    struct process *process = process_of(manager, state->slot);
    if (process && state->inbox_end > state->inbox_from)
        show_bytes(process, str_from(manager->desk.inbox + state->inbox_from,
                                     state->inbox_end - state->inbox_from));
}

void output_bring_back(struct manager *manager)
{
    struct terminal *terminal = &manager->show.terminal;
    struct process *process = terminal->has_hidden ? process_of(manager, terminal->hidden) : NULL;
    terminal->has_hidden = false;
    if (process && lines_pending(&process->lines).size > 0)
        show_soon(process);
}

void output_show_lingering(struct manager *manager, nsec_t now)
{
    manager->linger_at = NSEC_NEVER;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        struct process *process = process_of(manager, slot);
        if (!process || process->pending_at == NSEC_NEVER)
            continue;
        if (process->pending_at > now) {
            if (process->pending_at < manager->linger_at)
                manager->linger_at = process->pending_at;
            continue;
        }
        process->pending_at = NSEC_NEVER;
        show_now(&manager->show);
        show_partial(&manager->show, &process->voice, process->name,
                     lines_pending(&process->lines));
    }
}
