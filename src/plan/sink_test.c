// SPDX-License-Identifier: MIT
#include "plan/sink.h"

#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_values(void **state)
{
    (void)state;
    assert_string_equal(sink_format_name(SINK_TEXT), "text");
    assert_string_equal(sink_format_name(SINK_HEROKU), "heroku");
    assert_null(sink_format_name(SINK_HEROKU + 1));
    assert_string_equal(sink_stream_name(SINK_STDERR), "stderr");
    assert_null(sink_stream_name(SINK_STDERR + 1));
    assert_string_equal(sink_policy_name(SINK_DROP), "drop");
    assert_null(sink_policy_name(SINK_DROP + 1));
    assert_string_equal(sink_address_name(SINK_TCP), "tcp");
    assert_null(sink_address_name(SINK_TCP + 1));
    assert_string_equal(sink_facility_name(1), "user");
    assert_string_equal(sink_facility_name(23), "local7");
    assert_null(sink_facility_name(0));
    assert_null(sink_facility_name(12));
    assert_null(sink_facility_name(SINK_FACILITIES));
}

static bool matches(const char *pattern, const char *type, unsigned number)
{
    struct str patterns[] = {str_of("clock"), str_of(pattern)};
    struct plan_sink sink = {.patterns = patterns, .pattern_count = 2};
    return sink_matches(&sink, str_of(type), number);
}

static void matches_as_commands_do(void **state)
{
    (void)state;
    assert_true(matches("web", "clock", 7));
    assert_true(matches("web", "web", 1) && matches("web.2", "web", 2));
    assert_false(matches("web", "webs", 1) || matches("web.2", "web", 20));
    assert_true(matches("w*", "worker", 3) && matches("*.1", "web", 1));
    assert_true(matches("web.?", "web", 9) && matches("web.*", "web", 8192));
    assert_false(matches("web.?", "web", 10) || matches("*.1", "web", 11));
    assert_true(matches("*", "anything", 1));
    // What the formation says of no process.
    struct plan_sink all = {0};
    assert_true(sink_matches(&all, str_of("web"), 1) && sink_matches(&all, str_of(""), 0));
    assert_false(matches("*", "", 0));
}

static void compares(void **state)
{
    (void)state;
    struct str web = str_of("web");
    struct str worker = str_of("worker");
    const struct plan_sink one = {
        .target = str_of("a.log"), .patterns = &web, .pattern_count = 1, .origin = {.line = 1}};
    struct plan_sink others[10];
    for (size_t i = 0; i < 10; i++)
        others[i] = one;
    others[0].origin.line = 2; // says the same elsewhere
    others[1].patterns = &worker;
    others[2].pattern_count = 0;
    others[3].stream = SINK_STDERR;
    others[4].policy = SINK_DROP;
    others[5].format = SINK_JSON;
    others[6].rotation.compress = true;
    others[7].file_mode = 0600;
    others[8].facility = 1;
    others[9].target = str_of("b.log");
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(sink_equal(&one, &others[i]), i == 0);
        assert_int_equal(sink_is_same_place(&one, &others[i]), i < 9);
    }
    struct plan_sink udp = {.kind = SINK_SYSLOG, .target = str_of("a"), .port = 514};
    struct plan_sink tcp = udp;
    tcp.address = SINK_TCP;
    assert_false(sink_is_same_place(&udp, &tcp));
}

static void numbers_places(void **state)
{
    (void)state;
    const struct plan shop = {.app = str_of("shop"), .root = str_of("/srv")};
    const struct plan moved = {.app = str_of("shop"), .root = str_of("/opt")};
    const struct plan_sink file = {.target = str_of("a.log")};
    const struct plan_sink same = {.target = str_of("a.log"), .format = SINK_JSON};
    const struct plan_sink other = {.target = str_of("b.log")};
    const struct plan_sink udp = {.kind = SINK_SYSLOG, .target = str_of("a"), .port = 514};
    const struct plan_sink port = {.kind = SINK_SYSLOG, .target = str_of("a"), .port = 515};
    assert_true(plan_sink_place(&shop, &file) == plan_sink_place(&shop, &same));
    assert_true(plan_sink_place(&shop, &file) != plan_sink_place(&shop, &other));
    assert_true(plan_sink_place(&shop, &file) != plan_sink_place(&moved, &file));
    assert_true(plan_sink_place(&shop, &udp) == plan_sink_place(&moved, &udp));
    assert_true(plan_sink_place(&shop, &udp) != plan_sink_place(&shop, &port));
}

static void compares_plans(void **state)
{
    (void)state;
    struct plan_sink a = {.target = str_of("a.log")};
    struct plan_sink b = {.target = str_of("b.log")};
    struct plan old = {.app = str_of("shop"), .root = str_of("/srv"), .sink_count = 1, .sinks = &a};
    struct plan fresh = old;
    assert_false(plan_sinks_differ(&old, &fresh));
    fresh.sinks = &b;
    assert_true(plan_sinks_differ(&old, &fresh));
    fresh.sinks = &a;
    fresh.app = str_of("store");
    assert_true(plan_sinks_differ(&old, &fresh));
    fresh.app = old.app;
    fresh.root = str_of("/opt");
    assert_true(plan_sinks_differ(&old, &fresh));
    fresh.sink_count = 0;
    assert_true(plan_sinks_differ(&old, &fresh));
    old.sink_count = 0;
    assert_false(plan_sinks_differ(&old, &fresh));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_values),
        cmocka_unit_test(matches_as_commands_do),
        cmocka_unit_test(compares),
        cmocka_unit_test(numbers_places),
        cmocka_unit_test(compares_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
