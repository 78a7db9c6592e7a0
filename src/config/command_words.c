// SPDX-License-Identifier: MIT
// For warnings only, so an approximation is enough: quotes and $( ) hold words together, operators
// part programs, a comment ends it all.
#include "config/command_words.h"

#include <string.h>

static bool is_operator(char c)
{
    return c && strchr(";&|()\n", c);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// The index behind the quote that closes the one at `at`.
static size_t skip_quotes(struct str command, size_t at)
{
    char quote = command.bytes[at++];
    while (at < command.size && command.bytes[at] != quote)
        at += command.bytes[at] == '\\' && quote == '"' ? 2 : 1;
    return at + 1 < command.size ? at + 1 : command.size;
}

// The index behind the parenthesis that closes the one at `at`.
static size_t skip_parentheses(struct str command, size_t at)
{
    size_t depth = 0;
    while (at < command.size) {
        depth += command.bytes[at] == '(';
        depth -= command.bytes[at] == ')';
        at++;
        if (depth == 0)
            return at;
    }
    return at;
}

static size_t skip_word(struct str command, size_t at)
{
    while (at < command.size) {
        char c = command.bytes[at];
        bool is_descriptor =
            c == '&' && at > 0 && (command.bytes[at - 1] == '>' || command.bytes[at - 1] == '<');
        bool is_both_outputs = c == '&' && at + 1 < command.size && command.bytes[at + 1] == '>';
        if (is_blank(c) || (is_operator(c) && !is_descriptor && !is_both_outputs))
            return at;
        if (c == '\'' || c == '"')
            at = skip_quotes(command, at);
        else if (c == '$' && at + 1 < command.size && command.bytes[at + 1] == '(')
            at = skip_parentheses(command, at + 1);
        else
            at += c == '\\' ? 2 : 1;
    }
    return command.size;
}

static bool is_assignment(struct str word)
{
    size_t equals = str_find_char(word, '=');
    for (size_t i = 0; i < equals; i++) {
        char c = word.bytes[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_')
            return false;
    }
    return equals > 0 && equals < word.size;
}

static struct str without_quotes(struct str word)
{
    if (word.size >= 2 && (word.bytes[0] == '"' || word.bytes[0] == '\'') &&
        word.bytes[word.size - 1] == word.bytes[0])
        return str_slice(word, 1, word.size - 1);
    return word;
}

static void add_word(struct command_words *words, struct str word)
{
    if (words->count == 0 && is_assignment(word))
        return;
    if (words->count < COMMAND_WORDS)
        words->words[words->count++] = without_quotes(word);
}

bool command_words_next(struct str command, size_t *at, struct command_words *out)
{
    size_t position = *at;
    out->count = 0;
    out->is_background = false;
    while (position < command.size) {
        char c = command.bytes[position];
        char next = position + 1 < command.size ? command.bytes[position + 1] : '\0';
        bool is_start = position == 0 || is_blank(command.bytes[position - 1]);
        if (is_blank(c)) {
            position++;
        } else if (c == '#' && is_start) {
            position = command.size;
        } else if (is_operator(c) && !(c == '&' && next == '>')) {
            out->end_at = position;
            out->is_background = c == '&' && next != '&';
            position += (c == '&' || c == '|' || c == ';') && next == c ? 2 : 1;
            if (out->count > 0) {
                *at = position;
                return true;
            }
        } else {
            size_t end = skip_word(command, position);
            add_word(out, str_slice(command, position, end));
            position = end;
        }
    }
    out->end_at = command.size;
    *at = command.size;
    return out->count > 0;
}
