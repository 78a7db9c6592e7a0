// SPDX-License-Identifier: MIT
// A systemd unit that runs the formation as a service: one service, whatever the formation has.
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "plan/plan.h"

#include <stdbool.h>

struct systemd_unit {
    const struct plan *plan;
    const char *program;          // absolute path of formation
    const char *const *arguments; // of `formation start`, NULL-terminated
    const char *user;             // whom it runs as; NULL: whoever the service manager is
    bool is_of_user;              // for `systemctl --user`
};

// Whether a text can stand in a unit at all. 0, or -EINVAL and a sentence that names it.
int systemd_check_text(const char *text, struct error *error);

// "shop.service": what a unit may not be called is written as \xHH, as systemd-escape(1) does.
void systemd_unit_name(struct str app, const char *suffix, struct buffer *out);

// The text of the unit.
void systemd_unit_write(const struct systemd_unit *unit, struct buffer *out);

// One word of a command line, in quotes if it needs them (systemd.service(5), "COMMAND LINES").
void systemd_append_word(struct buffer *out, struct str word, bool is_program);
