// SPDX-License-Identifier: MIT
// Output of a process made harmless for a terminal: colours pass, nothing moves the cursor, clears
// the screen or forges somebody else's line.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

// True when every byte is printable ASCII, so that there is nothing to tame. Fast.
bool tame_is_plain(struct str text);

// Appends `text`: SGR colours (ESC [ … m), tabs and UTF-8 as they are; other complete control
// sequences left out; single control bytes as ^X or \xNN. `is_colored` is set while a colour is on.
// If not `is_whole`, stops before a sequence that the end of `text` cuts off. Returns the bytes
// of `text` that were used.
size_t tame_append(struct buffer *out, struct str text, bool is_whole, bool *is_colored);

// What can be read at last in a line that was written over: of "10%\r20%\r" the 20%. A state of
// which nothing is visible, since it only wipes away the one before, does not count. All of a text
// that never returns to its start. Linear, from the end.
struct str tame_last_state(struct str text);

// Appends `text` as it is, without complete control sequences, colours among them.
void tame_strip(struct buffer *out, struct str text);
