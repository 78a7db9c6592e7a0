// SPDX-License-Identifier: MIT
// The file is read into options of its own, and those are then put under the command line's: so
// the order of precedence is one function. Foreman cannot see `timestamp: false`, because its
// option parser gives every option a value before; here it counts.
#include "config/defaults.h"

#include "config/yaml.h"

#include <errno.h>

// .foreman: what options cannot say themselves.
struct file_options {
    struct str procfile, root, env_files, formation, except;
    unsigned port;
    bool has_port;
    nsec_t timeout;
    bool has_timeout;
    bool has_color, color;
    bool has_timestamp, timestamp;
    struct str timestamp_format;
    bool hides_prefix;
    bool no_port;
    bool tty;
};

static void read_port(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct file_options *options = out;
    options->has_port = yaml_read_number(reader, node, 1, 65535, &options->port);
}

static void read_timeout(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct file_options *options = out;
    options->timeout = NSEC_NEVER;
    yaml_read_duration(reader, node, &options->timeout);
    options->has_timeout = options->timeout != NSEC_NEVER;
}

static void read_color(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct file_options *options = out;
    options->has_color = true;
    yaml_read_bool(reader, node, &options->color);
}

static void read_timestamp(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct file_options *options = out;
    options->has_timestamp = true;
    options->timestamp = true;
    if (node->kind == YAML_TEXT && str_find_char(node->text, '%') < node->text.size)
        options->timestamp_format = node->text;
    else
        yaml_read_bool(reader, node, &options->timestamp);
}

static void read_prefix(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    bool shows_prefix = true;
    yaml_read_bool(reader, node, &shows_prefix);
    ((struct file_options *)out)->hides_prefix = !shows_prefix;
}

// A list is as good as a text with commas: env: [.env, .env.local].
static void read_list(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    if (node->kind != YAML_LIST) {
        yaml_read_text(reader, node, out);
        return;
    }
    size_t size = 1;
    for (const struct yaml_node *item = node->first; item; item = item->next) {
        if (!yaml_expect(reader, item, YAML_TEXT))
            return;
        size += item->text.size + 1;
    }
    char *joined = arena_alloc(reader->arena, size);
    struct str text = {joined, 0};
    if (!joined) {
        reader->no_memory = true;
        return;
    }
    for (const struct yaml_node *item = node->first; item; item = item->next) {
        for (size_t i = 0; i < item->text.size; i++)
            joined[text.size++] = item->text.bytes[i];
        if (item->next)
            joined[text.size++] = ',';
    }
    *(struct str *)out = text;
}

static void ignore(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    (void)reader;
    (void)node;
    (void)out;
}

static const char *choose(const char *said, struct str otherwise)
{
    return said || otherwise.size == 0 ? said : otherwise.bytes;
}

static void put_under(const struct file_options *file, struct options *options)
{
    options->procfile = choose(options->procfile, file->procfile);
    options->root = choose(options->root, file->root);
    options->env_files = choose(options->env_files, file->env_files);
    options->formation = choose(options->formation, file->formation);
    options->except = choose(options->except, file->except);
    if (!options->has_port && !options->no_port && file->has_port) {
        options->port = file->port;
        options->has_port = true;
    }
    if (!options->has_port)
        options->no_port |= file->no_port;
    if (!options->has_timeout && file->has_timeout) {
        options->timeout = file->timeout;
        options->has_timeout = true;
    }
    if (options->color == COLOR_AUTO && file->has_color)
        options->color = file->color ? COLOR_ALWAYS : COLOR_NEVER;
    // --timestamp alone says that there is a time, and leaves it to the file what it looks like.
    if (!options->no_timestamp)
        options->timestamp_format = choose(options->timestamp_format, file->timestamp_format);
    if (!options->timestamp && file->has_timestamp)
        options->no_timestamp |= !file->timestamp;
    options->no_prefix |= file->hides_prefix;
    options->tty |= file->tty;
}

static const struct yaml_field fields[] = {
    {"color", read_color, 0},
    {"env", read_list, offsetof(struct file_options, env_files)},
    {"except", read_list, offsetof(struct file_options, except)},
    {"formation", read_list, offsetof(struct file_options, formation)},
    {"no-port", yaml_read_bool, offsetof(struct file_options, no_port)},
    {"port", read_port, 0},
    {"prefix", read_prefix, 0},
    {"procfile", yaml_read_text, offsetof(struct file_options, procfile)},
    {"root", yaml_read_text, offsetof(struct file_options, root)},
    {"timeout", read_timeout, 0},
    {"timestamp", read_timestamp, 0},
    {"tty", yaml_read_bool, offsetof(struct file_options, tty)},
    // of `foreman export`, or of older ones
    {"app", ignore, 0},
    {"concurrency", ignore, 0},
    {"log", ignore, 0},
    {"run", ignore, 0},
    {"template", ignore, 0},
    {"user", ignore, 0},
};
enum { FIELD_COUNT = sizeof(fields) / sizeof(*fields) };

static bool is_known(struct str key)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (str_is(key, fields[i].name))
            return true;
    return false;
}

// Foreman passes over keys that it does not know.
static void drop_unknown(struct yaml_node *map)
{
    for (struct yaml_node **at = &map->first; *at;) {
        if (is_known((*at)->key->text))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
}

int defaults_merge(struct str text, const char *file, struct arena *arena, struct options *options,
                   struct diagnostics *diagnostics)
{
    struct yaml_reader reader = {.arena = arena, .diagnostics = diagnostics};
    struct file_options said = {0};
    struct yaml_node *root;
    if (yaml_parse(text, file, arena, &root, diagnostics) != 0)
        return -ENOMEM;
    if (root && root->kind == YAML_MAP && options->foreman)
        drop_unknown(root);
    if (root)
        yaml_read_fields(&reader, root, fields, FIELD_COUNT, &said);
    if (reader.no_memory)
        return -ENOMEM;
    put_under(&said, options);
    return 0;
}
