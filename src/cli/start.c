// SPDX-License-Identifier: MIT
// formation start: this process becomes the guard. It reads no file: what runs is the business of
// the manager that it starts (manager.c). But names, where a formation runs already, are meant for
// that one: start these again.
#include "cli/progress.h"
#include "cli/report.h"
#include "guard/guard.h"
#include "manager/manager.h"

#include <errno.h>
#include <string.h>

enum { STATUS_NO_GUARD = 71 }; // EX_OSERR: the system does not give what a guard needs

static int become_guard(struct invocation *invocation)
{
    struct error error;
    int status = guard_run(invocation->argc, invocation->argv, MANAGER_MEMORY_BYTES, &error);
    if (status >= 0)
        return status;
    if (status == -E2BIG)
        return report_usage(&invocation->options, error.text);
    (void)report_failure(&invocation->options, error.text);
    return STATUS_NO_GUARD;
}

// Options that only somebody gives who means a formation that runs.
static bool is_for_running(const struct client_options *options)
{
    return options->app || options->json || options->no_wait;
}

// Options that only somebody gives who means a new one.
static bool is_for_new(const struct options *options)
{
    return options->formation || options->except || options->env_files || options->has_port ||
           options->no_port || options->has_timeout || options->tty || options->foreman;
}

static bool has_quantity(const struct invocation *invocation)
{
    for (size_t i = 0; i < invocation->operand_count; i++)
        if (strchr(invocation->operands[i], '='))
            return true;
    return false;
}

static int ask_running(struct client *client)
{
    static const struct progress_words words = {
        "Start", "started", "starting",
        "there is no process to start: 'formation scale TYPE=1' makes one"};
    const struct invocation *invocation = client->invocation;
    if (has_quantity(invocation))
        return client_refuse(client,
                             "a formation runs here already: 'formation scale %s' changes how "
                             "many processes it has",
                             invocation->operands[0]);
    return progress_show(client, &words);
}

int command_start(struct invocation *invocation)
{
    struct client client;
    struct error error;
    int status = 0;
    bool for_running = is_for_running(&invocation->client);
    if (for_running && invocation->operand_count == 0)
        return report_usage(&invocation->options,
                            "--app, --json and --no-wait are for processes of a formation that "
                            "runs: write which ones");
    if (for_running) {
        status = client_open(&client, invocation);
    } else if (invocation->operand_count == 0 || is_for_new(&invocation->options)) {
        return become_guard(invocation);
    } else if (client_try(&client, invocation, 0, &error) < 0) {
        client_close(&client);
        return become_guard(invocation);
    }
    if (status == 0)
        status = ask_running(&client);
    client_close(&client);
    return status;
}
