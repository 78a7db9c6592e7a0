// SPDX-License-Identifier: MIT
// When a log file is put aside, what it is called then, and which of those put aside are too many.
// Here beside plan/sink_path.h, since both say which file a line is in; carried out by
// os/logfile.h.
#pragma once

#include "plan/sink.h"

// The size that the file may have: what `size` says, and not more than half of `total`, so that
// one that is put aside and the next one fit together. 0: any.
uint64_t rotation_size_limit(const struct sink_rotation *policy);

// Whether the file is to be put aside before `next_bytes` more are written to it. `first_at` and
// `now` are of the wall clock; a first line later than now has no age. An empty file never is.
bool rotation_is_due(const struct sink_rotation *policy, uint64_t size_bytes, nsec_t first_at,
                     uint64_t next_bytes, nsec_t now);

// The moment at which its age makes it due, or NSEC_NEVER.
nsec_t rotation_due_at(const struct sink_rotation *policy, uint64_t size_bytes, nsec_t first_at);

// A file that was put aside is called LIVE.2026-11-25T23-00-00.123, in UTC; compression makes
// LIVE.….zst of it, by way of LIVE.….zst.partial. Names in their order are stamps in their order.
enum rotation_part { ROTATION_PLAIN, ROTATION_COMPRESSED, ROTATION_PARTIAL };

enum { ROTATION_NAME_BYTES = 256 }; // with the final NUL

// The stamp of the next one, in milliseconds since the epoch: now, or just behind `newest`, the
// largest that is there (0: none): two in one millisecond, or a clock that was set back, do not
// bring them out of order.
int64_t rotation_next_stamp(nsec_t now, int64_t newest);

// Writes the name of the file `live` (a name, no path) with that stamp. 0; -ENAMETOOLONG: with what
// compression adds it would be longer than a file's name can be; -ERANGE: after the year 9999.
int rotation_name(struct str live, int64_t stamp, char out[ROTATION_NAME_BYTES]);

// Whether `name` is one that rotation_name() gives to `live`, or what compression makes of it.
bool rotation_read_name(struct str live, struct str name, int64_t *stamp, enum rotation_part *part);

struct rotation_entry {
    int64_t stamp;
    enum rotation_part part;
    uint64_t bytes;
    bool is_doomed; // to be deleted
};

// Dooms the oldest until no more than `keep` stamps are left, and all that is left fits `total`
// together with the live file, now of `live_bytes`, as large as it may become. Files of one stamp
// stay and go together; a partial one that nothing can be made of any more goes. `entries` are in
// the order of their names. Returns how many are doomed.
size_t rotation_prune(const struct sink_rotation *policy, uint64_t live_bytes,
                      struct rotation_entry *entries, size_t count);
