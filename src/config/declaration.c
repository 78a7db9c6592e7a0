// SPDX-License-Identifier: MIT
// The schema is the tables of this file and of probe.c; each line of them names a key, and the
// reader above it that checks the value. A reader reports and goes on, so that all mistakes of a
// file show at once.
#include "config/declaration.h"

#include "base/limits.h"
#include "base/signal_name.h"
#include "config/declaration_limits.h"
#include "config/dotenv_value.h"
#include "config/procfile.h"
#include "config/yaml.h"

#include <errno.h>

static void read_app(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct str app = str_of("");
    yaml_read_text(reader, node, &app);
    if (app.size > LIMIT_NAME_BYTES)
        diagnostics_error(reader->diagnostics, node->origin,
                          "a name of %zu bytes: at most %d are allowed", app.size,
                          LIMIT_NAME_BYTES);
    else
        *(struct str *)out = app;
}

static void read_port(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declaration *declaration = out;
    declaration->port_origin = node->origin;
    declaration->has_port = yaml_read_number(reader, node, 1, 65535, &declaration->port);
}

static void read_env_files(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declaration *declaration = out;
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    struct str *files = arena_alloc(reader->arena, count * sizeof(*files));
    if (!files) {
        reader->no_memory = true;
        return;
    }
    size_t used = 0;
    for (const struct yaml_node *file = is_list ? node->first : node; file;
         file = is_list ? file->next : NULL) {
        yaml_read_text(reader, file, &files[used]);
        used += files[used].size > 0;
    }
    declaration->has_env_files = true;
    declaration->env_files = files;
    declaration->env_file_count = used;
}

static void read_quantity(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_type *type = out;
    type->has_quantity = yaml_read_number(reader, node, 0, LIMIT_QUANTITY, &type->quantity);
}

static void read_process_count(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    yaml_read_number(reader, node, 0, LIMIT_QUANTITY, out);
}

static void read_command(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_type *type = out;
    type->command_origin = node->origin;
    yaml_read_text(reader, node, &type->command);
    if (type->command.size >= LIMIT_ARGUMENT_BYTES)
        diagnostics_error(reader->diagnostics, node->origin,
                          "a command of %zu bytes: the kernel takes fewer than %d, put it into a "
                          "script",
                          type->command.size, LIMIT_ARGUMENT_BYTES);
}

static void read_restart(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const char *const names[] = {
        [RESTART_ALWAYS] = "always",
        [RESTART_ON_FAILURE] = "on-failure",
        [RESTART_NEVER] = "never",
    };
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (str_is(node->text, names[i])) {
            *(enum restart_mode *)out = (enum restart_mode)i;
            return;
        }
    }
    diagnostics_error(reader->diagnostics, node->origin,
                      "'restart' takes always, on-failure or never, not '%.*s'",
                      STR_ARGS(str_excerpt(node->text)));
}

static void read_signal(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    int number = signal_number(node->text);
    if (number)
        *(int *)out = number;
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' is no signal: write TERM, INT, QUIT, HUP, USR1 or another of "
                          "signal(7)",
                          STR_ARGS(str_excerpt(node->text)));
}

static bool read_variable(struct yaml_reader *reader, const struct yaml_node *node,
                          struct variable *out)
{
    struct str name = node->key->text;
    if (name.size == 0 || dotenv_name_size(name) < name.size) {
        diagnostics_error(reader->diagnostics, node->key->origin,
                          "a variable's name has only letters, digits and '_': '%.*s' cannot be "
                          "one",
                          STR_ARGS(str_excerpt(name)));
        return false;
    }
    if (!yaml_is_null(node) && !yaml_expect(reader, node, YAML_TEXT))
        return false;
    if (name.size + node->text.size + sizeof("=") > LIMIT_ARGUMENT_BYTES) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' has %zu bytes: the kernel takes fewer than %d for a variable",
                          STR_ARGS(str_excerpt(name)), node->text.size, LIMIT_ARGUMENT_BYTES);
        return false;
    }
    if (dotenv_is_notify_name(name))
        diagnostics_warn(reader->diagnostics, node->key->origin,
                         "'%.*s' is set by the formation itself for whom 'ready: {notify: true}' "
                         "or 'watchdog' is said: leave it out",
                         STR_ARGS(name));
    if (str_is(name, "PORT") || str_is(name, "PS"))
        diagnostics_warn(reader->diagnostics, node->key->origin,
                         "'%.*s' is set for each process by the formation itself: use 'port' for "
                         "the base, or --no-port",
                         STR_ARGS(name));
    out->name = name;
    out->value = yaml_is_null(node) ? str_of("") : node->text;
    return true;
}

static void read_environment(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    if (!yaml_expect(reader, node, YAML_MAP))
        return;
    struct variable *variables = arena_alloc(reader->arena, node->count * sizeof(*variables));
    if (!variables) {
        reader->no_memory = true;
        return;
    }
    size_t count = 0;
    for (const struct yaml_node *value = node->first; value; value = value->next)
        count += read_variable(reader, value, &variables[count]);
    *(struct environment *)out = (struct environment){variables, count};
}

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void read_backoff(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"base", yaml_read_duration, offsetof(struct process_policy, backoff_base)},
        {"max", yaml_read_duration, offsetof(struct process_policy, backoff_max)},
        {"reset", yaml_read_duration, offsetof(struct process_policy, backoff_reset)},
    };
    struct process_policy *policy = out;
    yaml_read_fields(reader, node, fields, COUNT(fields), policy);
    if (policy->backoff_base < NSEC_PER_MSEC)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'base' is less than 1ms: a process that crashes at once would use a "
                          "whole processor");
    else if (policy->backoff_max < policy->backoff_base)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'max' is less than 'base' (%lld ms and %lld ms)",
                          (long long)(policy->backoff_max / NSEC_PER_MSEC),
                          (long long)(policy->backoff_base / NSEC_PER_MSEC));
}

static void read_stop(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"signal", read_signal, offsetof(struct process_policy, stop_signal)},
        {"grace", yaml_read_duration, offsetof(struct process_policy, stop_grace)},
    };
    yaml_read_fields(reader, node, fields, COUNT(fields), out);
}

static void read_roll(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"max_unavailable", read_process_count,
         offsetof(struct process_policy, roll_max_unavailable)},
        {"surge", read_process_count, offsetof(struct process_policy, roll_surge)},
    };
    struct declared_type *type = out;
    struct process_policy *policy = &type->policy;
    type->has_roll = true;
    yaml_read_fields(reader, node, fields, COUNT(fields), policy);
    if (policy->roll_surge == 0 && policy->roll_max_unavailable == 0)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'surge' and 'max_unavailable' are both 0: no process could be replaced");
}

static void read_boot(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_type *type = out;
    type->boot_origin = node->key->origin;
    probe_read_period(reader, node, &type->policy.boot_limit);
}

// One name or a list of them. Whether they are types is known once the Procfile is.
static void read_after(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_type *type = out;
    declaration_read_names(reader, node, LIMIT_TYPES, "process types", &type->after,
                           &type->after_count);
}

static void read_limits(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"core", confine_read_limit, offsetof(struct declared_type, rights)},
        {"cpu", limits_read_cpu, offsetof(struct declared_type, tree.cpu_thousandths)},
        {"file_size", confine_read_limit, offsetof(struct declared_type, rights)},
        {"files", confine_read_limit, offsetof(struct declared_type, rights)},
        {"locked_memory", confine_read_limit, offsetof(struct declared_type, rights)},
        {"memory", limits_read_memory, offsetof(struct declared_type, tree.memory_bytes)},
        {"processes", limits_read_processes, offsetof(struct declared_type, tree.processes)},
        {"stack", confine_read_limit, offsetof(struct declared_type, rights)},
    };
    struct declared_type *type = out;
    type->tree.origin = node->key->origin;
    yaml_read_fields(reader, node, fields, COUNT(fields), type);
}

// `true` or `inherited`: all that there are; or names.
static void read_sockets(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_type *type = out;
    type->sockets_origin = node->key->origin;
    if (node->kind == YAML_TEXT &&
        (str_is(node->text, "true") || str_is(node->text, "inherited"))) {
        type->has_all_sockets = true;
        return;
    }
    if ((node->kind == YAML_TEXT && str_is(node->text, "false")) ||
        !declaration_read_names(reader, node, LIMIT_SOCKETS, "sockets", &type->sockets,
                                &type->socket_count))
        return;
    for (size_t i = 0; i < type->socket_count; i++)
        if (!declaration_is_socket_name(type->sockets[i].name))
            diagnostics_error(
                reader->diagnostics, type->sockets[i].origin,
                "a socket's name has 1 to %d characters, none of them ':' or a blank: "
                "'%.*s' cannot be one",
                LIMIT_SOCKET_NAME_BYTES, STR_ARGS(str_excerpt(type->sockets[i].name)));
}

// Of a port that all have in common.
static void warn_of_shared_port(struct yaml_reader *reader, const struct declared_type *type,
                                const struct declared_probe *probe)
{
    enum probe_kind kind = probe->probe.kind;
    if ((kind == PROBE_TCP || kind == PROBE_HTTP) && probe->probe.port == 0)
        diagnostics_warn(reader->diagnostics, probe->origin,
                         "PORT is what all processes of '%.*s' share, so another one may answer: "
                         "'notify', 'log' or 'exec' tell of this one",
                         STR_ARGS(type->name));
}

// With a port that is shared a second process needs no second port: so the new one comes first.
static void finish_listening(struct yaml_reader *reader, struct declared_type *type)
{
    declaration_listen_finish(reader, &type->listening, type->name);
    if (type->listening.count == 0 || type->listening.share == LISTENER_ROUTE)
        return;
    if (!type->has_roll) {
        type->policy.roll_surge = 1;
        type->policy.roll_max_unavailable = 0;
    }
    for (size_t i = 0; i < type->listening.count; i++) {
        if (type->listening.items[i].listener.family == LISTENER_UNIX)
            continue;
        warn_of_shared_port(reader, type, &type->ready);
        warn_of_shared_port(reader, type, &type->alive);
        return;
    }
}

static void read_type(struct yaml_reader *reader, const struct yaml_node *node,
                      struct declared_type *out)
{
    static const struct yaml_field fields[] = {
        {"after", read_after, 0},
        {"alive", probe_read_alive, offsetof(struct declared_type, alive)},
        {"backoff", read_backoff, offsetof(struct declared_type, policy)},
        {"boot", read_boot, 0},
        {"capabilities", confine_read_capabilities, offsetof(struct declared_type, rights)},
        {"command", read_command, 0},
        {"directory", yaml_read_text, offsetof(struct declared_type, directory)},
        {"env", read_environment, offsetof(struct declared_type, environment)},
        {"group", confine_read_group, offsetof(struct declared_type, rights)},
        {"limits", read_limits, 0},
        {"listen", declaration_read_listen, offsetof(struct declared_type, listening)},
        {"nice", confine_read_nice, offsetof(struct declared_type, rights)},
        {"no_new_privs", confine_read_no_new_privs, offsetof(struct declared_type, rights)},
        {"private_tmp", confine_read_private_tmp, offsetof(struct declared_type, rights)},
        {"quantity", read_quantity, 0},
        {"ready", probe_read_ready, offsetof(struct declared_type, ready)},
        {"restart", read_restart, offsetof(struct declared_type, policy.restart)},
        {"roll", read_roll, 0},
        {"scale", declaration_read_scale, offsetof(struct declared_type, scale)},
        {"share", declaration_read_share, offsetof(struct declared_type, listening)},
        {"sockets", read_sockets, 0},
        {"stop", read_stop, offsetof(struct declared_type, policy)},
        {"tty", yaml_read_bool, offsetof(struct declared_type, tty)},
        {"umask", confine_read_umask, offsetof(struct declared_type, rights)},
        {"user", confine_read_user, offsetof(struct declared_type, rights)},
        {"watchdog", probe_read_period, offsetof(struct declared_type, policy.watchdog)},
    };
    *out = (struct declared_type){
        .name = node->key->text,
        .origin = node->key->origin,
        .command = str_of(""),
        .policy = plan_default_policy(),
        .directory = str_of(""),
        .ready.probe.text = str_of(""),
        .alive.probe.text = str_of(""),
    };
    declared_rights_init(&out->rights);
    if (!procfile_is_name(out->name))
        diagnostics_error(reader->diagnostics, out->origin,
                          "a process type's name has 1 to %d letters, digits, '-' and '_': '%.*s' "
                          "cannot be one",
                          LIMIT_NAME_BYTES, STR_ARGS(str_excerpt(out->name)));
    yaml_read_fields(reader, node, fields, COUNT(fields), out);
    if (out->scale.is_set && out->has_quantity)
        diagnostics_error(reader->diagnostics, out->scale.origin,
                          "'quantity' and 'scale': only one of them can decide");
    finish_listening(reader, out);
    out->policy.waits_for_ready = out->ready.probe.kind != PROBE_NONE;
    if (out->boot_origin.line > 0 && out->ready.origin.line == 0)
        diagnostics_warn(reader->diagnostics, out->boot_origin,
                         "'boot' means nothing without 'ready': the process is ready as soon as "
                         "it runs");
}

static void read_processes(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declaration *declaration = out;
    if (!yaml_expect(reader, node, YAML_MAP))
        return;
    if (node->count > LIMIT_TYPES) {
        diagnostics_error(reader->diagnostics, node->origin, "more than %d process types",
                          LIMIT_TYPES);
        return;
    }
    declaration->types = arena_alloc(reader->arena, node->count * sizeof(*declaration->types));
    if (!declaration->types) {
        reader->no_memory = true;
        return;
    }
    for (const struct yaml_node *node_of = node->first; node_of; node_of = node_of->next) {
        struct declared_type *type = &declaration->types[declaration->type_count++];
        read_type(reader, node_of, type);
        for (const struct declared_type *before = declaration->types; before < type; before++)
            declaration_listen_compare(reader, &before->listening, &type->listening);
    }
}

int declaration_parse(struct str text, const char *file, struct arena *arena,
                      struct declaration *out, struct diagnostics *diagnostics)
{
    static const struct yaml_field fields[] = {
        {"app", read_app, offsetof(struct declaration, app)},
        {"env", read_env_files, 0},
        {"logs", declaration_read_logs, offsetof(struct declaration, logs)},
        {"port", read_port, 0},
        {"processes", read_processes, 0},
    };
    struct yaml_reader reader = {.arena = arena, .diagnostics = diagnostics};
    struct declaration declaration = {.app = str_of("")};
    struct yaml_node *root;
    if (yaml_parse(text, file, arena, &root, diagnostics) != 0)
        return -ENOMEM;
    if (root)
        yaml_read_fields(&reader, root, fields, COUNT(fields), &declaration);
    if (reader.no_memory)
        return -ENOMEM;
    *out = declaration;
    return 0;
}
