// SPDX-License-Identifier: MIT
// Who may bind a port, and whether an address is of this machine, is found out where it is opened;
// who a user is, where the accounts are looked up.
#include "config/declaration_listen.h"

#include "config/dotenv_value.h"

// One address while it is read.
struct listen_item {
    struct declared_listener *out;
    struct origin address_origin; // line 0: there is none
    struct origin file_origin;    // of a key that is for the file of a unix socket only
};

bool declaration_is_socket_name(struct str name)
{
    bool is_printable = name.size > 0 && name.size <= LIMIT_SOCKET_NAME_BYTES;
    for (size_t i = 0; i < name.size; i++)
        is_printable =
            is_printable && name.bytes[i] > ' ' && name.bytes[i] != 0x7f && name.bytes[i] != ':';
    return is_printable;
}

static void read_address(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct listen_item *item = out;
    struct listener *listener = &item->out->listener;
    struct str text = str_of("");
    listener->origin = item->address_origin = node->origin;
    yaml_read_text(reader, node, &text);
    if (text.size == 0)
        return; // it has been told
    const char *wrong = listener_parse(text, listener);
    if (wrong)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' %s: write 8080, 127.0.0.1:8080, \"[::1]:8080\" or "
                          "unix:/path",
                          STR_ARGS(str_excerpt(text)), wrong);
}

static void read_name(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct listen_item *item = out;
    struct str name = str_of("");
    yaml_read_text(reader, node, &name);
    if (declaration_is_socket_name(name))
        item->out->listener.name = name;
    else if (name.size > 0)
        diagnostics_error(reader->diagnostics, node->origin,
                          "a socket's name has 1 to %d characters, none of them ':' or a blank: "
                          "'%.*s' cannot be one",
                          LIMIT_SOCKET_NAME_BYTES, STR_ARGS(str_excerpt(name)));
}

static void read_variable(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct listen_item *item = out;
    struct str name = str_of("");
    yaml_read_text(reader, node, &name);
    bool is_taken = str_is(name, "PORT") || str_is(name, "PS") || str_starts_with(name, "LISTEN_");
    if (name.size == 0)
        return;
    if (is_taken || dotenv_name_size(name) < name.size)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'as' takes the name of a variable, as HTTP_FD, that gets the number of "
                          "the descriptor: '%.*s' %s",
                          STR_ARGS(str_excerpt(name)),
                          is_taken ? "is set by the formation itself" : "cannot be one");
    else
        item->out->listener.variable = name;
}

static void read_backlog(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct listen_item *item = out;
    (void)yaml_read_number(reader, node, 1, UINT16_MAX, &item->out->listener.backlog);
}

static void read_mode(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    enum { MOST = 0777, FEWEST_DIGITS = 3, MOST_DIGITS = 4 };
    struct listen_item *item = out;
    struct str digits = node->text;
    unsigned mode = 0;
    item->file_origin = node->key->origin;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    bool is_mode = digits.size >= FEWEST_DIGITS && digits.size <= MOST_DIGITS;
    for (size_t i = 0; i < digits.size && is_mode; i++) {
        is_mode = digits.bytes[i] >= '0' && digits.bytes[i] <= '7';
        mode = mode * 8 + (unsigned)(digits.bytes[i] - '0');
    }
    if (!is_mode || mode > MOST) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'mode' takes the permissions of the socket's file, as \"0660\", not "
                          "'%.*s'",
                          STR_ARGS(str_excerpt(digits)));
        return;
    }
    item->out->listener.has_mode = true;
    item->out->listener.mode = mode;
}

static void read_user(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct listen_item *item = out;
    item->file_origin = node->key->origin;
    item->out->user_origin = node->origin;
    yaml_read_text(reader, node, &item->out->user);
}

static void read_group(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct listen_item *item = out;
    item->file_origin = node->key->origin;
    item->out->group_origin = node->origin;
    yaml_read_text(reader, node, &item->out->group);
}

static void read_item(struct yaml_reader *reader, const struct yaml_node *node,
                      struct declared_listener *out)
{
    static const struct yaml_field fields[] = {
        {"address", read_address, 0}, {"as", read_variable, 0}, {"backlog", read_backlog, 0},
        {"group", read_group, 0},     {"mode", read_mode, 0},   {"name", read_name, 0},
        {"user", read_user, 0},
    };
    struct listen_item item = {.out = out};
    *out = (struct declared_listener){
        .listener = {.path = str_of(""), .name = str_of(""), .variable = str_of("")},
        .user = str_of(""),
        .group = str_of(""),
    };
    if (node->kind != YAML_MAP) {
        read_address(reader, node, &item);
        return;
    }
    yaml_read_fields(reader, node, fields, sizeof(fields) / sizeof(*fields), &item);
    if (item.address_origin.line == 0)
        diagnostics_error(reader->diagnostics, node->origin, "'listen' needs an 'address'");
    else if (item.file_origin.line > 0 && out->listener.family != LISTENER_UNIX)
        diagnostics_error(reader->diagnostics, item.file_origin,
                          "'mode', 'user' and 'group' are for the file of a unix socket");
}

void declaration_read_listen(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_listening *listening = out;
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;
    listening->origin = node->key->origin;
    if (count > LIMIT_TYPE_LISTENERS) {
        diagnostics_error(reader->diagnostics, node->origin, "more than %d addresses",
                          LIMIT_TYPE_LISTENERS);
        return;
    }
    listening->items = arena_alloc(reader->arena, count * sizeof(*listening->items));
    if (!listening->items) {
        reader->no_memory = true;
        return;
    }
    for (const struct yaml_node *item = is_list ? node->first : node; item;
         item = is_list ? item->next : NULL)
        read_item(reader, item, &listening->items[listening->count++]);
}

void declaration_read_share(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_listening *listening = out;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    listening->share_origin = node->origin;
    for (unsigned i = 0; i < LISTENER_SHARES; i++) {
        if (str_is(node->text, listener_share_name(i))) {
            listening->share = (enum listener_share)i;
            return;
        }
    }
    diagnostics_error(reader->diagnostics, node->origin,
                      "'share' takes pass, reuseport or route, not '%.*s'",
                      STR_ARGS(str_excerpt(node->text)));
}

// Whoever asks for a descriptor's number knows what to do with it; so does, there being no other
// way to reach a process by it, who has a unix socket only.
static bool knows_descriptors(const struct declared_listening *listening)
{
    bool has_port = false;
    bool has_variable = false;
    for (size_t i = 0; i < listening->count; i++) {
        has_port = has_port || listening->items[i].listener.family != LISTENER_UNIX;
        has_variable = has_variable || listening->items[i].listener.variable.size > 0;
    }
    return has_variable || !has_port;
}

// The process opens the port by itself, and learns of it by PORT.
static void check_reuseport(struct yaml_reader *reader, const struct declared_listening *listening)
{
    const struct listener *first = &listening->items[0].listener;
    if (listening->count != 1 || first->family == LISTENER_UNIX)
        diagnostics_error(reader->diagnostics, listening->origin,
                          "'share: reuseport' takes one port, which the processes open themselves");
    else if (first->variable.size > 0 || first->name.size > 0 || first->backlog > 0)
        diagnostics_error(reader->diagnostics, first->origin,
                          "'as', 'backlog' and 'name' mean nothing with 'share: reuseport': each "
                          "process opens the port itself");
}

// The one place that knows whether there is a router: src/route.
static void check_route(struct yaml_reader *reader, const struct declared_listening *listening)
{
    bool is_said = listening->share_origin.line > 0;
    diagnostics_error(reader->diagnostics, is_said ? listening->share_origin : listening->origin,
                      "%s is not there yet: write 'share: pass' if the program takes a socket that "
                      "listens already (LISTEN_FDS), 'share: reuseport' if it opens its PORT with "
                      "SO_REUSEPORT",
                      is_said ? "'share: route'"
                              : "'listen' without 'share' is 'share: route', which");
}

void declaration_listen_finish(struct yaml_reader *reader, struct declared_listening *listening,
                               struct str type_name)
{
    if (listening->origin.line == 0) {
        if (listening->share_origin.line > 0)
            diagnostics_error(reader->diagnostics, listening->share_origin,
                              "'share' means nothing without 'listen'");
        return;
    }
    if (listening->count == 0)
        return; // an empty list, or one that has been reported
    if (listening->share_origin.line == 0)
        listening->share = knows_descriptors(listening) ? LISTENER_PASS : LISTENER_ROUTE;
    if (listening->share == LISTENER_REUSEPORT)
        check_reuseport(reader, listening);
    if (listening->share == LISTENER_ROUTE)
        check_route(reader, listening);
    for (size_t i = 0; i < listening->count; i++) {
        struct listener *listener = &listening->items[i].listener;
        listener->name = listener->name.size > 0 ? listener->name : type_name;
        listener->backlog = listener->backlog > 0 ? listener->backlog : LISTENER_BACKLOG;
    }
    declaration_listen_compare(reader, listening, listening);
}

void declaration_listen_compare(struct yaml_reader *reader, const struct declared_listening *one,
                                const struct declared_listening *other)
{
    char text[LISTENER_TEXT_BYTES];
    for (size_t i = 0; i < one->count; i++) {
        for (size_t j = one == other ? i + 1 : 0; j < other->count; j++) {
            const struct listener *before = &one->items[i].listener;
            const struct listener *now = &other->items[j].listener;
            if (!listeners_collide(before, now))
                continue;
            diagnostics_error(reader->diagnostics, now->origin,
                              "%s cannot be opened beside what line %u has: only one of them would "
                              "get the connections",
                              listener_text(now, text), before->origin.line);
            return;
        }
    }
}
