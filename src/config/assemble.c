// SPDX-License-Identifier: MIT
// Types first, in the order in which they are declared (it decides about ports), then how many of
// each, then what they share. Every step goes on after an error, and the plan is thrown away at the
// end if there was one.
#include "config/assemble.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "base/name_index.h"
#include "config/order.h"
#include "config/quantity.h"
#include "config/sinks.h"

#include <errno.h>
#include <stdlib.h>

struct assembly {
    const struct plan_sources *sources;
    const struct options *options;
    struct plan *plan;
    struct arena *arena; // of the plan
    struct diagnostics *diagnostics;
};

static int copy_environment(struct arena *arena, const struct environment *from,
                            struct environment *out)
{
    struct variable *variables = arena_alloc(arena, from->count * sizeof(*variables));
    if (!variables)
        return -ENOMEM;
    for (size_t i = 0; i < from->count; i++)
        if (arena_str(arena, from->variables[i].name, &variables[i].name) != 0 ||
            arena_str(arena, from->variables[i].value, &variables[i].value) != 0)
            return -ENOMEM;
    *out = (struct environment){variables, from->count};
    return 0;
}

// An absolute path, NUL-terminated as all texts of the plan.
static int make_directory(const struct assembly *assembly, struct str directory, struct str *out)
{
    while (str_starts_with(directory, "./"))
        directory = str_slice(directory, 2, directory.size);
    if (directory.size == 0 || str_is(directory, ".")) {
        *out = assembly->plan->root;
        return 0;
    }
    if (str_starts_with(directory, "/"))
        return arena_str(assembly->arena, directory, out);
    struct buffer path = {0};
    buffer_append_str(&path, assembly->plan->root);
    if (!str_ends_with(assembly->plan->root, "/"))
        buffer_append_char(&path, '/');
    buffer_append_str(&path, directory);
    int result = path.failed ? -ENOMEM : arena_str(assembly->arena, buffer_str(&path), out);
    buffer_fini(&path);
    return result;
}

// A probe of a port needs one to be there.
static int copy_probe(const struct assembly *assembly, struct str name,
                      const struct declared_probe *declared, struct probe *out)
{
    bool needs_port = declared->probe.kind == PROBE_TCP || declared->probe.kind == PROBE_HTTP;
    if (needs_port && declared->probe.port == 0 && assembly->options->no_port)
        diagnostics_error(assembly->diagnostics, declared->origin,
                          "'%.*s' has no PORT with --no-port: write which port to connect to, as "
                          "port: 8080",
                          STR_ARGS(name));
    *out = declared->probe;
    return arena_str(assembly->arena, declared->probe.text, &out->text);
}

static int copy_sockets(struct arena *arena, const struct declared_type *declared,
                        struct wanted_sockets *out)
{
    struct str *names = arena_alloc(arena, declared->socket_count * sizeof(*names));
    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < declared->socket_count; i++)
        if (arena_str(arena, declared->sockets[i].name, &names[i]) != 0)
            return -ENOMEM;
    *out = (struct wanted_sockets){
        .are_all = declared->has_all_sockets,
        .names = names,
        .name_count = declared->socket_count,
        .origin = declared->sockets_origin,
    };
    return arena_str(arena, declared->sockets_origin.file, &out->origin.file);
}

// A path is relative to the root.
static int copy_path(const struct assembly *assembly, const struct listener *declared,
                     struct str *out)
{
    enum { MOST_PATH = LISTENER_TEXT_BYTES - 21 }; // 107
    if (declared->family != LISTENER_UNIX)
        return arena_str(assembly->arena, str_of(""), out);
    if (make_directory(assembly, declared->path, out) != 0)
        return -ENOMEM;
    if (out->size > MOST_PATH)
        diagnostics_error(assembly->diagnostics, declared->origin,
                          "'%.*s' has %zu bytes: the path of a socket has %d at most",
                          STR_ARGS(str_excerpt(*out)), out->size, MOST_PATH);
    return 0;
}

static int copy_listening(const struct assembly *assembly,
                          const struct declared_listening *declared, struct listening *out)
{
    struct listener *items = arena_alloc(assembly->arena, declared->count * sizeof(*items));
    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < declared->count; i++) {
        const struct listener *from = &declared->items[i].listener;
        items[i] = *from;
        if (copy_path(assembly, from, &items[i].path) != 0 ||
            arena_str(assembly->arena, from->name, &items[i].name) != 0 ||
            arena_str(assembly->arena, from->variable, &items[i].variable) != 0 ||
            arena_str(assembly->arena, from->origin.file, &items[i].origin.file) != 0)
            return -ENOMEM;
    }
    *out = (struct listening){declared->share, items, declared->count};
    return 0;
}

// Adds a type at the end of the plan. `declared` may be NULL.
static int add_type(struct assembly *assembly, struct str name, struct str command,
                    struct origin origin, const struct declared_type *declared)
{
    struct plan *plan = assembly->plan;
    bool runs_by_default = assembly->options->foreman || !str_is(name, "release");
    struct process_type type = {
        .origin = {.line = origin.line, .column = origin.column},
        .quantity = runs_by_default ? 1 : 0,
        .port_index = (unsigned)plan->type_count,
        .tty = assembly->options->tty || (declared && declared->tty),
        .policy = declared ? declared->policy : plan_default_policy(),
    };
    if (declared && declared->has_quantity)
        type.quantity = declared->quantity;
    if (declared && declared->scale.is_set)
        type.quantity = declared->scale.min;
    if (assembly->options->has_timeout)
        type.policy.stop_grace = assembly->options->timeout;

    if (declared)
        type.confinement.tree = declared->tree;
    if (arena_str(assembly->arena, name, &type.name) != 0 ||
        arena_str(assembly->arena, command, &type.command) != 0 ||
        arena_str(assembly->arena, origin.file, &type.origin.file) != 0 ||
        make_directory(assembly, declared ? declared->directory : str_of(""), &type.directory) != 0)
        return -ENOMEM;
    if (declared &&
        (copy_environment(assembly->arena, &declared->environment, &type.environment) != 0 ||
         arena_str(assembly->arena, declared->tree.origin.file,
                   &type.confinement.tree.origin.file) != 0 ||
         copy_sockets(assembly->arena, declared, &type.sockets) != 0 ||
         declaration_copy_scale(&declared->scale, assembly->arena, &type.scale) != 0 ||
         copy_listening(assembly, &declared->listening, &type.listening) != 0 ||
         copy_probe(assembly, name, &declared->ready, &type.ready) != 0 ||
         copy_probe(assembly, name, &declared->alive, &type.alive) != 0 ||
         declared_rights_copy(&declared->rights, assembly->arena, &type.confinement.rights) != 0))
        return -ENOMEM;
    plan->types[plan->type_count++] = type;
    return 0;
}

static const struct procfile_entry *entry_of(const struct assembly *assembly, struct str name)
{
    const struct procfile *procfile = assembly->sources->procfile;
    for (size_t i = 0; procfile && i < procfile->count; i++)
        if (str_equal(procfile->entries[i].name, name))
            return &procfile->entries[i];
    return NULL;
}

static const struct declared_type *declared_of(const struct assembly *assembly, struct str name)
{
    const struct declaration *declaration = assembly->sources->declaration;
    for (size_t i = 0; declaration && i < declaration->type_count; i++)
        if (str_equal(declaration->types[i].name, name))
            return &declaration->types[i];
    return NULL;
}

static void report_missing(const struct assembly *assembly, const struct declared_type *type)
{
    const struct procfile *procfile = assembly->sources->procfile;
    struct str names[LIMIT_TYPES];
    size_t count = 0;
    for (; procfile && count < procfile->count && count < LIMIT_TYPES; count++)
        names[count] = procfile->entries[count].name;
    struct str nearest = str_nearest(type->name, names, count);
    if (nearest.size)
        diagnostics_error(assembly->diagnostics, type->origin,
                          "'%.*s' is not in the Procfile: did you mean '%.*s'?",
                          STR_ARGS(str_excerpt(type->name)), STR_ARGS(nearest));
    else
        diagnostics_error(assembly->diagnostics, type->origin,
                          "'%.*s' is not in the Procfile and has no 'command' here",
                          STR_ARGS(str_excerpt(type->name)));
}

// Types that are declared without the Procfile come behind its own, so that the file does not move
// their ports.
static int add_declared_types(struct assembly *assembly, size_t room)
{
    const struct declaration *declaration = assembly->sources->declaration;
    for (size_t i = 0; declaration && i < declaration->type_count; i++) {
        const struct declared_type *type = &declaration->types[i];
        const struct procfile_entry *entry = entry_of(assembly, type->name);
        if (entry && type->command.size > 0) {
            diagnostics_error(assembly->diagnostics, type->command_origin,
                              "'%.*s' has a command in %.*s:%u too: remove one of them",
                              STR_ARGS(type->name), STR_ARGS(entry->origin.file),
                              entry->origin.line);
        } else if (!entry && type->command.size == 0) {
            report_missing(assembly, type);
        } else if (!entry && assembly->plan->type_count == room) {
            diagnostics_error(assembly->diagnostics, type->origin, "more than %d process types",
                              LIMIT_TYPES);
            return 0;
        } else if (!entry && add_type(assembly, type->name, type->command, type->origin, type)) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int add_types(struct assembly *assembly)
{
    const struct procfile *procfile = assembly->sources->procfile;
    const struct declaration *declaration = assembly->sources->declaration;
    size_t room = (procfile ? procfile->count : 0) + (declaration ? declaration->type_count : 0);
    if (room > LIMIT_TYPES)
        room = LIMIT_TYPES;
    assembly->plan->types = arena_alloc(assembly->arena, room * sizeof(struct process_type));
    if (!assembly->plan->types)
        return -ENOMEM;
    for (size_t i = 0; procfile && i < procfile->count; i++) {
        const struct procfile_entry *entry = &procfile->entries[i];
        if (add_type(assembly, entry->name, entry->command, entry->origin,
                     declared_of(assembly, entry->name)) != 0)
            return -ENOMEM;
    }
    if (add_declared_types(assembly, room) != 0)
        return -ENOMEM;
    if (assembly->plan->type_count == 0 && assembly->diagnostics->error_count == 0)
        diagnostics_error(assembly->diagnostics, (struct origin){.line = 0},
                          "no processes defined");
    return 0;
}

static void set_quantities(struct assembly *assembly)
{
    struct plan *plan = assembly->plan;
    struct type_quantity wanted[LIMIT_TYPES];
    for (size_t i = 0; i < plan->type_count; i++)
        wanted[i] = (struct type_quantity){plan->types[i].name, plan->types[i].quantity, false};
    quantity_apply(assembly->options, wanted, plan->type_count, assembly->diagnostics);
    for (size_t i = 0; i < plan->type_count; i++) {
        struct process_type *type = &plan->types[i];
        type->quantity = type->declared = wanted[i].quantity;
        type->is_fixed = type->declared_is_fixed = type->scale.is_set && wanted[i].is_fixed;
    }
    unsigned most = plan_most_processes(plan);
    if (most > LIMIT_PROCESSES)
        diagnostics_error(assembly->diagnostics, (struct origin){.line = 0},
                          "%u processes in all: at most %d are allowed", most, LIMIT_PROCESSES);
}

// The files' variables, each name once, in the order of their first occurrence.
static int set_environment(struct assembly *assembly)
{
    const struct plan_sources *sources = assembly->sources;
    size_t most = 0;
    for (size_t f = 0; f < sources->env_file_count; f++)
        most += sources->env_files[f].count;
    struct variable *variables = arena_alloc(assembly->arena, most * sizeof(*variables));
    struct name_index index;
    size_t count = 0;
    if (!variables || name_index_init(&index, most, assembly->arena) != 0)
        return -ENOMEM;
    for (size_t f = 0; f < sources->env_file_count; f++) {
        for (size_t i = 0; i < sources->env_files[f].count; i++) {
            const struct variable *from = &sources->env_files[f].entries[i].variable;
            size_t at = count;
            bool is_new = !name_index_find(&index, from->name, &at);
            if (is_new && arena_str(assembly->arena, from->name, &variables[at].name) != 0)
                return -ENOMEM;
            if (arena_str(assembly->arena, from->value, &variables[at].value) != 0)
                return -ENOMEM;
            if (is_new)
                name_index_put(&index, variables[count++].name, at);
        }
    }
    assembly->plan->environment = (struct environment){variables, count};
    return 0;
}

// The last PORT of the files, or NULL. An empty one says nothing.
static const struct dotenv_entry *port_entry(const struct plan_sources *sources)
{
    for (size_t f = sources->env_file_count; f-- > 0;)
        for (size_t i = sources->env_files[f].count; i-- > 0;)
            if (str_is(sources->env_files[f].entries[i].variable.name, "PORT"))
                return &sources->env_files[f].entries[i];
    return NULL;
}

// A PORT of the environment. Returns false when it says nothing.
static bool read_port(struct assembly *assembly, struct str text, struct origin origin,
                      unsigned *out)
{
    unsigned long port;
    if (text.size == 0)
        return false;
    if (!str_to_unsigned(text, &port) || port < 1 || port > 65535) {
        diagnostics_error(
            assembly->diagnostics, origin, "PORT is a number from 1 to 65535, not '%.*s'%s",
            STR_ARGS(str_excerpt(text)), origin.file.size ? "" : " (in the environment)");
        return false;
    }
    *out = (unsigned)port;
    return true;
}

// -p, .env, environment, formation.yaml, 5000: the first that says something.
static struct origin set_port_base(struct assembly *assembly)
{
    enum { DEFAULT_PORT = 5000 };
    const struct plan_sources *sources = assembly->sources;
    const struct dotenv_entry *entry = port_entry(sources);
    struct origin nowhere = {.line = 0};
    unsigned *out = &assembly->plan->port_base;
    *out = DEFAULT_PORT;
    if (assembly->options->has_port) {
        *out = assembly->options->port;
        return nowhere;
    }
    // Command line beats environment beats formation.yaml.
    if (entry)
        return read_port(assembly, entry->variable.value, entry->origin, out) ? entry->origin
                                                                              : nowhere;
    if (read_port(assembly, str_of(sources->inherited_port), nowhere, out))
        return nowhere;
    if (sources->declaration && sources->declaration->has_port) {
        *out = sources->declaration->port;
        return sources->declaration->port_origin;
    }
    return nowhere;
}

// Whose own ports one has that another type's processes share.
static void check_shared_port(struct assembly *assembly, const struct process_type *type)
{
    const struct plan *plan = assembly->plan;
    for (size_t i = 0; i < type->listening.count; i++) {
        const struct listener *listener = &type->listening.items[i];
        for (size_t j = 0; j < plan->type_count && listener->family != LISTENER_UNIX; j++) {
            const struct process_type *other = &plan->types[j];
            unsigned first = plan->port_base + 100 * other->port_index;
            if (listening_port(&other->listening) == 0 && listener->port >= first &&
                listener->port < first + other->quantity)
                diagnostics_warn(assembly->diagnostics, listener->origin,
                                 "%u is the PORT of %.*s.%u, too", listener->port,
                                 STR_ARGS(other->name), listener->port - first + 1);
        }
    }
}

static void check_ports(struct assembly *assembly, struct origin origin)
{
    enum { STEP = 100 }; // plan_port
    const struct plan *plan = assembly->plan;
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        check_shared_port(assembly, type);
        if (listening_port(&type->listening) > 0)
            continue;
        unsigned most = plan_type_most(type);
        unsigned highest = plan->port_base + STEP * type->port_index + most - 1;
        if (most > 0 && highest > 65535) {
            diagnostics_error(assembly->diagnostics, origin,
                              "the ports of '%.*s' reach %u, and 65535 is the highest there is: "
                              "choose a lower base than %u, or --no-port",
                              STR_ARGS(type->name), highest, plan->port_base);
            return;
        }
        for (size_t next = i + 1; next < plan->type_count; next++) {
            const struct process_type *other = &plan->types[next];
            if (plan_type_most(other) == 0 || listening_port(&other->listening) > 0 ||
                most <= STEP * (next - i))
                continue;
            diagnostics_warn(assembly->diagnostics, type->origin,
                             "%u processes of '%.*s' use ports that '%.*s' has too: a type has %d",
                             most, STR_ARGS(type->name), STR_ARGS(other->name), STEP);
            break;
        }
    }
}

static int assemble(struct assembly *assembly)
{
    const struct plan_sources *sources = assembly->sources;
    struct plan *plan = assembly->plan;
    struct str app = str_of(sources->app);
    if (sources->declaration && sources->declaration->app.size > 0)
        app = sources->declaration->app;
    if (arena_str(assembly->arena, app, &plan->app) != 0 ||
        arena_str(assembly->arena, str_of(sources->root), &plan->root) != 0)
        return -ENOMEM;
    plan->has_port = !assembly->options->no_port;
    plan->ends_at_first_exit = assembly->options->foreman;
    plan->expands_like_foreman = assembly->options->foreman;

    if (add_types(assembly) != 0 || set_environment(assembly) != 0)
        return -ENOMEM;
    set_quantities(assembly);
    if (sources->declaration &&
        (order_resolve(sources->declaration, plan, assembly->diagnostics) != 0 ||
         sinks_resolve(sources->declaration, plan, assembly->diagnostics) != 0))
        return -ENOMEM;
    if (plan->has_port)
        check_ports(assembly, set_port_base(assembly));
    return assembly->diagnostics->error_count > 0 ? -EINVAL : 0;
}

int plan_assemble(const struct plan_sources *sources, struct plan **out,
                  struct diagnostics *diagnostics)
{
    *out = NULL;
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return -ENOMEM;
    struct assembly assembly = {
        .sources = sources,
        .options = sources->options,
        .plan = plan,
        .arena = &plan->arena,
        .diagnostics = diagnostics,
    };
    int result = assemble(&assembly);
    if (result == 0)
        *out = plan;
    else
        plan_free(plan);
    return result;
}
