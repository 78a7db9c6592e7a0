// SPDX-License-Identifier: MIT
// As for probes the kinds are keys, and what fits which kind is looked at when all keys were read.
#include "config/declaration_logs.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "base/wildcard.h"
#include "config/log_address.h"
#include "config/log_file.h"
#include "plan/plan.h"

enum { DEFAULT_FACILITY = 1 }; // user

// What the keys of one sink are read into.
struct reading {
    struct declared_sink *out;
    const struct yaml_node *kind; // the value of the key that says which; NULL: none yet
    // The values of keys that only some kinds have; NULL: not there.
    const struct yaml_node *facility;
    const struct yaml_node *format;
    const struct yaml_node *mode;
    const struct yaml_node *rotate;
    bool has_policy;
};

bool declaration_read_names(struct yaml_reader *reader, const struct yaml_node *node, size_t most,
                            const char *things, const struct declared_name **out, size_t *out_count)
{
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    size_t used = 0;
    if (count > most) {
        diagnostics_error(reader->diagnostics, node->origin, "more than %zu %s", most, things);
        return false;
    }
    struct declared_name *names = arena_alloc(reader->arena, count * sizeof(*names));
    if (!names) {
        reader->no_memory = true;
        return false;
    }
    for (const struct yaml_node *name = is_list ? node->first : node; name;
         name = is_list ? name->next : NULL) {
        names[used].origin = name->origin;
        yaml_read_text(reader, name, &names[used].name);
        used += names[used].name.size > 0;
    }
    *out = names;
    *out_count = used;
    return true;
}

// Returns false when another kind was there before; it has been told.
static bool choose(struct yaml_reader *reader, const struct yaml_node *node, enum sink_kind kind,
                   struct reading *reading)
{
    if (reading->kind) {
        diagnostics_error(reader->diagnostics, node->key->origin,
                          "'%.*s' and '%.*s': write one item of the list for each",
                          STR_ARGS(reading->kind->key->text), STR_ARGS(node->key->text));
        return false;
    }
    reading->kind = node;
    reading->out->sink.kind = kind;
    reading->out->target_origin = node->origin;
    return true;
}

static void read_file(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    if (choose(reader, node, SINK_FILE, reading))
        log_file_read_path(reader, node, &reading->out->sink.target);
}

static void read_syslog(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    struct plan_sink *sink = &reading->out->sink;
    struct log_address address = {.kind = SINK_UNIX, .target = str_of("/dev/log")};
    if (!choose(reader, node, SINK_SYSLOG, reading) || !yaml_expect(reader, node, YAML_TEXT))
        return;
    bool is_usual = node->is_plain && str_is(node->text, "true");
    const char *fault = is_usual ? NULL : log_address_parse(node->text, &address);
    if (fault)
        diagnostics_error(reader->diagnostics, node->origin, "the address '%.*s' %s",
                          STR_ARGS(str_excerpt(node->text)), fault);
    sink->address = address.kind;
    sink->target = address.target;
    sink->port = address.port;
}

static void read_journald(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    bool is_wanted = true; // stays so when the value was no bool, which has been told
    if (!choose(reader, node, SINK_JOURNALD, out))
        return;
    yaml_read_bool(reader, node, &is_wanted);
    if (!is_wanted)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'journald' takes true: leave it out otherwise");
}

typedef const char *word_name(unsigned value);

// Reads one of the few words that `name_of` has from 0 on; its number, or -1: it has been told.
static int read_choice(struct yaml_reader *reader, const struct yaml_node *node, word_name *name_of)
{
    struct buffer words = {0};
    if (!yaml_expect(reader, node, YAML_TEXT))
        return -1;
    for (unsigned i = 0; name_of(i); i++) {
        if (str_is(node->text, name_of(i))) {
            buffer_fini(&words);
            return (int)i;
        }
        buffer_append_text(&words, i == 0 ? "" : name_of(i + 1) ? ", " : " or ");
        buffer_append_text(&words, name_of(i));
    }
    reader->no_memory |= words.failed;
    diagnostics_error(reader->diagnostics, node->origin, "'%.*s' takes %.*s, not '%.*s'",
                      STR_ARGS(node->key->text), STR_ARGS(buffer_str(&words)),
                      STR_ARGS(str_excerpt(node->text)));
    buffer_fini(&words);
    return -1;
}

static void read_format(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    int format = read_choice(reader, node, sink_format_name);
    reading->format = node;
    if (format >= 0)
        reading->out->sink.format = (enum sink_format)format;
}

static void read_stream(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    int stream = read_choice(reader, node, sink_stream_name);
    if (stream >= 0)
        reading->out->sink.stream = (enum sink_stream)stream;
}

static void read_policy(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    int policy = read_choice(reader, node, sink_policy_name);
    reading->has_policy = true;
    if (policy >= 0)
        reading->out->sink.policy = (enum sink_policy)policy;
}

static void read_facility(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    struct str names[SINK_FACILITIES];
    size_t count = 0;
    reading->facility = node;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    for (unsigned i = 0; i < SINK_FACILITIES; i++) {
        if (!sink_facility_name(i))
            continue;
        names[count++] = str_of(sink_facility_name(i));
        if (str_equal(node->text, names[count - 1])) {
            reading->out->sink.facility = i;
            return;
        }
    }
    struct str nearest = str_nearest(node->text, names, count);
    if (nearest.size)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' is no facility: did you mean '%.*s'?",
                          STR_ARGS(str_excerpt(node->text)), STR_ARGS(nearest));
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' is no facility: write user, daemon, local0 or another of "
                          "syslog(3)",
                          STR_ARGS(str_excerpt(node->text)));
}

static void read_mode(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->mode = node;
    log_file_read_mode(reader, node, &reading->out->sink.file_mode);
}

static void read_rotate(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->rotate = node;
    log_file_read_rotation(reader, node, &reading->out->sink.rotation);
}

// A name or pattern as commands take them; what of it exists is not known yet.
static bool is_process_pattern(struct str text)
{
    unsigned long number;
    size_t dot = str_find_char(text, '.');
    struct str digits = str_slice(text, dot + 1, text.size);
    if (dot == 0 || text.size >= PROCESS_NAME_BYTES)
        return false;
    if (dot == text.size)
        return true;
    if (!wildcard_is_in(digits))
        return !str_starts_with(digits, "0") && str_to_unsigned(digits, &number) &&
               number <= UINT16_MAX;
    for (size_t i = 0; i < digits.size; i++)
        if ((digits.bytes[i] < '0' || digits.bytes[i] > '9') && digits.bytes[i] != '*' &&
            digits.bytes[i] != '?')
            return false;
    return true;
}

static void read_processes(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_sink *sink = ((struct reading *)out)->out;
    size_t errors_before = reader->diagnostics->error_count;
    if (!declaration_read_names(reader, node, LIMIT_SINK_PATTERNS, "names and patterns",
                                &sink->patterns, &sink->pattern_count))
        return;
    if (sink->pattern_count == 0 && reader->diagnostics->error_count == errors_before)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'processes' names none: leave it out for all of them");
    for (size_t i = 0; i < sink->pattern_count; i++)
        if (!is_process_pattern(sink->patterns[i].name))
            diagnostics_error(reader->diagnostics, sink->patterns[i].origin,
                              "'%.*s' is no name or pattern of processes: write web, web.2, w* "
                              "or *.1",
                              STR_ARGS(str_excerpt(sink->patterns[i].name)));
}

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void refuse_beside(struct yaml_reader *reader, const struct reading *reading,
                          const struct yaml_node *node, const char *owner)
{
    if (node)
        diagnostics_error(reader->diagnostics, node->key->origin,
                          "'%.*s' is for '%s' only, not for '%.*s'", STR_ARGS(node->key->text),
                          owner, STR_ARGS(reading->kind->key->text));
}

// What can only be said of all keys together.
static void finish(struct yaml_reader *reader, const struct reading *reading)
{
    struct plan_sink *sink = &reading->out->sink;
    if (sink->kind != SINK_FILE) {
        refuse_beside(reader, reading, reading->format, "file");
        refuse_beside(reader, reading, reading->rotate, "file");
        refuse_beside(reader, reading, reading->mode, "file");
    } else if (!reading->mode) {
        sink->file_mode = SINK_DEFAULT_MODE;
    }
    if (sink->kind != SINK_SYSLOG)
        refuse_beside(reader, reading, reading->facility, "syslog");
    if (sink->kind != SINK_FILE && !reading->facility)
        sink->facility = DEFAULT_FACILITY;
    if (!reading->has_policy)
        sink->policy = sink->kind == SINK_FILE ? SINK_BLOCK : SINK_DROP;
}

static void read_sink(struct yaml_reader *reader, const struct yaml_node *node,
                      struct declared_sink *out)
{
    static const struct yaml_field fields[] = {
        {"facility", read_facility, 0},   {"file", read_file, 0},     {"format", read_format, 0},
        {"journald", read_journald, 0},   {"mode", read_mode, 0},     {"policy", read_policy, 0},
        {"processes", read_processes, 0}, {"rotate", read_rotate, 0}, {"stream", read_stream, 0},
        {"syslog", read_syslog, 0},
    };
    struct reading reading = {.out = out};
    size_t errors_before = reader->diagnostics->error_count;
    *out = (struct declared_sink){.sink = {.origin = node->origin, .target = str_of("")}};
    if (!yaml_expect(reader, node, YAML_MAP))
        return;
    yaml_read_fields(reader, node, fields, COUNT(fields), &reading);
    if (reading.kind)
        finish(reader, &reading);
    else if (reader->diagnostics->error_count == errors_before) // or it is likely to be the one
        diagnostics_error(reader->diagnostics, node->origin,
                          "this does not say where to: it needs file, syslog or journald");
}

void declaration_read_logs(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_logs *logs = out;
    if (!yaml_expect(reader, node, YAML_LIST))
        return;
    if (node->count > LIMIT_SINKS) {
        diagnostics_error(reader->diagnostics, node->origin, "more than %d places for lines",
                          LIMIT_SINKS);
        return;
    }
    logs->sinks = arena_alloc(reader->arena, node->count * sizeof(*logs->sinks));
    if (!logs->sinks) {
        reader->no_memory = true;
        return;
    }
    for (const struct yaml_node *sink = node->first; sink; sink = sink->next)
        read_sink(reader, sink, &logs->sinks[logs->count++]);
}
