// SPDX-License-Identifier: MIT
// Writes numbered 100-byte lines to standard output as fast as they are taken, in writes of
// 64 KiB, for BENCH_SECONDS or BENCH_MEGABYTES, whichever comes first.
#include "board.h"

#include <string.h>

enum { LINE_BYTES = 100, WRITE_BYTES = 64 * 1024, NUMBER_DIGITS = 10 };

// A common multiple of line and write, so that one buffer serves for ever: only the numbers in it
// change from round to round.
enum { ROUND_BYTES = WRITE_BYTES * 25, ROUND_LINES = ROUND_BYTES / LINE_BYTES };

static char text[ROUND_BYTES];

static void number_line(char *line, uint64_t number)
{
    for (int digit = NUMBER_DIGITS - 1; digit >= 0; digit--) {
        line[digit] = (char)('0' + number % 10);
        number /= 10;
    }
}

static void number_lines(uint64_t first)
{
    for (uint64_t i = 0; i < ROUND_LINES; i++)
        number_line(text + i * LINE_BYTES, first + i);
}

static void write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(STDOUT_FILENO, bytes, size);
        if (wrote < 0)
            exit(1);
        bytes += wrote;
        size -= (size_t)wrote;
    }
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text_value = getenv(name);
    return text_value ? strtoull(text_value, NULL, 10) : otherwise;
}

int main(void)
{
    struct board *board = board_open();
    uint64_t wanted_bytes = setting("BENCH_MEGABYTES", 512) << 20;
    int64_t allowed = (int64_t)setting("BENCH_SECONDS", 3) * 1000000000;

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < ROUND_LINES; i++) {
        text[i * LINE_BYTES + NUMBER_DIGITS] = ' ';
        text[i * LINE_BYTES + LINE_BYTES - 1] = '\n';
    }
    board_hold_life();
    board_mark(board, board_now());
    while (atomic_load(&board->go_at) == 0)
        usleep(1000);

    int64_t begin = board_now();
    uint64_t wrote_bytes = 0;
    while (wrote_bytes < wanted_bytes && board_now() - begin < allowed) {
        size_t offset = wrote_bytes % ROUND_BYTES;
        if (offset == 0)
            number_lines(wrote_bytes / LINE_BYTES);
        write_all(text + offset, WRITE_BYTES);
        wrote_bytes += WRITE_BYTES;
    }
    atomic_store(&board->go_at, begin);
    atomic_store(&board->wrote_bytes, wrote_bytes);
    atomic_store(&board->finished_at, board_now());
    for (;;)
        pause();
}
