// SPDX-License-Identifier: MIT
// The new file is open before the old one is given up. What an earlier rotation could not delete or
// compress is found again by the next one, since each begins with what lies there.
#include "manager/rotate.h"

#include "manager/sink.h"
#include "manager/state.h"
#include "plan/rotation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_ours(struct str live, struct str name)
{
    int64_t stamp;
    enum rotation_part part;
    return rotation_read_name(live, name, &stamp, &part);
}

static int64_t newest_of(const struct logfile_shelf *shelf)
{
    int64_t newest = 0;
    for (size_t i = 0; i < shelf->count; i++) {
        int64_t stamp;
        enum rotation_part part;
        if (rotation_read_name(str_of(shelf->live), str_of(shelf->entries[i].name), &stamp,
                               &part) &&
            stamp > newest)
            newest = stamp;
    }
    return newest;
}

static int put_aside(struct sink *sink, struct sink_file *file, const struct logfile_shelf *shelf,
                     struct error *error)
{
    char name[ROTATION_NAME_BYTES];
    int64_t stamp = rotation_next_stamp(sink->manager->show.now, newest_of(shelf));
    int result;
    do {
        result = rotation_name(str_of(shelf->live), stamp++, name);
        if (result == -ERANGE)
            return error_set(error, ERANGE,
                             "%s cannot be put aside: the last name there is, of "
                             "the year 9999, is taken",
                             file->path);
        if (result < 0)
            return error_set(error, -result, "%s: no room in its name to put it aside", file->path);
        result = logfile_put_aside(&file->file, shelf, name, error);
    } while (result == -EEXIST);
    return result;
}

static void compress(struct sink *sink, const struct logfile_shelf *shelf, const char *name)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", shelf->folder, name) < (int)sizeof(path))
        (void)compressor_add(&sink->manager->compressor, path); // or at the next rotation
}

// Once, until it succeeds.
static void fail(struct sink *sink, const struct sink_file *file, const struct error *error)
{
    if (!file->cannot_rotate)
        sink_tell(sink, "%s", error->text);
}

// Of the listing that is there after the file was put aside. False: something was in the way.
static bool tidy(struct sink *sink, const struct sink_file *file, const struct logfile_shelf *shelf)
{
    const struct sink_rotation *policy = &sink->declared->rotation;
    struct rotation_entry *entries = calloc(shelf->count, sizeof(*entries));
    struct error error;
    bool is_done = true;
    if (!entries)
        return false;
    for (size_t i = 0; i < shelf->count; i++) {
        entries[i].bytes = shelf->entries[i].bytes;
        (void)rotation_read_name(str_of(shelf->live), str_of(shelf->entries[i].name),
                                 &entries[i].stamp, &entries[i].part);
    }
    (void)rotation_prune(policy, file->file.size_bytes, entries, shelf->count);
    for (size_t i = 0; i < shelf->count; i++) {
        if (entries[i].is_doomed && logfile_remove(shelf, shelf->entries[i].name, &error) < 0) {
            if (is_done)
                fail(sink, file, &error);
            is_done = false;
        } else if (!entries[i].is_doomed && policy->compress && entries[i].part == ROTATION_PLAIN)
            compress(sink, shelf, shelf->entries[i].name);
    }
    free(entries);
    return is_done;
}

bool rotate(struct sink *sink, struct sink_file *file)
{
    struct logfile_shelf shelf = {0};
    struct logfile fresh;
    struct error error;
    int result = logfile_list(&shelf, file->path, is_ours, &error);
    if (result == 0)
        result = put_aside(sink, file, &shelf, &error);
    logfile_shelf_fini(&shelf);
    if (result == 0 || result == -ESTALE || result == -ENOENT)
        result = logfile_open(&fresh, file->path, sink->declared->file_mode, &error);
    if (result < 0) {
        fail(sink, file, &error);
        return false;
    }
    logfile_close(&file->file);
    file->file = fresh;
    shelf = (struct logfile_shelf){0};
    result = logfile_list(&shelf, file->path, is_ours, &error);
    bool is_done = result == 0 && (shelf.count == 0 || tidy(sink, file, &shelf));
    if (result < 0)
        fail(sink, file, &error);
    logfile_shelf_fini(&shelf);
    return is_done;
}
