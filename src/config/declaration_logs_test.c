// SPDX-License-Identifier: MIT
#include "config/declaration_logs.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "config/declaration.h"
#include "config/expect.h"

#include <stdio.h>

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct declaration declaration;
};

static void parse(struct fixture *fixture, struct str text)
{
    *fixture = (struct fixture){0};
    assert_int_equal(declaration_parse(text, "formation.yaml", &fixture->arena,
                                       &fixture->declaration, &fixture->diagnostics),
                     0);
}

static void finish(struct fixture *fixture)
{
    diagnostics_fini(&fixture->diagnostics);
    arena_fini(&fixture->arena);
}

static void expect_file(const struct declared_sink *declared)
{
    const struct plan_sink *sink = &declared->sink;
    assert_int_equal(sink->kind, SINK_FILE);
    assert_true(str_is(sink->target, "logs/{process}.log"));
    assert_int_equal(declared->target_origin.column, 11);
    assert_int_equal(sink->origin.line, 2);
    assert_int_equal(sink->format, SINK_JSON);
    assert_int_equal(declared->pattern_count, 2);
    assert_true(str_is(declared->patterns[1].name, "worker.*"));
    assert_int_equal(declared->patterns[1].origin.column, 22);
    assert_int_equal(sink->stream, SINK_STDERR);
    assert_int_equal(sink->policy, SINK_DROP);
    assert_int_equal(sink->file_mode, 0600);
    assert_int_equal(sink->rotation.size_bytes, 10 << 20);
    assert_int_equal(sink->rotation.age, 86400 * NSEC_PER_SEC);
    assert_int_equal(sink->rotation.keep_count, 0);
    assert_int_equal(sink->rotation.total_bytes, 1 << 30);
    assert_false(sink->rotation.compress);
}

static void reads_every_key(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("logs:\n"
                           "  - file: ./logs//./{process}.log\n"
                           "    format: json\n"
                           "    processes: [web, \"worker.*\"]\n"
                           "    stream: stderr\n"
                           "    policy: drop\n"
                           "    mode: \"0600\"\n"
                           "    rotate: {size: 10M, age: 1d, keep: 0, total: 1G, compress: no}\n"
                           "  - syslog: tcp://[::1]:6514\n"
                           "    facility: local7\n"
                           "    policy: block\n"
                           "    processes: web\n"
                           "  - journald: true\n"
                           "    stream: stdout\n"));
    EXPECT_FINDINGS(&fixture.diagnostics);
    const struct declared_logs *logs = &fixture.declaration.logs;
    assert_int_equal(logs->count, 3);
    expect_file(&logs->sinks[0]);
    const struct plan_sink *sink = &logs->sinks[1].sink;
    assert_int_equal(sink->kind, SINK_SYSLOG);
    assert_int_equal(sink->address, SINK_TCP);
    assert_true(str_is(sink->target, "::1"));
    assert_int_equal(sink->port, 6514);
    assert_int_equal(sink->facility, 23);
    assert_int_equal(sink->policy, SINK_BLOCK);
    assert_int_equal(logs->sinks[1].pattern_count, 1);
    assert_int_equal(logs->sinks[2].sink.kind, SINK_JOURNALD);
    assert_int_equal(logs->sinks[2].sink.stream, SINK_STDOUT);
    finish(&fixture);
}

static void has_defaults(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("logs:\n"
                           "- file: /var/log/x\n"
                           "- {file: a, rotate: {age: 1h}, mode: 660}\n"
                           "- syslog: true\n"
                           "- journald: true\n"));
    EXPECT_FINDINGS(&fixture.diagnostics);
    const struct declared_sink *sinks = fixture.declaration.logs.sinks;
    assert_int_equal(fixture.declaration.logs.count, 4);
    assert_true(str_is(sinks[0].sink.target, "/var/log/x"));
    assert_int_equal(sinks[0].sink.format, SINK_TEXT);
    assert_int_equal(sinks[0].sink.stream, SINK_BOTH);
    assert_int_equal(sinks[0].sink.policy, SINK_BLOCK);
    assert_int_equal(sinks[0].sink.file_mode, SINK_DEFAULT_MODE);
    assert_int_equal(sinks[0].sink.rotation.size_bytes, 0);
    assert_int_equal(sinks[0].sink.rotation.age, 0);
    assert_int_equal(sinks[0].pattern_count, 0);
    assert_int_equal(sinks[1].sink.rotation.keep_count, 7);
    assert_int_equal(sinks[1].sink.rotation.total_bytes, 0);
    assert_true(sinks[1].sink.rotation.compress);
    assert_int_equal(sinks[1].sink.file_mode, 0660);
    assert_int_equal(sinks[2].sink.address, SINK_UNIX);
    assert_true(str_is(sinks[2].sink.target, "/dev/log"));
    assert_int_equal(sinks[2].sink.facility, 1);
    assert_int_equal(sinks[2].sink.policy, SINK_DROP);
    assert_int_equal(sinks[3].sink.policy, SINK_DROP);
    assert_int_equal(sinks[3].sink.facility, 1);
    finish(&fixture);
}

// "logs: [{…}]" and the only finding; the text begins in column 9.
static void finds(const char *text, const char *finding)
{
    struct fixture fixture;
    struct buffer file = {0};
    buffer_append_format(&file, "logs: [{%s}]\n", text);
    parse(&fixture, buffer_str(&file));
    expect_findings(&fixture.diagnostics, (const char *const[]){finding, NULL});
    finish(&fixture);
    buffer_fini(&file);
}

static void checks_the_list(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buffer text = {0};
    parse(&fixture, str_of("logs: {file: a}\n"));
    EXPECT_FINDINGS(&fixture.diagnostics, "formation.yaml:1:7: 'logs' takes a list, not a map");
    finish(&fixture);
    parse(&fixture, str_of("logs:\n"));
    EXPECT_FINDINGS(&fixture.diagnostics, "formation.yaml:1:1: 'logs' has no value: it takes a");
    finish(&fixture);
    parse(&fixture, str_of("logs: []\n"));
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
    parse(&fixture, str_of("logs: [a.log, ]\n"));
    EXPECT_FINDINGS(&fixture.diagnostics, "formation.yaml:1:8: this takes a map of keys and");
    finish(&fixture);
    for (int count = LIMIT_SINKS; count <= LIMIT_SINKS + 1; count++) {
        buffer_clear(&text);
        buffer_append_text(&text, "logs:\n");
        for (int i = 0; i < count; i++)
            buffer_append_text(&text, "- journald: true\n");
        parse(&fixture, buffer_str(&text));
        expect_findings(
            &fixture.diagnostics,
            (const char *const[]){
                count > LIMIT_SINKS ? "formation.yaml:2:1: more than 16 places" : NULL, NULL});
        finish(&fixture);
    }
    buffer_fini(&text);
}

static void wants_one_kind(void **state)
{
    (void)state;
    finds("", "formation.yaml:1:8: this does not say where to: it needs file, syslog or journald");
    finds("stream: both", "formation.yaml:1:8: this does not say where to");
    finds("fil: a", "formation.yaml:1:9: unknown key 'fil': did you mean 'file'?");
    finds("file: a, rotat: {}", "formation.yaml:1:18: unknown key 'rotat': did you mean 'rotate'?");
    finds("file: a, size: 10M", "formation.yaml:1:18: unknown key 'size'");
    finds("file: a, syslog: true", "formation.yaml:1:18: 'file' and 'syslog': write one item of");
    finds("journald: true, file: a", "formation.yaml:1:25: 'journald' and 'file': write one");
    finds("file: a, file: b", "formation.yaml:1:18: 'file' is already in line 1");
    finds("journald: false", "formation.yaml:1:19: 'journald' takes true: leave it out otherwise");
    finds("journald: maybe", "formation.yaml:1:19: 'journald' takes true or false, not 'maybe'");
    finds("journald:", "formation.yaml:1:9: 'journald' has no value");
}

static void wants_what_fits_the_kind(void **state)
{
    (void)state;
    finds("syslog: true, rotate: {size: 1M}",
          "formation.yaml:1:23: 'rotate' is for 'file' only, not for 'syslog'");
    finds("format: json, syslog: true", "formation.yaml:1:9: 'format' is for 'file' only, not for");
    finds("journald: true, mode: 0640",
          "formation.yaml:1:25: 'mode' is for 'file' only, not for 'journald'");
    finds("file: a, facility: user",
          "formation.yaml:1:18: 'facility' is for 'syslog' only, not for 'file'");
    finds("journald: true, facility: user",
          "formation.yaml:1:25: 'facility' is for 'syslog' only, not for 'journald'");
    finds("journald: true, policy: block, stream: stderr, processes: [web]", NULL);
}

static void checks_paths(void **state)
{
    (void)state;
    char text[1200] = "file: \"";
    finds("file: '{type}/{app}-{process}.log'", NULL);
    finds("file: ../logs/a", NULL);
    finds("file: '~/a'", NULL); // a folder of that name
    finds("file: ''", "formation.yaml:1:15: 'file' takes a text, not ''");
    finds("file: [a]", "formation.yaml:1:15: 'file' takes one value, not a list");
    finds("file: {type}", "formation.yaml:1:15: 'file' takes a path, not a map: put it in quotes");
    finds("file: '{proces}.log'",
          "formation.yaml:1:15: nothing is called {proces} in a path: did you mean {process}?");
    finds("file: '{Type}'", "formation.yaml:1:15: nothing is called {Type} in a path: did you");
    finds("file: '{date}-a'", "formation.yaml:1:15: nothing is called {date} in a path: there are");
    finds("file: '{}'", "formation.yaml:1:15: nothing is called {} in a path: there are {app}");
    finds("file: '{type'", "formation.yaml:1:15: a path with a '{' alone");
    finds("file: 'type}'", "formation.yaml:1:15: a path with a '}' alone");
    finds("file: logs/", "formation.yaml:1:15: 'logs/' is a folder: write the name of a file");
    finds("file: /", "formation.yaml:1:15: '/' is a folder");
    finds("file: .", "formation.yaml:1:15: '.' is a folder");
    finds("file: a/..", "formation.yaml:1:15: 'a/..' is a folder");
    finds("file: \"a\\nb\"", "formation.yaml:1:15: a path with a newline or another control");
    memset(text + 7, 'a', LIMIT_SINK_PATH_BYTES + 1);
    text[7 + LIMIT_SINK_PATH_BYTES + 1] = '"';
    finds(text, "formation.yaml:1:15: a path of 1025 bytes: at most 1024 are allowed");
}

static void checks_words(void **state)
{
    (void)state;
    finds("file: a, format: jsn",
          "formation.yaml:1:26: 'format' takes text, raw, json, logfmt or heroku, not 'jsn'");
    finds("file: a, format: [json]", "formation.yaml:1:26: 'format' takes one value, not a list");
    finds("file: a, stream: all",
          "formation.yaml:1:26: 'stream' takes both, stdout or stderr, not 'all'");
    finds("file: a, policy: wait", "formation.yaml:1:26: 'policy' takes block or drop, not 'wait'");
    finds("syslog: true, facility: deamon",
          "formation.yaml:1:33: 'deamon' is no facility: did you mean 'daemon'?");
    finds("syslog: true, facility: kern", "formation.yaml:1:33: 'kern' is no facility");
    finds("syslog: true, facility: mine-alone",
          "formation.yaml:1:33: 'mine-alone' is no facility: write user, daemon, local0 or");
    finds("syslog: false", "formation.yaml:1:17: the address 'false' begins with none of unix:");
    finds("syslog: 'true'", "formation.yaml:1:17: the address 'true' begins with none of");
    finds("syslog: udp://a:0", "formation.yaml:1:17: the address 'udp://a:0' has a port that is");
    finds("syslog: [udp]", "formation.yaml:1:17: 'syslog' takes one value, not a list");
}

static void checks_modes(void **state)
{
    (void)state;
    static const char *const good[] = {"0640", "640", "0600", "0666", "0200"};
    static const char *const bad[] = {"0740",  "0440", "4644", "64",
                                      "00640", "0648", "rw-r", "-640"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "file: a, mode: \"%s\"", good[i]);
        finds(text, NULL);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "file: a, mode: '%s'", bad[i]);
        finds(text, "formation.yaml:1:24: 'mode' takes permissions of a file that its owner can");
    }
    finds("file: a, mode: {}", "formation.yaml:1:24: 'mode' takes one value, not a map");
}

static void checks_rotations(void **state)
{
    (void)state;
    finds("file: a, rotate: {size: 1K}", NULL);
    finds("file: a, rotate: {age: 1s}", NULL);
    finds("file: a, rotate: {age: 1d, total: 1K}", NULL);
    finds("file: a, rotate: {size: 1M, total: 1M, keep: 1000}", NULL);
    finds("file: a, rotate: true", "formation.yaml:1:26: 'rotate' takes a map of keys and values");
    finds("file: a, rotate: {}", "formation.yaml:1:26: 'rotate' does not say when: it needs size");
    finds("file: a, rotate: {keep: 3, total: 1G}", "formation.yaml:1:26: 'rotate' does not say");
    finds("file: a, rotate:", "formation.yaml:1:18: 'rotate' has no value");
    finds("file: a, rotate: {size: 10MB}",
          "formation.yaml:1:33: 'size' takes a size as 512K, 10M or 1G, not '10MB'");
    finds("file: a, rotate: {size: 1023}", "formation.yaml:1:33: 'size' takes at least 1K, not");
    finds("file: a, rotate: {size: 0}", "formation.yaml:1:33: 'size' takes at least 1K, not '0'");
    finds("file: a, rotate: {size: -1}", "formation.yaml:1:33: 'size' takes a size as 512K");
    finds("file: a, rotate: {age: 10M}", "formation.yaml:1:32: 'age' takes a time as 50ms");
    finds("file: a, rotate: {age: 500ms}", "formation.yaml:1:32: 'age' takes at least 1s, not");
    finds("file: a, rotate: {size: 1M, keep: 1001}",
          "formation.yaml:1:43: 'keep' takes a number from 0 to 1000, not '1001'");
    finds("file: a, rotate: {size: 1M, compress: gzip}",
          "formation.yaml:1:47: 'compress' takes true or false, not 'gzip'");
    finds("file: a, rotate: {size: 10M, total: 1M}",
          "formation.yaml:1:45: 'total' is less than 'size': no file could be kept");
    finds("file: a, rotate: {total: 10, age: 1d}", "formation.yaml:1:34: 'total' takes at least");
    finds("file: a, rotate: {sise: 1M}",
          "formation.yaml:1:27: unknown key 'sise': did you mean 'size'?");
}

static void checks_patterns(void **state)
{
    (void)state;
    struct buffer text = {0};
    static const char *const good[] = {"web", "[web, 'w*', '*.1', web.2, 'web.?', 'a.1*']"};
    static const char *const bad[] = {"web.0",  "web.",  ".1",     "web.01",    "web.x",
                                      "web.-1", "a.b.c", "'w*.x'", "web.65536", "'*.'"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        buffer_clear(&text);
        buffer_append_format(&text, "file: a, processes: %s%c", good[i], 0);
        finds(text.bytes, NULL);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        buffer_clear(&text);
        buffer_append_format(&text, "file: a, processes: [web, %s]%c", bad[i], 0);
        finds(text.bytes, "formation.yaml:1:35: '");
    }
    finds("file: a, processes: [web.0]",
          "formation.yaml:1:30: 'web.0' is no name or pattern of processes: write web, web.2, w*");
    finds("file: a, processes: []", "formation.yaml:1:29: 'processes' names none: leave it out");
    finds("file: a, processes: ''", "formation.yaml:1:29: 'processes' takes a text, not ''");
    finds("file: a, processes: {web: 1}",
          "formation.yaml:1:29: 'processes' takes one value, not a map");
    buffer_clear(&text);
    buffer_append_text(&text, "file: a, processes: ['*");
    for (int i = 0; i < 200; i++)
        buffer_append_char(&text, 'a');
    buffer_append_format(&text, "']%c", 0);
    finds(text.bytes, "formation.yaml:1:30: '*aaa");
    buffer_clear(&text);
    buffer_append_text(&text, "file: a, processes: [a");
    for (int i = 0; i < LIMIT_SINK_PATTERNS; i++)
        buffer_append_text(&text, ",a");
    buffer_append_format(&text, "]%c", 0);
    finds(text.bytes, "formation.yaml:1:29: more than 64 names and patterns");
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(checks_the_list),
        cmocka_unit_test(wants_one_kind),
        cmocka_unit_test(wants_what_fits_the_kind),
        cmocka_unit_test(checks_paths),
        cmocka_unit_test(checks_words),
        cmocka_unit_test(checks_modes),
        cmocka_unit_test(checks_rotations),
        cmocka_unit_test(checks_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
