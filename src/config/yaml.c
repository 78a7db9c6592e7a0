// SPDX-License-Identifier: MIT
// libfyaml gives events, from which the tree is built: so each node keeps its place, nothing is
// ever expanded (no alias, no bomb), and depth and size have a limit. libfyaml stops silently at a
// byte that is no UTF-8; the text is therefore checked before.
#include "config/yaml.h"

#include "base/name_index.h"

#include <errno.h>
#include <libfyaml.h>

// The deepest key is processes.web.stop.signal; the largest formation, LIMIT_TYPES types with a
// hundred variables each, has half as many nodes.
enum { LIMIT_DEPTH = 16, LIMIT_NODES = 100 * 1000 };

struct builder {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct str file;
    size_t node_count;
    size_t depth;
    struct yaml_node *open[LIMIT_DEPTH]; // lists and maps that are not complete
    struct yaml_node *last[LIMIT_DEPTH]; // their newest child
    struct yaml_node *key[LIMIT_DEPTH];  // of a map: the key that waits for its value
    struct yaml_node *root;
    bool is_complete; // one document was read
};

// libfyaml's marks stand behind an opening quote and behind the '*' of an alias.
static bool is_marked_late(const struct fy_event *event)
{
    if (event->type != FYET_SCALAR)
        return event->type == FYET_ALIAS;
    enum fy_scalar_style style = fy_scalar_token_get_style(event->scalar.value);
    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static struct origin origin_of(const struct builder *builder, const struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark((struct fy_event *)event);
    if (mark) {
        int column = mark->column - (is_marked_late(event) && mark->column > 0);
        return (struct origin){builder->file, (unsigned)mark->line + 1, (unsigned)column + 1};
    }
    // A value that is left out has no place of its own.
    struct yaml_node *key = builder->depth ? builder->key[builder->depth - 1] : NULL;
    return key ? key->origin : (struct origin){.file = builder->file, .line = 1, .column = 1};
}

// Puts a new node where the tree is growing. Returns 0, -ENOMEM, or -EINVAL (reported).
static int attach(struct builder *builder, struct yaml_node *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return 0;
    }
    size_t top = builder->depth - 1;
    struct yaml_node *parent = builder->open[top];
    if (parent->kind == YAML_MAP && !builder->key[top]) {
        if (node->kind != YAML_TEXT) {
            diagnostics_error(builder->diagnostics, node->origin, "a key must be a plain text");
            return -EINVAL;
        }
        builder->key[top] = node;
        return 0;
    }
    node->key = builder->key[top];
    builder->key[top] = NULL;
    if (builder->last[top])
        builder->last[top]->next = node;
    else
        parent->first = node;
    builder->last[top] = node;
    parent->count++;
    return 0;
}

static int add_node(struct builder *builder, const struct fy_event *event, enum yaml_kind kind,
                    struct yaml_node **out)
{
    struct origin origin = origin_of(builder, event);
    if (++builder->node_count > LIMIT_NODES) {
        diagnostics_error(builder->diagnostics, origin, "more than %d values", LIMIT_NODES);
        return -EINVAL;
    }
    struct yaml_node *node = arena_alloc(builder->arena, sizeof(*node));
    if (!node)
        return -ENOMEM;
    *node = (struct yaml_node){.kind = kind, .text = str_of(""), .origin = origin};
    *out = node;
    return 0;
}

static int add_text(struct builder *builder, const struct fy_event *event)
{
    struct yaml_node *node;
    size_t size = 0;
    int result = add_node(builder, event, YAML_TEXT, &node);
    if (result != 0)
        return result;
    const char *text = fy_token_get_text(event->scalar.value, &size);
    struct str value = str_from(text, size);
    enum fy_scalar_style style = fy_scalar_token_get_style(event->scalar.value);
    node->is_plain = style == FYSS_PLAIN || style == FYSS_ANY;
    if (str_find_char(value, '\0') < value.size) {
        diagnostics_error(builder->diagnostics, node->origin, "a NUL byte cannot be used here");
        return -EINVAL;
    }
    if (arena_str(builder->arena, value, &node->text) != 0)
        return -ENOMEM;
    return attach(builder, node);
}

static int open_node(struct builder *builder, const struct fy_event *event, enum yaml_kind kind)
{
    struct yaml_node *node;
    int result = add_node(builder, event, kind, &node);
    if (result == 0 && builder->depth == LIMIT_DEPTH) {
        diagnostics_error(builder->diagnostics, node->origin, "more than %d levels", LIMIT_DEPTH);
        return -EINVAL;
    }
    if (result == 0)
        result = attach(builder, node);
    if (result != 0)
        return result;
    builder->open[builder->depth] = node;
    builder->last[builder->depth] = NULL;
    builder->key[builder->depth] = NULL;
    builder->depth++;
    return 0;
}

// Reports the keys that the map has twice, and keeps the first of each.
static int close_map(struct builder *builder)
{
    struct yaml_node *map = builder->open[--builder->depth];
    struct name_index lines;
    if (name_index_init(&lines, map->count, builder->arena) != 0)
        return -ENOMEM;
    for (struct yaml_node **at = &map->first; *at;) {
        const struct yaml_node *key = (*at)->key;
        size_t line;
        if (name_index_find(&lines, key->text, &line)) {
            diagnostics_error(builder->diagnostics, key->origin,
                              "'%.*s' is already in line %zu: remove one of them",
                              STR_ARGS(str_excerpt(key->text)), line);
            *at = (*at)->next;
            map->count--;
        } else {
            name_index_put(&lines, key->text, key->origin.line);
            at = &(*at)->next;
        }
    }
    return 0;
}

static int refuse(struct builder *builder, const struct fy_event *event, const char *what)
{
    diagnostics_error(builder->diagnostics, origin_of(builder, event),
                      "%s is not supported: write the value itself", what);
    return -EINVAL;
}

// Returns 0, -ENOMEM, or -EINVAL (reported).
static int take(struct builder *builder, const struct fy_event *event)
{
    switch (event->type) {
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
        return 0;
    case FYET_DOCUMENT_START:
        return builder->is_complete ? refuse(builder, event, "a second document") : 0;
    case FYET_DOCUMENT_END:
        builder->is_complete = true;
        return 0;
    case FYET_MAPPING_START:
        if (event->mapping_start.anchor)
            return refuse(builder, event, "an anchor ('&')");
        if (event->mapping_start.tag)
            return refuse(builder, event, "a tag ('!')");
        return open_node(builder, event, YAML_MAP);
    case FYET_SEQUENCE_START:
        if (event->sequence_start.anchor)
            return refuse(builder, event, "an anchor ('&')");
        if (event->sequence_start.tag)
            return refuse(builder, event, "a tag ('!')");
        return open_node(builder, event, YAML_LIST);
    case FYET_MAPPING_END:
        return close_map(builder);
    case FYET_SEQUENCE_END:
        builder->depth--;
        return 0;
    case FYET_SCALAR:
        if (event->scalar.anchor)
            return refuse(builder, event, "an anchor ('&')");
        if (event->scalar.tag)
            return refuse(builder, event, "a tag ('!')");
        return add_text(builder, event);
    case FYET_ALIAS:
        return refuse(builder, event, "an alias ('*')");
    }
    return 0;
}

// How long the UTF-8 character at the front of `text` is; 0: it is none, or a control character
// that YAML does not allow.
static size_t character_size(struct str text)
{
    const unsigned char *c = (const unsigned char *)text.bytes;
    size_t size = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (size == 1)
        return c[0] >= ' ' ? c[0] != 0x7f : c[0] == '\t' || c[0] == '\n' || c[0] == '\r';
    if (c[0] > 0xf4 || size > text.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    bool is_surrogate = c[0] == 0xed && c[1] >= 0xa0;
    bool is_beyond = c[0] == 0xf4 && c[1] >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : size;
}

static bool is_readable(const struct builder *builder, struct str text)
{
    struct origin origin = {.file = builder->file, .line = 1, .column = 1};
    for (size_t at = 0, size; at < text.size; at += size) {
        size = character_size(str_slice(text, at, text.size));
        if (size == 0) {
            diagnostics_error(builder->diagnostics, origin, "a byte that is no text in UTF-8");
            return false;
        }
        origin.column++;
        if (text.bytes[at] == '\n') {
            origin.line++;
            origin.column = 1;
        }
    }
    return true;
}

static void report_syntax(const struct builder *builder, struct fy_diag *messages)
{
    void *cursor = NULL;
    struct fy_diag_error *message = fy_diag_errors_iterate(messages, &cursor);
    struct origin origin = {.file = builder->file};
    if (message && message->line > 0 && message->column > 0) {
        origin.line = (unsigned)message->line;
        origin.column = (unsigned)message->column;
    }
    diagnostics_error(builder->diagnostics, origin, "%s",
                      message && message->msg ? message->msg : "this is no YAML");
}

static int build(struct builder *builder, struct fy_parser *parser, struct fy_diag *messages)
{
    struct fy_event *event;
    int result = 0;
    while (result == 0 && (event = fy_parser_parse(parser))) {
        result = take(builder, event);
        fy_parser_event_free(parser, event);
    }
    if (result == 0 && fy_parser_get_stream_error(parser)) {
        report_syntax(builder, messages);
        result = -EINVAL;
    }
    return result;
}

int yaml_parse(struct str text, const char *file, struct arena *arena, struct yaml_node **out,
               struct diagnostics *diagnostics)
{
    struct builder builder = {.arena = arena, .diagnostics = diagnostics};
    if (arena_str(arena, str_of(file), &builder.file) != 0)
        return -ENOMEM;
    *out = NULL;
    if (!is_readable(&builder, text))
        return 0;

    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.colorize = false;
    struct fy_diag *messages = fy_diag_create(&quiet);
    struct fy_parse_cfg settings = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = messages,
    };
    struct fy_parser *parser = messages ? fy_parser_create(&settings) : NULL;
    int result = -ENOMEM;
    if (parser) {
        fy_diag_set_collect_errors(messages, true);
        if (fy_parser_set_string(parser, text.bytes, text.size) == 0)
            result = build(&builder, parser, messages);
    }
    if (parser)
        fy_parser_destroy(parser);
    if (messages)
        fy_diag_destroy(messages);
    if (result == 0)
        *out = builder.root;
    return result == -EINVAL ? 0 : result;
}
