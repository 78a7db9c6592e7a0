// SPDX-License-Identifier: MIT
// Where the control socket of a formation is, for those that listen and those that look for it.
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>

// Listens for the formation `app` (NULL: called like its folder) of the folder `root`: at
// $XDG_RUNTIME_DIR/formation/APP-HASH.sock, else at ROOT/.formation/control.sock; both folders are
// made, for their user only. 0 and the listener; or -errno and a sentence: -EADDRINUSE: a formation
// of that folder runs, and its pid (one that listens in a runtime folder that is neither ours nor
// /run/user/UID cannot be seen).
int place_listen(const char *root, const char *app, int backlog, int *listener,
                 struct error *error);

// Where place_listen would listen, and whether it could, as far as that can be known without doing
// it: nothing is made. 0 or -errno.
int place_try(const char *root, const char *app, char *path, size_t capacity);

// The end of place_listen: nobody can connect from now on, and nothing is left of the socket. A
// later manager may call it with the listener that it was given.
void place_leave(const char *root, int listener);

// Paths of sockets, none twice; some may be stale. Zero-initialise.
struct place_list {
    char **paths;
    size_t count;
};

void place_list_fini(struct place_list *list);

// The sockets of formations of the folder `root`: the user's, and for root also those of the
// folder's owner. One that may not be looked at is among them. 0 (none: count 0), -ENOMEM, or
// -ENOENT when the current folder is gone.
int place_find(const char *root, struct place_list *out);

// The sockets of the user's formations that are called `app`, NULL: whatever they are called; only
// those in a runtime folder can be found by name. 0 or -ENOMEM.
int place_find_app(const char *app, struct place_list *out);

// What a formation of place_find_app is called, as far as a file name can say it: with that name it
// is found. Borrowed from `path`.
struct str place_app_of(const char *path);
