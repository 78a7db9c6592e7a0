// SPDX-License-Identifier: MIT
// What a client asks for, checked: whoever holds a request need not doubt any value in it.
#pragma once

#include "base/arena.h"
#include "base/duration.h"
#include "base/str.h"
#include "control/refusal.h"
#include "control/varlink.h"

#include <stdbool.h>
#include <stdint.h>

enum request_kind {
#define METHOD(identifier, interface, name, needs_more) REQUEST_##identifier,
#include "control/methods.def"
#undef METHOD
    REQUEST_KIND_COUNT
};

enum { REQUEST_ALL_LINES = -1 };

// Zero where a method has no such parameter, or the call did not give it.
struct request {
    enum request_kind kind;
    unsigned flags;         // enum varlink_flag
    struct str_list select; // names and patterns, for selection_parse; empty: all
    bool wait;              // SCALE RESTART STOP START RELOAD SHUTDOWN: reply when it is done
    union {
        struct {
            struct str interface;
        } description;
        struct {
            bool usage;
        } list;
        struct {
            struct str_list changes; // for scale_apply
            bool reset;
        } scale;
        struct {
            int number;
        } signal;
        struct {
            int64_t lines; // at most, or REQUEST_ALL_LINES
            nsec_t since;  // since the epoch; 0: all
            bool follow;
        } logs;
        struct {
            uint64_t after; // sequence; 0: all
            bool follow;
        } events;
        struct {
            struct str process;
            int64_t columns; // of the terminal, with rows; 0: as it is
            int64_t rows;
        } attach; // RESIZE, too
        struct {
            struct str
                program; // an absolute path, NUL-terminated; empty: the one that is installed
        } upgrade;
    };
    struct arena arena; // owns all texts and lists
};

// Makes a request of a call, which may be freed then. Returns 0; or -EINVAL with the error to
// reply.
int request_parse(const struct varlink_call *call, struct request *out, struct refusal *refusal);
void request_fini(struct request *request);

// "org.formation.Manager.Scale"
const char *request_method(enum request_kind kind);
