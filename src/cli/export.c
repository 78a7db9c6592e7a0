// SPDX-License-Identifier: MIT
// formation export systemd: the unit goes to standard output, or with --output into a folder. What
// was said on this command line about the formation, the unit says on its own.
#include "cli/report.h"
#include "export/systemd.h"
#include "manager/load.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGUMENTS_MOST = 16 };

// Arguments of `formation start`, their texts in an arena.
struct arguments {
    struct arena *arena;
    const char *texts[ARGUMENTS_MOST + 1];
    size_t count;
    bool failed;
};

static void add(struct arguments *arguments, const char *text)
{
    arguments->failed = arguments->failed || !text;
    arguments->texts[arguments->count++] = text;
}

// A path that means the same from everywhere.
static const char *absolute(struct arguments *arguments, struct str path)
{
    char *text = arena_text(arguments->arena, path);
    char *full = text ? file_absolute_path(text) : NULL;
    const char *kept = full ? arena_text(arguments->arena, str_of(full)) : NULL;
    free(full);
    return kept;
}

static void add_env_files(struct arguments *arguments, const char *list)
{
    struct str rest = str_of(list);
    struct str name;
    struct buffer out = {0};
    while (str_next(&rest, ',', &name)) {
        const char *path = name.size > 0 ? absolute(arguments, str_trim(name)) : "";
        arguments->failed = arguments->failed || !path;
        buffer_append_format(&out, "%s%s", out.size > 0 ? "," : "", path ? path : "");
    }
    add(arguments, "-e");
    add(arguments, out.failed ? NULL : arena_text(arguments->arena, buffer_str(&out)));
    buffer_fini(&out);
}

static void add_options(struct arguments *arguments, const struct options *options,
                        const struct plan *plan)
{
    char number[16];
    if (options->root || !options->procfile) {
        add(arguments, "-d");
        add(arguments, plan->root.bytes);
    }
    if (options->procfile) {
        add(arguments, "-f");
        add(arguments, absolute(arguments, str_of(options->procfile)));
    }
    if (options->env_files)
        add_env_files(arguments, options->env_files);
    if (options->formation) {
        add(arguments, "-m");
        add(arguments, options->formation);
    }
    if (options->has_port) {
        (void)snprintf(number, sizeof(number), "%u", options->port);
        add(arguments, "-p");
        add(arguments, arena_text(arguments->arena, str_of(number)));
    }
    if (options->no_port)
        add(arguments, "--no-port");
}

static const char *own_path(char out[PATH_MAX])
{
    ssize_t size = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (size < 0)
        return NULL;
    out[size] = '\0';
    return out;
}

// Whoever asks, or for root whoever the app's folder belongs to. NULL: root.
static const char *user_of(const struct plan *plan)
{
    struct stat folder;
    uid_t uid = geteuid();
    if (uid == 0 && stat(plan->root.bytes, &folder) == 0)
        uid = folder.st_uid;
    const struct passwd *entry = uid == 0 ? NULL : getpwuid(uid);
    return entry ? entry->pw_name : NULL;
}

// All or nothing, also for systemd, which may look at any time.
static int write_file(const char *folder, const char *name, const struct buffer *text,
                      struct error *error)
{
    char path[PATH_MAX];
    char partial[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", folder, name);
    int partial_size = snprintf(partial, sizeof(partial), "%s/.%s.partial", folder, name);
    if (size >= PATH_MAX || partial_size >= PATH_MAX)
        return error_set(error, ENAMETOOLONG, "%s: too long", folder);
    int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    int code = fd < 0 ? errno : 0;
    if (fd >= 0) {
        ssize_t written = write(fd, text->bytes, text->size);
        if (written != (ssize_t)text->size)
            code = written < 0 ? errno : ENOSPC;
        if (close(fd) < 0 && code == 0)
            code = errno;
        if (code == 0 && rename(partial, path) < 0)
            code = errno;
        if (code != 0)
            (void)unlink(partial);
    }
    if (code != 0)
        return error_set(error, code, "%s cannot be written: %s", path, strerrordesc_np(code));
    (void)printf("%s\n", path);
    return 0;
}

static int check_texts(const struct systemd_unit *unit, struct error *error)
{
    int result = systemd_check_text(unit->plan->root.bytes, error);
    return result < 0 ? result : systemd_check_text(unit->program, error);
}

static int give(const struct invocation *invocation, const struct systemd_unit *unit,
                struct error *error)
{
    struct buffer text = {0};
    struct buffer name = {0};
    int result = check_texts(unit, error);
    systemd_unit_write(unit, &text);
    systemd_unit_name(unit->plan->app, ".service", &name);
    buffer_append_char(&name, '\0');
    if (result == 0 && (text.failed || name.failed))
        result = error_set(error, ENOMEM, "there is no memory left");
    if (result == 0 && invocation->client.output)
        result = write_file(invocation->client.output, name.bytes, &text, error);
    else if (result == 0)
        (void)fwrite(text.bytes, 1, text.size, stdout);
    buffer_fini(&text);
    buffer_fini(&name);
    return result;
}

static int export_plan(const struct invocation *invocation, const struct options *options,
                       const struct plan *plan, struct arena *arena)
{
    char program[PATH_MAX];
    struct arguments arguments = {.arena = arena};
    struct error error = {0};
    add_options(&arguments, options, plan);
    struct systemd_unit unit = {
        .plan = plan,
        .program = own_path(program),
        .arguments = arguments.texts,
        .user = user_of(plan),
        .is_of_user = invocation->client.user,
    };
    if (arguments.failed || !unit.program)
        return report_failure(options, "the paths of the unit cannot be found out");
    return give(invocation, &unit, &error) < 0 ? report_failure(options, error.text) : 0;
}

int command_export(struct invocation *invocation)
{
    struct options options = invocation->options;
    struct diagnostics diagnostics = {0};
    struct arena arena = {0};
    struct plan *plan = NULL;
    if (strcmp(invocation->operands[0], "systemd") != 0) {
        struct error error;
        (void)error_set(&error, EINVAL, "there is no format '%s' to export to: systemd is one",
                        invocation->operands[0]);
        return report_usage(&options, error.text);
    }
    int result = load_defaults(&options, &arena, &diagnostics);
    if (result == 0)
        result = load_plan(&options, environ, &diagnostics, &plan);
    int status = report_diagnostics(&options, &diagnostics, true);
    if (result == -ENOMEM)
        status = report_failure(&options, "there is no memory left");
    if (plan)
        status = export_plan(invocation, &options, plan, &arena);
    plan_free(plan);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
    return status;
}
