// SPDX-License-Identifier: MIT
// A key that begins the sequence is held back until the next one tells whether it is meant so.
#include "cli/keys.h"

#include <string.h>

// The byte that a terminal sends for Ctrl and the letter; -1: none.
static int control_of(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 1;
    const char *found = letter ? strchr("@[\\]^_", letter) : NULL;
    if (!found)
        return -1;
    return letter == '@' ? 0 : letter - '[' + 27; // 27: ESC
}

static int parse_key(struct str name)
{
    if (name.size == 1)
        return (unsigned char)name.bytes[0];
    if (name.size == strlen("ctrl-x") && str_starts_with(name, "ctrl-"))
        return control_of(name.bytes[name.size - 1]);
    return -1;
}

bool keys_parse(const char *text, struct keys *out)
{
    struct keys keys = {0};
    struct str rest = str_of(text);
    struct str name;
    while (str_next(&rest, ',', &name)) {
        int key = parse_key(name);
        if (key < 0 || keys.count == KEYS_MOST)
            return false;
        keys.bytes[keys.count++] = (char)key;
    }
    *out = keys;
    return keys.count > 0;
}

// How much of the sequence's beginning is the end of its first `size` keys followed by `key`.
static size_t typed_after(const struct keys *keys, size_t size, char key)
{
    char tail[KEYS_MOST + 1];
    memcpy(tail, keys->bytes, size);
    tail[size++] = key;
    for (size_t match = size; match > 0; match--)
        if (match <= keys->count && memcmp(tail + size - match, keys->bytes, match) == 0)
            return match;
    return 0;
}

bool keys_filter(struct keys *keys, struct str typed, char *out, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < typed.size; i++) {
        size_t held = keys->typed;
        size_t match = typed_after(keys, held, typed.bytes[i]);
        // What is no beginning of the sequence any more is passed on.
        size_t passed = held + 1 - match;
        for (size_t j = 0; j < passed; j++)
            out[(*count)++] = j < held ? keys->bytes[j] : typed.bytes[i];
        keys->typed = match;
        if (match == keys->count) {
            keys->typed = 0;
            return true;
        }
    }
    return false;
}
