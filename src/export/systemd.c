// SPDX-License-Identifier: MIT
// Three kinds of values, three kinds of escaping: words of a command line have quotes, C escapes,
// variables and specifiers; paths and descriptions have specifiers only.
#include "export/systemd.h"

#include "plan/timing.h"

#include <errno.h>
#include <string.h>

#define KILL_TAKES (25 * NSEC_PER_SEC) // SIGKILL until nothing is left, and the last lines
#define START_LEAST (90 * NSEC_PER_SEC)
#define START_SLACK (10 * NSEC_PER_SEC)

enum { NAME_MOST = 200, WATCHDOG_SECONDS = 30 };

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

int systemd_check_text(const char *text, struct error *error)
{
    size_t size = strlen(text);
    bool is_fit = size > 0 && text[size - 1] != '\\' && text[size - 1] != ' ';
    for (size_t i = 0; i < size; i++)
        is_fit = is_fit && !is_control(text[i]);
    if (is_fit)
        return 0;
    return error_set(error, EINVAL,
                     "a unit cannot name '%.*s': it has a control character, or ends with a blank "
                     "or a backslash",
                     STR_ARGS(str_excerpt(str_of(text))));
}

static bool is_of_name(char c, bool is_first)
{
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_plain || c == '_' || c == ':' || ((c == '-' || c == '.') && !is_first);
}

void systemd_unit_name(struct str app, const char *suffix, struct buffer *out)
{
    size_t before = out->size;
    for (size_t i = 0; i < app.size && out->size - before < NAME_MOST; i++) {
        if (is_of_name(app.bytes[i], i == 0))
            buffer_append_char(out, app.bytes[i]);
        else
            buffer_append_format(out, "\\x%02x", (unsigned char)app.bytes[i]);
    }
    buffer_append_text(out, suffix);
}

static bool needs_quotes(struct str word)
{
    bool needs = word.size == 0;
    for (size_t i = 0; i < word.size; i++)
        needs = needs || word.bytes[i] == ' ' || word.bytes[i] == ';' || word.bytes[i] == '"' ||
                word.bytes[i] == '\'' || word.bytes[i] == '\\' || is_control(word.bytes[i]);
    return needs;
}

// The program itself is not looked for variables.
void systemd_append_word(struct buffer *out, struct str word, bool is_program)
{
    bool is_quoted = needs_quotes(word);
    if (is_quoted)
        buffer_append_char(out, '"');
    for (size_t i = 0; i < word.size; i++) {
        char c = word.bytes[i];
        if (is_control(c)) {
            buffer_append_format(out, "\\x%02x", (unsigned char)c);
            continue;
        }
        if (c == '%' || (c == '$' && !is_program))
            buffer_append_char(out, c);
        else if (c == '"' || c == '\\')
            buffer_append_char(out, '\\');
        buffer_append_char(out, c);
    }
    if (is_quoted)
        buffer_append_char(out, '"');
}

static void append_plain(struct buffer *out, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] == '%')
            buffer_append_char(out, '%');
        buffer_append_char(out, is_control(text.bytes[i]) ? ' ' : text.bytes[i]);
    }
}

static void append_command(const struct systemd_unit *unit, const char *key, struct buffer *out)
{
    buffer_append_format(out, "%s=", key);
    systemd_append_word(out, str_of(unit->program), true);
}

static void append_argument(const char *argument, struct buffer *out)
{
    buffer_append_char(out, ' ');
    systemd_append_word(out, str_of(argument), false);
}

static void append_seconds(const char *key, nsec_t time, struct buffer *out)
{
    buffer_append_format(out, "%s=%llds\n", key,
                         (long long)((time + NSEC_PER_SEC - 1) / NSEC_PER_SEC));
}

static bool wants_sockets(const struct plan *plan)
{
    for (size_t i = 0; i < plan->type_count; i++)
        if (plan_type_wants_sockets(&plan->types[i]))
            return true;
    return false;
}

static void write_unit_section(const struct systemd_unit *unit, struct buffer *out)
{
    buffer_append_text(out, "[Unit]\nDescription=");
    append_plain(out, unit->plan->app);
    buffer_append_text(out, " (formation)\n");
    if (!unit->is_of_user)
        buffer_append_text(out, "After=network.target\n");
    if (!wants_sockets(unit->plan))
        return;
    buffer_append_text(out, "# Opens the sockets that types ask for: FileDescriptorName= is what\n"
                            "# they are called there.\nRequires=");
    systemd_unit_name(unit->plan->app, ".socket\n", out);
}

static void write_commands(const struct systemd_unit *unit, struct buffer *out)
{
    append_command(unit, "ExecStart", out);
    buffer_append_text(out, " start");
    for (const char *const *argument = unit->arguments; *argument; argument++)
        append_argument(*argument, out);
    buffer_append_char(out, '\n');
    append_command(unit, "ExecReload", out);
    buffer_append_text(out, " reload --no-wait -d");
    append_argument(unit->plan->root.bytes, out);
    buffer_append_char(out, '\n');
}

static void write_service_section(const struct systemd_unit *unit, struct buffer *out)
{
    nsec_t start = plan_boot_time(unit->plan) + START_SLACK;
    buffer_append_text(out, "\n[Service]\nType=notify\nNotifyAccess=main\n");
    write_commands(unit, out);
    buffer_append_text(out, "WorkingDirectory=");
    append_plain(out, unit->plan->root);
    buffer_append_char(out, '\n');
    if (unit->user && !unit->is_of_user)
        buffer_append_format(out, "User=%s\n", unit->user);
    if (!unit->is_of_user) {
        buffer_append_text(out, "# Quantities that were changed by 'formation scale'.\n"
                                "StateDirectory=formation/");
        systemd_unit_name(unit->plan->app, "\n", out);
    }
    buffer_append_text(out, "Restart=on-failure\nRestartSec=1s\n");
    append_seconds("TimeoutStartSec", start > START_LEAST ? start : START_LEAST, out);
    buffer_append_text(out, "# The longest 'grace' of all types, and what follows it.\n");
    append_seconds("TimeoutStopSec", plan_stop_time(unit->plan) + KILL_TAKES, out);
    buffer_append_format(out, "WatchdogSec=%ds\n", WATCHDOG_SECONDS);
    buffer_append_text(out,
                       "# formation stops its processes by their own signals; systemd ends what "
                       "is left.\n"
                       "KillMode=mixed\n"
                       "# Each process has a cgroup of its own, and may run out of memory alone.\n"
                       "Delegate=yes\nOOMPolicy=continue\n"
                       "# The processes have the first one; formation itself uses the second.\n"
                       "LimitNOFILE=1024:524288\n");
}

void systemd_unit_write(const struct systemd_unit *unit, struct buffer *out)
{
    buffer_append_text(out, "# Made by 'formation export systemd', " FORMATION_VERSION ".\n");
    write_unit_section(unit, out);
    write_service_section(unit, out);
    buffer_append_format(out, "\n[Install]\nWantedBy=%s\n",
                         unit->is_of_user ? "default.target" : "multi-user.target");
}
