// SPDX-License-Identifier: MIT
// Files are written at the end of each round, so what waits is little unless a disk is full. One is
// put aside between two lines only, and opened again when somebody else has moved it. One that is
// idle is closed, so that a process that is gone leaves nothing open.
#include "manager/sink.h"

#include "control/json_put.h"
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
#define IDLE_AFTER (5 * NSEC_PER_SEC)

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

// The owner's place in the table, which is made if there is none. 0 or -errno, and it was told.
static int find_file(struct sink *sink, uint32_t owner, struct sink_file **out)
{
    char path[SINK_PATH_BYTES];
    size_t place = place_of(sink, owner);
    *out = &sink->files[place];
    if (place < sink->file_count && sink->files[place].owner == owner)
        return 0;
    if (path_of(sink, owner, path) < 0) {
        sink_fail(sink, "a path of the logs is longer than %d bytes", SINK_PATH_BYTES);
        return -ENAMETOOLONG;
    }
    char *copy = strdup(path);
    *out = copy ? add_file(sink, place, owner) : NULL;
    if (*out) {
        (*out)->path = copy;
        return 0;
    }
    free(copy);
    sink_fail(sink, "%s: %s", path, strerrordesc_np(ENOMEM));
    return -ENOMEM;
}

// One that is opened again, and is the same, knows best how old its first line is.
static int try_to_open(struct sink *sink, struct sink_file *file, struct error *error)
{
    const struct logfile before = file->file;
    struct logfile opened;
    int result = logfile_open(&opened, file->path, sink->declared->file_mode, error);
    if (result < 0)
        return result;
    if (opened.device == before.device && opened.inode == before.inode &&
        opened.size_bytes >= before.size_bytes && before.size_bytes > 0)
        opened.first_at = before.first_at;
    logfile_close(&file->file);
    file->file = opened;
    return 0;
}

static void fail(struct sink *sink, struct sink_file *file, const char *sentence)
{
    file->is_failing = file->is_failing || !sink->is_failing;
    sink_fail(sink, "%s", sentence);
}

static void tell_recovered(struct sink *sink)
{
    for (size_t i = 0; sink->is_failing && i < sink->file_count; i++) {
        if (!sink->files[i].is_failing)
            continue;
        sink_tell(sink, "%s is written again", sink->files[i].path);
        sink->files[i].is_failing = sink->is_failing = false;
    }
    sink_recover(sink); // there was no memory for a file, say
}

static int open_file(struct sink *sink, struct sink_file *file)
{
    struct error error;
    int result = try_to_open(sink, file, &error);
    if (result < 0)
        fail(sink, file, error.text);
    return result;
}

int sink_open_file(struct sink *sink, uint32_t owner, struct sink_file **out)
{
    int result = find_file(sink, owner, out);
    if (result == 0 && (*out)->file.fd < 0)
        result = open_file(sink, *out);
    return result;
}

// How far that manager had come in a line nobody knows: so it may have been within one.
void sink_resume_files(struct sink *sink)
{
    const struct tray_state *state = sink->tray->state;
    struct sink_file *file;
    if (state->record_end > state->from && find_file(sink, state->owner, &file) == 0)
        file->is_within_line = true;
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
    sink->tend_at = NSEC_NEVER;
}

static long write_file(void *context, const char *bytes, size_t size)
{
    return write(*(const int *)context, bytes, size);
}

// Opens the file again if somebody has moved or removed it. The rest of a line is still written to
// where the line begins, as long as that is anywhere.
static int follow(struct sink *sink, struct sink_file *file, nsec_t now)
{
    enum logfile_change change =
        logfile_look(&file->file, file->path, now, sink->manager->show.now);
    if (change != LOGFILE_MOVED || (file->is_within_line && logfile_has_name(&file->file)))
        return 0;
    int result = open_file(sink, file);
    if (result < 0)
        logfile_close(&file->file); // what is written there now, nobody would look for
    return result;
}

static bool may_rotate(const struct sink_file *file, nsec_t now)
{
    return file->file.is_regular && !file->is_within_line && file->rotate_again_at <= now;
}

static bool is_due(const struct sink *sink, const struct sink_file *file, size_t next_bytes,
                   nsec_t now)
{
    return may_rotate(file, now) &&
           rotation_is_due(&sink->declared->rotation, file->file.size_bytes, file->file.first_at,
                           next_bytes, sink->manager->show.now);
}

static void rotate_now(struct sink *sink, struct sink_file *file, nsec_t now)
{
    bool is_done = rotate(sink, file);
    if (is_done && file->cannot_rotate)
        sink_tell(sink, "%s can be rotated again", file->path);
    file->cannot_rotate = !is_done;
    file->rotate_again_at = is_done ? 0 : now + FAILED_AGAIN_AFTER;
}

// As many whole lines as the file has room for, one at least.
static size_t fitting(const struct sink *sink, const struct sink_file *file, size_t size,
                      nsec_t now)
{
    uint64_t limit = rotation_size_limit(&sink->declared->rotation);
    uint64_t taken = file->file.size_bytes;
    const char *bytes = tray_unwritten(sink->tray).bytes;
    const char *end = NULL;
    if (!bytes || limit == 0 || (!file->is_within_line && !may_rotate(file, now)))
        return size;
    if (taken < limit && size <= limit - taken)
        return size;
    if (taken < limit && !file->is_within_line)
        end = memrchr(bytes, '\n', limit - taken);
    if (!end)
        end = memchr(bytes, '\n', size);
    return end ? (size_t)(end + 1 - bytes) : size;
}

// When the file is to be looked at without a line that comes.
static nsec_t tend_at(const struct sink *sink, const struct sink_file *file, nsec_t now)
{
    nsec_t idle_at = file->file.fd < 0 ? NSEC_NEVER : file->written_at + IDLE_AFTER;
    nsec_t wall =
        rotation_due_at(&sink->declared->rotation, file->file.size_bytes, file->file.first_at);
    nsec_t in = wall - sink->manager->show.now;
    if (file->cannot_rotate && file->rotate_again_at < idle_at)
        idle_at = file->rotate_again_at;
    if (wall == NSEC_NEVER || !file->file.is_regular)
        return idle_at;
    nsec_t due_at = now + (in > 0 ? in : 0);
    if (due_at < file->rotate_again_at)
        due_at = file->rotate_again_at;
    return due_at < idle_at ? due_at : idle_at;
}

static void note_written(struct sink *sink, struct sink_file *file, size_t size, nsec_t now)
{
    logfile_wrote(&file->file, size, sink->manager->show.now);
    file->written_at = now;
    nsec_t at = tend_at(sink, file, now);
    if (at < sink->tend_at)
        sink->tend_at = at;
}

static void wait_after(struct sink *sink, struct sink_file *file, int code)
{
    struct error error;
    bool is_full = code == ENOSPC || code == EDQUOT;
    sink->again_at = clock_now() + (is_full ? FULL_AGAIN_AFTER : FAILED_AGAIN_AFTER);
    (void)error_set(&error, code, "%s: %s", file->path, strerrordesc_np(code));
    fail(sink, file, error.text);
    if (!is_full)
        logfile_close(&file->file);
}

// False: it has to be tried again later.
static bool write_record(struct sink *sink, uint32_t owner, size_t size)
{
    struct sink_file *file;
    nsec_t now = clock_now();
    if (sink_open_file(sink, owner, &file) < 0 || follow(sink, file, now) < 0) {
        sink->again_at = now + FAILED_AGAIN_AFTER;
        return false;
    }
    size = fitting(sink, file, size, now);
    if (is_due(sink, file, size, now))
        rotate_now(sink, file, now);
    const char *bytes = tray_unwritten(sink->tray).bytes;
    long written = tray_write(sink->tray, file->file.fd, size, write_file, &file->file.fd);
    if (written < 0 && errno == EINTR)
        return true;
    if (written < 0) {
        wait_after(sink, file, errno);
        return false;
    }
    if (written > 0)
        file->is_within_line = bytes[written - 1] != '\n';
    note_written(sink, file, (size_t)written, now);
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
    tell_recovered(sink);
}

// One that holds the first half of a line gets the rest before it is looked for again.
int sink_reopen_files(struct sink *sink, struct buffer *paths, struct error *error)
{
    struct error each;
    int first = 0;
    for (size_t i = 0; i < sink->file_count; i++) {
        struct sink_file *file = &sink->files[i];
        if (file->file.fd < 0)
            continue;
        int result = file->is_within_line ? 0 : try_to_open(sink, file, &each);
        if (result == 0)
            json_put_text(paths, NULL, str_of(file->path));
        if (result < 0 && first == 0) {
            first = result;
            *error = each;
        }
    }
    return first;
}

// One that is gone is not made again only to be put aside.
static void tend(struct sink *sink, struct sink_file *file, nsec_t now)
{
    bool is_idle = now - file->written_at >= IDLE_AFTER && !file->is_within_line;
    if (is_due(sink, file, 0, now)) {
        if (access(file->path, F_OK) < 0)
            file->file.size_bytes = 0;
        else if (file->file.fd >= 0 || open_file(sink, file) == 0)
            rotate_now(sink, file, now);
        else
            file->rotate_again_at = now + FAILED_AGAIN_AFTER;
    } else if (may_rotate(file, now)) {
        file->cannot_rotate = false; // it was emptied, or need not be put aside any more
    }
    if (is_idle)
        logfile_close(&file->file);
}

void sink_tend_files(struct sink *sink)
{
    nsec_t now = clock_now();
    show_now(&sink->manager->show);
    sink->tend_at = NSEC_NEVER;
    for (size_t i = 0; i < sink->file_count; i++) {
        struct sink_file *file = &sink->files[i];
        tend(sink, file, now);
        nsec_t at = tend_at(sink, file, now);
        if (at <= now) // it holds the first half of a line
            at = now + FAILED_AGAIN_AFTER;
        if (at < sink->tend_at)
            sink->tend_at = at;
    }
}
