// SPDX-License-Identifier: MIT
#include "config/lint.h"

#include "config/expect.h"

#include <stdio.h>

static void lint(const char *command, struct diagnostics *out)
{
    struct origin origin = {.file = str_of("Procfile"), .line = 1, .column = 6};
    lint_command(str_of(command), origin, out);
}

// The finding's column counts from 1 in the command; behind it stands how it starts.
static void warns(const char *command, unsigned column, const char *start)
{
    struct diagnostics diagnostics = {0};
    char text[DIAGNOSTIC_TEXT_BYTES] = "nothing";
    char wanted[256];
    lint(command, &diagnostics);
    (void)snprintf(wanted, sizeof(wanted), "Procfile:1:%u: %s", column + 5, start);
    if (diagnostics.count > 0)
        diagnostic_format(&diagnostics.items[0], text, sizeof(text));
    if (diagnostics.count != 1 || strncmp(text, wanted, strlen(wanted)) != 0)
        fail_msg("%s: %zu findings, the first is '%s'", command, diagnostics.count, text);
    diagnostics_fini(&diagnostics);
}

static void is_silent(const char *command)
{
    struct diagnostics diagnostics = {0};
    char text[DIAGNOSTIC_TEXT_BYTES];
    lint(command, &diagnostics);
    if (diagnostics.count > 0)
        fail_msg("%s: %s", command, diagnostic_format(&diagnostics.items[0], text, sizeof(text)));
    diagnostics_fini(&diagnostics);
}

static void warns_of_daemons(void **state)
{
    (void)state;
    warns("gunicorn -D app:app", 10, "'-D' makes 'gunicorn' leave its parent");
    warns("bundle exec puma -d", 18, "'-d' makes 'puma'");
    warns("RACK_ENV=x exec unicorn -D -c x.rb", 25, "'-D' makes 'unicorn'");
    warns("python3.11 -m gunicorn --daemon app", 24, "'--daemon' makes 'gunicorn'");
    warns("redis-server --daemonize yes", 14, "'--daemonize' makes 'redis-server'");
    warns("/usr/sbin/nginx -c my.conf", 1, "'nginx' leaves its parent");
    warns("cd x && php-fpm8.2 -y y.conf", 9, "'php-fpm8.2' leaves its parent");
    warns("supervisord -c s.conf", 1, "'supervisord' leaves its parent");
    warns("cron", 1, "'cron' leaves its parent");
    warns("docker run -d redis", 12, "'-d' makes 'docker'");
    warns("docker run --rm -itd redis", 17, "'-itd' makes 'docker'");
    warns("docker compose up --detach", 19, "'--detach' makes 'docker'");
    warns("bin/rails server -d -p 3000", 18, "'-d' makes 'rails'");
    warns("celery -A app worker --detach", 22, "'--detach' makes 'celery'");
    warns("apachectl start", 1, "'apachectl' starts what");
    warns("service redis start", 1, "'service' starts what");
    warns("systemctl start redis", 1, "'systemctl' starts what");
    warns("/etc/init.d/redis start", 1, "'/etc/init.d/redis' starts what");
    warns("nohup ./server", 1, "'nohup' starts what");
    warns("setsid ./server", 1, "'setsid' leaves its parent");
    warns("nice -n 10 gunicorn -D app", 21, "'-D' makes 'gunicorn'");
    warns("./server &", 10, "'&' sends the process into the background");
    warns("./server > log 2>&1 & ", 21, "'&' sends the process into the background");
    warns("sh -c 'gunicorn -D app'", 17, "'-D' makes 'gunicorn'");
    warns("bash -lc \"exec nginx\"", 16, "'nginx' leaves its parent");
}

static void warns_of_pid_files(void **state)
{
    (void)state;
    warns("puma --pidfile tmp/puma.pid", 6, "'--pidfile' writes a PID file");
    warns("celery -A app beat --pidfile=/run/x", 20, "'--pidfile=/run/x' writes a PID file");
    warns("gunicorn -p x.pid app", 10, "'-p' writes a PID file");
    warns("rails s -P x.pid", 9, "'-P' writes a PID file");
}

static void is_silent_about_commands_that_stay(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "",
        "java -Dfile.encoding=UTF-8 -jar app.jar",
        "rsync -aD a b",
        "curl -D headers http://x/",
        "node server.js -d -D -P 1",
        "nginx -g 'daemon off;'",
        "nginx -c x.conf -g \"pid x;  daemon  off;\"",
        "php-fpm8.2 -F",
        "php artisan queue:work --daemon",
        "supervisord -n -c s.conf",
        "cron -f",
        "httpd -DFOREGROUND",
        "apache2ctl -D FOREGROUND",
        "redis-server --daemonize no",
        "redis-server --daemonize=no",
        "puma --no-daemon -p 3000",
        "puma -p 3000",
        "docker run --rm -p 80:80 redis",
        "docker compose up",
        "celery -A app beat --pidfile=",
        "celery -A app beat --pidfile= -l info",
        "rails s -P /dev/null",
        "docker run --pid=host x",
        "a && b || c; d | e",
        "server 2>&1 >log",
        "server &>log",
        "(a & b & wait)",
        "echo 'nohup x &' # nohup y &",
        "echo \"&\"",
        "echo $(systemctl is-active x)",
        "uvicorn app:app --host 0.0.0.0",
        "postgres -D data",
        "sshd -D -e",
        "FOO=nohup server",
        "bundle exec sidekiq -q default -c 5",
        "setsid -w server",
        "sleep 1;",
        "'unclosed",
        "$(unclosed",
        "a \\",
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        is_silent(commands[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warns_of_daemons),
        cmocka_unit_test(warns_of_pid_files),
        cmocka_unit_test(is_silent_about_commands_that_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
