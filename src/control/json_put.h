// SPDX-License-Identifier: MIT
// JSON written straight into a buffer, for replies that hundreds of clients ask for at once.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

// Each function appends one value, behind a comma where one is needed. `name` is the member's name
// in an object, plain ASCII; NULL for an element of a list, and for the outermost value.

// Any bytes: what is not UTF-8 becomes U+FFFD, control characters (NUL, too) are escaped.
void json_put_text(struct buffer *out, const char *name, struct str text);
void json_put_integer(struct buffer *out, const char *name, int64_t number);
void json_put_bool(struct buffer *out, const char *name, bool value);
void json_put_seconds(struct buffer *out, const char *name, nsec_t time); // 1.5, to the microsecond

// What follows stands in the object or list, up to its end.
void json_put_object(struct buffer *out, const char *name);
void json_put_object_end(struct buffer *out);
void json_put_list(struct buffer *out, const char *name);
void json_put_list_end(struct buffer *out);
