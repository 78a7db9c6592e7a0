// SPDX-License-Identifier: MIT
// A file becomes a compressed one. Whoever is killed meanwhile, at any moment, loses nothing of it.
#pragma once

#include "base/error.h"

#include <stdbool.h>

// Whether there is a libzstd that fits.
bool compress_is_possible(void);

// Makes PATH.zst of the file PATH, which is gone then; mode, owner and time stay. Until the new
// file is whole and on the disk, the old one is there; meanwhile PATH.zst.partial is written, and
// one of an earlier attempt begun again. What PATH.zst was is replaced. Takes 6 MiB of memory,
// whatever the size. Returns 0, also if PATH is gone or is deleted meanwhile; -EBUSY: somebody else
// does it, or still writes to PATH; -ELIBACC: there is no libzstd; or another -errno; with a
// sentence.
int compress_file(const char *path, struct error *error);

// Removes what a compress_file() of `path` that was killed has left.
void compress_discard(const char *path);
