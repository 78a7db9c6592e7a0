// SPDX-License-Identifier: MIT
// formation restart: a rolling restart, told process by process.
#include "cli/progress.h"

int command_restart(struct invocation *invocation)
{
    static const struct progress_words words = {"Restart", "restarted", "restarting",
                                                "there is no process to restart"};
    struct client client;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = progress_show(&client, &words);
    client_close(&client);
    return status;
}
