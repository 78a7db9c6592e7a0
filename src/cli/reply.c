// SPDX-License-Identifier: MIT
// A formation of a later version may answer more than is known here, or less than is hoped for:
// nothing that is missing is a mistake.
#include "cli/reply.h"

#include "base/signal_name.h"
#include "event/event.h"
#include "view/sentence.h"

struct str reply_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return str_from(json_string_value(value), json_string_length(value));
}

long long reply_integer(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

nsec_t reply_time(const json_t *object, const char *name)
{
    const double most = 9e9; // seconds; in nanoseconds it still fits
    const json_t *value = json_object_get(object, name);
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds >= -most && seconds <= most))
        return NSEC_NEVER;
    return (nsec_t)(seconds * 1e6) * NSEC_PER_USEC;
}

void reply_append_exit(struct buffer *out, const json_t *object)
{
    enum { CORE = 0x80 }; // of wait(2)
    const json_t *end = json_object_get(object, "exit");
    const int memory = json_is_true(json_object_get(end, "out_of_memory")) ? EXIT_OUT_OF_MEMORY : 0;
    const long long limit = reply_integer(end, "memory_limit");
    const struct str signal = reply_text(end, "signal");
    int status = signal_number(signal) | (json_is_true(json_object_get(end, "core")) ? CORE : 0);
    if (json_object_get(end, "code"))
        status = (int)((reply_integer(end, "code") & 0xff) << 8);
    else if (signal.size == 0)
        return;
    sentence_ended_within(out, status | memory, limit > 0 ? (uint64_t)limit : 0);
}

bool reply_exit_is_success(const json_t *object)
{
    const json_t *code = json_object_get(json_object_get(object, "exit"), "code");
    return json_is_integer(code) && json_integer_value(code) == 0;
}
