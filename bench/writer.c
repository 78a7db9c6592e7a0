// SPDX-License-Identifier: MIT
// Writes lines of BENCH_LINE bytes to standard output as fast as they are taken, in writes of
// 64 KiB, for BENCH_MILLISECONDS or BENCH_MEGABYTES, whichever comes first. With BENCH_QUIET the
// first writer of the run is the quiet one: a line every 10 ms, with its time, which reader.c
// finds.
#include "board.h"

#include <stdbool.h>
#include <string.h>

enum { WRITE_BYTES = 64 * 1024, LONGEST_LINE = 16 * 1024, QUIET_PAUSE_NS = 10 * 1000 * 1000 };

// Longer by a line than what is written, so that each write can go on where the last one ended.
static char text[WRITE_BYTES + LONGEST_LINE];

static void fill(size_t line_bytes)
{
    static const char request[] = "GET /orders?page=17 200 in 12ms ";
    for (size_t i = 0; i < sizeof text; i++) {
        size_t at = i % line_bytes;
        text[i] = at == line_bytes - 1 ? '\n' : request[at % (sizeof request - 1)];
    }
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

static void sleep_until(int64_t at)
{
    struct timespec time = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

static uint64_t flood(int64_t end, uint64_t wanted_bytes, size_t line_bytes)
{
    uint64_t wrote_bytes = 0;
    while (wrote_bytes < wanted_bytes && board_now() < end) {
        write_all(text + wrote_bytes % line_bytes, WRITE_BYTES);
        wrote_bytes += WRITE_BYTES;
    }
    return wrote_bytes;
}

static void whisper(struct board *board, int64_t begin, int64_t end)
{
    for (int64_t at = begin; at < end; at += QUIET_PAUSE_NS) {
        char line[64];
        sleep_until(at);
        int size = snprintf(line, sizeof line, "~%019lld~ quiet\n", (long long)board_now());
        write_all(line, (size_t)size);
        atomic_fetch_add(&board->quiet_count, 1);
    }
}

static void finish(struct board *board, uint64_t wrote_bytes)
{
    int64_t now = board_now();
    int64_t last = atomic_load(&board->finished_at);
    while (last < now && !atomic_compare_exchange_weak(&board->finished_at, &last, now))
        continue;
    atomic_fetch_add(&board->wrote_bytes, wrote_bytes);
    atomic_fetch_add(&board->finished_count, 1);
}

int main(void)
{
    struct board *board = board_open();
    uint64_t wanted_bytes = setting("BENCH_MEGABYTES", 512) << 20;
    int64_t allowed = (int64_t)setting("BENCH_MILLISECONDS", 1000) * 1000000;
    size_t line_bytes = setting("BENCH_LINE", 100);
    if (line_bytes == 0 || line_bytes > LONGEST_LINE)
        return 2;

    fill(line_bytes);
    board_hold_life();
    bool is_quiet = board_mark(board, board_now()) == 0 && setting("BENCH_QUIET", 0);
    int64_t begin;
    while ((begin = atomic_load(&board->go_at)) == 0)
        usleep(10 * 1000); // go_at is a moment to come, further away than this
    sleep_until(begin);

    uint64_t wrote_bytes = 0;
    if (is_quiet)
        whisper(board, begin, begin + allowed);
    else
        wrote_bytes = flood(begin + allowed, wanted_bytes, line_bytes);
    finish(board, wrote_bytes);
    for (;;)
        pause();
}
