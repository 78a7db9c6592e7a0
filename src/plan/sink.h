// SPDX-License-Identifier: MIT
// A sink: a place besides standard output that gets the formation's lines, or some of them.
#pragma once

#include "base/duration.h"
#include "base/str.h"
#include "plan/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan;

enum sink_kind { SINK_FILE, SINK_SYSLOG, SINK_JOURNALD };

enum sink_format { SINK_TEXT, SINK_RAW, SINK_JSON, SINK_LOGFMT, SINK_HEROKU };

// Whose lines. What the formation itself says comes with both only.
enum sink_stream { SINK_BOTH, SINK_STDOUT, SINK_STDERR };

// What happens when the place is slower than the processes.
enum sink_policy {
    SINK_BLOCK, // they are slowed down
    SINK_DROP,  // lines are left out, and counted
};

enum sink_address { SINK_UNIX, SINK_UDP, SINK_TCP };

// When the file that is written is put aside, and how much of what was is kept. 0: never, no limit.
struct sink_rotation {
    uint64_t size_bytes;
    nsec_t age;
    unsigned keep_count; // so many files beside it; 0 here: none
    uint64_t total_bytes;
    bool compress;
};

struct plan_sink {
    enum sink_kind kind;
    struct origin origin;
    struct str target; // a file's path, see plan/sink_path.h; a socket's path; a host; or empty
    const struct str *patterns; // names of types or processes; none: all
    size_t pattern_count;
    enum sink_stream stream;
    enum sink_policy policy;
    enum sink_format format;       // of files, as all down to here
    struct sink_rotation rotation; // with neither size nor age: not at all
    unsigned file_mode;
    enum sink_address address; // of syslog, as all below
    unsigned port;             // of udp and tcp
    unsigned facility;         // as in RFC 5424: 1 is "user"
};

// The names that formation.yaml has for them. Behind the last one comes NULL, and so it is for a
// facility that programs do not have ("kern") or that has no name.
const char *sink_format_name(unsigned format);
const char *sink_stream_name(unsigned stream);
const char *sink_policy_name(unsigned policy);
const char *sink_address_name(unsigned address);
const char *sink_facility_name(unsigned facility);
enum { SINK_FACILITIES = 24, SINK_DEFAULT_MODE = 0640 };

// Whether it gets the lines of that process. With an empty name: what the formation says of no
// process, which is for sinks of all.
bool sink_matches(const struct plan_sink *sink, struct str type, unsigned number);

// Whether it makes a difference to it which lines are of the standard error: it wants those of one
// stream only, or its format says which one it was. Others keep both in one pipe, and so in order.
bool sink_tells_apart(const struct plan_sink *sink);
bool sink_format_tells_apart(enum sink_format format);

// Whether both say the same, wherever they stand.
bool sink_equal(const struct plan_sink *a, const struct plan_sink *b);

// Whether both are the same place, maybe with other lines, format or rotation: what is open and
// what waits for it can stay.
bool sink_is_same_place(const struct plan_sink *a, const struct plan_sink *b);

// A number for the place, paths and their names included: the same for the same place, whatever
// else is said of it, and never 0.
uint64_t plan_sink_place(const struct plan *plan, const struct plan_sink *sink);

// Whether a formation that runs by `old` has to change its sinks to run by `fresh`: they, their
// order, or the folder and name that their paths are made of are others.
bool plan_sinks_differ(const struct plan *old, const struct plan *fresh);
