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
    uint32_t held_bytes[LIMIT_PROCESSES]; // of unfinished lines
    _Alignas(4096) char inbox[DESK_INBOX_BYTES];
};

enum {
    VERSION = 1,
    PIPE_BYTES = 4 * DESK_INBOX_BYTES, // half empty pages take a place each
    KEPT_BYTES = 1024 * 1024,          // more memory than this is given back after use
};

// Pages cost nothing until they are touched. At the end of a formation the queue takes what all
// pipes hold (os/output.c), each line with its prefix.
#define QUEUE_AT ((sizeof(struct desk_memory) + 4095) / 4096 * 4096)
#define QUEUE_BYTES ((size_t)1024 * 1024 * 1024)
#define HELD_AT (QUEUE_AT + QUEUE_BYTES) // from here on, LIMIT_LINE_BYTES for each slot

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

static size_t pipe_bytes(int pipe)
{
    int count = 0;
    return ioctl(pipe, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}

void desk_commit(struct desk *desk)
{
    struct desk_memory *memory = desk->memory;
    uint32_t next = 1 - atomic_load_explicit(&memory->current, memory_order_relaxed);
    desk->state.end = desk->queue.size;
    memory->states[next] = desk->state;
    atomic_signal_fence(memory_order_release); // what is read by a successor was in memory before
    atomic_store_explicit(&memory->current, next, memory_order_release);
    memory->held_bytes[desk->state.held_slot] = desk->state.held_bytes;
}

// The rest of the bytes on their way to memory; `reading` says how many they were.
static void finish_reading(struct desk *desk)
{
    struct desk_state *state = &desk->state;
    size_t left = pipe_bytes(desk->parts[DESK_INBOX]);
    size_t at = left < state->reading ? state->reading - left : 0;
    ssize_t size = read(desk->parts[DESK_INBOX], desk->inbox + at, state->reading - at);
    assert(size == (ssize_t)(state->reading - at) || at == state->reading);
    state->inbox_from = 0;
    state->inbox_end = state->reading;
    state->reading = 0;
    desk_commit(desk);
}

static void recover_inbox(struct desk *desk)
{
    if (desk->state.reading == 0 && desk->state.inbox_end == 0) {
        desk->state.reading = (uint32_t)pipe_bytes(desk->parts[DESK_INBOX]);
        desk_commit(desk);
    }
    if (desk->state.reading > 0)
        finish_reading(desk);
}

static void recover_outbox(struct desk *desk, int output)
{
    struct desk_state *state = &desk->state;
    uint64_t done = state->writing;
    uint64_t position = desk_position(output);
    desk->outbox_bytes = pipe_bytes(desk->parts[DESK_OUTBOX]);
    if (state->writing == 0)
        return;
    if (state->uses_outbox)
        done = desk->outbox_bytes;
    else if (state->write_at != DESK_NOWHERE && position - state->write_at < done)
        done = position - state->write_at;
    state->from += done;
    state->writing = 0;
    desk_commit(desk);
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

int desk_open(struct desk *desk, const int parts[DESK_PARTS], int output)
{
    *desk = (struct desk){0};
    if (!are_parts(parts))
        return -ENOENT;
    void *memory = mmap(NULL, HELD_AT, PROT_READ | PROT_WRITE, MAP_SHARED, parts[DESK_MEMORY], 0);
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
    desk->queue = (struct buffer){
        .bytes = (char *)memory + QUEUE_AT,
        .size = desk->state.end,
        .capacity = QUEUE_BYTES,
        .is_fixed = true,
    };
    desk->touched_bytes = desk->queue.size;
    int capacity = fcntl(parts[DESK_OUTBOX], F_GETPIPE_SZ);
    desk->outbox_capacity = capacity > 0 ? (size_t)capacity : 4096;
    desk->memory->held_bytes[desk->state.held_slot] = desk->state.held_bytes;
    recover_inbox(desk);
    recover_outbox(desk, output);
    return 0;
}

void desk_close(struct desk *desk)
{
    if (desk->memory)
        (void)munmap(desk->memory, HELD_AT);
    *desk = (struct desk){0};
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

size_t desk_read(struct desk *desk, int fd, unsigned slot)
{
    struct desk_state *state = &desk->state;
    ssize_t size;
    if (state->slot != slot) {
        state->slot = slot;
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

static off_t held_at(unsigned slot, size_t at)
{
    return (off_t)(HELD_AT + (size_t)slot * LIMIT_LINE_BYTES + at);
}

// First the lines go and `tail` alone stays in the inbox; only then is its copy written over what
// the line was before.
void desk_hold(struct desk *desk, unsigned slot, struct str tail, bool is_new)
{
    struct desk_state *state = &desk->state;
    size_t held = desk->memory->held_bytes[slot];
    state->held_slot = slot;
    state->held_bytes = is_new ? 0 : (uint32_t)held;
    if (is_new && tail.size > 0) {
        state->inbox_from = state->inbox_end - (uint32_t)tail.size;
        desk_commit(desk);
    }
    if (is_new && held > KEPT_BYTES)
        (void)fallocate(desk->parts[DESK_MEMORY], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        held_at(slot, 0), LIMIT_LINE_BYTES);
    size_t at = state->held_bytes;
    if (tail.size > 0 && at + tail.size <= LIMIT_LINE_BYTES &&
        pwrite(desk->parts[DESK_MEMORY], tail.bytes, tail.size, held_at(slot, at)) ==
            (ssize_t)tail.size)
        state->held_bytes = (uint32_t)(at + tail.size);
    state->inbox_from = state->inbox_end = 0;
    desk_commit(desk);
}

size_t desk_held(const struct desk *desk, unsigned slot, size_t at, char *out, size_t size)
{
    size_t held = desk->memory->held_bytes[slot];
    size_t wanted = at >= held ? 0 : size < held - at ? size : held - at;
    ssize_t read = pread(desk->parts[DESK_MEMORY], out, wanted, held_at(slot, at));
    return read > 0 ? (size_t)read : 0;
}

// --- the way out

size_t desk_waiting_bytes(const struct desk *desk)
{
    return desk->queue.size - desk->state.from + desk->outbox_bytes;
}

uint64_t desk_position(int fd)
{
    struct stat file;
    int flags = fcntl(fd, F_GETFL);
    if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode) || flags < 0)
        return DESK_NOWHERE;
    return (uint64_t)(flags & O_APPEND ? file.st_size : lseek(fd, 0, SEEK_CUR));
}

static void begin_write(struct desk *desk, size_t size, uint64_t position, bool uses_outbox)
{
    desk->state.writing = (uint32_t)size;
    desk->state.write_at = position;
    desk->state.uses_outbox = uses_outbox;
    desk_commit(desk);
}

static void end_write(struct desk *desk, long written)
{
    int error = errno;
    desk->state.writing = 0;
    if (written > 0)
        desk->state.from += (uint64_t)written;
    desk_commit(desk);
    errno = error;
}

static const char *waiting(const struct desk *desk, size_t *size)
{
    *size = desk->queue.size - desk->state.from;
    return desk->queue.bytes + desk->state.from;
}

long desk_write_pipe(struct desk *desk, int pipe)
{
    size_t size;
    const char *bytes = waiting(desk, &size);
    if (desk->outbox_bytes == 0) {
        size = size < desk->outbox_capacity ? size : desk->outbox_capacity;
        begin_write(desk, size, DESK_NOWHERE, true);
        ssize_t put = write(desk->parts[DESK_OUTBOX], bytes, size);
        end_write(desk, put);
        desk->outbox_bytes = put > 0 ? (size_t)put : 0;
    }
    ssize_t sent = splice(desk->parts[DESK_OUTBOX], NULL, pipe, NULL, desk->outbox_bytes,
                          SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (sent > 0)
        desk->outbox_bytes -= (size_t)sent;
    return sent;
}

long desk_write(struct desk *desk, uint64_t position, desk_writer *writer, void *context)
{
    size_t size;
    const char *bytes = waiting(desk, &size);
    begin_write(desk, size, position, false);
    long written = writer(context, bytes, size);
    end_write(desk, written);
    return written;
}

static void empty_outbox(struct desk *desk)
{
    char bytes[4096];
    ssize_t size = 0;
    while (desk->outbox_bytes > 0 &&
           (size = read(desk->parts[DESK_OUTBOX], bytes, sizeof(bytes))) > 0)
        desk->outbox_bytes -= (size_t)size;
    desk->outbox_bytes = 0;
}

void desk_clear(struct desk *desk)
{
    empty_outbox(desk);
    if (desk->queue.size > desk->touched_bytes)
        desk->touched_bytes = desk->queue.size;
    buffer_clear(&desk->queue);
    desk->state.from = 0;
    desk_commit(desk);
    if (desk->touched_bytes <= KEPT_BYTES)
        return;
    (void)madvise(desk->queue.bytes, (desk->touched_bytes + 4095) / 4096 * 4096, MADV_REMOVE);
    desk->touched_bytes = 0;
}

// Not before the old place and the new one are apart: until the commit the old one is true.
void desk_compact(struct desk *desk)
{
    size_t size;
    const char *bytes = waiting(desk, &size);
    if (desk->state.from < KEPT_BYTES || size > desk->state.from)
        return;
    if (desk->queue.size > desk->touched_bytes)
        desk->touched_bytes = desk->queue.size;
    memcpy(desk->queue.bytes, bytes, size);
    desk->queue.size = size;
    desk->state.from = 0;
    desk_commit(desk);
}
