// SPDX-License-Identifier: MIT
// One line of a .env file: where its name and value are, and what the value's quotes mean.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

// Slices of the line.
struct dotenv_pair {
    struct str name;
    struct str value; // with its quotes
    size_t name_at;
    size_t value_at;
};

enum dotenv_quoting {
    QUOTING_NONE,  // x y
    QUOTING_WHOLE, // "x y", or with single quotes
    QUOTING_FRONT, // "x" y
    QUOTING_OPEN,  // "x y
};

// How many bytes at the front of `text` may be of a name.
size_t dotenv_name_size(struct str text);

// Whether the variable belongs to sd_notify(3): a process has its own or none, whatever files say.
bool dotenv_is_notify_name(struct str name);

// NAME=value, without any blank around the name. Returns false on anything else.
bool dotenv_match_foreman(struct str line, struct dotenv_pair *out);

// As above, but with blanks allowed around name and value (they do not count), and `export` in
// front.
bool dotenv_match_wide(struct str line, struct dotenv_pair *out);

// `rest` is what stands behind the closing quote (QUOTING_FRONT), else empty.
enum dotenv_quoting dotenv_quoting_of(struct str value, struct str *rest);

// Appends what Foreman makes of the value: quotes are taken off when they are its first and last
// byte, and then in double quotes \n is a newline and \x is x.
void dotenv_decode(struct str value, struct buffer *out);
