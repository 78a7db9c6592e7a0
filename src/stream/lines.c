// SPDX-License-Identifier: MIT
// A line that lies whole in the bytes just read is handed out where it lies: one memchr and no
// copy. Only the line that a read tears in two is copied, and the memory for it is kept for the
// next one unless it was uncommonly large.
#include "stream/lines.h"

#include <string.h>

// Torn lines of common size cost no allocation; 8192 processes keep at most 32 MiB.
enum { KEPT_BYTES = 4096 };

static struct str without_return(struct str line)
{
    if (line.size > 0 && line.bytes[line.size - 1] == '\r')
        line.size--;
    return line;
}

static void take(struct str *bytes, size_t size)
{
    bytes->bytes += size;
    bytes->size -= size;
}

static void empty_held(struct lines *lines)
{
    if (lines->held.capacity > KEPT_BYTES)
        buffer_fini(&lines->held);
    else
        buffer_clear(&lines->held);
    lines->held_is_given = false;
}

// From here on the held bytes are on their way out, and no longer count.
static struct str give_held(struct lines *lines)
{
    lines->budget->held_bytes -= lines->held.size;
    lines->held_is_given = true;
    return buffer_str(&lines->held);
}

static bool give_piece(struct lines *lines, struct str piece, struct str *out)
{
    lines->is_cut = true;
    lines->cut_count++;
    *out = piece;
    return true;
}

// Gives out what there is, without adding more to it.
static bool give_cut(struct lines *lines, struct str *bytes, size_t size, struct str *out)
{
    if (lines->held.size > 0)
        return give_piece(lines, give_held(lines), out);
    struct str piece = str_slice(*bytes, 0, size);
    take(bytes, size);
    return give_piece(lines, piece, out);
}

// Joins the first `size` bytes to what is held and gives both out.
static bool give_joined(struct lines *lines, struct str *bytes, size_t size, struct str *out)
{
    buffer_append_str(&lines->held, str_slice(*bytes, 0, size));
    lines->budget->held_bytes += size;
    take(bytes, size);
    *out = give_held(lines);
    return true;
}

static bool has_memory(struct lines *lines, size_t more)
{
    bool has = buffer_reserve(&lines->held, more);
    lines->held.failed = false; // the next line may be smaller
    return has;
}

// The line is torn, long, or both.
static bool next_slowly(struct lines *lines, struct str *bytes, const char *newline,
                        struct str *out)
{
    struct lines_budget *budget = lines->budget;
    size_t size = newline ? (size_t)(newline - bytes->bytes) : bytes->size;
    size_t room = budget->line_limit_bytes - lines->held.size;

    if (size > room) {
        if (lines->held.size == 0 || !has_memory(lines, room))
            return give_cut(lines, bytes, room, out);
        lines->is_cut = true;
        lines->cut_count++;
        return give_joined(lines, bytes, room, out);
    }
    if (!has_memory(lines, size))
        return give_cut(lines, bytes, size, out);
    if (newline) {
        give_joined(lines, bytes, size, out);
        take(bytes, 1);
        *out = without_return(*out);
        return true;
    }
    if (size > budget->held_limit_bytes - budget->held_bytes)
        return give_cut(lines, bytes, size, out);
    buffer_append_str(&lines->held, *bytes);
    budget->held_bytes += size;
    take(bytes, size);
    return false;
}

bool lines_next(struct lines *lines, struct str *bytes, struct str *out)
{
    if (lines->held_is_given)
        empty_held(lines);
    lines->is_cut = false;
    if (bytes->size == 0)
        return false;
    const char *newline = memchr(bytes->bytes, '\n', bytes->size);
    size_t size = newline ? (size_t)(newline - bytes->bytes) : bytes->size;
    if (!newline || lines->held.size > 0 || size > lines->budget->line_limit_bytes)
        return next_slowly(lines, bytes, newline, out);
    *out = without_return(str_from(bytes->bytes, size));
    take(bytes, size + 1);
    return true;
}

size_t lines_next_whole(struct lines *lines, struct str *bytes, struct str *out, size_t most)
{
    if (lines->held_is_given)
        empty_held(lines);
    lines->is_cut = false;
    if (lines->held.size > 0)
        return 0;
    const char *at = bytes->bytes;
    const char *end = at + bytes->size;
    const char *newline;
    size_t count = 0;
    while (count < most && at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        size_t size = (size_t)(newline - at);
        if (size > lines->budget->line_limit_bytes)
            break;
        out[count++] = without_return(str_from(at, size));
        at = newline + 1;
    }
    *bytes = str_from(at, (size_t)(end - at));
    return count;
}

bool lines_flush(struct lines *lines, struct str *out)
{
    if (lines->held_is_given)
        empty_held(lines);
    lines->is_cut = false;
    if (lines->held.size == 0)
        return false;
    *out = without_return(give_held(lines));
    return true;
}

struct str lines_pending(const struct lines *lines)
{
    return lines->held_is_given ? str_from("", 0) : buffer_str(&lines->held);
}

void lines_fini(struct lines *lines)
{
    if (!lines->held_is_given && lines->budget)
        lines->budget->held_bytes -= lines->held.size;
    buffer_fini(&lines->held);
    lines->held_is_given = false;
}
