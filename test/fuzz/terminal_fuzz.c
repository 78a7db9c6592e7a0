// SPDX-License-Identifier: MIT
// Processes that write anything, partial lines and progress bars among it, to one terminal: it
// obeys nothing of them but colours, only a bar is ever drawn over, and each line ends up in a row
// of its own, behind its own prefix.
//
// Input: flags, then operations of one byte and, for a part of a line, so many bytes.
#include "view/log_line.h"
#include "view/tame.h"
#include "view/terminal.h"

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

enum { OWNERS = 3 };

// What stands on the terminal, without colours: the rows above, and the one of the cursor.
struct screen {
    struct buffer rows;
    struct buffer row;
    bool is_wrapping;
    bool is_colored;
};

struct room {
    struct terminal terminal;
    struct screen screen;
    struct log_prefix prefixes[OWNERS];
    struct buffer pending[OWNERS];
    bool is_bar; // the cursor's row may be wiped away
};

static bool take(struct str *text, const char *expected)
{
    if (!str_starts_with(*text, expected))
        return false;
    *text = str_slice(*text, strlen(expected), text->size);
    return true;
}

static void take_color(struct screen *screen, struct str *text)
{
    bool is_on = false;
    REQUIRE(take(text, "\033["));
    while (text->size > 0 && text->bytes[0] >= '0' && text->bytes[0] <= ';') {
        is_on |= text->bytes[0] != '0' && text->bytes[0] != ';';
        *text = str_slice(*text, 1, text->size);
    }
    REQUIRE(take(text, "m"));
    screen->is_colored = is_on;
}

static void take_newline(struct screen *screen)
{
    REQUIRE(!screen->is_colored && screen->is_wrapping);
    buffer_append_str(&screen->rows, buffer_str(&screen->row));
    buffer_append_char(&screen->rows, '\n');
    buffer_clear(&screen->row);
}

// The bytes as a terminal takes them. Whatever is not expected of us fails.
static void show(struct room *room, struct str bytes)
{
    struct screen *screen = &room->screen;
    while (bytes.size > 0) {
        unsigned char byte = (unsigned char)bytes.bytes[0];
        if (take(&bytes, "\r\033[K")) {
            REQUIRE(room->is_bar && !screen->is_colored);
            buffer_clear(&screen->row);
        } else if (take(&bytes, "\033[?7l")) {
            REQUIRE(screen->is_wrapping && !room->terminal.is_dumb);
            screen->is_wrapping = false;
        } else if (take(&bytes, "\033[?7h")) {
            REQUIRE(!screen->is_wrapping);
            screen->is_wrapping = true;
        } else if (byte == '\n') {
            take_newline(screen);
            bytes = str_slice(bytes, 1, bytes.size);
        } else if (byte == 0x1b) {
            take_color(screen, &bytes);
        } else {
            REQUIRE((byte >= 0x20 && byte != 0x7f) || byte == '\t');
            buffer_append_char(&screen->row, (char)byte);
            bytes = str_slice(bytes, 1, bytes.size);
        }
    }
    REQUIRE(screen->is_wrapping);
}

// What is said of a control of eight bits: it is a part of a character, or it is not there.
static void require_no_control(struct str text)
{
    for (size_t i = 0; i + 1 < text.size; i++)
        REQUIRE((unsigned char)text.bytes[i] != 0xc2 || (unsigned char)text.bytes[i + 1] >= 0xa0 ||
                (unsigned char)text.bytes[i + 1] < 0x80);
}

static bool is_at_end(struct str text, struct str end)
{
    return end.size <= text.size &&
           str_equal(str_slice(text, text.size - end.size, text.size), end);
}

// The last row above is this line, as it is where nothing was shown of it before.
static void require_row(struct room *room, unsigned owner, struct str line)
{
    struct screen fresh = {.is_wrapping = true};
    struct room other = {.screen = fresh};
    struct buffer out = {0};
    log_line_append(&out, &room->prefixes[owner], line);
    show(&other, buffer_str(&out));
    REQUIRE(is_at_end(buffer_str(&room->screen.rows), buffer_str(&other.screen.rows)));
    REQUIRE(room->screen.row.size == 0);
    buffer_fini(&out);
    buffer_fini(&other.screen.rows);
    buffer_fini(&other.screen.row);
}

static void step(struct room *room, unsigned owner, unsigned kind, struct str part)
{
    struct terminal *terminal = &room->terminal;
    struct buffer *pending = &room->pending[owner];
    struct str line;
    struct buffer out = {0};
    room->is_bar = terminal->is_bar || (terminal->is_within_line && terminal->owner == owner);
    buffer_append_str(pending, part);
    line = buffer_str(pending);
    if (kind == 1)
        terminal_partial(terminal, &out, owner, &room->prefixes[owner], line);
    if (kind == 2)
        terminal_line(terminal, &out, owner, &room->prefixes[owner], line);
    if (kind == 3)
        terminal_leave(terminal, &out);
    show(room, buffer_str(&out));
    require_no_control(buffer_str(&out));
    REQUIRE(terminal->is_within_line || room->screen.row.size == 0);
    REQUIRE(room->screen.is_colored == terminal->is_colored);
    if (kind == 2) {
        require_row(room, owner, line);
        buffer_clear(pending);
    }
    buffer_fini(&out);
}

static void build_prefixes(struct room *room, bool no_color)
{
    static const char *const names[OWNERS] = {"a.1", "b.1", "c.1"};
    struct log_style style = {.tame = true, .no_color = no_color, .width = 6};
    for (unsigned i = 0; i < OWNERS; i++)
        log_prefix_build(&room->prefixes[i], &style, LOG_COLOR_SYSTEM, str_of(""),
                         str_of(names[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct room room = {.screen.is_wrapping = true};
    if (size < 1)
        return 0;
    room.terminal.is_dumb = data[0] & 1;
    build_prefixes(&room, data[0] & 2);
    for (size_t at = 1; at < size;) {
        unsigned operation = data[at++];
        size_t length = operation >> 4;
        struct str part = str_slice(str_from((const char *)data, size), at, at + length);
        at += part.size;
        if (memchr(part.bytes, '\n', part.size))
            continue;
        step(&room, (operation & 3) % OWNERS, operation >> 2 & 3, part);
    }
    for (unsigned i = 0; i < OWNERS; i++)
        buffer_fini(&room.pending[i]);
    buffer_fini(&room.screen.rows);
    buffer_fini(&room.screen.row);
    return 0;
}
