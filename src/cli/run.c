// SPDX-License-Identifier: MIT
// formation run: this process becomes the command. Nobody stays in between, so the terminal, every
// signal and the exit status pass through by nature.
#include "base/buffer.h"
#include "cli/become.h"
#include "cli/report.h"
#include "manager/load.h"
#include "os/pid1.h"
#include "os/program.h"
#include "plan/launch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Appends one argument as a word of shell. Between $ and a name stand two quotes, so that not even
// Foreman's replacing of $NAME, which minds no quotes, changes what was typed.
static void append_quoted(struct buffer *text, const char *argument)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./,:@%";
    buffer_append_char(text, ' ');
    if (argument[0] && strspn(argument, plain) == strlen(argument)) {
        buffer_append_text(text, argument);
        return;
    }
    buffer_append_char(text, '\'');
    for (; *argument; argument++) {
        if (*argument == '\'')
            buffer_append_text(text, "'\\''");
        else if (*argument == '$')
            buffer_append_text(text, "$''");
        else
            buffer_append_char(text, *argument);
    }
    buffer_append_char(text, '\'');
}

// The type's command, followed by the arguments.
static int extend_command(struct plan *plan, struct process_type *type, char *const *arguments)
{
    struct buffer text = {0};
    buffer_append_str(&text, type->command);
    for (; *arguments; arguments++)
        append_quoted(&text, *arguments);
    int result = text.failed ? -ENOMEM : arena_str(&plan->arena, buffer_str(&text), &type->command);
    buffer_fini(&text);
    return result;
}

// Becomes the type's first process. Returns, with an exit status, only as PID 1 or if that cannot
// be.
static int become_type(const struct options *options, struct plan *plan, char *const *operands)
{
    const struct process_type *found = plan_find(plan, str_of(operands[0]));
    assert(found);
    struct process_id id = {.type = (uint16_t)(found - plan->types), .number = 1};
    if (extend_command(plan, &plan->types[id.type], operands + 1) < 0)
        return become_failed(options, ENOMEM, operands[0]);
    return become_process(options, plan, id);
}

// A single argument with something of a shell in it is a line of shell, unless a program is really
// called so.
static bool is_shell_line(char *const *operands)
{
    char path[PATH_MAX];
    if (operands[1] || (launch_is_plain(str_of(operands[0])) && !strpbrk(operands[0], " \t")))
        return false;
    return program_find(operands[0], getenv("PATH"), ".", path) < 0;
}

static int become_command(const struct options *options, const struct loaded *loaded,
                          char **operands)
{
    for (size_t i = 0; i < loaded->env_file_count; i++) {
        const struct dotenv *file = &loaded->env_files[i];
        for (size_t j = 0; j < file->count; j++) {
            const struct variable *variable = &file->entries[j].variable;
            if (setenv(variable->name.bytes, variable->value.bytes, 1) < 0)
                return become_failed(options, errno, operands[0]);
        }
    }
    return is_shell_line(operands) ? become_shell_line(options, operands[0])
                                   : become_arguments(options, operands);
}

static bool is_type(const struct loaded *loaded, const char *name)
{
    for (size_t i = 0; i < loaded->procfile.count; i++)
        if (str_is(loaded->procfile.entries[i].name, name))
            return true;
    for (size_t i = 0; i < loaded->declaration.type_count; i++)
        if (str_is(loaded->declaration.types[i].name, name))
            return true;
    return false;
}

static int load_type(const struct options *options, const char *name, struct loaded *loaded,
                     struct diagnostics *diagnostics, struct plan **plan)
{
    int found = load_accounts(loaded, diagnostics);
    int result = load_assemble(loaded, options, environ, diagnostics, plan);
    if (found < 0 || result < 0)
        return found < 0 ? found : result;
    load_check_rights(loaded, plan_find(*plan, str_of(name)), diagnostics);
    return diagnostics->error_count > 0 ? -EINVAL : 0;
}

// Reads the files and becomes what was asked for. Returns -ENOMEM, or 0 and the exit status for
// when there are errors to report.
static int run(struct options *options, char **operands, struct loaded *loaded, int *status)
{
    struct diagnostics diagnostics = {0};
    struct arena arena = {0};
    struct plan *plan = NULL;
    int result = load_defaults(options, &arena, &diagnostics);
    int files = load_files(options, false, &diagnostics, loaded);
    result = result < 0 ? result : files;
    if (result == 0 && is_type(loaded, operands[0]))
        result = load_type(options, operands[0], loaded, &diagnostics, &plan);
    *status = report_diagnostics(options, &diagnostics, false);
    if (result == 0 && plan)
        *status = become_type(options, plan, operands);
    else if (result == 0)
        *status = become_command(options, loaded, operands);
    plan_free(plan);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
    return result == -ENOMEM ? result : 0;
}

int command_run(struct invocation *invocation)
{
    struct options options = invocation->options;
    struct loaded loaded;
    int status;
    pid1_hold_signals();
    int result = run(&options, invocation->operands, &loaded, &status);
    loaded_fini(&loaded);
    return result < 0 ? become_failed(&options, -result, invocation->operands[0]) : status;
}
