// SPDX-License-Identifier: MIT
// Puts a sink's file aside and opens a new one, deletes what is too much, has the rest compressed.
#pragma once

#include <stdbool.h>

struct sink;
struct sink_file;

// False: something was in the way, which is told unless the file `cannot_rotate` already. What is
// open then is written on.
bool rotate(struct sink *sink, struct sink_file *file);
