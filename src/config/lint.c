// SPDX-License-Identifier: MIT
// Two tables: what every program means by an option, and what certain programs do. A program that
// is not named in the second is never suspected for a short option, since -D and -d mean a hundred
// things (curl -D, rsync -D, java -Dname=value).
#include "config/lint.h"

#include "config/command_words.h"

#include <string.h>

enum habit_kind {
    WITH,    // warn when one of the options is there
    WITHOUT, // warn when none of them is there
    ALWAYS,  // warn of the program itself
    PID_FILE // as WITH, but the option's value names a file
};

static const struct habit {
    const char *programs;   // by blanks; "" is any program
    const char *subcommand; // this word must be there too; NULL: none
    enum habit_kind kind;
    // By blanks. "-d*" is also found among other letters (-itd); "a+b" are two words; a trailing
    // '~' is for words that only contain it.
    const char *options;
    const char *advice;
} habits[] = {
    {"", NULL, WITH, "--daemon --daemonize --daemonized", "leave it out"},
    {"", NULL, PID_FILE, "--pidfile --pid-file", "leave it out"},

    {"gunicorn unicorn unicorn_rails rainbows rackup", NULL, WITH, "-D", "leave it out"},
    {"puma thin sidekiq memcached uwsgi", NULL, WITH, "-d", "leave it out"},
    {"rails", "server", WITH, "-d", "leave it out"},
    {"rails", "s", WITH, "-d", "leave it out"},
    {"haproxy mysqld mariadbd", NULL, WITH, "-D", "leave it out"},
    {"mongod", NULL, WITH, "--fork", "leave it out"},
    {"celery", NULL, WITH, "--detach -D", "leave it out"},
    {"celery", "multi", ALWAYS, "", "write 'celery worker', and set the quantity"},
    {"docker podman", "run", WITH, "--detach -d*", "leave it out"},
    {"docker podman", "compose", WITH, "--detach -d", "leave it out"},
    {"docker-compose podman-compose", "up", WITH, "--detach -d", "leave it out"},
    {"tmux", "new", WITH, "-d*", "write the command itself"},
    {"tmux", "new-session", WITH, "-d*", "write the command itself"},
    {"screen", NULL, WITH, "-dm -dmS", "write the command itself"},

    {"nginx", NULL, WITHOUT, "daemon+off~ -t -T -v -V -s", "write nginx -g 'daemon off;'"},
    {"php-fpm", NULL, WITHOUT, "-F --nodaemonize -t -v -i -m", "write php-fpm -F"},
    {"supervisord", NULL, WITHOUT, "-n --nodaemon", "write supervisord -n"},
    {"cron", NULL, WITHOUT, "-f", "write cron -f"},
    {"crond", NULL, WITHOUT, "-f -n -d", "write crond -f"},
    {"sshd", NULL, WITHOUT, "-D -d -t -T -i", "write sshd -D -e"},
    {"rsyslogd", NULL, WITHOUT, "-n -N -v", "write rsyslogd -n"},
    {"dnsmasq", NULL, WITHOUT, "-k -d --keep-in-foreground --no-daemon --test",
     "write dnsmasq --keep-in-foreground"},
    {"varnishd", NULL, WITHOUT, "-F -d -C -V", "write varnishd -F"},
    {"httpd apache2", NULL, WITHOUT, "-DFOREGROUND FOREGROUND -X -DNO_DETACH NO_DETACH -t -v",
     "write -DFOREGROUND behind it"},
    {"apachectl apache2ctl", "start", ALWAYS, "", "write apache2ctl -DFOREGROUND"},
    {"pg_ctl", "start", ALWAYS, "", "write postgres -D with the folder"},
    {"postfix", "start", ALWAYS, "", "write postfix start-fg"},
    {"pm2 forever", "start", ALWAYS, "", "write the command itself, or pm2-runtime"},

    {"gunicorn", NULL, PID_FILE, "-p --pid", "leave it out"},
    {"rackup thin sidekiq memcached rails", NULL, PID_FILE, "-P --pid", "leave it out"},

    {"nohup disown", NULL, ALWAYS, "", "write the command without it"},
    {"setsid", NULL, WITHOUT, "-w --wait", "write the command without it"},
    {"daemonize daemon start-stop-daemon", NULL, ALWAYS, "", "write the command itself"},
    {"service rc-service invoke-rc.d", NULL, ALWAYS, "", "write the command of the service itself"},
    {"systemctl", NULL, ALWAYS, "", "write the command of the service itself"},
};

// Words that stand before the program which matters.
static const char wrappers[] = "exec env command bundle npx poetry pipenv uv run python python3 -m "
                               "ruby sudo nice time stdbuf tini dumb-init -- xvfb-run";

struct linting {
    const struct command_words *words;
    struct str command;
    struct origin origin;
    struct diagnostics *diagnostics;
};

static bool list_has(const char *list, struct str word)
{
    struct str rest = str_of(list);
    struct str item;
    while (str_next(&rest, ' ', &item))
        if (item.size > 0 && str_equal(item, word))
            return true;
    return false;
}

static struct str base_name(struct str path)
{
    for (size_t i = path.size; i-- > 0;)
        if (path.bytes[i] == '/')
            return str_slice(path, i + 1, path.size);
    return path;
}

// "php-fpm8.2" is php-fpm, "python3.11" is python.
static struct str without_version(struct str name)
{
    while (name.size > 1 && strchr("0123456789.", name.bytes[name.size - 1]))
        name.size--;
    return name;
}

// The index of the program behind words like exec, env A=1, bundle exec.
static size_t program_index(const struct command_words *words)
{
    size_t i = 0;
    while (i + 1 < words->count) {
        struct str word = base_name(words->words[i]);
        bool is_wrapper = list_has(wrappers, word) || list_has(wrappers, without_version(word));
        bool is_argument = i > 0 && (word.bytes[0] == '-' || without_version(word).size <= 1);
        if (!is_wrapper && !is_argument && str_find_char(word, '=') == word.size)
            break;
        i++;
    }
    return i;
}

static bool is_cluster(struct str word, char letter)
{
    bool is_found = false;
    if (word.size < 2 || word.size > 5 || word.bytes[0] != '-')
        return false;
    for (size_t i = 1; i < word.size; i++) {
        if (word.bytes[i] < 'A' || word.bytes[i] > 'z')
            return false;
        is_found |= word.bytes[i] == letter;
    }
    return is_found;
}

static bool is_false(struct str word)
{
    return list_has("no false off 0", word);
}

// "daemon+off~": the words of the option, in their order, inside one word.
static bool contains_words(struct str word, struct str option)
{
    struct str part;
    while (str_next(&option, '+', &part)) {
        size_t at = 0;
        while (at < word.size && !str_equal(str_slice(word, at, at + part.size), part))
            at++;
        if (at == word.size)
            return false;
        word = str_slice(word, at + part.size, word.size);
    }
    return true;
}

static bool option_matches(struct str word, struct str option)
{
    if (str_ends_with(option, "~"))
        return contains_words(word, str_slice(option, 0, option.size - 1));
    if (str_ends_with(option, "*"))
        return is_cluster(word, option.bytes[1]);
    return str_equal(word, option) ||
           (str_starts_with(option, "--") && word.size > option.size &&
            word.bytes[option.size] == '=' && str_equal(str_slice(word, 0, option.size), option));
}

// The value of the option at `index`: behind its '=', or the next word.
static struct str value_of(const struct command_words *words, size_t index)
{
    struct str word = words->words[index];
    size_t equals = str_find_char(word, '=');
    if (equals < word.size)
        return str_slice(word, equals + 1, word.size);
    return index + 1 < words->count ? words->words[index + 1] : str_of("");
}

// An option counts unless its value takes it back.
static bool is_meant(const struct command_words *words, size_t index, enum habit_kind kind)
{
    struct str value = value_of(words, index);
    if (kind == PID_FILE)
        return value.size > 0 && !str_starts_with(value, "-") && !str_is(value, "/dev/null");
    return !is_false(value);
}

// The index of the first word behind the program that is one of the options, or words->count.
static size_t find_option(const struct command_words *words, size_t program,
                          const struct habit *habit)
{
    for (size_t i = program + 1; i < words->count; i++) {
        struct str rest = str_of(habit->options);
        struct str option;
        while (str_next(&rest, ' ', &option))
            if (option_matches(words->words[i], option) && is_meant(words, i, habit->kind))
                return i;
    }
    return words->count;
}

static bool has_word(const struct command_words *words, size_t program, const char *wanted)
{
    for (size_t i = program + 1; i < words->count; i++)
        if (str_is(words->words[i], wanted))
            return true;
    return false;
}

static struct origin origin_of(const struct linting *linting, size_t offset)
{
    struct origin origin = linting->origin;
    origin.column += (unsigned)offset;
    return origin;
}

// Returns true when the habit was found and warned of.
static bool try_habit(const struct linting *linting, size_t program, const struct habit *habit)
{
    const struct command_words *words = linting->words;
    struct str name = str_excerpt(base_name(words->words[program]));
    if (!*habit->programs && str_is(name, "php"))
        return false; // artisan queue:work --daemon stays
    if (*habit->programs && !list_has(habit->programs, name) &&
        !list_has(habit->programs, without_version(name)))
        return false;
    if (habit->subcommand && !has_word(words, program, habit->subcommand))
        return false;
    size_t found = habit->kind == ALWAYS ? program : find_option(words, program, habit);
    bool is_found = found < words->count;
    size_t place = is_found ? found : program;
    struct origin origin =
        origin_of(linting, (size_t)(words->words[place].bytes - linting->command.bytes));
    struct str option = str_excerpt(words->words[place]);
    switch (habit->kind) {
    case WITH:
        if (is_found)
            diagnostics_warn(linting->diagnostics, origin,
                             "'%.*s' makes '%.*s' leave its parent, who then takes it for ended: "
                             "%s",
                             STR_ARGS(option), STR_ARGS(name), habit->advice);
        return is_found;
    case WITHOUT:
        if (!is_found)
            diagnostics_warn(linting->diagnostics, origin,
                             "'%.*s' leaves its parent, who then takes it for ended: %s",
                             STR_ARGS(name), habit->advice);
        return !is_found;
    case ALWAYS:
        diagnostics_warn(linting->diagnostics, origin,
                         "'%.*s' starts what is then no longer under control: %s", STR_ARGS(name),
                         habit->advice);
        return true;
    case PID_FILE:
        if (is_found)
            diagnostics_warn(linting->diagnostics, origin,
                             "'%.*s' writes a PID file, which nobody needs here and which is stale "
                             "after a crash: %s",
                             STR_ARGS(option), habit->advice);
        return is_found;
    }
    return false;
}

static void lint_program(const struct linting *linting)
{
    size_t program = program_index(linting->words);
    struct str path = linting->words->words[program];
    bool leaves = false;
    bool writes = false;
    if (str_starts_with(path, "/etc/init.d/")) {
        diagnostics_warn(linting->diagnostics,
                         origin_of(linting, (size_t)(path.bytes - linting->command.bytes)),
                         "'%.*s' starts what is then no longer under control: write the command "
                         "of the service itself",
                         STR_ARGS(str_excerpt(path)));
        return;
    }
    for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++) {
        bool *is_told = habits[i].kind == PID_FILE ? &writes : &leaves;
        if (!*is_told)
            *is_told = try_habit(linting, program, &habits[i]);
    }
}

// sh -c '…': what the inner shell is told to run.
static struct str inner_command(const struct command_words *words)
{
    size_t program = program_index(words);
    if (!list_has("sh bash dash zsh ash", base_name(words->words[program])))
        return str_of("");
    for (size_t i = program + 1; i + 1 < words->count; i++)
        if (is_cluster(words->words[i], 'c'))
            return words->words[i + 1];
    return str_of("");
}

static bool only_blanks_behind(struct str command, size_t at)
{
    return str_trim(str_slice(command, at, command.size)).size == 0;
}

static void lint(struct str command, struct origin origin, bool is_inner,
                 struct diagnostics *diagnostics)
{
    struct command_words words;
    struct linting linting = {&words, command, origin, diagnostics};
    size_t at = 0;
    while (command_words_next(command, &at, &words)) {
        struct str inner = is_inner ? str_of("") : inner_command(&words);
        lint_program(&linting);
        if (inner.size > 0)
            lint(inner, origin_of(&linting, (size_t)(inner.bytes - command.bytes)), true,
                 diagnostics);
        if (words.is_background && only_blanks_behind(command, words.end_at + 1))
            diagnostics_warn(diagnostics, origin_of(&linting, words.end_at),
                             "'&' sends the process into the background, and its shell ends: "
                             "leave it out");
    }
}

void lint_command(struct str command, struct origin origin, struct diagnostics *diagnostics)
{
    lint(command, origin, false, diagnostics);
}
