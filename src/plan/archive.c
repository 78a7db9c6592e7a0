// SPDX-License-Identifier: MIT
// Numbers are 64 bits wide and texts have their size in front. One list of fields serves both ways,
// so that what is written is what is read.
#include "plan/archive.h"

#include "base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARCHIVE_VERSION = 8 };

// Either `out` is written or `rest` is read into `arena`.
struct passage {
    struct buffer *out;
    struct str rest;
    struct arena *arena;
    int result; // of reading
};

static void pass_bytes(struct passage *passage, void *bytes, size_t size)
{
    if (passage->out) {
        buffer_append(passage->out, bytes, size);
    } else if (passage->result == 0 && passage->rest.size >= size) {
        memcpy(bytes, passage->rest.bytes, size);
        passage->rest = str_slice(passage->rest, size, passage->rest.size);
    } else if (passage->result == 0) {
        passage->result = -EPROTO;
    }
}

static int64_t pass_number(struct passage *passage, int64_t value)
{
    pass_bytes(passage, &value, sizeof(value));
    return value;
}

static void pass_unsigned(struct passage *passage, unsigned *value)
{
    *value = (unsigned)pass_number(passage, *value);
}

static void pass_bool(struct passage *passage, bool *value)
{
    *value = pass_number(passage, *value) != 0;
}

static void pass_text(struct passage *passage, struct str *text)
{
    size_t size = (size_t)pass_number(passage, (int64_t)text->size);
    if (passage->out) {
        buffer_append_str(passage->out, *text);
        return;
    }
    if (passage->result == 0 && size > passage->rest.size)
        passage->result = -EPROTO;
    if (passage->result < 0)
        return;
    passage->result = arena_str(passage->arena, str_slice(passage->rest, 0, size), text);
    passage->rest = str_slice(passage->rest, size, passage->rest.size);
}

// Room for `count` things of `size` bytes, when reading; each takes at least a byte of the archive.
static void *pass_table(struct passage *passage, const void *table, size_t count, size_t size)
{
    if (passage->out)
        return (void *)(size_t)table;
    if (passage->result == 0 && count > passage->rest.size)
        passage->result = -EPROTO;
    void *memory = passage->result == 0 ? arena_alloc(passage->arena, count * size) : NULL;
    if (!memory && passage->result == 0)
        passage->result = -ENOMEM;
    return memory;
}

static void pass_environment(struct passage *passage, struct environment *environment)
{
    environment->count = (size_t)pass_number(passage, (int64_t)environment->count);
    struct variable *variables =
        pass_table(passage, environment->variables, environment->count, sizeof(*variables));
    environment->variables = variables;
    for (size_t i = 0; variables && i < environment->count && passage->result == 0; i++) {
        pass_text(passage, &variables[i].name);
        pass_text(passage, &variables[i].value);
    }
}

static void pass_policy(struct passage *passage, struct process_policy *policy)
{
    policy->restart = (enum restart_mode)pass_number(passage, policy->restart);
    policy->backoff_base = pass_number(passage, policy->backoff_base);
    policy->backoff_max = pass_number(passage, policy->backoff_max);
    policy->backoff_reset = pass_number(passage, policy->backoff_reset);
    policy->stop_signal = (int)pass_number(passage, policy->stop_signal);
    policy->stop_grace = pass_number(passage, policy->stop_grace);
    pass_bool(passage, &policy->waits_for_ready);
    policy->boot_limit = pass_number(passage, policy->boot_limit);
    policy->watchdog = pass_number(passage, policy->watchdog);
    pass_unsigned(passage, &policy->roll_surge);
    pass_unsigned(passage, &policy->roll_max_unavailable);
}

static void pass_probe(struct passage *passage, struct probe *probe)
{
    probe->kind = (enum probe_kind)pass_number(passage, probe->kind);
    if (probe->kind > PROBE_NOTIFY && passage->result == 0)
        passage->result = -EPROTO;
    pass_unsigned(passage, &probe->port);
    pass_text(passage, &probe->text);
    probe->interval = pass_number(passage, probe->interval);
    probe->timeout = pass_number(passage, probe->timeout);
    pass_unsigned(passage, &probe->failures);
}

static void pass_origin(struct passage *passage, struct origin *origin)
{
    pass_text(passage, &origin->file);
    pass_unsigned(passage, &origin->line);
    pass_unsigned(passage, &origin->column);
}

static void pass_size(struct passage *passage, uint64_t *value)
{
    *value = (uint64_t)pass_number(passage, (int64_t)*value);
}

static void pass_after(struct passage *passage, struct process_type *type, size_t type_count)
{
    type->after_count = (size_t)pass_number(passage, (int64_t)type->after_count);
    uint16_t *after = pass_table(passage, type->after, type->after_count, sizeof(*after));
    for (size_t i = 0; after && i < type->after_count && passage->result == 0; i++) {
        int64_t index = pass_number(passage, passage->out ? after[i] : 0);
        if ((index < 0 || (size_t)index >= type_count) && passage->result == 0)
            passage->result = -EPROTO;
        if (!passage->out)
            after[i] = (uint16_t)index;
    }
    type->after = after;
}

static void pass_account(struct passage *passage, struct account *account)
{
    pass_text(passage, &account->name);
    pass_text(passage, &account->home);
    pass_text(passage, &account->shell);
    account->uid = (uint32_t)pass_number(passage, account->uid);
    account->gid = (uint32_t)pass_number(passage, account->gid);
    account->group_count = (size_t)pass_number(passage, (int64_t)account->group_count);
    if (account->group_count > LIMIT_USER_GROUPS && passage->result == 0)
        passage->result = -EPROTO;
    uint32_t *groups = pass_table(passage, account->groups, account->group_count, sizeof(*groups));
    account->groups = groups;
    for (size_t i = 0; groups && i < account->group_count && passage->result == 0; i++) {
        int64_t group = pass_number(passage, passage->out ? groups[i] : 0);
        if (!passage->out)
            groups[i] = (uint32_t)group;
    }
}

static void pass_rights(struct passage *passage, struct rights *rights)
{
    pass_text(passage, &rights->user);
    pass_text(passage, &rights->group);
    pass_bool(passage, &rights->has_account);
    pass_account(passage, &rights->account);
    pass_bool(passage, &rights->has_umask);
    pass_unsigned(passage, &rights->umask);
    pass_bool(passage, &rights->has_nice);
    rights->nice = (int)pass_number(passage, rights->nice);
    for (int i = 0; i < RIGHTS_LIMITS; i++) {
        struct rights_limit_value *limit = &rights->limits[i];
        pass_bool(passage, &limit->is_set);
        limit->value = (uint64_t)pass_number(passage, (int64_t)limit->value);
    }
    pass_bool(passage, &rights->no_new_privs);
    pass_bool(passage, &rights->has_capabilities);
    rights->capabilities = (uint64_t)pass_number(passage, (int64_t)rights->capabilities);
    rights->capabilities_given =
        (uint64_t)pass_number(passage, (int64_t)rights->capabilities_given);
    pass_bool(passage, &rights->private_tmp);
}

static void pass_confinement(struct passage *passage, struct confinement *confinement)
{
    pass_size(passage, &confinement->tree.memory_bytes);
    pass_size(passage, &confinement->tree.cpu_thousandths);
    pass_size(passage, &confinement->tree.processes);
    pass_origin(passage, &confinement->tree.origin);
    pass_rights(passage, &confinement->rights);
}

static void pass_sockets(struct passage *passage, struct wanted_sockets *sockets)
{
    pass_bool(passage, &sockets->are_all);
    sockets->name_count = (size_t)pass_number(passage, (int64_t)sockets->name_count);
    struct str *names = pass_table(passage, sockets->names, sockets->name_count, sizeof(*names));
    sockets->names = names;
    for (size_t i = 0; names && i < sockets->name_count && passage->result == 0; i++)
        pass_text(passage, &names[i]);
}

static void pass_limited(struct passage *passage, unsigned *value, unsigned most)
{
    pass_unsigned(passage, value);
    if (*value > most && passage->result == 0)
        passage->result = -EPROTO;
}

#define PASS_ENUM(passage, field, type, last)                                                      \
    do {                                                                                           \
        unsigned value = (unsigned)(field);                                                        \
        pass_limited(passage, &value, last);                                                       \
        (field) = (type)value;                                                                     \
    } while (0)

static void pass_scale(struct passage *passage, struct plan_scale *scale)
{
    pass_bool(passage, &scale->is_set);
    if (!scale->is_set)
        return;
    PASS_ENUM(passage, scale->signal, enum scale_signal, SCALE_COMMAND);
    pass_limited(passage, &scale->min, LIMIT_QUANTITY);
    pass_limited(passage, &scale->max, LIMIT_QUANTITY);
    pass_size(passage, &scale->target);
    pass_unsigned(passage, &scale->tolerance_percent);
    scale->idle = pass_number(passage, scale->idle);
    scale->window = pass_number(passage, scale->window);
    pass_limited(passage, &scale->rate, LIMIT_QUANTITY);
    bool is_divisible = scale->rate > 0 && (scale->target > 0 || scale->signal == SCALE_NONE);
    if (!is_divisible && passage->result == 0)
        passage->result = -EPROTO;
    pass_text(passage, &scale->command);
    scale->interval = pass_number(passage, scale->interval);
    scale->timeout = pass_number(passage, scale->timeout);
    pass_origin(passage, &scale->origin);
    scale->span_count = (size_t)pass_number(passage, (int64_t)scale->span_count);
    if (scale->span_count > LIMIT_SCALE_SPANS && passage->result == 0)
        passage->result = -EPROTO;
    struct scale_span *spans = pass_table(passage, scale->spans, scale->span_count, sizeof(*spans));
    scale->spans = spans;
    for (size_t i = 0; spans && i < scale->span_count && passage->result == 0; i++) {
        struct scale_span span = passage->out ? spans[i] : (struct scale_span){.days = 0};
        pass_unsigned(passage, &span.days);
        pass_unsigned(passage, &span.from);
        pass_unsigned(passage, &span.to);
        pass_limited(passage, &span.quantity, LIMIT_QUANTITY);
        if (!passage->out)
            spans[i] = span;
    }
}

static void pass_listener(struct passage *passage, struct listener *listener)
{
    PASS_ENUM(passage, listener->family, enum listener_family, LISTENER_UNIX);
    pass_bytes(passage, listener->host, sizeof(listener->host));
    pass_limited(passage, &listener->port, UINT16_MAX);
    pass_text(passage, &listener->path);
    pass_text(passage, &listener->name);
    pass_text(passage, &listener->variable);
    pass_unsigned(passage, &listener->backlog);
    pass_bool(passage, &listener->has_mode);
    pass_limited(passage, &listener->mode, 0777);
    pass_bool(passage, &listener->has_uid);
    pass_bool(passage, &listener->has_gid);
    listener->uid = (uint32_t)pass_number(passage, listener->uid);
    listener->gid = (uint32_t)pass_number(passage, listener->gid);
    pass_origin(passage, &listener->origin);
}

static void pass_listening(struct passage *passage, struct listening *listening)
{
    PASS_ENUM(passage, listening->share, enum listener_share, LISTENER_ROUTE);
    listening->count = (size_t)pass_number(passage, (int64_t)listening->count);
    if (listening->count > LIMIT_TYPE_LISTENERS && passage->result == 0)
        passage->result = -EPROTO;
    struct listener *items =
        pass_table(passage, listening->items, listening->count, sizeof(*items));
    listening->items = items;
    for (size_t i = 0; items && i < listening->count && passage->result == 0; i++) {
        struct listener listener = {.path = str_of("")};
        if (passage->out)
            listener = items[i];
        pass_listener(passage, &listener);
        if (!passage->out)
            items[i] = listener;
    }
}

static void pass_type(struct passage *passage, struct process_type *type, size_t type_count)
{
    pass_text(passage, &type->name);
    pass_text(passage, &type->command);
    pass_origin(passage, &type->origin);
    pass_unsigned(passage, &type->quantity);
    pass_unsigned(passage, &type->declared);
    pass_unsigned(passage, &type->revision);
    pass_unsigned(passage, &type->port_index);
    pass_bool(passage, &type->tty);
    pass_bool(passage, &type->is_gone);
    pass_text(passage, &type->directory);
    pass_environment(passage, &type->environment);
    pass_policy(passage, &type->policy);
    pass_confinement(passage, &type->confinement);
    pass_sockets(passage, &type->sockets);
    pass_scale(passage, &type->scale);
    pass_bool(passage, &type->is_fixed);
    pass_bool(passage, &type->declared_is_fixed);
    pass_listening(passage, &type->listening);
    pass_probe(passage, &type->ready);
    pass_probe(passage, &type->alive);
    pass_after(passage, type, type_count);
}

static void pass_rotation(struct passage *passage, struct sink_rotation *rotation)
{
    pass_size(passage, &rotation->size_bytes);
    rotation->age = pass_number(passage, rotation->age);
    pass_limited(passage, &rotation->keep_count, LIMIT_ROTATED_FILES);
    pass_size(passage, &rotation->total_bytes);
    pass_bool(passage, &rotation->compress);
}

static void pass_sink(struct passage *passage, struct plan_sink *sink)
{
    PASS_ENUM(passage, sink->kind, enum sink_kind, SINK_JOURNALD);
    pass_origin(passage, &sink->origin);
    pass_text(passage, &sink->target);
    sink->pattern_count = (size_t)pass_number(passage, (int64_t)sink->pattern_count);
    if (sink->pattern_count > LIMIT_SINK_PATTERNS && passage->result == 0)
        passage->result = -EPROTO;
    struct str *patterns =
        pass_table(passage, sink->patterns, sink->pattern_count, sizeof(*patterns));
    sink->patterns = patterns;
    for (size_t i = 0; patterns && i < sink->pattern_count && passage->result == 0; i++)
        pass_text(passage, &patterns[i]);
    PASS_ENUM(passage, sink->stream, enum sink_stream, SINK_STDERR);
    PASS_ENUM(passage, sink->policy, enum sink_policy, SINK_DROP);
    PASS_ENUM(passage, sink->format, enum sink_format, SINK_HEROKU);
    pass_rotation(passage, &sink->rotation);
    pass_limited(passage, &sink->file_mode, 0777);
    PASS_ENUM(passage, sink->address, enum sink_address, SINK_TCP);
    pass_limited(passage, &sink->port, UINT16_MAX);
    pass_limited(passage, &sink->facility, SINK_FACILITIES - 1);
}

static void pass_sinks(struct passage *passage, struct plan *plan)
{
    plan->sink_count = (size_t)pass_number(passage, (int64_t)plan->sink_count);
    if (plan->sink_count > LIMIT_SINKS && passage->result == 0)
        passage->result = -EPROTO;
    struct plan_sink *sinks = pass_table(passage, plan->sinks, plan->sink_count, sizeof(*sinks));
    plan->sinks = sinks;
    for (size_t i = 0; sinks && i < plan->sink_count && passage->result == 0; i++)
        pass_sink(passage, &sinks[i]);
}

static void pass_plan(struct passage *passage, struct plan *plan)
{
    if (pass_number(passage, ARCHIVE_VERSION) != ARCHIVE_VERSION && passage->result == 0)
        passage->result = -EPROTO;
    pass_text(passage, &plan->app);
    pass_text(passage, &plan->root);
    pass_bool(passage, &plan->has_port);
    pass_unsigned(passage, &plan->port_base);
    pass_bool(passage, &plan->ends_at_first_exit);
    pass_bool(passage, &plan->expands_like_foreman);
    pass_environment(passage, &plan->environment);
    plan->type_count = (size_t)pass_number(passage, (int64_t)plan->type_count);
    if (plan->type_count > LIMIT_TYPES && passage->result == 0)
        passage->result = -EPROTO;
    struct process_type *types = pass_table(passage, plan->types, plan->type_count, sizeof(*types));
    plan->types = types;
    for (size_t i = 0; types && i < plan->type_count && passage->result == 0; i++)
        pass_type(passage, &types[i], plan->type_count);
    pass_sinks(passage, plan);
}

void archive_write(const struct plan *plan, struct buffer *out)
{
    struct passage passage = {.out = out};
    struct plan copy = *plan; // written back what it was; its tables are only read
    pass_plan(&passage, &copy);
}

int archive_read(struct str bytes, struct plan **out)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return -ENOMEM;
    struct passage passage = {.rest = bytes, .arena = &plan->arena};
    pass_plan(&passage, plan);
    if (passage.result == 0 && passage.rest.size > 0)
        passage.result = -EPROTO;
    if (passage.result < 0) {
        plan_free(plan);
        return passage.result;
    }
    *out = plan;
    return 0;
}

int archive_copy(const struct plan *plan, struct plan **out)
{
    struct buffer bytes = {0};
    archive_write(plan, &bytes);
    int result = bytes.failed ? -ENOMEM : archive_read(buffer_str(&bytes), out);
    buffer_fini(&bytes);
    return result;
}
