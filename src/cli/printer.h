// SPDX-License-Identifier: MIT
// Lines with time and name in front, as `formation start` shows them on the terminal.
#pragma once

#include "cli/client.h"
#include "view/log_line.h"

struct printer {
    const struct client *client;
    const char *time_format; // strftime(3); NULL: no time
    struct log_style style;
    json_t *types; // of GetStatus, for the colours
    struct buffer out;
};

// Asks for what the lines' look depends on. Returns a status; free in any case.
int printer_init(struct printer *printer, struct client *client);
void printer_fini(struct printer *printer);

// Adds a line of the process "web.1", or "system", to what is printed next. `at` is a time since
// the epoch.
void printer_add(struct printer *printer, nsec_t at, struct str process, struct str text);

// The same of a line of which only this much was kept, with a word about that at its end.
void printer_add_cut(struct printer *printer, nsec_t at, struct str process, struct str text);

// "3 lines are missing here": this reader was too slow.
void printer_add_lost(struct printer *printer, nsec_t at, long long count, const char *what);

int printer_print(struct printer *printer); // returns a status

// The member `name` of a reply as one line of JSON; `lost`, if some are missing before it, becomes
// a member of it.
int printer_print_json(const struct client *client, const json_t *reply, const char *name);
