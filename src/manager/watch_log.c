// SPDX-License-Identifier: MIT
// `ready: {log: …}`: lines are matched while their process is not ready, at their front only, by
// the C library's matcher. It needs no backtracking, since check allows no references to groups.
#include "manager/state.h"

#include "os/clock.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MATCHED_BYTES = 4096 };

struct pattern {
    regex_t regex;
    bool is_broken;
};

static void free_pattern(struct pattern *pattern)
{
    if (pattern && !pattern->is_broken)
        regfree(&pattern->regex);
    free(pattern);
}

void watch_forget_patterns(struct manager *manager)
{
    for (unsigned type = 0; type < LIMIT_TYPES; type++) {
        free_pattern(manager->watches.patterns[type]);
        manager->watches.patterns[type] = NULL;
    }
}

static const struct pattern *pattern_of(struct manager *manager, unsigned type)
{
    struct pattern **pattern = &manager->watches.patterns[type];
    if (*pattern)
        // cppcheck-suppress identicalInnerCondition // there is no inner one
        return *pattern;
    struct str text = manager->plan->types[type].ready.text;
    char *copy = strndup(text.bytes, text.size);
    *pattern = copy ? calloc(1, sizeof(**pattern)) : NULL;
    int result =
        *pattern ? regcomp(&(*pattern)->regex, copy, REG_EXTENDED | REG_NOSUB) : REG_ESPACE;
    if (*pattern)
        (*pattern)->is_broken = result != 0;
    if (result == REG_ESPACE) { // another time
        free(*pattern);
        *pattern = NULL;
    }
    free(copy);
    return *pattern;
}

bool watch_can_match(struct manager *manager, const struct process_type *type)
{
    return pattern_of(manager, (unsigned)(type - manager->plan->types)) != NULL;
}

static bool matches(struct manager *manager, unsigned type, struct str line)
{
    const struct pattern *pattern = pattern_of(manager, type);
    struct str front = str_slice(line, 0, MATCHED_BYTES);
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)front.size}; // NULs may be in it
    return pattern && !pattern->is_broken &&
           regexec(&pattern->regex, front.bytes, 1, &range, REG_STARTEND) == 0;
}

static const struct process_record *record_of(const struct process *process)
{
    return supervisor_process(process->manager->supervisor, process->slot);
}

bool watch_waits_for_line(const struct process *process)
{
    const struct watch *watch = process->watch;
    return watch && watch->phase == WATCH_READY && !watch->is_leaving && !watch->has_matched &&
           process->manager->plan->types[record_of(process)->id.type].ready.kind == PROBE_LOG;
}

void watch_hear_line(struct process *process, struct str line)
{
    struct watch *watch = process->watch;
    if (!watch_waits_for_line(process))
        return;
    watch->has_matched = matches(process->manager, record_of(process)->id.type, line);
    if (watch->has_matched)
        watch_judge(watch, LOOK_GOOD, "");
}

// A manager may have died between the line that it showed and the journal. Which of the remembered
// lines are of this life is told by the sentence about its start, or else by their time.
void watch_search_lines(struct watch *watch)
{
    struct manager *manager = watch->process->manager;
    const struct process_record *record = record_of(watch->process);
    const nsec_t offset = clock_wall() - clock_now();
    char start[64];
    uint64_t cursor = 0;
    struct recent_line line;
    bool is_of_life = false;
    (void)snprintf(start, sizeof(start), "started with pid %d", record->pid);
    watch->has_matched = false;
    while (recent_next(&manager->memory->recent, watch->process->slot, &cursor, &line)) {
        if (!show_is_of(line.owner, record->id))
            continue;
        if (line.owner & SHOW_IS_NOTE)
            is_of_life = is_of_life || str_is(line.text, start);
        else if (is_of_life || line.at - offset > record->since)
            watch_hear_line(watch->process, line.text);
    }
}
