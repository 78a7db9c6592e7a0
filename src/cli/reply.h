// SPDX-License-Identifier: MIT
// Members of a formation's replies, as values that the views take.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"
#include "base/str.h"

#include <jansson.h>

// A member that is not there, or of another kind, is the empty text, 0, or NSEC_NEVER. Texts are
// borrowed.
struct str reply_text(const json_t *object, const char *name);
long long reply_integer(const json_t *object, const char *name);
nsec_t reply_time(const json_t *object, const char *name); // seconds, as a time or a length

// "exited with code 3", "terminated by SIGKILL": of the member `exit`, an Exit of the interface.
// Nothing if there is none.
void reply_append_exit(struct buffer *out, const json_t *object);

// Whether the member `exit` is an end that is no failure: code 0.
bool reply_exit_is_success(const json_t *object);
