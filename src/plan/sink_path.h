// SPDX-License-Identifier: MIT
// The path of a file sink, in which {app}, {type} and {process} ("web.1") stand for names: which
// file gets the lines of which process.
#pragma once

#include "plan/sink.h"

// What one file has the lines of.
enum sink_scope {
    SINK_OF_FORMATION, // neither {type} nor {process}
    SINK_OF_TYPE,
    SINK_OF_PROCESS,
};

enum sink_scope sink_scope(const struct plan_sink *sink);

// A room that is left to the name of a file that is put aside (plan/rotation.h).
enum { SINK_PATH_BYTES = 4096, SINK_SUFFIX_BYTES = 40 };

// The absolute path for the lines of a process; number 0: of what has a name without one
// ("system"). A name never leads out of the folder that it stands in: what separates or hides files
// in it becomes '_'. Returns 0 or -ENAMETOOLONG.
int sink_path(const struct plan_sink *sink, const struct plan *plan, struct str type,
              unsigned number, char out[SINK_PATH_BYTES]);

// The parts of a path's text.
enum sink_word {
    SINK_LITERAL,
    SINK_APP,
    SINK_TYPE,
    SINK_PROCESS,
    SINK_UNKNOWN, // another word in braces
    SINK_STRAY,   // a brace without the other one
};

struct sink_part {
    enum sink_word word;
    struct str text; // as it stands there, words without their braces
};

// Cuts the next part off the front of `rest`. Returns false when nothing is left.
bool sink_next_part(struct str *rest, struct sink_part *out);

const char *sink_word_name(enum sink_word word); // "app"; NULL: not one of the three
