// SPDX-License-Identifier: MIT
// Whether there is such a user, and whether we may become it, is for the manager to find out; here
// it is only read what the file says.
#include "config/declaration_confine.h"

#include "base/byte_size.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void declared_rights_init(struct declared_rights *rights)
{
    *rights = (struct declared_rights){
        .rights =
            {
                .user = str_of(""),
                .group = str_of(""),
                .account = {.name = str_of(""), .home = str_of(""), .shell = str_of("")},
            },
    };
}

// One that is all digits is a number, which must be one that the kernel can have.
static bool is_too_large(struct str text)
{
    unsigned long number;
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
    return !str_to_unsigned(text, &number) || number >= UINT32_MAX; // -1 means "as it is"
}

static void read_name(struct yaml_reader *reader, const struct yaml_node *node, struct str *out)
{
    struct str name = str_of("");
    yaml_read_text(reader, node, &name);
    if (name.size > 0 && is_too_large(name))
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' takes a name or a number below %u, not '%.*s'",
                          STR_ARGS(node->key->text), UINT32_MAX, STR_ARGS(str_excerpt(name)));
    else
        *out = name;
}

void confine_read_user(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_rights *rights = out;
    rights->user_origin = node->origin;
    read_name(reader, node, &rights->rights.user);
}

void confine_read_group(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_rights *rights = out;
    rights->group_origin = node->origin;
    read_name(reader, node, &rights->rights.group);
}

void confine_read_umask(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    enum { MOST = 0777, FEWEST_DIGITS = 3, MOST_DIGITS = 4 };
    struct declared_rights *rights = out;
    struct str digits = node->text;
    unsigned mask = 0;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    bool is_mask = digits.size >= FEWEST_DIGITS && digits.size <= MOST_DIGITS;
    for (size_t i = 0; i < digits.size && is_mask; i++) {
        is_mask = digits.bytes[i] >= '0' && digits.bytes[i] <= '7';
        mask = mask * 8 + (unsigned)(digits.bytes[i] - '0');
    }
    if (!is_mask || mask > MOST) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'umask' takes the permissions that new files do not get, as \"0027\", "
                          "not '%.*s'",
                          STR_ARGS(str_excerpt(digits)));
        return;
    }
    rights->rights.has_umask = true;
    rights->rights.umask = mask;
}

void confine_read_nice(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    enum { NICEST = 19, RUDEST = -20 };
    struct declared_rights *rights = out;
    struct str text = node->text;
    unsigned long number = 0;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    bool is_negative = str_starts_with(text, "-");
    struct str digits = str_slice(text, is_negative ? 1 : 0, text.size);
    if (!str_to_unsigned(digits, &number) || number > (is_negative ? -RUDEST : NICEST)) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'nice' takes a number from %d (more processor time than others) to %d "
                          "(less), not '%.*s'",
                          RUDEST, NICEST, STR_ARGS(str_excerpt(text)));
        return;
    }
    rights->nice_origin = node->origin;
    rights->rights.has_nice = true;
    rights->rights.nice = is_negative ? -(int)number : (int)number;
}

void confine_read_no_new_privs(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_rights *rights = out;
    rights->says_no_new_privs = true;
    yaml_read_bool(reader, node, &rights->rights.no_new_privs);
}

void confine_read_private_tmp(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct declared_rights *rights = out;
    rights->private_tmp_origin = node->origin;
    yaml_read_bool(reader, node, &rights->rights.private_tmp);
}

// --- limits

static enum rights_limit limit_of(struct str name)
{
    unsigned limit = 0;
    while (rights_limit_name(limit) && !str_is(name, rights_limit_name(limit)))
        limit++;
    assert(limit < RIGHTS_LIMITS); // by the table that has led here
    return (enum rights_limit)limit;
}

// Below these a program does not come as far as to say what it lacks.
static uint64_t least_of(enum rights_limit limit)
{
    enum { FEWEST_FILES = 8, LEAST_STACK = 64 * 1024 };
    return limit == RIGHTS_FILES ? FEWEST_FILES : limit == RIGHTS_STACK ? LEAST_STACK : 0;
}

static bool parse_limit(enum rights_limit limit, struct str text, uint64_t *out)
{
    unsigned long number;
    if (str_is(text, "unlimited") && limit != RIGHTS_FILES) {
        *out = RIGHTS_UNLIMITED;
        return true;
    }
    if (limit != RIGHTS_FILES)
        return byte_size_parse(text, out) && *out >= least_of(limit);
    // Nobody has them without a limit: sysctl fs.nr_open.
    if (!str_to_unsigned(text, &number) || number < least_of(limit) || number > INT32_MAX)
        return false;
    *out = number;
    return true;
}

void confine_read_limit(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const char *const wanted[RIGHTS_LIMITS] = {
        [RIGHTS_CORE] = "a size as 0, 100M or unlimited",
        [RIGHTS_FILE_SIZE] = "a size as 10M, 1G or unlimited",
        [RIGHTS_FILES] = "a number from 8 on",
        [RIGHTS_LOCKED_MEMORY] = "a size as 0, 64M or unlimited",
        [RIGHTS_STACK] = "a size of at least 64K, as 8M, or unlimited",
    };
    struct declared_rights *rights = out;
    enum rights_limit limit = limit_of(node->key->text);
    struct rights_limit_value *value = &rights->rights.limits[limit];
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    rights->limit_origins[limit] = node->origin;
    value->is_set = parse_limit(limit, node->text, &value->value);
    if (!value->is_set)
        diagnostics_error(reader->diagnostics, node->origin, "'%.*s' takes %s, not '%.*s'",
                          STR_ARGS(node->key->text), wanted[limit],
                          STR_ARGS(str_excerpt(node->text)));
}

// --- capabilities

static void read_capability(struct yaml_reader *reader, const struct yaml_node *node, uint64_t *out)
{
    struct str name = str_of("");
    struct str names[RIGHTS_CAPABILITIES];
    yaml_read_text(reader, node, &name);
    if (name.size == 0)
        return;
    int number = rights_capability_number(name);
    if (number >= 0) {
        *out |= UINT64_C(1) << number;
        return;
    }
    for (unsigned i = 0; i < RIGHTS_CAPABILITIES; i++)
        names[i] = str_of(rights_capability_name(i));
    struct str nearest = str_nearest(name, names, RIGHTS_CAPABILITIES);
    if (nearest.size > 0)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' is no capability: did you mean '%.*s'?",
                          STR_ARGS(str_excerpt(name)), STR_ARGS(nearest));
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' is no capability: write net_bind_service or another of "
                          "capabilities(7)",
                          STR_ARGS(str_excerpt(name)));
}

// What the two keys of a map are read into; NULL: not there.
struct listed {
    const struct yaml_node *keep;
    const struct yaml_node *drop;
};

static void read_keep(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    (void)reader;
    ((struct listed *)out)->keep = node;
}

static void read_drop(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    (void)reader;
    ((struct listed *)out)->drop = node;
}

static uint64_t read_names(struct yaml_reader *reader, const struct yaml_node *node)
{
    uint64_t names = 0;
    if (node->kind == YAML_MAP || (node->kind == YAML_TEXT && yaml_is_null(node)))
        (void)yaml_expect(reader, node, YAML_LIST);
    else if (node->kind == YAML_TEXT)
        read_capability(reader, node, &names);
    else
        for (const struct yaml_node *item = node->first; item; item = item->next)
            read_capability(reader, item, &names);
    return names;
}

// A list is what is kept; a map says which of both it means.
void confine_read_capabilities(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {{"drop", read_drop, 0}, {"keep", read_keep, 0}};
    struct declared_rights *declared = out;
    struct rights *rights = &declared->rights;
    struct listed listed = {0};
    if (node->kind == YAML_MAP)
        yaml_read_fields(reader, node, fields, sizeof(fields) / sizeof(*fields), &listed);
    else
        listed.keep = node;
    if (!listed.keep == !listed.drop) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'capabilities' takes a list of those that are kept, or one of 'keep' "
                          "and 'drop'");
        return;
    }
    declared->capabilities_origin = node->origin;
    rights->has_capabilities = true;
    if (listed.keep)
        rights->capabilities = rights->capabilities_given = read_names(reader, listed.keep);
    else
        rights->capabilities = ~read_names(reader, listed.drop);
}

// --- the plan's

static int copy_account(const struct account *from, struct arena *arena, struct account *out)
{
    size_t size = from->group_count * sizeof(*from->groups);
    uint32_t *groups = arena_alloc(arena, size + 1);
    *out = *from;
    if (!groups || arena_str(arena, from->name, &out->name) != 0 ||
        arena_str(arena, from->home, &out->home) != 0 ||
        arena_str(arena, from->shell, &out->shell) != 0)
        return -ENOMEM;
    if (size > 0)
        memcpy(groups, from->groups, size);
    out->groups = groups;
    return 0;
}

int declared_rights_copy(const struct declared_rights *declared, struct arena *arena,
                         struct rights *out)
{
    *out = declared->rights;
    if (!declared->says_no_new_privs)
        out->no_new_privs = declared->rights.user.size > 0;
    if (arena_str(arena, declared->rights.user, &out->user) != 0 ||
        arena_str(arena, declared->rights.group, &out->group) != 0)
        return -ENOMEM;
    return copy_account(&declared->rights.account, arena, &out->account);
}
