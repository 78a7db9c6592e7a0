// SPDX-License-Identifier: MIT
// After somebody has moved the files that the sinks write to.
#include "manager/serve.h"

#include "control/json_put.h"
#include "control/varlink.h"
#include "manager/sinks.h"

#include <errno.h>

void serve_reopen(struct manager *manager, struct client *client)
{
    struct buffer paths = {0};
    struct refusal refusal = {0};
    struct error error;
    json_put_list(&paths, "paths");
    int result = sinks_reopen(manager, &paths, &error);
    json_put_list_end(&paths);
    if (result == 0 && paths.failed)
        result = error_set(&error, ENOMEM, "there is no memory for the answer");
    if (result < 0) {
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "%s", error.text);
        serve_refuse(client, &refusal);
    } else {
        varlink_reply_open(&client->out);
        buffer_append_str(&client->out, buffer_str(&paths));
        varlink_reply_close(&client->out, false);
    }
    buffer_fini(&paths);
}
