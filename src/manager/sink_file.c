// SPDX-License-Identifier: MIT
// Files are written at the end of each round, so what waits is little unless a disk is full. One is
// put aside between two lines only, and opened again when somebody else has moved it.
#include "manager/sink.h"

#include "manager/rotate.h"
#include "manager/state.h"
#include "os/clock.h"
#include "plan/rotation.h"
#include "plan/sink_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FULL_AGAIN_AFTER (100 * NSEC_PER_MSEC)
#define FAILED_AGAIN_AFTER NSEC_PER_SEC

uint32_t sink_owner(const struct sink *sink, uint32_t line_owner)
{
    switch (sink_scope(sink->declared)) {
    case SINK_OF_FORMATION:
        return 0;
    case SINK_OF_TYPE:
        return line_owner == (uint32_t)SINK_OWNER_SYSTEM ? line_owner
                                                         : line_owner & UINT32_C(0xffff0000);
    case SINK_OF_PROCESS:
        break;
    }
    return line_owner;
}

static int path_of(const struct sink *sink, uint32_t owner, char out[SINK_PATH_BYTES])
{
    const struct plan *plan = sink->manager->plan;
    const struct process_id id = show_process(owner);
    bool has_type = owner != (uint32_t)SINK_OWNER_SYSTEM && id.type < plan->type_count;
    struct str type = has_type ? plan->types[id.type].name : str_of("system");
    return sink_path(sink->declared, plan, type, has_type ? id.number : 0, out);
}

// Where the file of that owner is in the table, or has to be.
static size_t place_of(const struct sink *sink, uint32_t owner)
{
    size_t low = 0;
    size_t high = sink->file_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sink->files[middle].owner < owner)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct sink_file *add_file(struct sink *sink, size_t place, uint32_t owner)
{
    if (sink->file_count == sink->file_capacity) {
        size_t capacity = sink->file_capacity ? 2 * sink->file_capacity : 4;
        struct sink_file *files = realloc(sink->files, capacity * sizeof(*files));
        if (!files)
            return NULL;
        sink->files = files;
        sink->file_capacity = capacity;
    }
    struct sink_file *file = &sink->files[place];
    memmove(file + 1, file, (sink->file_count - place) * sizeof(*file));
    sink->file_count++;
    *file = (struct sink_file){.owner = owner, .file.fd = -1};
    return file;
}

static int open_file(struct sink *sink, struct sink_file *file)
{
    struct error error;
    int result = logfile_open(&file->file, file->path, sink->declared->file_mode, &error);
    if (result < 0)
        sink_fail(sink, "%s", error.text);
    return result;
}

int sink_open_file(struct sink *sink, uint32_t owner, struct sink_file **out)
{
    char path[SINK_PATH_BYTES];
    size_t place = place_of(sink, owner);
    struct sink_file *file = &sink->files[place];
    if (place == sink->file_count || file->owner != owner) {
        int result = path_of(sink, owner, path);
        if (result < 0) {
            sink_fail(sink, "a path of the logs is longer than %d bytes", SINK_PATH_BYTES);
            return result;
        }
        char *copy = strdup(path);
        file = copy ? add_file(sink, place, owner) : NULL;
        if (!file) {
            free(copy);
            return -ENOMEM;
        }
        file->path = copy;
    }
    if (file->file.fd < 0 && open_file(sink, file) < 0)
        return -EIO;
    *out = file;
    return 0;
}

void sink_forget_files(struct sink *sink)
{
    for (size_t i = 0; i < sink->file_count; i++) {
        logfile_close(&sink->files[i].file);
        free(sink->files[i].path);
    }
    free(sink->files);
    sink->files = NULL;
    sink->file_count = sink->file_capacity = 0;
}

static long write_file(void *context, const char *bytes, size_t size)
{
    return write(*(const int *)context, bytes, size);
}

static void prepare(struct sink *sink, struct sink_file *file, size_t next_bytes)
{
    struct manager *manager = sink->manager;
    enum logfile_change change =
        logfile_look(&file->file, file->path, clock_now(), manager->show.now);
    if (change == LOGFILE_MOVED)
        (void)open_file(sink, file);
    if (!sink->is_within_record && file->file.is_regular &&
        rotation_is_due(&sink->declared->rotation, file->file.size_bytes, file->file.first_at,
                        next_bytes, manager->show.now))
        rotate(sink, file);
}

static void wait_after(struct sink *sink, struct sink_file *file, int code)
{
    bool is_full = code == ENOSPC || code == EDQUOT;
    sink->again_at = clock_now() + (is_full ? FULL_AGAIN_AFTER : FAILED_AGAIN_AFTER);
    sink_fail(sink, "%s: %s", file->path, strerrordesc_np(code));
    if (!is_full)
        logfile_close(&file->file);
}

// False: it has to be tried again later.
static bool write_record(struct sink *sink, uint32_t owner, size_t size)
{
    struct sink_file *file;
    if (sink_open_file(sink, owner, &file) < 0) {
        sink->again_at = clock_now() + FAILED_AGAIN_AFTER;
        return false;
    }
    prepare(sink, file, size);
    long written = tray_write(sink->tray, file->file.fd, size, write_file, &file->file.fd);
    if (written < 0 && errno == EINTR)
        return true;
    if (written < 0) {
        wait_after(sink, file, errno);
        return false;
    }
    logfile_wrote(&file->file, (size_t)written, sink->manager->show.now);
    sink->is_within_record = (size_t)written < size;
    return true;
}

void sink_push_files(struct sink *sink)
{
    uint32_t owner;
    size_t size;
    while (tray_next_record(sink->tray, &owner, &size))
        if (!write_record(sink, owner, size)) {
            tray_compact(sink->tray);
            return;
        }
    tray_clear(sink->tray);
    sink_recover(sink);
}
