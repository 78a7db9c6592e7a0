// SPDX-License-Identifier: MIT
#include "manager/facts.h"

#include "manager/state.h"

struct format_line facts_of(const struct manager *manager, const struct show_lines *lines)
{
    struct format_line facts = {
        .at = lines->at,
        .clock = str_of(manager->show.time),
        .width = manager->show.style.width,
        .app = manager->plan->app,
        .host = str_of(manager->host),
        .process = str_of(lines->name),
        .is_note = show_is_note(lines),
        .is_error = lines->owner & SHOW_IS_ERROR,
    };
    if (lines->source != SHOW_SOURCE_SYSTEM) { // it may have no output, of which we say so
        const struct process_id id = show_process(lines->owner);
        facts.type = manager->plan->types[id.type].name;
        facts.number = id.number;
        facts.pid = supervisor_process(manager->supervisor, lines->source)->pid;
    }
    return facts;
}

struct format_line facts_for_show(const void *manager, const struct show_lines *lines)
{
    return facts_of(manager, lines);
}
