// SPDX-License-Identifier: MIT
#include "cli/become.h"

#include "cli/report.h"
#include "manager/confining.h"
#include "manager/limiting.h"
#include "manager/listening.h"
#include "manager/tell.h"
#include "os/pid1.h"
#include "plan/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_CANNOT_EXECUTE = 126, STATUS_NOT_FOUND = 127 }; // as a shell's

int become_failed(const struct options *options, int code, const char *what)
{
    char sentence[512];
    if (code == ENOENT)
        (void)snprintf(sentence, sizeof(sentence), "command not found: %s", what);
    else if (code == EACCES)
        (void)snprintf(sentence, sizeof(sentence), "not executable: %s", what);
    else
        (void)snprintf(sentence, sizeof(sentence), "cannot run %s: %s", what, strerror(code));
    int status = report_failure(options, sentence);
    if (options->foreman)
        return status;
    return code == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXECUTE;
}

// True when there is an exit status already: this is PID 1, or it cannot be.
static bool stand_before(const struct options *options, const struct process_policy *policy,
                         const char *what, int *status)
{
    if (!pid1_is_own())
        return false;
    int result = pid1_fork(policy->stop_signal, policy->stop_grace, status);
    if (result < 0)
        *status = become_failed(options, -result, what);
    return result != 0;
}

static int cannot_limit(const struct options *options, const struct error *error)
{
    (void)report_failure(options, error->text);
    return options->foreman ? 1 : STATUS_CANNOT_EXECUTE;
}

// What it and all that descends from it may use together.
static int limit(const struct options *options, struct limiting *limiting)
{
    struct error error;
    int result = limiting_join(limiting, &error);
    limiting_close(limiting, false);
    return result < 0 ? cannot_limit(options, &error) : 0;
}

// Its user, limits and all else that it would have in the formation. Returns 0, or the exit status.
static int confine(const struct options *options, const struct process_type *type)
{
    static struct confine confine;
    enum spawn_stage stage = SPAWN_STAGE_CONFINEMENT;
    struct error error;
    int result = 0;
    if (confining_make(&type->confinement.rights, &confine) > 0)
        result = confine_become(&confine, -1, &stage);
    if (result == 0)
        return 0;
    struct buffer sentence = {0};
    tell_not_started(&sentence, type, stage, -result);
    (void)error_set(&error, -result, "%.*s: %.*s", STR_ARGS(type->name),
                    STR_ARGS(buffer_str(&sentence)));
    buffer_fini(&sentence);
    (void)report_failure(options, error.text);
    return options->foreman ? 1 : STATUS_CANNOT_EXECUTE;
}

// Before its rights are taken away: of a low port only root may have one.
static int listen_for(const struct options *options, const struct process_type *type,
                      struct arena *arena, struct launch *launch)
{
    struct error error;
    struct error sentence;
    if (listening_become(type, arena, launch, &error) == 0)
        return 0;
    (void)error_set(&sentence, error.code, "%s: %s", type->name.bytes, error.text);
    (void)report_failure(options, sentence.text);
    return options->foreman ? 1 : STATUS_CANNOT_EXECUTE;
}

static int enter(const struct options *options, const char *name, const char *directory)
{
    struct error error;
    if (chdir(directory) == 0)
        return 0;
    int code = errno;
    (void)error_set(&error, code, "%s: cannot run in %s: %s", name, directory, strerror(code));
    (void)report_failure(options, error.text);
    return options->foreman ? 1 : STATUS_CANNOT_EXECUTE;
}

int become_process(const struct options *options, struct plan *plan, struct process_id id)
{
    const struct process_type *type = &plan->types[id.type];
    const char *name = type->name.bytes;
    char full_name[PROCESS_NAME_BYTES];
    struct launch launch;
    struct limiting limiting;
    struct error error;
    int status;
    if (launch_make(plan, id, environ, NULL, &plan->arena, &launch, &error) < 0)
        return report_failure(options, error.text);
    (void)plan_process_name(plan, id, full_name);
    if (limiting_open(&limiting, type, full_name, &error) < 0)
        return cannot_limit(options, &error);
    if (stand_before(options, &type->policy, name, &status)) {
        limiting_close(&limiting, true); // nobody is left who was in them
        return status;
    }
    status = limit(options, &limiting);
    if (status == 0)
        status = listen_for(options, type, &plan->arena, &launch);
    if (status == 0)
        status = confine(options, type);
    if (status == 0)
        status = enter(options, name, launch.directory);
    if (status != 0)
        return status;
    environ = launch.envp; // also for the search in PATH
    (void)execvp(launch.argv[0], launch.argv);
    return become_failed(options, errno, launch.argv[0]);
}

int become_arguments(const struct options *options, char *const *arguments)
{
    const struct process_policy policy = plan_default_policy();
    int status;
    if (stand_before(options, &policy, arguments[0], &status))
        return status;
    (void)execvp(arguments[0], arguments);
    return become_failed(options, errno, arguments[0]);
}

int become_shell_line(const struct options *options, const char *line)
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char *text = strdup(line);
    char *const arguments[] = {shell, option, text, NULL};
    int result = text ? become_arguments(options, arguments) : become_failed(options, ENOMEM, line);
    free(text);
    return result;
}
