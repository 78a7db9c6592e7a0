// SPDX-License-Identifier: MIT
// formation lookup HOST: what a manager runs to learn the addresses of a syslog server.
#include "os/lookup.h"
#include "cli/command.h"

#include <stdio.h>

int command_lookup(char **words)
{
    if (!words[0] || words[1]) {
        (void)fputs("'lookup' takes one host\n", stderr);
        return 2;
    }
    return lookup_print(words[0]);
}
