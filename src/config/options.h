// SPDX-License-Identifier: MIT
// What the command line (and .foreman) may say about a formation: values, not yet checked against
// the files.
#pragma once

#include "base/duration.h"
#include "base/str.h"
#include "plan/sink.h"

#include <stdbool.h>
#include <stddef.h>

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

// Zero means "not said". Texts are borrowed from argv or from the .foreman file's arena.
struct options {
    const char *procfile;     // -f
    const char *root;         // -d
    const char *env_files;    // -e a,b
    const char *formation;    // -m web=2,worker=1
    const char *except;       // --except release,clock
    const char *const *names; // start web worker=2: the positional arguments
    size_t name_count;
    unsigned port; // -p
    bool has_port;
    bool no_port;   // --no-port
    nsec_t timeout; // -t, grace of every type
    bool has_timeout;
    bool tty;                     // --tty: a terminal for every process
    bool foreman;                 // called as `foreman`, or --compat foreman
    enum color_choice color;      // -c, --no-color
    bool no_timestamp;            // --no-timestamp
    bool timestamp;               // --timestamp, so that .foreman cannot take it away
    const char *timestamp_format; // --timestamp FORMAT, strftime(3)
    bool no_prefix;               // --no-prefix
    enum sink_format log_format;  // --log-format
};
