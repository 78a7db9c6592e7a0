// SPDX-License-Identifier: MIT
// Why a request is not done: one value, from where the fact is known to the client's screen.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

struct varlink_reply;

enum refusal_kind {
    REFUSAL_NONE,
#define REFUSAL(identifier, interface, name, subject, detail, limit) REFUSAL_##identifier,
#include "control/errors.def"
#undef REFUSAL
    REFUSAL_KIND_COUNT
};

// Owns its texts, longer ones are cut; which of them an error has is in errors.def. The list of
// findings (INVALID_FILES) is borrowed.
enum { REFUSAL_TEXT_BYTES = 256 };
struct refusal {
    enum refusal_kind kind;
    char subject[REFUSAL_TEXT_BYTES]; // name, change, parameter, …
    char detail[REFUSAL_TEXT_BYTES];  // reason or nearest; empty: none
    long long limit;
    struct str_list findings;
};

// Fills `out` (may be NULL): the subject, and a format for the detail (NULL: none). Returns
// -EINVAL, so that `return refusal_set(out, …)` reads as one thought.
int refusal_set(struct refusal *out, enum refusal_kind kind, struct str subject, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

// Of INVALID_FILES, and of TOO_MANY: "processes", 8192.
int refusal_set_findings(struct refusal *out, struct str_list findings);
int refusal_set_limit(struct refusal *out, const char *what, long long limit);

// For -ENOMEM and the like, when nobody has said anything better.
int refusal_set_errno(struct refusal *out, int code);

// Writes the error reply, whole.
void refusal_write(const struct refusal *refusal, struct buffer *out);

// The client's side: the refusal that a reply tells of, false if the reply is no error. One that
// this version does not know becomes REFUSAL_FAILED with its name. `findings` point into `reply`;
// room for them is in `arena`.
struct arena;
bool refusal_read(const struct varlink_reply *reply, struct arena *arena, struct refusal *out);

// Appends what a person reads: "there is no process 'wob': did you mean 'web'?". Findings stand
// one a line. No final newline.
void refusal_sentence(const struct refusal *refusal, struct buffer *out);
