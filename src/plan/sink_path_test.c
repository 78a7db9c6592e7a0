// SPDX-License-Identifier: MIT
#include "plan/sink_path.h"

#include "base/random.h"
#include "plan/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expands(const char *pattern, const char *app, const char *type, unsigned number,
                    const char *wanted)
{
    char path[SINK_PATH_BYTES];
    struct plan plan = {.app = str_of(app), .root = str_of("/srv/{app}")};
    struct plan_sink sink = {.target = str_of(pattern)};
    assert_int_equal(sink_path(&sink, &plan, str_of(type), number, path), 0);
    assert_string_equal(path, wanted);
}

static void makes_paths(void **state)
{
    (void)state;
    expands("logs/{type}.log", "shop", "web", 2, "/srv/{app}/logs/web.log");
    expands("logs/{app}/{process}.log", "shop", "web", 2, "/srv/{app}/logs/shop/web.2.log");
    expands("/var/log/{app}.log", "my shop", "web", 2, "/var/log/my shop.log");
    expands("{process}", "shop", "system", 0, "/srv/{app}/system");
    expands("a", "shop", "web", 1, "/srv/{app}/a");
    struct plan plan = {.root = str_of("/")};
    struct plan_sink sink = {.target = str_of("a")};
    char path[SINK_PATH_BYTES];
    assert_int_equal(sink_path(&sink, &plan, str_of("web"), 1, path), 0);
    assert_string_equal(path, "/a");
}

static void keeps_names_in_their_folder(void **state)
{
    (void)state;
    expands("{app}/x", "..", "web", 1, "/srv/{app}/_./x");
    expands("{app}/x", "../../etc", "web", 1, "/srv/{app}/_._.._etc/x");
    expands(".{app}/x", ".", "web", 1, "/srv/{app}/._/x");
    expands("{app}{app}/x", ".", "web", 1, "/srv/{app}/__/x");
    expands(".{app}./x", "", "web", 1, "/srv/{app}/._./x");
    expands("{app}", "/", "web", 1, "/srv/{app}/_");
    expands("{app}", "a\n\x7f\tb", "web", 1, "/srv/{app}/a___b");
    expands("{type}", "shop", "{app}", 1, "/srv/{app}/{app}"); // once only
}

static void never_leads_out(void **state)
{
    (void)state;
    static const char alphabet[] = "./a\n";
    struct random random = {7};
    for (int round = 0; round < 20000; round++) {
        char app[8] = "";
        char path[SINK_PATH_BYTES];
        struct str rest;
        struct str component;
        for (size_t i = 0; i < random_below(&random, 6); i++)
            app[i] = alphabet[random_below(&random, 4)];
        struct plan plan = {.app = str_of(app), .root = str_of("/r")};
        struct plan_sink sink = {.target = str_of("d/.{app}/{app}{app}/{app}..{app}")};
        assert_int_equal(sink_path(&sink, &plan, str_of("web"), 1, path), 0);
        rest = str_of(path);
        for (int i = 0; i < 6; i++) { // "", r, d and three more
            assert_int_equal(str_next(&rest, '/', &component), i < 6);
            assert_false(str_is(component, ".") || str_is(component, ".."));
        }
        assert_false(str_next(&rest, '/', &component));
    }
}

static void refuses_long_ones(void **state)
{
    (void)state;
    enum { MOST = 255 - SINK_SUFFIX_BYTES };
    char name[MOST + 2];
    char path[SINK_PATH_BYTES];
    memset(name, 'a', sizeof(name));
    struct plan plan = {.app = str_from(name, MOST), .root = str_of("/")};
    struct plan_sink sink = {.target = str_of("{app}")};
    assert_int_equal(sink_path(&sink, &plan, str_of("web"), 1, path), 0);
    plan.app.size++;
    assert_int_equal(sink_path(&sink, &plan, str_of("web"), 1, path), -ENAMETOOLONG);
    char slashes[SINK_PATH_BYTES * 2];
    for (size_t i = 0; i < sizeof(slashes); i++)
        slashes[i] = i % 2 ? '/' : 'a';
    sink.target = str_from(slashes, SINK_PATH_BYTES - SINK_SUFFIX_BYTES - 2);
    assert_int_equal(sink_path(&sink, &plan, str_of("web"), 1, path), 0);
    sink.target.size++;
    assert_int_equal(sink_path(&sink, &plan, str_of("web"), 1, path), -ENAMETOOLONG);
    sink.target.size = sizeof(slashes);
    assert_int_equal(sink_path(&sink, &plan, str_of("web"), 1, path), -ENAMETOOLONG);
}

static void knows_scopes(void **state)
{
    (void)state;
    assert_int_equal(sink_scope(&(struct plan_sink){.target = str_of("a")}), SINK_OF_FORMATION);
    assert_int_equal(sink_scope(&(struct plan_sink){.target = str_of("{app}")}), SINK_OF_FORMATION);
    assert_int_equal(sink_scope(&(struct plan_sink){.target = str_of("{type}")}), SINK_OF_TYPE);
    assert_int_equal(sink_scope(&(struct plan_sink){.target = str_of("{process}/{type}")}),
                     SINK_OF_PROCESS);
}

static void expect_parts(const char *pattern, const struct sink_part *wanted, size_t count)
{
    struct str rest = str_of(pattern);
    struct sink_part part;
    for (size_t i = 0; i < count; i++) {
        assert_true(sink_next_part(&rest, &part));
        assert_int_equal(part.word, wanted[i].word);
        assert_true(str_equal(part.text, wanted[i].text));
    }
    assert_false(sink_next_part(&rest, &part));
}

#define EXPECT_PARTS(pattern, ...)                                                                 \
    expect_parts(pattern, (const struct sink_part[]){__VA_ARGS__},                                 \
                 sizeof((const struct sink_part[]){__VA_ARGS__}) / sizeof(struct sink_part))

static void finds_parts(void **state)
{
    (void)state;
    expect_parts("", NULL, 0);
    EXPECT_PARTS("a{app}b", {SINK_LITERAL, {"a", 1}}, {SINK_APP, {"app", 3}},
                 {SINK_LITERAL, {"b", 1}});
    EXPECT_PARTS("{}", {SINK_UNKNOWN, {"", 0}});
    EXPECT_PARTS("{App}{type}", {SINK_UNKNOWN, {"App", 3}}, {SINK_TYPE, {"type", 4}});
    EXPECT_PARTS("{app", {SINK_STRAY, {"{", 1}}, {SINK_LITERAL, {"app", 3}});
    EXPECT_PARTS("app}", {SINK_LITERAL, {"app", 3}}, {SINK_STRAY, {"}", 1}});
    EXPECT_PARTS("{{app}}", {SINK_STRAY, {"{", 1}}, {SINK_APP, {"app", 3}}, {SINK_STRAY, {"}", 1}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_paths),
        cmocka_unit_test(keeps_names_in_their_folder),
        cmocka_unit_test(never_leads_out),
        cmocka_unit_test(refuses_long_ones),
        cmocka_unit_test(knows_scopes),
        cmocka_unit_test(finds_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
