// SPDX-License-Identifier: MIT
// jansson reads, json_put.h writes. What jansson would only find after a deep recursion is found
// before, by counting brackets.
#include "control/varlink.h"

#include "base/limits.h"
#include "control/json_put.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

int varlink_next(struct str *rest, size_t limit, struct str *out)
{
    size_t end = str_find_char(*rest, '\0');
    if (end > limit)
        return -EMSGSIZE;
    if (end == rest->size)
        return -EAGAIN;
    *out = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + 1, rest->size);
    return 0;
}

static size_t depth_of(struct str message)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool is_text = false;
    for (size_t i = 0; i < message.size; i++) {
        char c = message.bytes[i];
        if (is_text && c == '\\') {
            i++; // whatever is escaped
        } else if (c == '"') {
            is_text = !is_text;
        } else if (!is_text && (c == '{' || c == '[')) {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if (!is_text && (c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

static int parse_object(struct str message, size_t flags, json_t **out, struct error *error)
{
    json_error_t fault;
    if (depth_of(message) > LIMIT_MESSAGE_DEPTH)
        return error_set(error, EBADMSG, "more than %d objects and lists within each other",
                         LIMIT_MESSAGE_DEPTH);
    json_t *root = json_loadb(message.bytes, message.size, JSON_REJECT_DUPLICATES | flags, &fault);
    if (!root && json_error_code(&fault) == json_error_out_of_memory)
        return error_set(error, ENOMEM, "not enough memory for a message");
    if (!root)
        return error_set(error, EBADMSG, "no JSON: line %d, column %d: %s", fault.line,
                         fault.column, fault.text);
    if (!json_is_object(root)) {
        json_decref(root);
        return error_set(error, EBADMSG, "a list where an object is wanted");
    }
    *out = root;
    return 0;
}

static struct str text_of(const json_t *value)
{
    return str_from(json_string_value(value), json_string_length(value));
}

static int read_method(const json_t *value, struct varlink_call *call, struct error *error)
{
    call->method = text_of(value);
    return json_is_string(value) ? 0 : error_set(error, EBADMSG, "'method' is no text");
}

static int read_parameters(const json_t *value, const json_t **out, struct error *error)
{
    *out = json_is_null(value) ? NULL : value;
    return !*out || json_is_object(value) ? 0
                                          : error_set(error, EBADMSG, "'parameters' is no object");
}

static const struct {
    const char *name;
    unsigned flag;
} flag_names[] = {
    {"oneway", VARLINK_ONEWAY},
    {"more", VARLINK_MORE},
    {"upgrade", VARLINK_UPGRADE},
};
enum { FLAG_COUNT = sizeof(flag_names) / sizeof(flag_names[0]) };

static int read_flag(const char *name, const json_t *value, struct varlink_call *call,
                     struct error *error)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (strcmp(name, flag_names[i].name) != 0)
            continue;
        if (!json_is_boolean(value) && !json_is_null(value))
            return error_set(error, EBADMSG, "'%s' is neither true nor false", name);
        call->flags |= json_is_true(value) ? flag_names[i].flag : 0;
        return 0;
    }
    struct str excerpt = str_excerpt(str_of(name));
    return error_set(error, EBADMSG, "a call has no member '%.*s'", STR_ARGS(excerpt));
}

static int read_call(struct varlink_call *call, struct error *error)
{
    const char *name;
    json_t *value;
    int result = 0;
    json_object_foreach(call->message, name, value)
    {
        if (strcmp(name, "method") == 0)
            result = read_method(value, call, error);
        else if (strcmp(name, "parameters") == 0)
            result = read_parameters(value, &call->parameters, error);
        else
            result = read_flag(name, value, call, error);
        if (result != 0)
            return result;
    }
    if (call->method.size == 0)
        return error_set(error, EBADMSG, "a call without 'method'");
    return 0;
}

int varlink_call_parse(struct str message, struct varlink_call *out, struct error *error)
{
    struct varlink_call call = {.method = str_of("")};
    if (message.size > LIMIT_MESSAGE_BYTES)
        return error_set(error, EMSGSIZE, "a call of more than %d bytes", LIMIT_MESSAGE_BYTES);
    int result = parse_object(message, 0, &call.message, error);
    if (result == 0)
        result = read_call(&call, error);
    if (result == 0)
        *out = call;
    else
        varlink_call_fini(&call);
    return result;
}

void varlink_call_fini(struct varlink_call *call)
{
    json_decref(call->message);
    *call = (struct varlink_call){0};
}

int varlink_reply_parse(struct str message, struct varlink_reply *out, struct error *error)
{
    struct varlink_reply reply = {.error = str_of("")};
    int result = parse_object(message, JSON_ALLOW_NUL, &reply.message, error);
    if (result != 0)
        return result;
    const json_t *continues = json_object_get(reply.message, "continues");
    const json_t *name = json_object_get(reply.message, "error");
    const json_t *parameters = json_object_get(reply.message, "parameters");
    if (name && !json_is_null(name) && !json_string_length(name))
        result = error_set(error, EBADMSG, "'error' is no name");
    else if (continues && !json_is_boolean(continues) && !json_is_null(continues))
        result = error_set(error, EBADMSG, "'continues' is neither true nor false");
    else if (parameters)
        result = read_parameters(parameters, &reply.parameters, error);
    reply.continues = json_is_true(continues);
    if (json_is_string(name))
        reply.error = text_of(name);
    if (result == 0)
        *out = reply;
    else
        varlink_reply_fini(&reply);
    return result;
}

void varlink_reply_fini(struct varlink_reply *reply)
{
    json_decref(reply->message);
    *reply = (struct varlink_reply){0};
}

static void close_message(struct buffer *out)
{
    json_put_object_end(out);
    buffer_append_char(out, '\0');
}

void varlink_call_open(struct buffer *out, const char *method, unsigned flags)
{
    json_put_object(out, NULL);
    json_put_text(out, "method", str_of(method));
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (flags & flag_names[i].flag)
            json_put_bool(out, flag_names[i].name, true);
    json_put_object(out, "parameters");
}

void varlink_call_close(struct buffer *out)
{
    json_put_object_end(out);
    close_message(out);
}

void varlink_reply_open(struct buffer *out)
{
    json_put_object(out, NULL);
    json_put_object(out, "parameters");
}

void varlink_reply_close(struct buffer *out, bool continues)
{
    json_put_object_end(out);
    if (continues)
        json_put_bool(out, "continues", true);
    close_message(out);
}

void varlink_error_open(struct buffer *out, const char *error)
{
    json_put_object(out, NULL);
    json_put_text(out, "error", str_of(error));
    json_put_object(out, "parameters");
}

void varlink_error_close(struct buffer *out)
{
    json_put_object_end(out);
    close_message(out);
}
