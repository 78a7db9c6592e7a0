// SPDX-License-Identifier: MIT
// A file in shared memory on which measured processes note the moment they run, so that the bench
// reads a time that the process itself took and never has to poll for it.
#pragma once

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// As many starts as one run may see, restarts included; as many lines of a quiet writer.
enum { BOARD_ENTRIES = 65536, BOARD_LATENCIES = 4096 };

// All times are CLOCK_MONOTONIC in nanoseconds; 0 is "not yet". system.py reads the same layout.
struct board_entry {
    _Atomic int64_t started_at;
    int64_t pid;
};

struct board {
    _Atomic uint64_t started_count;
    _Atomic int64_t launched_at; // the manager is about to be executed
    _Atomic int64_t go_at;       // the writers begin
    _Atomic int64_t finished_at; // the last writer has written its last byte
    _Atomic uint64_t wrote_bytes;
    _Atomic uint64_t finished_count; // writers
    _Atomic uint64_t quiet_count;    // lines that the quiet writer wrote
    _Atomic uint64_t shown_count;    // of those, the ones that came out
    struct board_entry entries[BOARD_ENTRIES];
    int64_t latencies[BOARD_LATENCIES]; // of those that came out
};

static inline int64_t board_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Maps the file named by $BENCH_BOARD. Ends the program if there is none.
static inline struct board *board_open(void)
{
    const char *path = getenv("BENCH_BOARD");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    struct board *board = MAP_FAILED;
    if (fd >= 0)
        board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED) {
        fprintf(stderr, "BENCH_BOARD names no board: this program is run by bench/run\n");
        exit(2);
    }
    close(fd);
    return board;
}

// Notes that this process runs since `now`. Returns how many did before it.
static inline uint64_t board_mark(struct board *board, int64_t now)
{
    uint64_t place = atomic_fetch_add(&board->started_count, 1);
    if (place >= BOARD_ENTRIES)
        exit(2);
    board->entries[place].pid = getpid();
    atomic_store(&board->entries[place].started_at, now);
    return place;
}

// Holds the write end of the FIFO $BENCH_LIFE until death: the bench, at its read end, sees the
// moment at which the last measured process is gone.
static inline void board_hold_life(void)
{
    const char *path = getenv("BENCH_LIFE");
    if (path && open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC) < 0)
        exit(2);
}
