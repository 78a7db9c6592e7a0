// SPDX-License-Identifier: MIT
// A formation starts a thousand processes from one plan, so the environment is put together with an
// index of names: linear in its size, whatever beats whatever.
#include "plan/launch.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "base/name_index.h"
#include "plan/shell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char shell[] = "/bin/sh";

// The environment while it is made, each name once.
struct environment_builder {
    struct arena *arena;
    struct name_index index;
    char **texts;
    size_t count;
};

bool launch_is_plain(struct str command)
{
    return shell_need_of(command) == SHELL_NOTHING;
}

const char *launch_variable(const struct launch *launch, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < launch->envc; i++)
        if (strncmp(launch->envp[i], name, size) == 0 && launch->envp[i][size] == '=')
            return launch->envp[i] + size + 1;
    return NULL;
}

static char *make_text(struct arena *arena, struct str name, struct str value)
{
    char *text = arena_alloc(arena, name.size + value.size + sizeof("="));
    if (!text)
        return NULL;
    memcpy(text, name.bytes, name.size);
    text[name.size] = '=';
    memcpy(text + name.size + 1, value.bytes, value.size);
    return text;
}

int launch_put(struct launch *launch, struct arena *arena, const char *name, const char *value)
{
    char *text = make_text(arena, str_of(name), str_of(value));
    char **envp = arena_alloc(arena, (launch->envc + 2) * sizeof(*envp));
    size_t size = strlen(name);
    size_t at = 0;
    if (!text || !envp)
        return -ENOMEM;
    memcpy(envp, launch->envp, launch->envc * sizeof(*envp));
    while (at < launch->envc && (strncmp(envp[at], name, size) != 0 || envp[at][size] != '='))
        at++;
    envp[at] = text;
    if (at == launch->envc)
        launch->envc++;
    envp[launch->envc] = NULL;
    launch->envp = envp;
    return 0;
}

// The first variable of a name decides about the place, the last one about the value.
static void put_text(struct environment_builder *builder, char *text)
{
    struct str name = str_slice(str_of(text), 0, str_find_char(str_of(text), '='));
    size_t at = builder->count;
    if (!name_index_find(&builder->index, name, &at)) {
        name_index_put(&builder->index, name, at);
        builder->count++;
    }
    builder->texts[at] = text;
}

static int put_variable(struct environment_builder *builder, struct str name, struct str value)
{
    char *text = make_text(builder->arena, name, value);
    if (!text)
        return -ENOMEM;
    put_text(builder, text);
    return 0;
}

static int put_environment(struct environment_builder *builder,
                           const struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        if (put_variable(builder, environment->variables[i].name,
                         environment->variables[i].value) != 0)
            return -ENOMEM;
    return 0;
}

// What an init tells the supervisor and nobody else: sd_notify(3), sd_listen_fds(3),
// systemd.exec(5). A process that took it for its own would speak in the supervisor's name, or use
// descriptors that it does not have.
static const char *const of_supervisor[] = {
    "FDSTORE",
    "FORMATION_GUARD",
    "FORMATION_HANDOVER",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "MAINPID",
    "MANAGERPID",
    "MANAGERPIDFDID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "SYSTEMD_EXEC_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    NULL,
};

// What leads to the files and the session of whoever started the supervisor: nothing for a process
// of another user.
static const char *const of_user[] = {
    "DBUS_SESSION_BUS_ADDRESS",
    "MAIL",
    "SSH_AUTH_SOCK",
    "SUDO_COMMAND",
    "SUDO_GID",
    "SUDO_UID",
    "SUDO_USER",
    "XAUTHORITY",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_ID",
    "XDG_STATE_HOME",
    NULL,
};

static bool is_among(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_is(name, *names))
            return true;
    return false;
}

// Which of the inherited variables a process does not get.
struct withheld {
    struct str name;
    bool of_supervisor;
    bool of_user;
};

static bool is_withheld(struct str name, const struct withheld *withheld)
{
    return str_equal(name, withheld->name) ||
           (withheld->of_supervisor && is_among(name, of_supervisor)) ||
           (withheld->of_user && is_among(name, of_user));
}

// Of a name that is there twice, getenv(3) sees the first; so do we. What is no variable at all
// (no '=', or nothing before it) is left out.
static int put_inherited(struct environment_builder *builder, char *const *inherited,
                         const struct withheld *withheld)
{
    size_t known;
    for (; *inherited; inherited++) {
        struct str text = str_of(*inherited);
        struct str name = str_slice(text, 0, str_find_char(text, '='));
        if (name.size == 0 || name.size == text.size || is_withheld(name, withheld) ||
            name_index_find(&builder->index, name, &known))
            continue;
        char *copy = arena_text(builder->arena, text);
        if (!copy)
            return -ENOMEM;
        put_text(builder, copy);
    }
    return 0;
}

// As login(1) sets them; the files' own beat them.
static int put_account(struct environment_builder *builder, const struct rights *rights)
{
    const struct account *account = &rights->account;
    if (rights->user.size == 0)
        return 0;
    return put_variable(builder, str_of("HOME"), account->home) != 0 ||
                   put_variable(builder, str_of("LOGNAME"), account->name) != 0 ||
                   put_variable(builder, str_of("SHELL"), account->shell) != 0 ||
                   put_variable(builder, str_of("USER"), account->name) != 0
               ? -ENOMEM
               : 0;
}

static int build_environment(struct environment_builder *builder, const struct plan *plan,
                             struct process_id id, char *const *inherited, const char *marker)
{
    const struct process_type *type = &plan->types[id.type];
    const struct rights *rights = &type->confinement.rights;
    struct str marker_name = str_of(marker);
    const struct withheld withheld = {
        .name = str_slice(marker_name, 0, str_find_char(marker_name, '=')),
        .of_supervisor = marker != NULL,
        .of_user = rights->user.size > 0,
    };
    enum { OF_ACCOUNT = 4, OF_PROCESS = 3 }; // PORT, PS, marker
    size_t most = plan->environment.count + type->environment.count + OF_ACCOUNT + OF_PROCESS;
    for (char *const *text = inherited; *text; text++)
        most++;

    builder->texts = arena_alloc(builder->arena, (most + 1) * sizeof(*builder->texts));
    if (!builder->texts || name_index_init(&builder->index, most, builder->arena) != 0 ||
        put_inherited(builder, inherited, &withheld) != 0 || put_account(builder, rights) != 0 ||
        put_environment(builder, &plan->environment) != 0 ||
        put_environment(builder, &type->environment) != 0)
        return -ENOMEM;
    char number[16];
    char name[PROCESS_NAME_BYTES];
    (void)snprintf(number, sizeof(number), "%u", plan_port(plan, id));
    if (plan->has_port && put_variable(builder, str_of("PORT"), str_of(number)) != 0)
        return -ENOMEM;
    if (put_variable(builder, str_of("PS"), str_of(plan_process_name(plan, id, name))) != 0)
        return -ENOMEM;
    if (marker) {
        char *copy = arena_text(builder->arena, str_of(marker));
        if (!copy)
            return -ENOMEM;
        put_text(builder, copy);
    }
    return 0;
}

// Appends `text` with each "$name" replaced, also where it is only the front of a longer name:
// Foreman's gsub does not look behind it. Stops once the result is too long for any command.
static void replace_name(struct str text, struct str name, const char *value, struct buffer *out)
{
    while (text.size > 0 && out->size < LIMIT_ARGUMENT_BYTES) {
        size_t dollar = str_find_char(text, '$');
        buffer_append_str(out, str_slice(text, 0, dollar));
        text = str_slice(text, dollar, text.size);
        if (text.size == 0)
            return;
        bool is_name = str_equal(str_slice(text, 1, 1 + name.size), name);
        buffer_append_text(out, is_name ? value : "$");
        text = str_slice(text, 1 + (is_name ? name.size : 0), text.size);
    }
}

static int expand_name(const struct environment_builder *builder, struct str name,
                       struct str *command)
{
    size_t at;
    if (str_find_char(*command, '$') == command->size ||
        !name_index_find(&builder->index, name, &at))
        return 0;
    struct buffer expanded = {0};
    replace_name(*command, name, builder->texts[at] + name.size + 1, &expanded);
    int result = expanded.failed ? -ENOMEM : 0;
    if (result == 0)
        result = arena_str(builder->arena, buffer_str(&expanded), command);
    buffer_fini(&expanded);
    return result;
}

// Foreman's way: one name after the other, so that a value may hold the name of a later one. Only
// the plan's variables; those of the supervisor's own environment are left to the shell.
static int expand_like_foreman(const struct environment_builder *builder, const struct plan *plan,
                               const struct process_type *type, struct str *command)
{
    const struct environment *sets[] = {&plan->environment, &type->environment};
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sets[s]->count; i++)
            if (expand_name(builder, sets[s]->variables[i].name, command) != 0)
                return -ENOMEM;
    if (plan->has_port && expand_name(builder, str_of("PORT"), command) != 0)
        return -ENOMEM;
    return expand_name(builder, str_of("PS"), command);
}

static int split_words(struct str command, struct arena *arena, struct launch *out)
{
    size_t most = 1;
    for (size_t i = 0; i < command.size; i++)
        most += command.bytes[i] == ' ' || command.bytes[i] == '\t';
    char *text = arena_text(arena, command);
    out->argv = arena_alloc(arena, (most + 1) * sizeof(*out->argv));
    if (!text || !out->argv)
        return -ENOMEM;
    out->argc = 0;
    char *rest = text;
    for (char *word; (word = strsep(&rest, " \t"));)
        if (*word)
            out->argv[out->argc++] = word;
    out->by_shell = false;
    return 0;
}

// `exec ` is put in at `exec_at`; behind the end, it is left out.
static int use_shell(struct str command, size_t exec_at, struct arena *arena, struct launch *out)
{
    static const char exec[] = "exec ";
    size_t exec_size = exec_at < command.size ? sizeof(exec) - 1 : 0;
    out->argv = arena_alloc(arena, 4 * sizeof(*out->argv));
    char *text = arena_alloc(arena, exec_size + command.size + 1);
    if (!out->argv || !text)
        return -ENOMEM;
    if (exec_size > 0) {
        memcpy(text, command.bytes, exec_at);
        memcpy(text + exec_at, exec, exec_size);
    } else {
        exec_at = 0;
    }
    memcpy(text + exec_at + exec_size, command.bytes + exec_at, command.size - exec_at);
    out->argv[0] = arena_text(arena, str_of(shell));
    out->argv[1] = arena_text(arena, str_of("-c"));
    out->argv[2] = text;
    out->argc = 3;
    out->by_shell = true;
    out->keeps_shell = exec_size == 0;
    return out->argv[0] && out->argv[1] ? 0 : -ENOMEM;
}

// Who is given sockets takes them for its own only if it is the very process that we start
// (sd_listen_fds(3)): no shell is to stand between, where that can be avoided.
static int make_arguments(struct str command, bool wants_sockets, struct arena *arena,
                          struct launch *out)
{
    switch (shell_need_of(command)) {
    case SHELL_NOTHING:
        return split_words(command, arena, out);
    case SHELL_ONCE:
        return use_shell(command, 0, arena, out);
    case SHELL_ALL_ALONG:
        return use_shell(command, wants_sockets ? shell_exec_place(command) : command.size, arena,
                         out);
    }
    return -EINVAL;
}

// The kernel would say E2BIG and not what is too big.
static int check_size(const struct launch *launch, const char *name, struct error *error)
{
    size_t total = 0;
    for (size_t i = 0; i < launch->argc + launch->envc; i++) {
        bool is_argument = i < launch->argc;
        const char *text = is_argument ? launch->argv[i] : launch->envp[i - launch->argc];
        size_t size = strlen(text) + 1;
        total += size;
        if (size > LIMIT_ARGUMENT_BYTES && is_argument)
            return error_set(error, E2BIG, "%s: an argument of %zu bytes, the kernel takes %d",
                             name, size, LIMIT_ARGUMENT_BYTES);
        if (size > LIMIT_ARGUMENT_BYTES)
            return error_set(error, E2BIG,
                             "%s: the variable %.*s has %zu bytes, the kernel takes "
                             "%d",
                             name, (int)(strchr(text, '=') - text), text, size,
                             LIMIT_ARGUMENT_BYTES);
    }
    if (total > LIMIT_LAUNCH_BYTES)
        return error_set(error, E2BIG,
                         "%s: command and environment have %zu bytes, the kernel takes %d", name,
                         total, LIMIT_LAUNCH_BYTES);
    if (launch->argc + launch->envc > LIMIT_LAUNCH_STRINGS)
        return error_set(error, E2BIG, "%s: %zu arguments and variables, at most %d are allowed",
                         name, launch->argc + launch->envc, LIMIT_LAUNCH_STRINGS);
    return 0;
}

int launch_make(const struct plan *plan, struct process_id id, char *const *inherited,
                const char *marker, struct arena *arena, struct launch *out, struct error *error)
{
    const struct process_type *type = &plan->types[id.type];
    struct environment_builder builder = {.arena = arena};
    struct str command = type->command;
    char name[PROCESS_NAME_BYTES];
    int result = build_environment(&builder, plan, id, inherited, marker);
    if (result == 0 && plan->expands_like_foreman)
        result = expand_like_foreman(&builder, plan, type, &command);
    struct launch launch = {
        .envp = builder.texts,
        .envc = builder.count,
        .directory = type->directory.bytes,
    };
    if (result == 0)
        result = make_arguments(command, plan_type_wants_sockets(type), arena, &launch);
    if (result != 0)
        return error_set(error, -result, "%s: no memory to start it",
                         plan_process_name(plan, id, name));
    result = check_size(&launch, plan_process_name(plan, id, name), error);
    if (result == 0)
        *out = launch;
    return result;
}
