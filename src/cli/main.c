// SPDX-License-Identifier: MIT
// The program: reads the command line and hands over to the command's own file.
#include "cli/parse.h"
#include "cli/report.h"

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

int main(int argc, char **argv)
{
    struct invocation invocation;
    struct error error;
    // The guard starts the manager as `formation manager` and the user's own arguments.
    bool is_manager = argc > 1 && strcmp(argv[1], "manager") == 0;
    if (is_manager) {
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    int status;
    if (invocation_parse(argc, argv, &invocation, &error) < 0)
        status = report_usage(&invocation.options, error.text);
    else if (is_manager)
        status = command_manager(&invocation);
    else
        status = execute(&invocation);
    if (fflush(stdout) != 0 && status == 0) // a full disk: what was asked for is not there
        status = report_usage(&invocation.options, "standard output cannot be written to");
    invocation_fini(&invocation);
    return status;
}
