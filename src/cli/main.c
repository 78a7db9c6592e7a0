// SPDX-License-Identifier: MIT
// The program: reads the command line and hands over to the command's own file.
#include "cli/parse.h"
#include "cli/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int execute(struct invocation *invocation)
{
    if (invocation->wants_version)
        return command_version(invocation);
    if (invocation->wants_help || !invocation->command)
        return command_help(invocation);
    return invocation->command->execute(invocation);
}

static int run(int argc, char **argv, struct invocation *invocation)
{
    struct error error;
    // The guard starts the manager as `formation manager` and the user's own arguments.
    bool is_manager = argc > 1 && strcmp(argv[1], "manager") == 0;
    if (is_manager) {
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    if (invocation_parse(argc, argv, invocation, &error) < 0)
        return report_usage(&invocation->options, error.text);
    return is_manager ? command_manager(invocation) : execute(invocation);
}

// What was asked for must have arrived: a full disk is a failure like any other.
static int close_output(const struct invocation *invocation, int status)
{
    bool is_lost = ferror(stdout) != 0;
    errno = 0;
    is_lost |= fflush(stdout) != 0;
    return is_lost && status == 0 ? report_lost_output(&invocation->options) : status;
}

int main(int argc, char **argv)
{
    struct invocation invocation = {0};
    const char *word = argc > 1 ? argv[1] : "";
    int status;
    if (strcmp(word, "complete") == 0)
        status = command_complete(argv + 2);
    else if (strcmp(word, "compress") == 0)
        status = command_compress(argv + 2);
    else if (strcmp(word, "lookup") == 0)
        status = command_lookup(argv + 2);
    else if (strcmp(word, "route") == 0)
        status = command_route(argv + 2);
    else if (strcmp(word, "trial") == 0)
        status = command_trial(argv + 2);
    else
        status = run(argc, argv, &invocation);
    status = close_output(&invocation, status);
    invocation_fini(&invocation);
    return status;
}
