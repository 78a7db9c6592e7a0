// SPDX-License-Identifier: MIT
// formation trial: what a manager runs before it puts this program in its own place.
#include "base/str.h"
#include "cli/command.h"
#include "manager/upgrade.h"

#include <limits.h>

int command_trial(char **words)
{
    unsigned long format;
    bool is_number = words[0] && str_to_unsigned(str_of(words[0]), &format) && format <= INT_MAX;
    return upgrade_trial(is_number ? (int)format : 0);
}
