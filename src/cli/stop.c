// SPDX-License-Identifier: MIT
// formation stop: some processes. Without a name it could mean the end of all, so it means nothing.
#include "cli/progress.h"
#include "cli/report.h"

int command_stop(struct invocation *invocation)
{
    static const struct progress_words words = {"Stop", "stopped", "stopping",
                                                "there is no process to stop"};
    struct client client;
    if (invocation->operand_count == 0)
        return report_usage(&invocation->options,
                            "'stop' needs the names of processes; 'formation shutdown' ends the "
                            "whole formation");
    int status = client_open(&client, invocation);
    if (status == 0)
        status = progress_show(&client, &words);
    client_close(&client);
    return status;
}
