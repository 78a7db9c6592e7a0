// SPDX-License-Identifier: MIT
// Nothing of this outlives a manager: the next one begins with the quantity in force, as if nothing
// had been asked for since, which demand_begin() makes safe.
#include "manager/scaling.h"

#include "manager/serve.h"
#include "manager/state.h"
#include "os/clock.h"
#include "os/usage.h"
#include "plan/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_AGAIN_AFTER NSEC_PER_SEC          // there was no memory
#define MEASURE_AGAIN_AFTER (5 * NSEC_PER_SEC) // processors and memory; shorter peaks are noise

const struct scaling *scaling_of(const struct manager *manager, unsigned type)
{
    return manager->scalings[type];
}

static const struct process_type *type_of(const struct scaling *scaling)
{
    return &scaling->manager->plan->types[scaling->type];
}

static nsec_t earlier(nsec_t a, nsec_t b)
{
    return a < b ? a : b;
}

// --- what is seen
// ---------------------------------------------------------------------------------

// Once when it begins and once when it is over: who looks at the output is not to be flooded.
static void tell_trouble(struct scaling *scaling, const char *trouble)
{
    const struct process_type *type = type_of(scaling);
    bool has_trouble = trouble[0] != '\0';
    struct buffer text = {0};
    if (has_trouble == scaling->has_trouble)
        return;
    scaling->has_trouble = has_trouble;
    if (has_trouble)
        buffer_append_format(&text,
                             "%.*s: the demand is unknown, and %u stay: the command '%.*s' %s",
                             STR_ARGS(type->name), type->quantity,
                             STR_ARGS(str_excerpt(type->scale.command)), trouble);
    else
        buffer_append_format(&text, "%.*s: the demand is known again", STR_ARGS(type->name));
    if (!text.failed)
        show_system(&scaling->manager->show, buffer_str(&text));
    buffer_fini(&text);
}

static void on_meter(struct meter *meter)
{
    struct scaling *scaling = loop_owner(meter, struct scaling, meter);
    bool is_known = meter->trouble[0] == '\0';
    bool is_meant = scaling->is_on && !meter->is_unwanted;
    scaling->measure_at = scaling->decide_at = 0;
    if (!is_meant)
        return;
    scaling->measure_at = clock_now() + type_of(scaling)->scale.interval;
    scaling->value = is_known ? meter->value : DEMAND_UNKNOWN;
    tell_trouble(scaling, meter->trouble);
}

static bool make_samples(struct scaling *scaling)
{
    unsigned count = type_of(scaling)->scale.max + 1;
    if (scaling->samples && scaling->sample_count >= count)
        return true;
    free(scaling->samples);
    scaling->samples = calloc(count, sizeof(*scaling->samples));
    scaling->sample_count = scaling->samples ? count : 0;
    return scaling->samples;
}

// What it has used since it was looked at last; false: it was not, or there are no samples.
static bool sample_cpu(struct scaling *scaling, const struct process_record *record, nsec_t cpu,
                       nsec_t *out)
{
    if (record->id.number >= scaling->sample_count)
        return false;
    struct scaling_sample *sample = &scaling->samples[record->id.number];
    bool is_same = sample->pid == record->pid;
    *out = is_same && cpu > sample->cpu ? cpu - sample->cpu : 0;
    *sample = (struct scaling_sample){record->pid, cpu};
    return is_same;
}

// Of those that are ready. Unknown as long as no processor's time can be compared.
static void measure(struct scaling *scaling, nsec_t now)
{
    struct manager *manager = scaling->manager;
    const struct plan_scale *scale = &type_of(scaling)->scale;
    const struct tree *tree = branch_tree(manager);
    nsec_t spent = 0;
    uint64_t memory_bytes = 0;
    bool is_known = scale->signal == SCALE_MEMORY;
    if (scale->signal == SCALE_CPU && !make_samples(scaling))
        return;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        const struct process *process = process_of(manager, slot);
        struct usage usage;
        nsec_t cpu;
        if (record->id.type != scaling->type || record->state != PROCESS_READY || !process)
            continue;
        usage_read(tree, process->name, record->pid, &usage);
        memory_bytes += usage.memory_bytes;
        if (scale->signal == SCALE_CPU && sample_cpu(scaling, record, usage.cpu, &cpu)) {
            spent += cpu;
            is_known = true;
        }
    }
    nsec_t elapsed = now - scaling->sampled_at;
    scaling->sampled_at = now;
    scaling->value = DEMAND_UNKNOWN;
    if (is_known && scale->signal == SCALE_MEMORY)
        scaling->value = memory_bytes;
    else if (is_known && elapsed > 0)
        scaling->value = (uint64_t)(spent / (elapsed / 1000 + 1));
}

static void look(struct scaling *scaling, nsec_t now)
{
    const struct process_type *type = type_of(scaling);
    meter_work(&scaling->meter, now);
    if (scaling->measure_at > now)
        return;
    switch (type->scale.signal) {
    case SCALE_NONE:
    case SCALE_CONNECTIONS: // nobody listens for a type yet
    case SCALE_BACKLOG:
        scaling->measure_at = NSEC_NEVER;
        break;
    case SCALE_CPU:
    case SCALE_MEMORY:
        measure(scaling, now);
        scaling->measure_at = now + MEASURE_AGAIN_AFTER;
        scaling->decide_at = 0;
        break;
    case SCALE_COMMAND:
        scaling->measure_at = NSEC_NEVER; // on_meter() knows when
        if (!scaling->meter.is_running)
            meter_begin(&scaling->meter, type);
        break;
    }
}

// --- what is wanted
// -------------------------------------------------------------------------------

// *next is when the schedule may say something else.
static unsigned least_now(const struct plan_scale *scale, nsec_t now, nsec_t *next)
{
    struct tm local = {0};
    time_t seconds = time(NULL);
    *next = NSEC_NEVER;
    if (scale->span_count == 0 || !localtime_r(&seconds, &local))
        return scale->min;
    *next = now + (local.tm_sec < 60 ? 60 - local.tm_sec : 1) * NSEC_PER_SEC;
    return scale_least(scale, (unsigned)local.tm_wday,
                       (unsigned)(local.tm_hour * 60 + local.tm_min));
}

static void count_processes(const struct scaling *scaling, struct demand_observation *out)
{
    const struct supervisor *supervisor = scaling->manager->supervisor;
    for (unsigned slot = 0; slot < supervisor_slot_count(supervisor); slot++) {
        const struct process_record *record = supervisor_process(supervisor, slot);
        if (record->id.type != scaling->type || !(record->flags & RECORD_WANTED))
            continue;
        out->ready += record->state == PROCESS_READY;
        out->starting += record->state == PROCESS_STARTING || record->state == PROCESS_RUNNING;
    }
}

// Whether another quantity is wanted; false, too, when it is not time to decide.
static bool decide(struct scaling *scaling, nsec_t now)
{
    const struct plan_scale *scale = &type_of(scaling)->scale;
    nsec_t minute;
    struct demand_observation seen = {
        .now = now,
        .value = scaling->value,
        .backlog = DEMAND_UNKNOWN,
        .least = least_now(scale, now, &minute),
    };
    if (scaling->decide_at > now)
        return false;
    count_processes(scaling, &seen);
    demand_decide(&scaling->state, scale, &seen, &scaling->decision);
    scaling->decide_at = earlier(scaling->decision.wake_at, minute);
    return scaling->decision.wanted != type_of(scaling)->quantity;
}

static void begin(struct scaling *scaling, nsec_t now)
{
    const struct process_type *type = type_of(scaling);
    scaling->is_on = true;
    scaling->value = DEMAND_UNKNOWN;
    scaling->has_trouble = false;
    scaling->measure_at = scaling->decide_at = 0;
    demand_begin(&scaling->state, &type->scale, now, type->quantity);
    scaling->decision = (struct demand_decision){
        .wanted = type->quantity,
        .reason = DEMAND_BEGUN,
        .value = DEMAND_UNKNOWN,
        .backlog = DEMAND_UNKNOWN,
        .wake_at = NSEC_NEVER,
    };
}

// NULL: the demand does not decide, or there is no memory to let it.
static struct scaling *follow(struct manager *manager, uint16_t type, nsec_t now)
{
    struct scaling *scaling = manager->scalings[type];
    if (!plan_type_is_auto(&manager->plan->types[type])) {
        if (scaling && scaling->is_on)
            meter_forget(&scaling->meter);
        if (scaling)
            scaling->is_on = false;
        return NULL;
    }
    if (!scaling) {
        scaling = manager->scalings[type] = calloc(1, sizeof(*scaling));
        if (!scaling)
            return NULL;
        scaling->manager = scaling->meter.manager = manager;
        scaling->type = type;
        scaling->meter.fd = -1;
        scaling->meter.news = on_meter;
    }
    if (!scaling->is_on)
        begin(scaling, now);
    return scaling;
}

// --- what is done
// ---------------------------------------------------------------------------------

static void tell_change(const struct scaling *scaling, unsigned before)
{
    const struct process_type *type = type_of(scaling);
    char why[DEMAND_TEXT_BYTES];
    struct buffer text = {0};
    buffer_append_format(&text, "%.*s: %u wanted, not %u: %s", STR_ARGS(type->name), type->quantity,
                         before, demand_text(&type->scale, &scaling->decision, why));
    if (!text.failed)
        show_system(&scaling->manager->show, buffer_str(&text));
    buffer_fini(&text);
}

// All that is wanted now is one new plan.
static bool put_in_force(struct manager *manager)
{
    struct plan *fresh;
    unsigned before[LIMIT_TYPES];
    size_t type_count = manager->plan->type_count;
    unsigned total = plan_process_count(manager->plan);
    if (archive_copy(manager->plan, &fresh) < 0)
        return false;
    for (size_t i = 0; i < type_count; i++) {
        const struct scaling *scaling = manager->scalings[i];
        unsigned *quantity = &fresh->types[i].quantity;
        before[i] = *quantity;
        if (!scaling || !scaling->is_on)
            continue;
        unsigned others = total - *quantity;
        unsigned room = others < LIMIT_PROCESSES ? LIMIT_PROCESSES - others : 0;
        unsigned wanted = scaling->decision.wanted;
        *quantity = wanted < room ? wanted : room;
        total = others + *quantity;
    }
    if (serve_adopt_plan(manager, NULL, fresh) < 0)
        return false;
    for (size_t i = 0; i < type_count; i++)
        if (manager->plan->types[i].quantity != before[i])
            tell_change(manager->scalings[i], before[i]);
    return true;
}

nsec_t scaling_due_at(const struct manager *manager)
{
    nsec_t at = NSEC_NEVER;
    if (supervisor_formation(manager->supervisor)->phase != FORMATION_RUNNING)
        return NSEC_NEVER;
    for (size_t i = 0; i < manager->plan->type_count; i++) {
        const struct scaling *scaling = manager->scalings[i];
        if (!plan_type_is_auto(&manager->plan->types[i]))
            continue;
        if (!scaling || !scaling->is_on)
            return 0;
        at = earlier(at, earlier(scaling->measure_at, scaling->decide_at));
        if (scaling->meter.is_running)
            at = earlier(at, scaling->meter.deadline);
    }
    return at;
}

void scaling_work(struct manager *manager, nsec_t now)
{
    bool has_changed = false;
    if (supervisor_formation(manager->supervisor)->phase != FORMATION_RUNNING)
        return;
    for (size_t i = 0; i < manager->plan->type_count; i++) {
        struct scaling *scaling = follow(manager, (uint16_t)i, now);
        if (!scaling)
            continue;
        look(scaling, now);
        has_changed |= decide(scaling, now);
    }
    if (!has_changed || put_in_force(manager))
        return;
    for (size_t i = 0; i < manager->plan->type_count; i++)
        if (manager->scalings[i])
            manager->scalings[i]->decide_at = now + LOOK_AGAIN_AFTER;
}

void scaling_forgive(struct manager *manager, nsec_t lost)
{
    for (size_t i = 0; i < LIMIT_TYPES; i++)
        if (manager->scalings[i])
            meter_forgive(&manager->scalings[i]->meter, lost);
}

void scaling_follow_plan(struct manager *manager)
{
    for (size_t i = 0; i < LIMIT_TYPES; i++) {
        struct scaling *scaling = manager->scalings[i];
        if (!scaling)
            continue;
        meter_forget(&scaling->meter); // its command may be another one now
        scaling->value = DEMAND_UNKNOWN;
        scaling->measure_at = scaling->decide_at = 0;
    }
}

void scaling_close(struct manager *manager)
{
    for (size_t i = 0; i < LIMIT_TYPES; i++) {
        struct scaling *scaling = manager->scalings[i];
        if (!scaling)
            continue;
        meter_close(&scaling->meter);
        free(scaling->samples);
        free(scaling);
        manager->scalings[i] = NULL;
    }
}
