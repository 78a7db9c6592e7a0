// SPDX-License-Identifier: MIT
// formation trial: what a manager runs before it puts this program in its own place.
#include "cli/command.h"
#include "manager/upgrade.h"

#include <stdlib.h>

int command_trial(char **words)
{
    return upgrade_trial(words[0] ? atoi(words[0]) : 0);
}
