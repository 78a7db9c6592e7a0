// SPDX-License-Identifier: MIT
// Messages of Varlink (https://varlink.org), both ways, for servers and clients: JSON objects, each
// ended by a NUL. What is read is checked strictly, what is written is always valid.
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct json_t; // jansson.h

enum varlink_flag {
    VARLINK_ONEWAY = 1 << 0,  // no reply is wanted
    VARLINK_MORE = 1 << 1,    // several replies are
    VARLINK_UPGRADE = 1 << 2, // after the reply the connection speaks another protocol
};

// What a client sent. Texts and parameters are borrowed from `message`.
struct varlink_call {
    struct str method;               // "org.formation.Manager.Scale"
    const struct json_t *parameters; // an object; NULL: none
    unsigned flags;                  // enum varlink_flag
    struct json_t *message;
};

// What a server answered.
struct varlink_reply {
    const struct json_t *parameters; // an object; NULL: none
    struct str error;                // "org.formation.Manager.Ending"; empty: none
    bool continues;                  // more replies follow
    struct json_t *message;
};

// Cuts the first message off the front of `rest`, and its NUL off the message. Returns 0; -EAGAIN
// when it has not come whole yet; -EMSGSIZE when it has more than `limit` bytes.
int varlink_next(struct str *rest, size_t limit, struct str *out);

// Reads a message (without its NUL) of at most LIMIT_MESSAGE_BYTES. Returns 0; -EBADMSG or
// -EMSGSIZE with a sentence; or -ENOMEM. The caller frees it with _fini.
int varlink_call_parse(struct str message, struct varlink_call *out, struct error *error);
void varlink_call_fini(struct varlink_call *call);

// The same for a reply, of any size.
int varlink_reply_parse(struct str message, struct varlink_reply *out, struct error *error);
void varlink_reply_fini(struct varlink_reply *reply);

// Writes a message around the parameters, which the caller puts between open and close, with
// json_put.h. A buffer that fails meanwhile may hold a part of it: the connection is to be closed.
void varlink_call_open(struct buffer *out, const char *method, unsigned flags);
void varlink_call_close(struct buffer *out);
void varlink_reply_open(struct buffer *out);
void varlink_reply_close(struct buffer *out, bool continues);
void varlink_error_open(struct buffer *out, const char *error);
void varlink_error_close(struct buffer *out);
