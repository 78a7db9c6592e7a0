// SPDX-License-Identifier: MIT
// Puts a sink's file aside and opens a new one, deletes what is too much, has the rest compressed.
#pragma once

struct sink;
struct sink_file;

// What fails is told in the output; the file that was open is then written on.
void rotate(struct sink *sink, struct sink_file *file);
