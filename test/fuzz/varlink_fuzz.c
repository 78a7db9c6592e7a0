// SPDX-License-Identifier: MIT
// Any bytes from a client: each message is refused with a reply that a client can read, or becomes
// a request whose values are in their bounds. The same bytes are tried as a server's replies, as a
// line of output, and, line by line, as changes and as patterns.
#include "base/limits.h"
#include "control/describe.h"
#include "control/request.h"
#include "control/scale.h"
#include "control/selection.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { TYPE_COUNT = 4, PROCESS_COUNT = 6, MOST_LINES = 64 };

static const struct process_id processes[PROCESS_COUNT] = {{0, 1},  {0, 2}, {0, 10},
                                                           {1, 31}, {2, 1}, {3, 1}};

static struct plan make_plan(struct process_type types[TYPE_COUNT])
{
    static const char *const names[TYPE_COUNT] = {"web", "worker", "web-1", "gone"};
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        types[i] = (struct process_type){.name = str_of(names[i]),
                                         .command = str_of("true"),
                                         .quantity = i < 3 ? 3 - i : 0,
                                         .port_index = i,
                                         .is_gone = i == 3};
    return (struct plan){.app = str_of("app"),
                         .root = str_of("app"),
                         .has_port = true,
                         .port_base = 60000,
                         .types = types,
                         .type_count = TYPE_COUNT};
}

static void check_refusal(const struct refusal *refusal)
{
    struct buffer out = {0};
    struct varlink_reply reply;
    struct arena arena = {0};
    struct refusal read;
    REQUIRE(refusal->kind > REFUSAL_NONE && refusal->kind < REFUSAL_KIND_COUNT);
    refusal_write(refusal, &out);
    REQUIRE(!out.failed && memchr(out.bytes, '\0', out.size) == out.bytes + out.size - 1);
    REQUIRE(varlink_reply_parse(str_from(out.bytes, out.size - 1), &reply, NULL) == 0);
    REQUIRE(refusal_read(&reply, &arena, &read) && read.kind == refusal->kind);
    buffer_clear(&out);
    refusal_sentence(&read, &out);
    REQUIRE(out.size > 0);
    for (size_t i = 0; i < out.size; i++)
        REQUIRE((unsigned char)out.bytes[i] >= ' ' && out.bytes[i] != 0x7f);
    varlink_reply_fini(&reply);
    arena_fini(&arena);
    buffer_fini(&out);
}

static void check_scale(struct str_list changes, bool reset)
{
    struct process_type types[TYPE_COUNT];
    struct plan plan = make_plan(types);
    struct scale scale = {changes, reset};
    struct scaled after[TYPE_COUNT];
    struct refusal refusal;
    unsigned sum = 0;
    types[0].scale.is_set = true;
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        after[i] = (struct scaled){UINT32_MAX, true};
    if (scale_apply(&plan, &scale, after, &refusal) != 0) {
        check_refusal(&refusal);
        for (unsigned i = 0; i < TYPE_COUNT; i++)
            REQUIRE(after[i].quantity == UINT32_MAX);
        return;
    }
    REQUIRE(after[3].quantity == 0);
    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        REQUIRE(after[i].quantity <= LIMIT_PROCESSES);
        REQUIRE(i == 0 || !after[i].is_fixed);
        if (after[i].quantity > 0)
            REQUIRE(plan_port(&plan, (struct process_id){(uint16_t)i,
                                                         (uint16_t)after[i].quantity}) <= 65535);
        sum += after[i].quantity;
    }
    REQUIRE(sum <= LIMIT_PROCESSES);
}

// The same as wildcard_fits in the plainest way: which beginnings of the text fit each beginning
// of the pattern.
static bool fits(struct str pattern, struct str text)
{
    bool can[256] = {true};
    for (size_t i = 0; i < pattern.size; i++) {
        bool before = can[0]; // of the shorter pattern, one byte earlier
        can[0] = can[0] && pattern.bytes[i] == '*';
        for (size_t j = 1; j <= text.size; j++) {
            bool same = pattern.bytes[i] == '?' || pattern.bytes[i] == text.bytes[j - 1];
            bool now = pattern.bytes[i] == '*' ? can[j] || can[j - 1] : before && same;
            before = can[j];
            can[j] = now;
        }
    }
    return can[text.size];
}

static bool means(struct str pattern, const struct plan *plan, struct process_id id)
{
    char number[8];
    size_t dot = str_find_char(pattern, '.');
    (void)snprintf(number, sizeof(number), "%u", id.number);
    return fits(str_slice(pattern, 0, dot), plan->types[id.type].name) &&
           (dot == pattern.size || fits(str_slice(pattern, dot + 1, pattern.size), str_of(number)));
}

static void check_selection(struct str_list patterns)
{
    struct process_type types[TYPE_COUNT];
    struct plan plan = make_plan(types);
    struct arena arena = {0};
    struct selection selection;
    struct refusal refusal;
    if (selection_parse(&plan, patterns, processes, PROCESS_COUNT, &arena, &selection, &refusal) ==
        0) {
        for (size_t i = 0; i < PROCESS_COUNT; i++) {
            bool wanted = patterns.count == 0;
            for (size_t k = 0; k < patterns.count; k++)
                wanted |= means(patterns.items[k], &plan, processes[i]);
            REQUIRE(selection_has(&selection, processes[i]) == wanted);
        }
    } else {
        check_refusal(&refusal);
    }
    if (selection_parse(&plan, patterns, NULL, 0, &arena, &selection, &refusal) != 0)
        check_refusal(&refusal);
    arena_fini(&arena);
}

static void check_request(const struct request *request)
{
    REQUIRE(request->kind < REQUEST_KIND_COUNT);
    REQUIRE(request->select.count <= LIMIT_PATTERNS);
    check_selection(request->select);
    if (request->kind == REQUEST_SCALE)
        check_scale(request->scale.changes, request->scale.reset);
    if (request->kind == REQUEST_SIGNAL)
        REQUIRE(request->signal.number > 0 && request->signal.number <= 64);
    if (request->kind == REQUEST_LOGS)
        REQUIRE(request->logs.since >= 0 && request->logs.lines >= REQUEST_ALL_LINES);
    if (request->kind == REQUEST_LOGS || request->kind == REQUEST_EVENTS)
        REQUIRE(request->flags & VARLINK_MORE);
    if (request->kind == REQUEST_UPGRADE && request->upgrade.program.size > 0)
        REQUIRE(request->upgrade.program.bytes[0] == '/' &&
                strlen(request->upgrade.program.bytes) == request->upgrade.program.size);
}

static void receive(struct str message)
{
    struct varlink_call call;
    struct request request;
    struct refusal refusal;
    struct error error;
    if (varlink_call_parse(message, &call, &error) != 0) {
        refusal_set(&refusal, REFUSAL_INVALID_MESSAGE, str_of(""), "%s", error.text);
        check_refusal(&refusal);
        return;
    }
    int result = request_parse(&call, &request, &refusal);
    varlink_call_fini(&call); // a request needs nothing of it
    if (result == 0) {
        check_request(&request);
        request_fini(&request);
    } else {
        check_refusal(&refusal);
    }
}

static void read_reply(struct str message)
{
    struct varlink_reply reply;
    struct arena arena = {0};
    struct refusal refusal;
    struct buffer out = {0};
    if (varlink_reply_parse(message, &reply, NULL) != 0)
        return;
    if (refusal_read(&reply, &arena, &refusal))
        refusal_sentence(&refusal, &out);
    varlink_reply_fini(&reply);
    arena_fini(&arena);
    buffer_fini(&out);
}

static void describe(struct str text)
{
    static const struct description description = {.wall_offset = 1};
    struct buffer out = {0};
    describe_line(&out, NULL, &description, 0, str_of("web.1"), text, false);
    json_t *line = json_loadb(out.bytes, out.size, JSON_ALLOW_NUL, NULL);
    const json_t *member = json_object_get(line, "text");
    json_t *same = json_stringn(text.bytes, text.size); // NULL: not UTF-8
    REQUIRE(json_is_string(member));
    REQUIRE(!same || json_equal(member, same));
    REQUIRE(json_string_length(member) >= text.size);
    json_decref(same);
    json_decref(line);
    buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str lines[MOST_LINES];
    struct str_list list = {lines, 0};
    struct str rest = {(const char *)data, size};
    struct str message;
    describe(rest);
    while (list.count < MOST_LINES && str_next(&rest, '\n', &lines[list.count]))
        list.count++;
    check_scale(list, false);
    check_scale(list, true);
    check_selection(list);
    rest = (struct str){(const char *)data, size};
    while (varlink_next(&rest, LIMIT_MESSAGE_BYTES, &message) == 0) {
        receive(message);
        read_reply(message);
    }
    receive(rest);
    read_reply(rest);
    return 0;
}
