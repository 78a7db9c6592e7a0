// SPDX-License-Identifier: MIT
// Names and transitions come from the two .def files, so that nothing can drift apart.
#include "event/event.h"

#include <assert.h>

static const struct state {
    const char *name;
    unsigned after;
} states[] = {
#define STATE(identifier, text, next, meaning) [PROCESS_##identifier] = {text, next},
#include "event/states.def"
#undef STATE
};

static const char *const kinds[] = {
#define EVENT(identifier, name, detail) [EVENT_##identifier] = name,
#include "event/events.def"
#undef EVENT
};

const char *process_state_name(enum process_state state)
{
    assert(state < PROCESS_STATE_COUNT);
    return states[state].name;
}

bool process_state_allows(enum process_state from, enum process_state to)
{
    assert(from < PROCESS_STATE_COUNT && to < PROCESS_STATE_COUNT);
    return states[from].after & (1u << to);
}

const char *event_kind_name(enum event_kind kind)
{
    assert(kind < EVENT_KIND_COUNT);
    return kinds[kind];
}

bool event_is_of_process(enum event_kind kind)
{
    return kind < EVENT_SINK_DROPPING;
}

bool event_is_of_sink(enum event_kind kind)
{
    return kind == EVENT_SINK_DROPPING || kind == EVENT_SINK_DROPPED;
}

bool event_is_of_formation(enum event_kind kind)
{
    return kind >= EVENT_FORMATION_STOPPING;
}
