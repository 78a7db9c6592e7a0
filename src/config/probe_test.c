// SPDX-License-Identifier: MIT
#include "config/probe.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "config/declaration.h"
#include "config/expect.h"

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct declaration declaration;
    const struct declared_type *type; // the only one
};

// `text` stands in line 3, from column 5.
static void read_type(struct fixture *fixture, const char *text)
{
    struct buffer file = {0};
    *fixture = (struct fixture){0};
    buffer_append_text(&file, "processes:\n  web:\n    ");
    buffer_append_text(&file, text);
    buffer_append_text(&file, "\n");
    assert_int_equal(declaration_parse(buffer_str(&file), "f", &fixture->arena,
                                       &fixture->declaration, &fixture->diagnostics),
                     0);
    buffer_fini(&file);
    if (fixture->declaration.type_count > 0)
        fixture->type = &fixture->declaration.types[0];
}

static void finish(struct fixture *fixture)
{
    diagnostics_fini(&fixture->diagnostics);
    arena_fini(&fixture->arena);
}

static void expect_probe(const struct probe *probe, const struct probe *wanted)
{
    assert_int_equal(probe->kind, wanted->kind);
    assert_int_equal(probe->port, wanted->port);
    assert_true(str_equal(probe->text, wanted->text));
    assert_int_equal(probe->interval, wanted->interval);
    assert_int_equal(probe->timeout, wanted->timeout);
    assert_int_equal(probe->failures, wanted->failures);
}

static void expect_ready(const char *text, struct probe wanted)
{
    struct fixture fixture;
    read_type(&fixture, text);
    EXPECT_FINDINGS(&fixture.diagnostics);
    wanted.interval = wanted.interval ? wanted.interval : 200 * NSEC_PER_MSEC;
    wanted.timeout = wanted.timeout ? wanted.timeout : NSEC_PER_SEC;
    wanted.failures = 1;
    expect_probe(&fixture.type->ready.probe, &wanted);
    assert_int_equal(fixture.type->alive.probe.kind, PROBE_NONE);
    assert_true(fixture.type->policy.waits_for_ready);
    assert_int_equal(fixture.type->ready.origin.line, 3);
    finish(&fixture);
}

static void expect_alive(const char *text, struct probe wanted)
{
    struct fixture fixture;
    read_type(&fixture, text);
    EXPECT_FINDINGS(&fixture.diagnostics);
    wanted.interval = wanted.interval ? wanted.interval : 10 * NSEC_PER_SEC;
    wanted.timeout = wanted.timeout ? wanted.timeout : 5 * NSEC_PER_SEC;
    wanted.failures = wanted.failures ? wanted.failures : 3;
    expect_probe(&fixture.type->alive.probe, &wanted);
    assert_int_equal(fixture.type->ready.probe.kind, PROBE_NONE);
    assert_false(fixture.type->policy.waits_for_ready);
    finish(&fixture);
}

#define TEXT(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static void reads_every_kind_of_ready(void **state)
{
    (void)state;
    expect_ready("ready: {tcp: true}", (struct probe){PROBE_TCP, .text = TEXT("")});
    expect_ready("ready: {tcp: 5432}", (struct probe){PROBE_TCP, .port = 5432, .text = TEXT("")});
    expect_ready("ready: {tcp: true, port: 81}",
                 (struct probe){PROBE_TCP, .port = 81, .text = TEXT("")});
    expect_ready("ready: {port: 81, tcp: true}",
                 (struct probe){PROBE_TCP, .port = 81, .text = TEXT("")});
    expect_ready("ready: {http: /health?a=b}",
                 (struct probe){PROBE_HTTP, .text = TEXT("/health?a=b")});
    expect_ready("ready: {http: /, port: 8080}",
                 (struct probe){PROBE_HTTP, .port = 8080, .text = TEXT("/")});
    expect_ready("ready: {exec: 'pg_isready -q; exit $?'}",
                 (struct probe){PROBE_EXEC, .text = TEXT("pg_isready -q; exit $?")});
    expect_ready("ready: {log: 'listening on .*:[0-9]+'}",
                 (struct probe){PROBE_LOG, .text = TEXT("listening on .*:[0-9]+")});
    expect_ready("ready: {notify: true}", (struct probe){PROBE_NOTIFY, .text = TEXT("")});
    expect_ready("ready: {exec: x, interval: 1s, timeout: 2m}",
                 (struct probe){PROBE_EXEC, .text = TEXT("x"), .interval = NSEC_PER_SEC,
                                .timeout = 120 * NSEC_PER_SEC});
    expect_ready("ready: {exec: x, interval: 10ms, timeout: 10ms}",
                 (struct probe){PROBE_EXEC, .text = TEXT("x"), .interval = 10 * NSEC_PER_MSEC,
                                .timeout = 10 * NSEC_PER_MSEC});
}

static void reads_every_kind_of_alive(void **state)
{
    (void)state;
    expect_alive("alive: {tcp: 80}", (struct probe){PROBE_TCP, .port = 80, .text = TEXT("")});
    expect_alive("alive: {http: /, port: 1}",
                 (struct probe){PROBE_HTTP, .port = 1, .text = TEXT("/")});
    expect_alive("alive: {exec: check, failures: 7, interval: 1s, timeout: 3s}",
                 (struct probe){PROBE_EXEC, 0, TEXT("check"), NSEC_PER_SEC, 3 * NSEC_PER_SEC, 7});
    expect_alive("alive: {exec: check, failures: 1000}",
                 (struct probe){PROBE_EXEC, .text = TEXT("check"), .failures = 1000});
}

static void knows_where_the_text_stands(void **state)
{
    (void)state;
    struct fixture fixture;
    read_type(&fixture, "ready: {log: up}");
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_int_equal(fixture.type->ready.text_origin.line, 3);
    assert_int_equal(fixture.type->ready.text_origin.column, 18);
    finish(&fixture);
}

// `start` is how the only finding starts, "3:13: why".
static void finds(const char *text, const char *start)
{
    struct fixture fixture;
    struct buffer wanted = {0};
    read_type(&fixture, text);
    buffer_append_text(&wanted, "f:");
    buffer_append_text(&wanted, start);
    buffer_append_char(&wanted, '\0');
    EXPECT_FINDINGS(&fixture.diagnostics, wanted.bytes);
    buffer_fini(&wanted);
    finish(&fixture);
}

static void there_is_exactly_one_kind(void **state)
{
    (void)state;
    finds("ready: {tcp: 80, exec: x}", "3:22: 'tcp' and 'exec': only one of them can decide");
    finds("alive: {exec: x, http: /}", "3:22: 'exec' and 'http': only one of them can decide");
    finds("ready: {}", "3:12: 'ready' does not say by what: it needs tcp, http, exec, log or "
                       "notify");
    finds("alive: {interval: 1s}",
          "3:12: 'alive' does not say by what: it needs tcp, http or exec");
    finds("ready:", "3:5: 'ready' has no value: it takes a map");
    finds("ready: /health", "3:12: 'ready' takes a map of keys and values, not one value");
    finds("ready: {htpp: /}", "3:13: unknown key 'htpp': did you mean 'http'?");
    finds("ready: {grpc: 1}", "3:13: unknown key 'grpc'");
    finds("ready: {tcp: 80, failures: 2}", "3:22: unknown key 'failures'");
    finds("alive: {log: x}", "3:13: 'log' cannot show that a process is alive");
    finds("alive: {notify: true}", "3:13: 'notify' cannot show that a process is alive");
    finds("alive: {log: x, tcp: 80}", "3:13: 'log' cannot show");
}

static void values_are_checked(void **state)
{
    (void)state;
    finds("ready: {tcp: 0}", "3:18: 'tcp' takes a port from 1 to 65535, or true for the PORT");
    finds("ready: {tcp: 65536}", "3:18: 'tcp' takes a port from 1 to 65535");
    finds("ready: {tcp: false}", "3:18: 'tcp' takes a port from 1 to 65535");
    finds("ready: {tcp: 'true'}", "3:18: 'tcp' takes a port from 1 to 65535");
    finds("ready: {tcp: }", "3:13: 'tcp' has no value");
    finds("ready: {tcp: [80]}", "3:18: 'tcp' takes one value, not a list");
    finds("ready: {tcp: true, port: 0}", "3:30: 'port' takes a number from 1 to 65535, not '0'");
    finds("ready: {tcp: 80, port: 81}", "3:22: 'tcp' has a port already");
    finds("ready: {port: 81, tcp: 80}", "3:13: 'tcp' has a port already");
    finds("ready: {http: health}", "3:19: 'http' takes a path as /health, without blanks and host");
    finds("ready: {http: 'http://x/'}", "3:19: 'http' takes a path as /health");
    finds("ready: {http: '/a b'}", "3:19: 'http' takes a path as /health");
    finds("ready: {http: \"/a\\r\\nHost: b\"}", "3:19: 'http' takes a path as /health");
    finds("ready: {http: /caf\xc3\xa9}", "3:19: 'http' takes a path as /health");
    finds("ready: {http: ''}", "3:19: 'http' takes a text, not ''");
    finds("ready: {exec: ''}", "3:19: 'exec' takes a text, not ''");
    finds("ready: {exec: [a, b]}", "3:19: 'exec' takes one value, not a list");
    finds("ready: {log: ''}", "3:18: 'log' takes a text, not ''");
    finds("ready: {log: '(a)\\1'}", "3:18: the pattern '(a)\\1' refers back to a group");
    finds("ready: {log: 'a{255}{255}'}", "3:18: the pattern 'a{255}{255}' repeats too much");
    finds("ready: {notify: false}", "3:21: 'notify' takes true: leave it out otherwise");
    finds("ready: {notify: 1}", "3:21: 'notify' takes true or false, not '1'");
    finds("ready: {exec: x, interval: 0}", "3:32: 'interval' takes at least 10ms, not '0'");
    finds("ready: {exec: x, timeout: 9ms}", "3:31: 'timeout' takes at least 10ms, not '9ms'");
    finds("ready: {exec: x, interval: soon}", "3:32: 'interval' takes a time as 50ms, 10s or 2m");
    finds("alive: {exec: x, failures: 0}", "3:32: 'failures' takes a number from 1 to 1000");
    finds("alive: {exec: x, failures: 1001}", "3:32: 'failures' takes a number from 1 to 1000");
}

static void what_means_nothing_is_warned_of(void **state)
{
    (void)state;
    finds("ready: {exec: x, port: 80}", "3:22: 'port' means nothing beside 'exec'");
    finds("ready: {log: x, port: 80}", "3:21: 'port' means nothing beside 'log'");
    finds("ready: {log: x, interval: 1s}", "3:21: 'interval' means nothing beside 'log'");
    finds("ready: {timeout: 1s, notify: true}", "3:13: 'timeout' means nothing beside 'notify'");
    struct fixture fixture;
    read_type(&fixture, "ready: {exec: x, port: 80}");
    assert_int_equal(fixture.diagnostics.error_count, 0);
    assert_int_equal(fixture.type->ready.probe.port, 0);
    finish(&fixture);
}

static void long_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *front;
        size_t size;
        const char *finding;
    } cases[] = {
        {"ready: {http: /", LIMIT_PROBE_BYTES + 1, "f:3:19: 1025 bytes: at most 1024"},
        {"ready: {log: x", LIMIT_PROBE_BYTES + 1, "f:3:18: 1025 bytes: at most 1024"},
        {"ready: {exec: x", LIMIT_ARGUMENT_BYTES, "f:3:19: a command of 131072 bytes"},
        {"ready: {http: /", LIMIT_PROBE_BYTES, NULL},
        {"ready: {log: x", LIMIT_PROBE_BYTES, NULL},
        {"ready: {exec: x", LIMIT_ARGUMENT_BYTES - 1, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fixture fixture;
        struct buffer text = {0};
        buffer_append_text(&text, cases[i].front);
        for (size_t size = 1; size < cases[i].size; size++)
            buffer_append_char(&text, 'x');
        buffer_append_text(&text, "}");
        buffer_append_char(&text, '\0');
        read_type(&fixture, text.bytes);
        expect_findings(&fixture.diagnostics, (const char *const[]){cases[i].finding, NULL});
        finish(&fixture);
        buffer_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_ready),
        cmocka_unit_test(reads_every_kind_of_alive),
        cmocka_unit_test(knows_where_the_text_stands),
        cmocka_unit_test(there_is_exactly_one_kind),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(what_means_nothing_is_warned_of),
        cmocka_unit_test(long_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
