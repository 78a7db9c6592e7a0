// SPDX-License-Identifier: MIT
// Numbered records for several files, in a tray of a desk whose owner is killed anywhere: between
// two steps, before a write, after a part of it. Each file gets its numbers in order, once.
//
// Input: flags, then an operation in each byte.
#include "stream/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum {
    OWNERS = 3,
    LONG_BYTES = 200 * 1000,
    STATE_BYTES = 2 * sizeof(struct desk_state) + 4096, // at the front of the desk's memory
};

enum operation {
    APPEND,        // some records, and a commit
    WRITE,         // a record, or a part of it
    FAIL,          // to write it
    CLEAR,         // what is written
    MOVE,          // what waits to the other tray
    APPEND_KILLED, // before the commit
    WRITE_KILLED,  // within the write, after a part of it
    KILLED,
};

// How a write is to go.
struct writer {
    int fd;
    size_t most; // bytes that are written
    int error;   // instead
    int memory;  // the desk's, when its owner is killed after the write; else 0
};

struct rig {
    int parts[DESK_PARTS];
    struct desk desk;
    unsigned index; // of the tray
    struct tray *tray;
    int files[OWNERS];
    unsigned numbers[OWNERS];
    bool has_long; // records, so that it is worth it to move what waits; they take long, too
};

// What was true at the moment of the kill.
static char state_then[STATE_BYTES];

static long write_some(void *context, const char *bytes, size_t size)
{
    const struct writer *writer = context;
    if (writer->error) {
        errno = writer->error;
        return -1;
    }
    ssize_t written = write(writer->fd, bytes, size < writer->most ? size : writer->most);
    if (writer->memory)
        REQUIRE(pread(writer->memory, state_then, STATE_BYTES, 0) == STATE_BYTES);
    return written;
}

static void take_tray(struct rig *rig)
{
    const struct tray_state *left = &rig->desk.state.trays[rig->index];
    REQUIRE(left->owner < OWNERS);
    REQUIRE(desk_take_tray(&rig->desk, rig->index, rig->files[left->owner], &rig->tray) == 0);
    tray_mend_records(rig->tray);
}

static void sit_down(struct rig *rig)
{
    REQUIRE(desk_open(&rig->desk, rig->parts) == 0);
    take_tray(rig);
}

static void succeed(struct rig *rig)
{
    desk_close(&rig->desk);
    sit_down(rig);
}

static void append(struct rig *rig, unsigned pick)
{
    for (unsigned i = 0; i <= pick % 4; i++) {
        uint32_t owner = (pick / 4 + i * (1 + pick % 2)) % OWNERS;
        int digits = pick < 30 || !rig->has_long ? 1 : LONG_BYTES;
        buffer_append_format(tray_record(rig->tray, owner), "%0*u\n", digits,
                             ++rig->numbers[owner]);
    }
}

static void write_record(struct rig *rig, struct writer writer, size_t limit)
{
    uint32_t owner;
    size_t size;
    if (!tray_next_record(rig->tray, &owner, &size))
        return;
    REQUIRE(owner < OWNERS && size > 0);
    writer.fd = rig->files[owner];
    (void)tray_write(rig->tray, writer.fd, size < limit ? size : limit, write_some, &writer);
}

// What its owner did after the write is undone.
static void kill_in_write(struct rig *rig, size_t most)
{
    int memory = rig->parts[DESK_MEMORY];
    if (tray_waiting_bytes(rig->tray) == 0)
        return;
    REQUIRE(pread(memory, state_then, STATE_BYTES, 0) == STATE_BYTES);
    write_record(rig, (struct writer){.most = most, .memory = memory}, SIZE_MAX);
    REQUIRE(pwrite(memory, state_then, STATE_BYTES, 0) == STATE_BYTES);
}

// As a sink does that is at another place in the list after a reload.
static void move(struct rig *rig)
{
    struct buffer saved = {0};
    tray_save_records(rig->tray, &saved);
    tray_clear(rig->tray);
    desk_put_tray(rig->tray);
    rig->index = 3 - rig->index;
    take_tray(rig);
    buffer_append_str(&rig->tray->queue, buffer_str(&saved));
    desk_commit(&rig->desk);
    buffer_fini(&saved);
}

static void step(struct rig *rig, enum operation operation, unsigned pick)
{
    unsigned before[OWNERS];
    memcpy(before, rig->numbers, sizeof(before));
    switch (operation) {
    case APPEND:
        append(rig, pick);
        desk_commit(&rig->desk);
        return;
    case WRITE:
        write_record(rig, (struct writer){.most = SIZE_MAX}, pick < 24 ? 1 + pick : SIZE_MAX);
        return;
    case FAIL:
        write_record(rig, (struct writer){.error = pick % 2 ? ENOSPC : EAGAIN}, SIZE_MAX);
        return;
    case CLEAR:
        if (tray_waiting_bytes(rig->tray) == 0)
            tray_clear(rig->tray);
        else
            tray_compact(rig->tray);
        return;
    case MOVE:
        move(rig);
        return;
    case APPEND_KILLED: // what was not committed comes again
        append(rig, pick);
        memcpy(rig->numbers, before, sizeof(before));
        break;
    case WRITE_KILLED:
        kill_in_write(rig, pick % 8);
        break;
    case KILLED:
        break;
    }
    succeed(rig);
}

static void require_numbers(int fd, unsigned count)
{
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    FILE *file = fdopen(fd, "r");
    REQUIRE(file);
    rewind(file);
    for (ssize_t size; (size = getline(&line, &room, file)) > 0;) {
        REQUIRE(line[size - 1] == '\n');
        REQUIRE(strtoul(line, NULL, 10) == ++number);
    }
    REQUIRE(number == count);
    free(line);
    (void)fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig rig = {.index = 1};
    uint32_t owner;
    size_t left;
    if (size < 1)
        return 0;
    REQUIRE(desk_make(rig.parts) == 0);
    for (int i = 0; i < OWNERS; i++) {
        REQUIRE((rig.files[i] = memfd_create("file", MFD_CLOEXEC)) >= 0);
        REQUIRE(fcntl(rig.files[i], F_SETFL, data[0] & 1 ? O_APPEND : 0) == 0);
    }
    rig.has_long = data[0] & 2;
    sit_down(&rig);
    for (size_t i = 1; i < size && i < (rig.has_long ? 40 : 400); i++)
        step(&rig, (enum operation)(data[i] & 7), data[i] >> 3);
    while (tray_next_record(rig.tray, &owner, &left))
        write_record(&rig, (struct writer){.most = SIZE_MAX}, SIZE_MAX);
    for (int i = 0; i < OWNERS; i++)
        require_numbers(rig.files[i], rig.numbers[i]);
    desk_close(&rig.desk);
    for (int i = 0; i < DESK_PARTS; i++)
        (void)close(rig.parts[i]);
    return 0;
}
