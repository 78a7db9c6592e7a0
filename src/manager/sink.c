// SPDX-License-Identifier: MIT
// Lines are put in their format when they come, so what waits is bytes, and is bounded by bytes.
#include "manager/sink.h"

#include "manager/drops.h"
#include "manager/facts.h"
#include "manager/state.h"
#include "os/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// A journal's entry of more than some 200 KiB would have to go in a file of its own.
enum { JOURNAL_PIECE_BYTES = 128 * 1024 };

static enum log_format format_of(const struct plan_sink *declared)
{
    static const enum log_format of_address[] = {
        [SINK_UNIX] = LOG_FORMAT_SYSLOG_LOCAL,
        [SINK_UDP] = LOG_FORMAT_SYSLOG,
        [SINK_TCP] = LOG_FORMAT_SYSLOG_COUNTED,
    };
    switch (declared->kind) {
    case SINK_FILE:
        return (enum log_format)declared->format;
    case SINK_SYSLOG:
        return of_address[declared->address];
    case SINK_JOURNALD:
        break;
    }
    return LOG_FORMAT_JOURNAL;
}

// What a killed manager was writing is known only if the file is open that it was written to.
static int output_of(struct sink *sink, unsigned index)
{
    const struct desk *desk = &sink->manager->desk;
    const struct tray_state *left = &desk->state.trays[index];
    struct sink_file *file;
    if (sink->declared->kind != SINK_FILE || index >= desk->state.tray_count || left->writing == 0)
        return -1;
    return sink_open_file(sink, left->owner, &file) == 0 ? file->file.fd : -1;
}

int sink_open(struct sink *sink, struct manager *manager, const struct plan_sink *declared,
              unsigned index)
{
    *sink = (struct sink){
        .manager = manager,
        .declared = declared,
        .format = format_of(declared),
        .again_at = NSEC_NEVER,
        .tend_at = NSEC_NEVER,
        .socket = -1,
    };
    (void)sink_name(declared, sink->name);
    tray_init(&sink->own);
    sink->tray = &sink->own;
    if (manager->desk.memory) {
        int result = desk_take_tray(&manager->desk, index, output_of(sink, index), &sink->tray);
        if (result < 0)
            return result;
    }
    if (declared->kind == SINK_FILE) {
        tray_mend_records(sink->tray);
        sink_resume_files(sink);
    } else {
        outlet_open_socket(&sink->outlet, -1, true);
        sink->outlet.is_framed = declared->kind == SINK_SYSLOG && declared->address == SINK_TCP;
        sink->outlet.outlives_reader = true;
        outlet_use_tray(&sink->outlet, sink->tray);
    }
    return 0;
}

void sink_close(struct sink *sink)
{
    sink_disconnect(sink);
    sink_address_close(sink);
    sink_forget_files(sink);
    if (sink->tray == &sink->own)
        tray_fini(&sink->own);
    else
        desk_put_tray(sink->tray);
}

void sink_declare(struct sink *sink, const struct plan_sink *declared)
{
    sink->declared = declared;
    sink->format = format_of(declared);
    sink->tend_at = declared->kind == SINK_FILE ? 0 : NSEC_NEVER; // the rotation may be another
    sink->again_at = NSEC_NEVER;
}

void sink_save(struct sink *sink, struct buffer *out)
{
    if (sink->declared->kind == SINK_FILE)
        tray_save_records(sink->tray, out);
    else
        buffer_append_str(out, tray_unwritten(sink->tray));
}

// What came while the others were pushed is written soon.
nsec_t sink_due_at(const struct sink *sink)
{
    bool is_behind = sink->declared->kind == SINK_FILE && sink->again_at == NSEC_NEVER &&
                     tray_waiting_bytes(sink->tray) > 0;
    if (is_behind)
        return 0;
    return sink->again_at < sink->tend_at ? sink->again_at : sink->tend_at;
}

bool sink_is_full(const struct sink *sink)
{
    return sink->declared->policy == SINK_BLOCK &&
           tray_waiting_bytes(sink->tray) >= OUTLET_FULL_BYTES;
}

static bool wants(const struct sink *sink, const struct show_lines *lines)
{
    const struct process_id id = show_process(lines->owner);
    if (show_is_note(lines) &&
        (sink->format == LOG_FORMAT_RAW || sink->declared->stream != SINK_BOTH))
        return false;
    if (lines->source == SHOW_SOURCE_SYSTEM)
        return sink_matches(sink->declared, str_of(""), 0);
    enum sink_stream unwanted = lines->owner & SHOW_IS_ERROR ? SINK_STDOUT : SINK_STDERR;
    if (sink->declared->stream == unwanted)
        return false;
    return sink_matches(sink->declared, sink->manager->plan->types[id.type].name, id.number);
}

static void put_in_file(struct sink *sink, const struct show_lines *lines)
{
    uint32_t owner = lines->source == SHOW_SOURCE_SYSTEM
                         ? (uint32_t)SINK_OWNER_SYSTEM
                         : lines->owner & ~(SHOW_IS_NOTE | SHOW_IS_ERROR);
    struct buffer *record = tray_record(sink->tray, sink_owner(sink, owner));
    format_append_lines(record, sink->format, &sink->prefix, lines->texts, lines->count);
}

static struct str next_piece(const struct sink *sink, struct str *rest)
{
    if (sink->format != LOG_FORMAT_JOURNAL)
        return format_piece(sink->format, sink->prefix.size, rest);
    struct str piece = str_slice(*rest, 0, JOURNAL_PIECE_BYTES);
    *rest = str_slice(*rest, piece.size, rest->size);
    return piece;
}

static void put_message(struct sink *sink, struct str line)
{
    do {
        struct str piece = next_piece(sink, &line);
        size_t begin = outlet_message_begin(&sink->outlet);
        format_append(&sink->tray->queue, sink->format, &sink->prefix, piece);
        outlet_message_end(&sink->outlet, begin);
    } while (line.size > 0);
}

static void put_lines(struct sink *sink, const struct show_lines *lines)
{
    struct format_line facts = facts_of(sink->manager, lines);
    facts.facility = (enum facility)sink->declared->facility;
    format_prefix_build(&sink->prefix, sink->format, &facts);
    if (sink->declared->kind == SINK_FILE)
        put_in_file(sink, lines);
    for (size_t i = 0; sink->declared->kind != SINK_FILE && i < lines->count; i++)
        put_message(sink, lines->texts[i]);
}

void sink_note(struct sink *sink, struct str sentence)
{
    const struct show_lines note = {
        .source = SHOW_SOURCE_SYSTEM,
        .name = "system",
        .at = sink->manager->show.now,
        .texts = &sentence,
        .count = 1,
    };
    if (sink->format != LOG_FORMAT_RAW) // that has nothing but what processes wrote
        put_lines(sink, &note);
}

void sink_append(struct sink *sink, const struct show_lines *lines)
{
    if (!wants(sink, lines) || sink->is_spoken_of)
        return;
    if (!drops_has_room(sink)) {
        drops_count(sink, lines->source, lines->owner, lines->count);
        return;
    }
    drops_tell(sink);
    put_lines(sink, lines);
}

void sink_push(struct sink *sink)
{
    nsec_t now = clock_now();
    if (sink->tend_at <= now)
        sink_tend_files(sink);
    if (sink->again_at > now && sink->again_at != NSEC_NEVER)
        return;
    sink->again_at = NSEC_NEVER;
    if (tray_waiting_bytes(sink->tray) == 0)
        return;
    if (sink->declared->kind == SINK_FILE)
        sink_push_files(sink);
    else
        sink_push_socket(sink);
}

static void say(struct sink *sink, const char *format, va_list arguments)
{
    char text[512];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    show_system(&sink->manager->show, str_of(text));
}

void sink_tell(struct sink *sink, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(sink, format, arguments);
    va_end(arguments);
}

void sink_fail(struct sink *sink, const char *format, ...)
{
    va_list arguments;
    if (sink->is_failing)
        return;
    sink->is_failing = true;
    sink->failing_since = clock_now();
    va_start(arguments, format);
    (void)vsnprintf(sink->why, sizeof(sink->why), format, arguments);
    va_end(arguments);
    show_system(&sink->manager->show, str_of(sink->why));
}

void sink_recover(struct sink *sink)
{
    if (sink->is_failing)
        show_system(&sink->manager->show, str_of("the logs are written again"));
    sink->is_failing = false;
}
