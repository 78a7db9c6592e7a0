// SPDX-License-Identifier: MIT
// For tests: a small plan, requests made from JSON, and replies compared as text.
#pragma once

#include "base/buffer.h"
#include "base/str.h"
#include "control/refusal.h"
#include "control/request.h"
#include "control/varlink.h"
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

enum { TYPE_WEB, TYPE_WORKER, TYPE_WEB_1, TYPE_CLOCK, TYPE_COUNT };

// web=2 (ports from 5000) worker=1 web-1=0 clock=1; `types` has room for TYPE_COUNT.
static inline struct plan expect_plan(struct process_type *types)
{
    static const struct {
        const char *name;
        unsigned quantity;
    } rows[] = {{"web", 2}, {"worker", 1}, {"web-1", 0}, {"clock", 1}};
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        types[i] = (struct process_type){
            .name = str_of(rows[i].name),
            .command = str_of("exec ./run \"it\""),
            .quantity = rows[i].quantity,
            .port_index = i,
        };
    return (struct plan){
        .app = str_of("shop"),
        .root = str_from("/srv/shop", 9),
        .has_port = true,
        .port_base = 5000,
        .type_count = TYPE_COUNT,
        .types = types,
    };
}

// Compares what was written, a NUL at its end shown as newline, and empties the buffer.
static inline void expect_written(struct buffer *out, const char *wanted)
{
    assert_false(out->failed);
    buffer_append_char(out, '\0');
    for (size_t i = 0; i + 1 < out->size; i++)
        out->bytes[i] = out->bytes[i] ? out->bytes[i] : '\n';
    assert_string_equal(out->bytes, wanted);
    buffer_clear(out);
}

// That a client can read it; ends it as a message if it is only a value.
static inline void expect_json(struct buffer *out, const char *wanted)
{
    json_error_t error;
    json_t *value = json_loadb(out->bytes, strnlen(out->bytes, out->size),
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail_msg("%s: %.*s", error.text, (int)out->size, out->bytes);
    json_decref(value);
    expect_written(out, wanted);
}

// As refusal_sentence says it.
static inline void expect_refusal(const struct refusal *refusal, const char *wanted)
{
    struct buffer out = {0};
    refusal_sentence(refusal, &out);
    expect_written(&out, wanted);
    buffer_fini(&out);
}

// "Scale", "{\"changes\": []}"; a method without a dot is of our own interface.
static inline int expect_request(const char *method, const char *parameters, unsigned flags,
                                 struct request *out, struct refusal *refusal)
{
    struct buffer message = {0};
    struct varlink_call call;
    struct error error;
    bool is_whole = strchr(method, '.');
    buffer_append_format(
        &message, "{\"method\":\"%s%s\",\"more\":%s,\"oneway\":%s,\"upgrade\":%s",
        is_whole ? "" : "org.formation.Manager.", method, flags & VARLINK_MORE ? "true" : "false",
        flags & VARLINK_ONEWAY ? "true" : "false", flags & VARLINK_UPGRADE ? "true" : "false");
    buffer_append_format(&message, ",\"parameters\":%s}", parameters);
    if (varlink_call_parse(buffer_str(&message), &call, &error) != 0)
        fail_msg("%s", error.text);
    buffer_fini(&message);
    int result = request_parse(&call, out, refusal);
    varlink_call_fini(&call);
    return result;
}
