// SPDX-License-Identifier: MIT
// A file that is only ever appended to, and that others may move, remove or empty while it is open.
#pragma once

#include "base/duration.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct logfile {
    int fd;
    dev_t device;
    ino_t inode;
    bool is_regular;     // false: /dev/null or the like, which is never put aside
    uint64_t size_bytes; // as last looked at, and what was written since
    nsec_t first_at;     // wall clock: when its first line was written, as far as one can know
    nsec_t looked_at;    // monotonic
};

// Opens it for appending; if it is not there, it is made with that mode, as are the folders above
// it. 0; or -errno, a sentence that names the file, and `file` as it was: so the next file can be
// opened before the last one is given up.
int logfile_open(struct logfile *file, const char *path, unsigned mode, struct error *error);
void logfile_close(struct logfile *file); // also one that is closed already: fd < 0

// To be told of what was written, at that moment of the wall clock.
void logfile_wrote(struct logfile *file, size_t bytes, nsec_t wall);

enum logfile_change {
    LOGFILE_SAME,
    LOGFILE_EMPTIED, // by logrotate's copytruncate, say: the file is the same, go on
    LOGFILE_MOVED,   // its path leads to another file or none: open it again
};

// What others did to it. Looks at most once a second (`now` is monotonic); in between it is the
// same. What cannot be looked at counts as the same.
enum logfile_change logfile_look(struct logfile *file, const char *path, nsec_t now, nsec_t wall);

// False: it was removed, and goes with its descriptor.
bool logfile_has_name(const struct logfile *file);

// The files beside a live one that belong to it. Zero-initialise.
struct logfile_entry {
    char *name;
    uint64_t bytes;
};

struct logfile_shelf {
    char *folder;                  // absolute; of the file itself if its path is a link
    char *live;                    // its name there
    struct logfile_entry *entries; // in the order of their names
    size_t count;
    size_t capacity;
};

typedef bool logfile_is_ours(struct str live, struct str name);

// Lists the regular files that `is_ours`, LIMIT_SHELF at most. 0; or -errno, a sentence and nothing
// that is to be freed.
int logfile_list(struct logfile_shelf *shelf, const char *path, logfile_is_ours *is_ours,
                 struct error *error);
void logfile_shelf_fini(struct logfile_shelf *shelf);

// Gives the live file another name in its folder; it stays open. 0; -ESTALE: the file at its path
// is not this one, open it again; -EEXIST: that name is taken; or another -errno. Each with a
// sentence.
int logfile_put_aside(const struct logfile *file, const struct logfile_shelf *shelf,
                      const char *name, struct error *error);

// 0, also when it is gone already; or -errno with a sentence.
int logfile_remove(const struct logfile_shelf *shelf, const char *name, struct error *error);
