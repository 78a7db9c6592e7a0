// SPDX-License-Identifier: MIT
// formation version: scripts that ask `foreman` for its version want to know what it can do.
#include "cli/command.h"

#include <stdio.h>

#define FOREMAN_VERSION "0.90.0" // the one that is imitated

int command_version(struct invocation *invocation)
{
    if (invocation->options.foreman)
        (void)puts(FOREMAN_VERSION);
    else
        (void)puts("formation " FORMATION_VERSION);
    return 0;
}
