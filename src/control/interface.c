// SPDX-License-Identifier: MIT
// The texts are the .varlink files of this folder; interface_test.c holds them against the tables.
#include "control/interface.h"

#include "control/interface_text.h"
#include "control/json_put.h"
#include "control/refusal.h"
#include "control/varlink.h"

struct str interface_text(struct str name)
{
    if (str_is(name, INTERFACE_MANAGER))
        return str_of(interface_manager_text);
    if (str_is(name, INTERFACE_SERVICE))
        return str_of(interface_service_text);
    return str_of("");
}

void interface_describe_service(struct buffer *out)
{
    varlink_reply_open(out);
    json_put_text(out, "vendor", str_of("formation"));
    json_put_text(out, "product", str_of("formation"));
    json_put_text(out, "version", str_of(FORMATION_VERSION));
    json_put_text(out, "url", str_of(""));
    json_put_list(out, "interfaces");
    json_put_text(out, NULL, str_of(INTERFACE_SERVICE));
    json_put_text(out, NULL, str_of(INTERFACE_MANAGER));
    json_put_list_end(out);
    varlink_reply_close(out, false);
}

void interface_describe(struct buffer *out, struct str name)
{
    struct str text = interface_text(name);
    if (text.size == 0) {
        struct refusal refusal;
        refusal_set(&refusal, REFUSAL_INTERFACE_NOT_FOUND, name, NULL);
        refusal_write(&refusal, out);
        return;
    }
    varlink_reply_open(out);
    json_put_text(out, "description", text);
    varlink_reply_close(out, false);
}
