// SPDX-License-Identifier: MIT
// What is under way is noted before the system call and after it, so that whoever follows a killed
// owner can find out from the kernel how far it had come: from the outbox, a pipe that only we
// touch, or from a regular file's size or offset.
#include "stream/tray.h"

#include "stream/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_BYTES = 1024 * 1024 }; // more memory than this is given back after use

void tray_init(struct tray *tray)
{
    *tray = (struct tray){.outbox = -1};
    tray->state = &tray->own_state;
}

void tray_fini(struct tray *tray)
{
    if (!tray->desk)
        buffer_fini(&tray->queue);
}

static void commit(struct tray *tray)
{
    if (tray->desk)
        desk_commit(tray->desk);
}

static uint64_t position_of(int fd)
{
    struct stat file;
    int flags = fcntl(fd, F_GETFL);
    if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode) || flags < 0)
        return TRAY_NOWHERE;
    return (uint64_t)(flags & O_APPEND ? file.st_size : lseek(fd, 0, SEEK_CUR));
}

// Somebody may have put another file in its place since then, of which nothing can be said.
static bool is_same_file(const struct tray_state *state, int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && file.st_dev == state->device && file.st_ino == state->inode;
}

void tray_recover(struct tray *tray, int output)
{
    struct tray_state *state = tray->state;
    uint64_t done = state->writing;
    if (state->writing == 0)
        return;
    if (state->uses_outbox) {
        done = tray->outbox_bytes;
    } else if (output < 0) {
        done = 0; // once too often rather than not at all
    } else if (state->write_at != TRAY_NOWHERE && is_same_file(state, output)) {
        uint64_t moved = position_of(output) - state->write_at;
        done = moved < done ? moved : done;
    }
    state->from += done;
    state->writing = 0;
    commit(tray);
}

struct str tray_unwritten(const struct tray *tray)
{
    return str_slice(buffer_str(&tray->queue), tray->state->from, tray->queue.size);
}

size_t tray_waiting_bytes(const struct tray *tray)
{
    return tray->queue.size - tray->state->from + tray->outbox_bytes;
}

static void begin_write(struct tray *tray, size_t size, bool uses_outbox)
{
    tray->state->writing = (uint32_t)size;
    tray->state->uses_outbox = uses_outbox;
    commit(tray);
}

static void end_write(struct tray *tray, long written)
{
    int error = errno;
    tray->state->writing = 0;
    if (written > 0)
        tray->state->from += (uint64_t)written;
    commit(tray);
    errno = error;
}

long tray_write_pipe(struct tray *tray, int pipe)
{
    if (tray->outbox_bytes == 0) {
        struct str bytes = tray_unwritten(tray);
        size_t size = bytes.size < tray->outbox_capacity ? bytes.size : tray->outbox_capacity;
        begin_write(tray, size, true);
        ssize_t put = write(tray->outbox, bytes.bytes, size);
        end_write(tray, put);
        tray->outbox_bytes = put > 0 ? (size_t)put : 0;
    }
    ssize_t sent = splice(tray->outbox, NULL, pipe, NULL, tray->outbox_bytes,
                          SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (sent > 0)
        tray->outbox_bytes -= (size_t)sent;
    return sent;
}

static void note_file(struct tray_state *state, int output)
{
    struct stat file = {0};
    (void)fstat(output, &file);
    state->device = file.st_dev;
    state->inode = file.st_ino;
    state->write_at = position_of(output);
}

long tray_write(struct tray *tray, int output, size_t limit, tray_writer *writer, void *context)
{
    struct str bytes = str_slice(tray_unwritten(tray), 0, limit);
    note_file(tray->state, output);
    begin_write(tray, bytes.size, false);
    long written = writer(context, bytes.bytes, bytes.size);
    end_write(tray, written);
    return written;
}

static void empty_outbox(struct tray *tray)
{
    char bytes[4096];
    ssize_t size = 0;
    while (tray->outbox_bytes > 0 && (size = read(tray->outbox, bytes, sizeof(bytes))) > 0)
        tray->outbox_bytes -= (size_t)size;
    tray->outbox_bytes = 0;
}

void tray_clear(struct tray *tray)
{
    empty_outbox(tray);
    if (tray->queue.size > tray->touched_bytes)
        tray->touched_bytes = tray->queue.size;
    buffer_clear(&tray->queue);
    tray->state->from = tray->state->record_end = 0;
    tray->record_at = 0;
    commit(tray);
    if (!tray->desk && tray->queue.capacity > KEPT_BYTES)
        buffer_fini(&tray->queue);
    if (!tray->desk || tray->touched_bytes <= KEPT_BYTES)
        return;
    (void)madvise(tray->queue.bytes, (tray->touched_bytes + 4095) / 4096 * 4096, MADV_REMOVE);
    tray->touched_bytes = 0;
}

// Not before the old place and the new one are apart: until the commit the old one is true.
void tray_compact(struct tray *tray)
{
    struct str waiting = tray_unwritten(tray);
    if (tray->state->from < KEPT_BYTES || waiting.size > tray->state->from)
        return;
    if (tray->queue.size > tray->touched_bytes)
        tray->touched_bytes = tray->queue.size;
    memcpy(tray->queue.bytes, waiting.bytes, waiting.size);
    uint64_t gone = tray->state->from;
    tray->queue.size = waiting.size;
    tray->state->record_end = tray->state->record_end > gone ? tray->state->record_end - gone : 0;
    tray->record_at = tray->record_at > gone ? tray->record_at - gone : 0;
    tray->state->from = 0;
    commit(tray);
}

// --- records

struct record_head {
    uint32_t owner;
    uint32_t size;
};

static void put_head(struct tray *tray, size_t at, struct record_head head)
{
    memcpy(tray->queue.bytes + at, &head, sizeof(head));
}

static struct record_head head_at(const struct tray *tray, size_t at)
{
    struct record_head head;
    memcpy(&head, tray->queue.bytes + at, sizeof(head));
    return head;
}

// The open record's head tells its size only once it is closed: until then it lies at the end.
static void close_record(struct tray *tray)
{
    if (tray->record_at == 0)
        return;
    size_t at = tray->record_at - sizeof(struct record_head);
    struct record_head head = head_at(tray, at);
    head.size = (uint32_t)(tray->queue.size - tray->record_at);
    put_head(tray, at, head);
    tray->record_at = 0;
}

struct buffer *tray_record(struct tray *tray, uint32_t owner)
{
    if (tray->record_at > 0 &&
        head_at(tray, tray->record_at - sizeof(struct record_head)).owner == owner)
        return &tray->queue;
    close_record(tray);
    const struct record_head head = {.owner = owner, .size = UINT32_MAX};
    buffer_append(&tray->queue, &head, sizeof(head));
    tray->record_at = tray->queue.failed ? 0 : tray->queue.size;
    return &tray->queue;
}

bool tray_next_record(struct tray *tray, uint32_t *owner, size_t *size)
{
    struct tray_state *state = tray->state;
    close_record(tray);
    while (state->from >= state->record_end) {
        if (tray->queue.size - state->from < sizeof(struct record_head))
            return false;
        struct record_head head = head_at(tray, state->from);
        state->owner = head.owner;
        state->from += sizeof(head);
        state->record_end = state->from + head.size;
    }
    *owner = state->owner;
    *size = state->record_end - state->from;
    return true;
}

void tray_save_records(struct tray *tray, struct buffer *out)
{
    const struct tray_state *state = tray->state;
    uint32_t owner;
    size_t size;
    if (!tray_next_record(tray, &owner, &size))
        return;
    const struct record_head head = {.owner = owner, .size = (uint32_t)size};
    buffer_append(out, &head, sizeof(head));
    buffer_append_str(out, str_slice(buffer_str(&tray->queue), state->from, tray->queue.size));
}

// Only the last one can be open.
void tray_mend_records(struct tray *tray)
{
    const struct tray_state *state = tray->state;
    uint64_t at = state->record_end > state->from ? state->record_end : state->from;
    while (at + sizeof(struct record_head) <= tray->queue.size) {
        struct record_head head = head_at(tray, at);
        uint64_t room = tray->queue.size - at - sizeof(head);
        if (head.size > room) {
            head.size = (uint32_t)room;
            put_head(tray, at, head);
        }
        at += sizeof(head) + head.size;
    }
}
