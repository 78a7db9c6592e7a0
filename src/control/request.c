// SPDX-License-Identifier: MIT
// The parameters of each method are a table; each line of it names one, and the reader above it
// that checks the value. interface_test.c holds the tables against the description.
#include "control/request.h"

#include "base/limits.h"
#include "base/signal_name.h"
#include "control/interface.h"

#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 4096 }; // PATH_MAX, the final NUL included

// In the year 2255; in nanoseconds it still fits nsec_t.
static const double latest_seconds = 9e9;

struct reader {
    struct request *request;
    const char *parameter; // that is read
    struct refusal *refusal;
};

struct parameter {
    const char *name;
    bool is_required;
    int (*read)(struct reader *reader, const json_t *value, void *out);
    size_t offset; // in struct request
};

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    }
    return "unknown";
}

static int refuse(struct reader *reader, const char *wanted, const json_t *value)
{
    return refusal_set(reader->refusal, REFUSAL_INVALID_PARAMETER, str_of(reader->parameter),
                       "takes %s, not %s", wanted, kind_of(value));
}

static int refuse_length(struct reader *reader)
{
    char what[64];
    (void)snprintf(what, sizeof(what), "texts in '%s'", reader->parameter);
    return refusal_set_limit(reader->refusal, what, LIMIT_PATTERNS);
}

static int read_bool(struct reader *reader, const json_t *value, void *out)
{
    if (!json_is_boolean(value))
        return refuse(reader, "true or false", value);
    *(bool *)out = json_is_true(value);
    return 0;
}

static int read_text(struct reader *reader, const json_t *value, void *out)
{
    if (!json_is_string(value))
        return refuse(reader, "a text", value);
    struct str text = str_from(json_string_value(value), json_string_length(value));
    if (arena_str(&reader->request->arena, text, out) != 0)
        return refusal_set_errno(reader->refusal, ENOMEM);
    return 0;
}

static int read_texts(struct reader *reader, const json_t *value, void *out)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return refuse(reader, "a list of texts", value);
    if (count > LIMIT_PATTERNS)
        return refuse_length(reader);
    struct str *items = arena_alloc(&reader->request->arena, count * sizeof(*items));
    if (!items)
        return refusal_set_errno(reader->refusal, ENOMEM);
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(value, i);
        if (!json_is_string(text))
            return refuse(reader, "a list of texts only", text);
        int result = read_text(reader, text, &items[i]);
        if (result != 0)
            return result;
    }
    *(struct str_list *)out = (struct str_list){items, count};
    return 0;
}

static int read_count(struct reader *reader, const json_t *value, void *out)
{
    if (!json_is_integer(value))
        return refuse(reader, "a whole number", value);
    if (json_integer_value(value) < 0)
        return refusal_set(reader->refusal, REFUSAL_INVALID_PARAMETER, str_of(reader->parameter),
                           "takes no number below 0");
    *(int64_t *)out = json_integer_value(value);
    return 0;
}

// Of a terminal, in one direction.
static int read_size(struct reader *reader, const json_t *value, void *out)
{
    if (!json_is_integer(value))
        return refuse(reader, "a whole number", value);
    if (json_integer_value(value) < 1 || json_integer_value(value) > UINT16_MAX)
        return refusal_set(reader->refusal, REFUSAL_INVALID_PARAMETER, str_of(reader->parameter),
                           "takes a number from 1 to %d", UINT16_MAX);
    *(int64_t *)out = json_integer_value(value);
    return 0;
}

static int read_time(struct reader *reader, const json_t *value, void *out)
{
    double seconds = json_number_value(value);
    if (!json_is_number(value))
        return refuse(reader, "seconds since 1970", value);
    if (!(seconds >= 0 && seconds <= latest_seconds))
        return refusal_set(reader->refusal, REFUSAL_INVALID_PARAMETER, str_of(reader->parameter),
                           "takes seconds since 1970, from 0 to %.0f", latest_seconds);
    *(nsec_t *)out = (nsec_t)(seconds * 1e9);
    return 0;
}

static int read_signal(struct reader *reader, const json_t *value, void *out)
{
    struct str name = str_of("");
    int result = read_text(reader, value, &name);
    if (result != 0)
        return result;
    int number = signal_number(name);
    if (number == 0) {
        name = str_excerpt(name);
        return refusal_set(reader->refusal, REFUSAL_INVALID_PARAMETER, str_of(reader->parameter),
                           "'%.*s' is no signal: write TERM, HUP, USR1 or another of signal(7)",
                           STR_ARGS(name));
    }
    *(int *)out = number;
    return 0;
}

static int read_path(struct reader *reader, const json_t *value, void *out)
{
    struct str path = str_of("");
    int result = read_text(reader, value, &path);
    if (result != 0)
        return result;
    if (!str_starts_with(path, "/") || path.size >= PATH_BYTES)
        return refusal_set(reader->refusal, REFUSAL_INVALID_PARAMETER, str_of(reader->parameter),
                           "takes an absolute path of fewer than %d bytes", PATH_BYTES);
    *(struct str *)out = path;
    return 0;
}

#define AT(member) offsetof(struct request, member)

static const struct parameter describe_parameters[] = {
    {"interface", true, read_text, AT(description.interface)}, {0}};
static const struct parameter list_parameters[] = {
    {"select", false, read_texts, AT(select)}, {"usage", false, read_bool, AT(list.usage)}, {0}};
static const struct parameter scale_parameters[] = {
    {"changes", true, read_texts, AT(scale.changes)},
    {"reset", false, read_bool, AT(scale.reset)},
    {"wait", false, read_bool, AT(wait)},
    {0}};
static const struct parameter select_wait_parameters[] = {
    {"select", true, read_texts, AT(select)}, {"wait", false, read_bool, AT(wait)}, {0}};
static const struct parameter signal_parameters[] = {
    {"select", true, read_texts, AT(select)},
    {"signal", true, read_signal, AT(signal.number)},
    {0}};
static const struct parameter logs_parameters[] = {{"select", false, read_texts, AT(select)},
                                                   {"lines", false, read_count, AT(logs.lines)},
                                                   {"since", false, read_time, AT(logs.since)},
                                                   {"follow", false, read_bool, AT(logs.follow)},
                                                   {0}};
static const struct parameter events_parameters[] = {
    {"after", false, read_count, AT(events.after)},
    {"follow", false, read_bool, AT(events.follow)},
    {0}};
static const struct parameter why_parameters[] = {{"select", false, read_texts, AT(select)}, {0}};
static const struct parameter wait_parameters[] = {{"wait", false, read_bool, AT(wait)}, {0}};
static const struct parameter upgrade_parameters[] = {
    {"program", false, read_path, AT(upgrade.program)}, {0}};
static const struct parameter attach_parameters[] = {
    {"process", true, read_text, AT(attach.process)},
    {"columns", false, read_size, AT(attach.columns)},
    {"rows", false, read_size, AT(attach.rows)},
    {0}};
static const struct parameter resize_parameters[] = {
    {"process", true, read_text, AT(attach.process)},
    {"columns", true, read_size, AT(attach.columns)},
    {"rows", true, read_size, AT(attach.rows)},
    {0}};
static const struct parameter no_parameters[] = {{0}};

static const struct parameter *const parameters_of[] = {
    [REQUEST_GET_INFO] = no_parameters,
    [REQUEST_GET_INTERFACE_DESCRIPTION] = describe_parameters,
    [REQUEST_GET_STATUS] = no_parameters,
    [REQUEST_LIST] = list_parameters,
    [REQUEST_SCALE] = scale_parameters,
    [REQUEST_RESTART] = select_wait_parameters,
    [REQUEST_STOP] = select_wait_parameters,
    [REQUEST_START] = select_wait_parameters,
    [REQUEST_SIGNAL] = signal_parameters,
    [REQUEST_LOGS] = logs_parameters,
    [REQUEST_EVENTS] = events_parameters,
    [REQUEST_ATTACH] = attach_parameters,
    [REQUEST_RESIZE] = resize_parameters,
    [REQUEST_WHY] = why_parameters,
    [REQUEST_RELOAD] = wait_parameters,
    [REQUEST_REOPEN_LOGS] = no_parameters,
    [REQUEST_UPGRADE] = upgrade_parameters,
    [REQUEST_SHUTDOWN] = wait_parameters,
};

static const struct method {
    const char *name;
    bool needs_more;
} methods[] = {
#define METHOD(identifier, interface, name, needs_more)                                            \
    [REQUEST_##identifier] = {INTERFACE_##interface "." name, needs_more},
#include "control/methods.def"
#undef METHOD
};

const char *request_method(enum request_kind kind)
{
    return methods[kind].name;
}

static int find_method(struct str name, enum request_kind *out, struct refusal *refusal)
{
    size_t dot = name.size;
    while (dot > 0 && name.bytes[dot - 1] != '.')
        dot--;
    if (dot < 2 || dot == name.size)
        return refusal_set(refusal, REFUSAL_INVALID_PARAMETER, str_of("method"),
                           "takes the names of an interface and of a method, with a dot between");
    for (int kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        if (str_is(name, methods[kind].name)) {
            *out = (enum request_kind)kind;
            return 0;
        }
    }
    struct str interface = str_slice(name, 0, dot - 1);
    if (interface_text(interface).size == 0)
        return refusal_set(refusal, REFUSAL_INTERFACE_NOT_FOUND, interface, NULL);
    return refusal_set(refusal, REFUSAL_METHOD_NOT_FOUND, str_slice(name, dot, name.size), NULL);
}

static int check_flags(const struct request *request, struct refusal *refusal)
{
    if (request->flags & VARLINK_UPGRADE && request->kind != REQUEST_ATTACH)
        return refusal_set(refusal, REFUSAL_INVALID_PARAMETER, str_of("upgrade"),
                           "%s leads to no other protocol", request_method(request->kind));
    if (request->flags & VARLINK_ONEWAY && request->flags & (VARLINK_MORE | VARLINK_UPGRADE))
        return refusal_set(refusal, REFUSAL_INVALID_PARAMETER,
                           str_of(request->flags & VARLINK_MORE ? "more" : "upgrade"),
                           "together with 'oneway' there is no reply");
    if (methods[request->kind].needs_more && !(request->flags & VARLINK_MORE))
        return refusal_set(refusal, REFUSAL_EXPECTED_MORE, str_of(""), NULL);
    return 0;
}

static int refuse_unknown(const struct parameter *known, const char *name, struct refusal *refusal)
{
    enum { MOST_PARAMETERS = 8 };
    struct str names[MOST_PARAMETERS];
    size_t count = 0;
    for (const struct parameter *each = known; each->name && count < MOST_PARAMETERS; each++)
        names[count++] = str_of(each->name);
    struct str nearest = str_nearest(str_of(name), names, count);
    if (nearest.size == 0)
        return refusal_set(refusal, REFUSAL_INVALID_PARAMETER, str_of(name),
                           "the method has no such parameter");
    return refusal_set(refusal, REFUSAL_INVALID_PARAMETER, str_of(name),
                       "the method has no such parameter: did you mean '%.*s'?", STR_ARGS(nearest));
}

// A parameter that is null is one that is not given.
static int read_parameters(const json_t *parameters, struct reader *reader)
{
    const struct parameter *known = parameters_of[reader->request->kind];
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)parameters, name, value)
    {
        const struct parameter *parameter = known;
        while (parameter->name && strcmp(parameter->name, name) != 0)
            parameter++;
        if (!parameter->name)
            return refuse_unknown(known, name, reader->refusal);
        reader->parameter = name;
        int result =
            json_is_null(value)
                ? 0
                : parameter->read(reader, value, (char *)reader->request + parameter->offset);
        if (result != 0)
            return result;
    }
    for (const struct parameter *each = known; each->name; each++)
        if (each->is_required && (!json_object_get(parameters, each->name) ||
                                  json_is_null(json_object_get(parameters, each->name))))
            return refusal_set(reader->refusal, REFUSAL_INVALID_PARAMETER, str_of(each->name),
                               "is missing");
    return 0;
}

static int check_request(const struct request *request, struct refusal *refusal)
{
    if (request->kind == REQUEST_ATTACH && !(request->flags & VARLINK_UPGRADE))
        return refusal_set(refusal, REFUSAL_INVALID_PARAMETER, str_of("upgrade"),
                           "is missing: what follows the reply are bytes, no messages");
    if (request->kind == REQUEST_SCALE && request->scale.changes.count == 0 &&
        !request->scale.reset)
        return refusal_set(refusal, REFUSAL_INVALID_PARAMETER, str_of("changes"),
                           "names nothing to change: write web=3, worker+2 or clock-1");
    return 0;
}

int request_parse(const struct varlink_call *call, struct request *out, struct refusal *refusal)
{
    struct request request = {.flags = call->flags};
    struct reader reader = {.request = &request, .refusal = refusal};
    int result = find_method(call->method, &request.kind, refusal);
    if (request.kind == REQUEST_LOGS)
        request.logs.lines = REQUEST_ALL_LINES;
    if (result == 0)
        result = check_flags(&request, refusal);
    if (result == 0)
        result = read_parameters(call->parameters, &reader);
    if (result == 0)
        result = check_request(&request, refusal);
    if (result == 0)
        *out = request;
    else
        arena_fini(&request.arena);
    return result;
}

void request_fini(struct request *request)
{
    arena_fini(&request->arena);
    *request = (struct request){0};
}
