// SPDX-License-Identifier: MIT
// What a machine gives and lacks, in sentences: what was found, what follows from it, what to do.
#pragma once

#include "base/buffer.h"
#include "base/machine.h"

#include <stdbool.h>
#include <stddef.h>

enum finding_state {
    FINDING_OK,
    FINDING_WARN, // a formation runs, but something is not as good as it could be
    FINDING_LACK, // something that is needed is missing
};

struct finding {
    enum finding_state state;
    const char *name;
    char found[MACHINE_PATH_BYTES + 128];
    const char *consequence; // NULL: there is none
    const char *remedy;      // NULL: nothing has to be done
};

enum { FINDINGS_MOST = 48 };

struct findings {
    struct finding items[FINDINGS_MOST];
    size_t count;
};

// "ok", "warn", "lack"
const char *finding_state_name(enum finding_state state);

// Appends what is to be said of the machine, for what is needed of it.
void findings_judge(const struct machine *machine, const struct machine_needs *needs,
                    struct findings *out);

// One more. Texts but `found` are borrowed.
void findings_add(struct findings *findings, enum finding_state state, const char *name,
                  const char *consequence, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

// Whether nothing that is needed is missing.
bool findings_suffice(const struct findings *findings);

// A line each; below it, where something follows from it, what, and what to do. `width` places of a
// terminal (0: any) are filled. What was found steers no terminal.
void findings_append(const struct findings *findings, unsigned width, struct buffer *out);

// For the parts of findings_judge.
void findings_judge_trees(const struct machine *machine, const struct machine_needs *needs,
                          struct findings *out);
