// SPDX-License-Identifier: MIT
// Sizes of files and memory as people write them.
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

// "512K", "10M", "1.5G", "1T" (each 1024 of the one before), or a bare number of bytes. Returns
// false on anything else, on negative values and on a pebibyte or more. What is no whole number of
// bytes is rounded down.
bool byte_size_parse(struct str text, uint64_t *out_bytes);
