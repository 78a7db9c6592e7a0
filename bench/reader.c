// SPDX-License-Identifier: MIT
// The end of the pipe: reads everything and notes how old each line of the quiet writer is, which
// stands between two '~' (no other line has one). As fast as memchr, so that it is not the brake.
#include "board.h"

#include <string.h>

enum { READ_BYTES = 256 * 1024, STAMP_DIGITS = 19, STAMP_BYTES = 1 + STAMP_DIGITS + 1 };

static void note(struct board *board, const char *stamp, int64_t now)
{
    uint64_t place = atomic_load(&board->shown_count);
    if (stamp[STAMP_BYTES - 1] != '~' || place >= BOARD_LATENCIES)
        return;
    board->latencies[place] = now - strtoll(stamp + 1, NULL, 10);
    atomic_store(&board->shown_count, place + 1);
}

// Returns how many bytes at the end are the beginning of a stamp.
static size_t look_through(struct board *board, const char *bytes, size_t size)
{
    int64_t now = board_now();
    const char *end = bytes + size;
    const char *stamp;
    while ((stamp = memchr(bytes, '~', (size_t)(end - bytes))) != NULL) {
        if (end - stamp < STAMP_BYTES)
            return (size_t)(end - stamp);
        note(board, stamp, now);
        bytes = stamp + STAMP_BYTES;
    }
    return 0;
}

int main(void)
{
    static char bytes[STAMP_BYTES + READ_BYTES];
    struct board *board = board_open();
    size_t kept = 0;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, bytes + kept, READ_BYTES);
        if (got <= 0)
            return got < 0;
        size_t size = kept + (size_t)got;
        kept = look_through(board, bytes, size);
        memmove(bytes, bytes + size - kept, kept);
    }
}
