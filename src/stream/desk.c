// SPDX-License-Identifier: MIT
// A system call that has moved bytes when its caller was killed tells nobody how many. So bytes are
// moved in steps that can be seen from outside: from the process to the inbox, a pipe that only we
// touch, by splice(2), so that they are always in one or the other; from there to memory, and what
// is still in the pipe tells what is not there yet. The same on the way out. For a regular file its
// offset tells. Whatever else there is between two steps is one struct, of which there are two
// copies and a word that says which one is true.
#include "stream/desk.h"

#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct desk_memory {
    uint32_t version;
    _Atomic uint32_t current; // which of the states is true
    struct desk_state states[2];
    uint32_t held_bytes[DESK_LANES]; // of unfinished lines
    _Alignas(4096) char inbox[DESK_INBOX_BYTES];
};

enum {
    VERSION = 3,
    PIPE_BYTES = 4 * DESK_INBOX_BYTES, // half empty pages take a place each
    KEPT_BYTES = 1024 * 1024,          // more memory than this is given back after use
};

// Pages cost nothing until they are touched. At the end of a formation a queue takes what all
// pipes hold (os/output.c), each line with its prefix.
#ifndef QUEUE_BYTES // less for valgrind, which looks through all of it
#define QUEUE_BYTES ((size_t)1024 * 1024 * 1024)
#endif
#define HEAD_BYTES ((sizeof(struct desk_memory) + 4095) / 4096 * 4096)
#define HELD_AT (HEAD_BYTES + DESK_TRAYS * QUEUE_BYTES) // LIMIT_LINE_BYTES for each lane

// Both ends as one descriptor, so that it takes one to keep the pipe.
static int make_pipe(void)
{
    char path[sizeof("/proc/self/fd/-2147483648")];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    int both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int error = errno;
    (void)close(ends[0]);
    (void)close(ends[1]);
    if (both < 0)
        return -error;
    (void)fcntl(both, F_SETPIPE_SZ, PIPE_BYTES);
    return both;
}

static int make_memory(void)
{
    int fd = memfd_create("formation-desk", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)HELD_AT) == 0)
        return fd < 0 ? -errno : fd;
    int error = errno;
    (void)close(fd);
    return -error;
}

int desk_make(int parts[DESK_PARTS])
{
    int made[DESK_PARTS] = {make_memory(), make_pipe(), make_pipe()};
    int result = 0;
    for (int i = 0; i < DESK_PARTS; i++)
        if (made[i] < 0)
            result = made[i];
    for (int i = 0; i < DESK_PARTS; i++) {
        if (result == 0)
            parts[i] = made[i];
        else if (made[i] >= 0)
            (void)close(made[i]);
    }
    return result;
}

size_t desk_pipe_bytes(int pipe)
{
    int count = 0;
    return ioctl(pipe, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}

void desk_commit(struct desk *desk)
{
    struct desk_memory *memory = desk->memory;
    uint32_t next = 1 - atomic_load_explicit(&memory->current, memory_order_relaxed);
    for (uint32_t i = 0; i < desk->state.tray_count; i++)
        if (desk->trays[i].desk)
            desk->state.trays[i].end = desk->trays[i].queue.size;
    memcpy(&memory->states[next], &desk->state,
           offsetof(struct desk_state, trays) + desk->state.tray_count * sizeof(struct tray_state));
    atomic_signal_fence(memory_order_release); // what is read by a successor was in memory before
    atomic_store_explicit(&memory->current, next, memory_order_release);
    memory->held_bytes[desk->state.held_lane] = desk->state.held_bytes;
}

// The rest of the bytes on their way to memory; `reading` says how many they were.
static void finish_reading(struct desk *desk)
{
    struct desk_state *state = &desk->state;
    size_t left = desk_pipe_bytes(desk->parts[DESK_INBOX]);
    size_t at = left < state->reading ? state->reading - left : 0;
    while (at < state->reading) {
        ssize_t size = read(desk->parts[DESK_INBOX], desk->inbox + at, state->reading - at);
        at += size > 0 ? (size_t)size : 0;
        assert(size > 0 || desk_pipe_bytes(desk->parts[DESK_INBOX]) > 0); // all for us alone
    }
    state->inbox_from = 0;
    state->inbox_end = state->reading;
    state->reading = 0;
    desk_commit(desk);
}

static void recover_inbox(struct desk *desk)
{
    if (desk->state.reading == 0 && desk->state.inbox_end == 0) {
        desk->state.reading = (uint32_t)desk_pipe_bytes(desk->parts[DESK_INBOX]);
        desk_commit(desk);
    }
    if (desk->state.reading > 0)
        finish_reading(desk);
}

static bool are_parts(const int parts[DESK_PARTS])
{
    struct stat memory;
    struct stat inbox;
    struct stat outbox;
    return fstat(parts[DESK_MEMORY], &memory) == 0 && fstat(parts[DESK_INBOX], &inbox) == 0 &&
           fstat(parts[DESK_OUTBOX], &outbox) == 0 && S_ISREG(memory.st_mode) &&
           memory.st_size >= (off_t)HELD_AT && S_ISFIFO(inbox.st_mode) && S_ISFIFO(outbox.st_mode);
}

int desk_open(struct desk *desk, const int parts[DESK_PARTS])
{
    *desk = (struct desk){0};
    if (!are_parts(parts))
        return -ENOENT;
    void *memory =
        mmap(NULL, HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, parts[DESK_MEMORY], 0);
    if (memory == MAP_FAILED)
        return -errno;
    desk->memory = memory;
    if (desk->memory->version != VERSION && desk->memory->version != 0) {
        desk_close(desk);
        return -EPROTO;
    }
    desk->is_new = desk->memory->version == 0;
    desk->memory->version = VERSION;
    memcpy(desk->parts, parts, sizeof(desk->parts));
    desk->inbox = desk->memory->inbox;
    desk->state = desk->memory->states[atomic_load(&desk->memory->current)];
    desk->memory->held_bytes[desk->state.held_lane] = desk->state.held_bytes;
    recover_inbox(desk);
    return 0;
}

// One that was never used is still new to whoever opens it next.
void desk_close(struct desk *desk)
{
    if (desk->is_new && !desk->trays[0].desk)
        desk->memory->version = 0;
    for (unsigned i = 0; i < DESK_TRAYS; i++)
        if (desk->trays[i].desk)
            (void)munmap(desk->trays[i].queue.bytes, QUEUE_BYTES);
    if (desk->memory)
        (void)munmap(desk->memory, HEAD_BYTES);
    *desk = (struct desk){0};
}

// --- trays

int desk_take_tray(struct desk *desk, unsigned index, int output, struct tray **out)
{
    struct tray *tray = &desk->trays[index];
    assert(index < DESK_TRAYS && !tray->desk);
    void *bytes = mmap(NULL, QUEUE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                       desk->parts[DESK_MEMORY], (off_t)(HEAD_BYTES + index * QUEUE_BYTES));
    if (bytes == MAP_FAILED)
        return -errno;
    struct tray_state *state = &desk->state.trays[index];
    if (index >= desk->state.tray_count)
        desk->state.tray_count = index + 1;
    tray_init(tray);
    tray->desk = desk;
    tray->state = state;
    tray->queue = (struct buffer){
        .bytes = bytes,
        .size = state->end,
        .capacity = QUEUE_BYTES,
        .is_fixed = true,
    };
    tray->touched_bytes = tray->queue.size;
    if (index == 0) {
        int capacity = fcntl(desk->parts[DESK_OUTBOX], F_GETPIPE_SZ);
        tray->outbox = desk->parts[DESK_OUTBOX];
        tray->outbox_bytes = desk_pipe_bytes(tray->outbox);
        tray->outbox_capacity = capacity > 0 ? (size_t)capacity : 4096;
    }
    tray_recover(tray, output);
    *out = tray;
    return 0;
}

void desk_put_tray(struct tray *tray)
{
    desk_commit(tray->desk);
    (void)munmap(tray->queue.bytes, QUEUE_BYTES);
    *tray = (struct tray){0};
}

// --- the way in

// Kernels before 5.12 do not splice from terminals.
static size_t read_directly(struct desk *desk, int fd)
{
    ssize_t size = read(fd, desk->inbox, DESK_INBOX_BYTES);
    if (size <= 0)
        return 0;
    desk->state.inbox_end = (uint32_t)size;
    desk_commit(desk);
    return (size_t)size;
}

size_t desk_read(struct desk *desk, int fd, unsigned lane)
{
    struct desk_state *state = &desk->state;
    ssize_t size;
    if (state->lane != lane) {
        state->lane = lane;
        desk_commit(desk);
    }
    do {
        size = splice(fd, NULL, desk->parts[DESK_INBOX], NULL, DESK_INBOX_BYTES,
                      SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EINVAL)
        return read_directly(desk, fd);
    if (size <= 0)
        return 0;
    state->reading = (uint32_t)size;
    desk_commit(desk);
    finish_reading(desk);
    return state->inbox_end;
}

static off_t held_at(unsigned lane, size_t at)
{
    return (off_t)(HELD_AT + (size_t)lane * LIMIT_LINE_BYTES + at);
}

// First the lines go and `tail` alone stays in the inbox; only then is its copy written over what
// the line was before.
void desk_hold(struct desk *desk, unsigned lane, struct str tail, bool is_new)
{
    struct desk_state *state = &desk->state;
    size_t held = desk->memory->held_bytes[lane];
    state->held_lane = lane;
    state->held_bytes = is_new ? 0 : (uint32_t)held;
    if (is_new && tail.size > 0) {
        state->inbox_from = state->inbox_end - (uint32_t)tail.size;
        desk_commit(desk);
    }
    if (is_new && held > KEPT_BYTES)
        (void)fallocate(desk->parts[DESK_MEMORY], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        held_at(lane, 0), LIMIT_LINE_BYTES);
    size_t at = state->held_bytes;
    if (tail.size > 0 && at + tail.size <= LIMIT_LINE_BYTES &&
        pwrite(desk->parts[DESK_MEMORY], tail.bytes, tail.size, held_at(lane, at)) ==
            (ssize_t)tail.size)
        state->held_bytes = (uint32_t)(at + tail.size);
    state->inbox_from = state->inbox_end = 0;
    desk_commit(desk);
}

size_t desk_held(const struct desk *desk, unsigned lane, size_t at, char *out, size_t size)
{
    size_t held = desk->memory->held_bytes[lane];
    size_t wanted = at >= held ? 0 : size < held - at ? size : held - at;
    ssize_t read = pread(desk->parts[DESK_MEMORY], out, wanted, held_at(lane, at));
    return read > 0 ? (size_t)read : 0;
}
