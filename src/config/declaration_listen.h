// SPDX-License-Identifier: MIT
// What `listen` and `share` of a process type in formation.yaml say.
#pragma once

#include "config/yaml.h"
#include "plan/listener.h"

struct declared_listener {
    struct listener listener; // without uid and gid; `path` as written, `name` empty if not said
    struct str user;          // of a unix socket's file, to be looked up; empty: not said
    struct str group;
    struct origin user_origin;
    struct origin group_origin;
};

struct declared_listening {
    enum listener_share share;
    struct origin share_origin; // line 0: not said, until declaration_listen_finish()
    struct declared_listener *items;
    size_t count;
    struct origin origin; // of `listen`; line 0: not there
};

// Each reads into a struct declared_listening.
yaml_read declaration_read_listen; // an address, a map about one, or a list of these
yaml_read declaration_read_share;

// What can only be said when both were read; chooses how they are shared where that was not said.
void declaration_listen_finish(struct yaml_reader *reader, struct declared_listening *listening,
                               struct str type_name);

// Reports the first address that `one` and `other`, which may be the same, both have.
void declaration_listen_compare(struct yaml_reader *reader, const struct declared_listening *one,
                                const struct declared_listening *other);

// Whether LISTEN_FDNAMES can have it.
bool declaration_is_socket_name(struct str name);
