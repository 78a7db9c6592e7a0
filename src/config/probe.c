// SPDX-License-Identifier: MIT
// The kinds are keys, so that a mistyped one is told as every unknown key, with the nearest. Which
// kind it is, and what was said beside it, is put together when all keys were read.
#include "config/probe.h"

#include "base/limits.h"
#include "config/pattern.h"

enum { LEAST_PERIOD_MSEC = 10, MOST_FAILURES = 1000 };

// What the fields of one probe are read into.
struct reading {
    struct declared_probe *out;
    const char *kinds;            // those that there are, for a message
    const struct yaml_node *kind; // the value of the key that says how; NULL: none yet
    // The values of these keys; NULL: not there.
    const struct yaml_node *port;
    const struct yaml_node *interval;
    const struct yaml_node *timeout;
    unsigned port_number; // of `port`
};

void probe_read_period(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    char subject[YAML_SUBJECT_BYTES];
    nsec_t period = -1; // stays so when the value was no time, which has been told
    yaml_read_duration(reader, node, &period);
    if (period >= LEAST_PERIOD_MSEC * NSEC_PER_MSEC)
        *(nsec_t *)out = period;
    else if (period >= 0)
        diagnostics_error(reader->diagnostics, node->origin, "%s takes at least %dms, not '%.*s'",
                          yaml_subject(node, subject), LEAST_PERIOD_MSEC,
                          STR_ARGS(str_excerpt(node->text)));
}

// Returns false when another kind was there before; it has been told.
static bool choose(struct yaml_reader *reader, const struct yaml_node *node, enum probe_kind kind,
                   struct reading *reading)
{
    if (reading->kind) {
        diagnostics_error(reader->diagnostics, node->key->origin,
                          "'%.*s' and '%.*s': only one of them can decide",
                          STR_ARGS(reading->kind->key->text), STR_ARGS(node->key->text));
        return false;
    }
    reading->kind = node;
    reading->out->probe.kind = kind;
    reading->out->text_origin = node->origin;
    return true;
}

static void read_tcp(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    unsigned long port = 0;
    if (!choose(reader, node, PROBE_TCP, reading) || !yaml_expect(reader, node, YAML_TEXT))
        return;
    bool is_own = node->is_plain && str_is(node->text, "true");
    if (!is_own && (!str_to_unsigned(node->text, &port) || port < 1 || port > 65535))
        diagnostics_error(reader->diagnostics, node->origin,
                          "'tcp' takes a port from 1 to 65535, or true for the PORT of the "
                          "process, not '%.*s'",
                          STR_ARGS(str_excerpt(node->text)));
    else
        reading->out->probe.port = (unsigned)port;
}

// Returns false when the text is longer than a line should be; it has been told.
static bool is_short(struct yaml_reader *reader, const struct yaml_node *node)
{
    if (node->text.size <= LIMIT_PROBE_BYTES)
        return true;
    diagnostics_error(reader->diagnostics, node->origin, "%zu bytes: at most %d are allowed here",
                      node->text.size, LIMIT_PROBE_BYTES);
    return false;
}

// The path is sent as it is: a blank or a newline in it would end the line of the request.
static bool is_path(struct str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~')
            return false;
    return str_starts_with(text, "/");
}

static void read_http(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    struct str path = str_of("");
    if (!choose(reader, node, PROBE_HTTP, reading))
        return;
    yaml_read_text(reader, node, &path);
    if (path.size == 0 || !is_short(reader, node))
        return;
    if (is_path(path))
        reading->out->probe.text = path;
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "'http' takes a path as /health, without blanks and host, not '%.*s'",
                          STR_ARGS(str_excerpt(path)));
}

static void read_exec(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    if (!choose(reader, node, PROBE_EXEC, reading))
        return;
    yaml_read_text(reader, node, &reading->out->probe.text);
    if (node->kind == YAML_TEXT && node->text.size >= LIMIT_ARGUMENT_BYTES)
        diagnostics_error(reader->diagnostics, node->origin,
                          "a command of %zu bytes: the kernel takes fewer than %d, put it into a "
                          "script",
                          node->text.size, LIMIT_ARGUMENT_BYTES);
}

static void read_log(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    struct str pattern = str_of("");
    if (!choose(reader, node, PROBE_LOG, reading))
        return;
    yaml_read_text(reader, node, &pattern);
    if (pattern.size == 0 || !is_short(reader, node))
        return;
    const char *fault = pattern_fault(pattern);
    if (fault)
        diagnostics_error(reader->diagnostics, node->origin, "the pattern '%.*s' %s",
                          STR_ARGS(str_excerpt(pattern)), fault);
    else
        reading->out->probe.text = pattern;
}

static void read_notify(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    bool notifies = true; // stays so when the value was no bool, which has been told
    if (!choose(reader, node, PROBE_NOTIFY, out))
        return;
    yaml_read_bool(reader, node, &notifies);
    if (!notifies)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'notify' takes true: leave it out otherwise");
}

// `log` and `notify` tell of one moment, not of a state that can be looked at again.
static void refuse_as_alive(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    (void)out;
    diagnostics_error(reader->diagnostics, node->key->origin,
                      "'%.*s' cannot show that a process is alive: use tcp, http or exec here, "
                      "or 'watchdog'",
                      STR_ARGS(node->key->text));
}

static void read_port(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->port = node;
    yaml_read_number(reader, node, 1, 65535, &reading->port_number);
}

static void read_interval(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->interval = node;
    probe_read_period(reader, node, &reading->out->probe.interval);
}

static void read_timeout(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->timeout = node;
    probe_read_period(reader, node, &reading->out->probe.timeout);
}

static void read_failures(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    yaml_read_number(reader, node, 1, MOST_FAILURES, &reading->out->probe.failures);
}

static void warn_of_useless(struct yaml_reader *reader, const struct reading *reading,
                            const struct yaml_node *node)
{
    if (node && reading->kind)
        diagnostics_warn(reader->diagnostics, node->key->origin,
                         "'%.*s' means nothing beside '%.*s'", STR_ARGS(node->key->text),
                         STR_ARGS(reading->kind->key->text));
}

// What can only be said of all keys together.
static void finish(struct yaml_reader *reader, const struct yaml_node *node,
                   struct reading *reading)
{
    char subject[YAML_SUBJECT_BYTES];
    struct probe *probe = &reading->out->probe;
    switch (probe->kind) {
    case PROBE_NONE:
        diagnostics_error(reader->diagnostics, node->origin, "%s does not say by what: it needs %s",
                          yaml_subject(node, subject), reading->kinds);
        break;
    case PROBE_TCP:
    case PROBE_HTTP:
        if (reading->port && probe->port)
            diagnostics_error(reader->diagnostics, reading->port->key->origin,
                              "'tcp' has a port already: remove one of them");
        else if (reading->port)
            probe->port = reading->port_number;
        break;
    case PROBE_LOG:
    case PROBE_NOTIFY:
        warn_of_useless(reader, reading, reading->interval);
        warn_of_useless(reader, reading, reading->timeout);
        // fall through
    case PROBE_EXEC:
        warn_of_useless(reader, reading, reading->port);
        break;
    }
}

static void read_probe(struct yaml_reader *reader, const struct yaml_node *node,
                       const struct yaml_field *fields, size_t count, struct reading *reading)
{
    size_t errors_before = reader->diagnostics->error_count;
    reading->out->origin = node->origin;
    reading->out->probe.text = str_of("");
    if (!yaml_expect(reader, node, YAML_MAP))
        return;
    yaml_read_fields(reader, node, fields, count, reading);
    // A key that was refused is likely to be the kind that is missing.
    if (reading->kind || reader->diagnostics->error_count == errors_before)
        finish(reader, node, reading);
}

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

void probe_read_ready(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"exec", read_exec, 0}, {"http", read_http, 0},       {"interval", read_interval, 0},
        {"log", read_log, 0},   {"notify", read_notify, 0},   {"port", read_port, 0},
        {"tcp", read_tcp, 0},   {"timeout", read_timeout, 0},
    };
    struct reading reading = {.out = out, .kinds = "tcp, http, exec, log or notify"};
    reading.out->probe = (struct probe){
        .interval = 200 * NSEC_PER_MSEC,
        .timeout = NSEC_PER_SEC,
        .failures = 1,
    };
    read_probe(reader, node, fields, COUNT(fields), &reading);
}

void probe_read_alive(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"exec", read_exec, 0},       {"failures", read_failures, 0},
        {"http", read_http, 0},       {"interval", read_interval, 0},
        {"log", refuse_as_alive, 0},  {"notify", refuse_as_alive, 0},
        {"port", read_port, 0},       {"tcp", read_tcp, 0},
        {"timeout", read_timeout, 0},
    };
    struct reading reading = {.out = out, .kinds = "tcp, http or exec"};
    reading.out->probe = (struct probe){
        .interval = 10 * NSEC_PER_SEC,
        .timeout = 5 * NSEC_PER_SEC,
        .failures = 3,
    };
    read_probe(reader, node, fields, COUNT(fields), &reading);
}
