// SPDX-License-Identifier: MIT
// A scan that knows the quotes of sh(1) and a list of what is harmless. It is no parser: whatever
// is on neither list makes the command SHELL_ALL_ALONG, which is always right and costs one
// process. The first word must be bare, because what it is decides whether `exec` may stand before
// it.
#include "plan/shell.h"

#include <stdbool.h>
#include <string.h>

// Built-ins and reserved words of dash, bash and POSIX. Those that also exist as programs are here
// too: the shell's own echo is not /bin/echo.
static const char *const shell_words[] = {
    "!",        ".",        ":",         "[",        "[[",      "]]",      "alias",  "bg",
    "bind",     "break",    "builtin",   "caller",   "case",    "cd",      "chdir",  "command",
    "compgen",  "complete", "compopt",   "continue", "coproc",  "declare", "dirs",   "disown",
    "do",       "done",     "echo",      "elif",     "else",    "enable",  "esac",   "eval",
    "exec",     "exit",     "export",    "false",    "fc",      "fg",      "fi",     "for",
    "function", "getopts",  "hash",      "help",     "history", "if",      "in",     "jobs",
    "kill",     "let",      "local",     "logout",   "mapfile", "popd",    "printf", "pushd",
    "pwd",      "read",     "readarray", "readonly", "return",  "select",  "set",    "shift",
    "shopt",    "source",   "suspend",   "test",     "then",    "time",    "times",  "trap",
    "true",     "type",     "typeset",   "ulimit",   "umask",   "unalias", "unset",  "until",
    "wait",     "while",    "{",         "}",
};

static bool is_shell_word(struct str word)
{
    for (size_t i = 0; i < sizeof(shell_words) / sizeof(*shell_words); i++)
        if (str_is(word, shell_words[i]))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Means itself wherever it stands. Bytes above ASCII do: sh splits at blanks of ASCII only.
static bool is_bare(char c)
{
    return is_alphanumeric(c) || (unsigned char)c >= 0x80 || (c && strchr("_./:,+@%-", c));
}

// Bytes of the first word, which starts at `at`; 0 when it is not bare, empty, a shell's own word
// or the front of an option or redirection.
static size_t first_word_size(struct str command, size_t at)
{
    size_t end = at;
    while (end < command.size && is_bare(command.bytes[end]))
        end++;
    struct str word = str_slice(command, at, end);
    bool ends = end == command.size || is_blank(command.bytes[end]);
    if (!ends || word.size == 0 || word.bytes[0] == '-' || is_shell_word(word))
        return 0;
    return word.size;
}

// Each skip_ function returns the index behind what starts at `at`, or 0: not understood.

static size_t skip_single_quotes(struct str command, size_t at)
{
    for (at++; at < command.size; at++)
        if (command.bytes[at] == '\'')
            return at + 1;
    return 0;
}

// $NAME, $1, ${NAME}, ${NAME:-word} with a bare word; no $( ) and no quotes inside.
static size_t skip_variable(struct str command, size_t at)
{
    size_t start = ++at;
    if (at < command.size && command.bytes[at] == '{') {
        for (at++; at < command.size; at++) {
            char c = command.bytes[at];
            if (c == '}')
                return at + 1;
            if (!is_bare(c) && c != '=' && c != '?' && c != '#')
                return 0;
        }
        return 0;
    }
    while (at < command.size && (is_alphanumeric(command.bytes[at]) || command.bytes[at] == '_'))
        at++;
    if (at > start)
        return at;
    // A lone dollar means itself; $'…', $"…", $(…) and $$ are not worth understanding.
    bool ends = at == command.size || is_blank(command.bytes[at]);
    return ends ? at : 0;
}

static size_t skip_double_quotes(struct str command, size_t at)
{
    at++;
    while (at < command.size) {
        char c = command.bytes[at];
        if (c == '"')
            return at + 1;
        if (c == '`')
            return 0;
        if (c == '\\') {
            at += 2;
        } else if (c == '$' && at + 1 < command.size && command.bytes[at + 1] == '"') {
            at++; // a lone dollar before the closing quote
        } else if (c == '$') {
            at = skip_variable(command, at);
            if (at == 0)
                return 0;
        } else {
            at++;
        }
    }
    return 0;
}

// <, >, >>, >|, <&, >& and the file descriptor behind the last two; no here-document.
static size_t skip_redirection(struct str command, size_t at)
{
    char c = command.bytes[at++];
    char next = at < command.size ? command.bytes[at] : '\0';
    if (next == '&')
        return at + 1 < command.size && is_alphanumeric(command.bytes[at + 1]) ? at + 1 : 0;
    if (c == '>' && (next == '>' || next == '|'))
        at++;
    while (at < command.size && is_blank(command.bytes[at]))
        at++;
    // A target must follow; "<<", "<>" and "<(" end here too.
    return at < command.size && !strchr("<>&|;()#\n", command.bytes[at]) ? at : 0;
}

// One element of an argument: the index behind it, or 0.
static size_t skip_part(struct str command, size_t at)
{
    char c = command.bytes[at];
    switch (c) {
    case '\'':
        return skip_single_quotes(command, at);
    case '"':
        return skip_double_quotes(command, at);
    case '$':
        return skip_variable(command, at);
    case '\\':
        return at + 1 < command.size && command.bytes[at + 1] != '\n' ? at + 2 : 0;
    case '<':
    case '>':
        return skip_redirection(command, at);
    default:
        // Patterns, braces and ~ need the shell, but only until the program is executed.
        return is_bare(c) || is_blank(c) || (c && strchr("=~*?[]{}!^#", c)) ? at + 1 : 0;
    }
}

// Whether the comment that starts at `at` is the end of the command.
static bool is_last_comment(struct str command, size_t at)
{
    struct str rest = str_slice(command, at, command.size);
    return str_find_char(rest, '\n') == rest.size;
}

enum shell_need shell_need_of(struct str command)
{
    size_t at = 0;
    while (at < command.size && is_blank(command.bytes[at]))
        at++;
    size_t size = first_word_size(command, at);
    if (size == 0)
        return SHELL_ALL_ALONG;
    enum shell_need need = SHELL_NOTHING;
    bool is_word_start = false;
    for (at += size; at < command.size;) {
        char c = command.bytes[at];
        if (c == '#' && is_word_start)
            return is_last_comment(command, at) ? SHELL_ONCE : SHELL_ALL_ALONG;
        if (!is_bare(c) && !is_blank(c) && c != '=')
            need = SHELL_ONCE;
        is_word_start = is_blank(c);
        at = skip_part(command, at);
        if (at == 0)
            return SHELL_ALL_ALONG;
    }
    return need;
}

// Bytes of the separator at `at`: "&&" or ";". 0: there is none.
static size_t separator_size(struct str command, size_t at)
{
    char c = command.bytes[at];
    char next = at + 1 < command.size ? command.bytes[at + 1] : '\0';
    if (c == '&' && next == '&')
        return 2;
    return c == ';' && next != ';' ? 1 : 0;
}

// The index behind blanks and assignments; command.size when they are not understood.
static size_t skip_assignments(struct str command, size_t at)
{
    for (;;) {
        while (at < command.size && is_blank(command.bytes[at]))
            at++;
        size_t end = at;
        while (end < command.size &&
               (is_alphanumeric(command.bytes[end]) || command.bytes[end] == '_'))
            end++;
        bool is_assignment = end > at && end < command.size && command.bytes[end] == '=' &&
                             !(command.bytes[at] >= '0' && command.bytes[at] <= '9');
        if (!is_assignment)
            return at;
        for (at = end; at < command.size && !is_blank(command.bytes[at]);) {
            at = skip_part(command, at);
            if (at == 0)
                return command.size;
        }
    }
}

// A trap would be lost by `exec`, and what compound commands end with is no program.
size_t shell_exec_place(struct str command)
{
    static const char trap[] = "trap";
    size_t last = 0;
    bool is_word_start = true;
    for (size_t at = 0; at < command.size;) {
        if (command.bytes[at] == '#' && is_word_start)
            break; // a comment
        is_word_start = is_blank(command.bytes[at]);
        size_t size = separator_size(command, at);
        if (str_starts_with(str_slice(command, at, command.size), trap))
            return command.size;
        at = size > 0 ? at + size : skip_part(command, at);
        if (at == 0)
            return command.size;
        if (size > 0)
            last = at;
    }
    last = skip_assignments(command, last);
    bool is_program = shell_need_of(str_slice(command, last, command.size)) != SHELL_ALL_ALONG;
    return last > 0 && is_program ? last : command.size;
}
