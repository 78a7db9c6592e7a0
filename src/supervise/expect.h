// SPDX-License-Identifier: MIT
// For tests: a small formation, and what a step made of it as one line that a person can read:
// "exited 0, starting 0 > bury 0, spawn 0": events, then actions, each with its slot.
#pragma once

#include "supervise/supervise.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EXIT_0 = 0, EXIT_1 = 1 << 8, EXIT_3 = 3 << 8 }; // wait(2) statuses

struct rig {
    struct plan plan;
    struct process_type types[2]; // web and worker
    struct supervisor *supervisor;
    struct outcome outcome; // of the last step
    nsec_t now;
    char text[4096]; // what it was, in words
};

static inline struct rig *rig_new(unsigned web, unsigned worker)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->supervisor = supervisor_new(1);
    assert_non_null(rig->supervisor);
    rig->now = NSEC_PER_SEC;
    rig->plan.types = rig->types;
    rig->plan.type_count = 2;
    rig->types[0] = (struct process_type){.name = str_of("web"), .quantity = web};
    rig->types[1] = (struct process_type){.name = str_of("worker"), .quantity = worker};
    rig->types[0].policy = rig->types[1].policy = plan_default_policy();
    return rig;
}

static inline void rig_free(struct rig *rig)
{
    supervisor_free(rig->supervisor);
    free(rig);
}

static inline const struct process_record *process_of(const struct rig *rig, unsigned slot)
{
    return supervisor_process(rig->supervisor, slot);
}

static inline void add_word(struct rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void add_word(struct rig *rig, const char *format, ...)
{
    size_t size = strlen(rig->text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(rig->text + size, sizeof(rig->text) - size, format, arguments);
    va_end(arguments);
}

static inline void add_action(struct rig *rig, const struct action *action)
{
    switch (action->kind) {
    case ACTION_SPAWN:
        add_word(rig, "spawn %u", action->slot);
        break;
    case ACTION_SIGNAL:
        add_word(rig, "signal %u with %d", action->slot, action->value);
        break;
    case ACTION_SIGNAL_TREE:
        add_word(rig, "signal tree %u with %d", action->slot, action->value);
        break;
    case ACTION_KILL_TREE:
        add_word(rig, "kill tree %u", action->slot);
        break;
    case ACTION_BURY:
        add_word(rig, "bury %u", action->slot);
        break;
    case ACTION_END:
        add_word(rig, "end %d", action->value);
        break;
    }
}

static inline void rig_feed(struct rig *rig, struct input input)
{
    const struct outcome *out = &rig->outcome;
    input.now = rig->now;
    supervise_step(rig->supervisor, &input, &rig->outcome);
    rig->text[0] = '\0';
    for (size_t i = 0; i < out->event_count; i++) {
        add_word(rig, "%s%s", i ? ", " : "", event_kind_name(out->events[i].kind));
        if (!event_is_of_formation(out->events[i].kind))
            add_word(rig, " %u", out->events[i].slot);
    }
    for (size_t i = 0; i < out->action_count; i++) {
        add_word(rig, "%s", i ? ", " : " > ");
        add_action(rig, &out->actions[i]);
    }
}

// One input of a slot, as of its present spawn.
static inline void rig_step(struct rig *rig, enum input_kind kind, unsigned slot, int value)
{
    struct input input = {.kind = kind, .slot = slot, .value = value, .plan = &rig->plan};
    if (slot < supervisor_slot_count(rig->supervisor))
        input.token = process_of(rig, slot)->token;
    rig_feed(rig, input);
}

#define EXPECT(rig, kind, slot, value, wanted)                                                     \
    do {                                                                                           \
        rig_step(rig, kind, slot, value);                                                          \
        assert_string_equal((rig)->text, wanted);                                                  \
    } while (0)

// Lets time pass, in the steps that the supervisor asks for, until something comes of it; returns
// how long that took.
static inline nsec_t rig_wait(struct rig *rig)
{
    nsec_t before = rig->now;
    do {
        assert_true(rig->outcome.wake_at != NSEC_NEVER);
        if (rig->outcome.wake_at > rig->now)
            rig->now = rig->outcome.wake_at;
        rig_step(rig, INPUT_TIME, 0, 0);
    } while (rig->outcome.event_count == 0);
    return rig->now - before;
}

// It ends, and so does all of its tree.
static inline void rig_leave(struct rig *rig, unsigned slot, int status)
{
    rig_step(rig, INPUT_EXITED, slot, status);
    rig_step(rig, INPUT_EMPTIED, slot, 0);
}

static inline void rig_scale(struct rig *rig, unsigned web, unsigned worker)
{
    rig->types[0].quantity = web;
    rig->types[1].quantity = worker;
    rig_step(rig, INPUT_PLAN, 0, 0);
}

// A new supervisor, where `snapshot` ends; the plan is told, and nothing else yet.
static inline void rig_restore(struct rig *rig, const struct snapshot *snapshot)
{
    supervisor_reset(rig->supervisor, 2);
    supervisor_restore(rig->supervisor, snapshot, &rig->plan);
    rig_step(rig, INPUT_PLAN, 0, 0);
}

// The plan is told, and every process that it starts runs, as pid 100 + slot.
static inline void rig_run(struct rig *rig)
{
    rig_step(rig, INPUT_PLAN, 0, 0);
    for (unsigned slot = 0; slot < supervisor_slot_count(rig->supervisor); slot++)
        if (process_of(rig, slot)->state == PROCESS_STARTING)
            rig_step(rig, INPUT_SPAWNED, slot, 100 + (int)slot);
}

// One that was told to stop does so, and its successor runs.
static inline void rig_replace(struct rig *rig, unsigned slot)
{
    assert_int_equal(process_of(rig, slot)->state, PROCESS_STOPPING);
    rig_leave(rig, slot, SIGTERM);
    rig_step(rig, INPUT_SPAWNED, slot, 200 + (int)slot);
}

// Brings a journal up to what the supervisor holds true, whatever was not written.
static inline void rig_write_all(struct rig *rig, struct journal *journal)
{
    for (unsigned slot = 0; slot < supervisor_slot_count(rig->supervisor); slot++) {
        struct event event = {.kind = EVENT_ASKED, .slot = (uint16_t)slot};
        event.process = *process_of(rig, slot);
        journal_append(journal, &event, 1);
    }
}
