// SPDX-License-Identifier: MIT
#include "config/order.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "config/assemble.h"
#include "config/expect.h"

#include <stdio.h>

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct plan *plan;
};

static void assemble(struct fixture *fixture, const char *procfile_text, const char *text,
                     const struct options *options)
{
    struct procfile procfile;
    struct declaration declaration;
    *fixture = (struct fixture){0};
    if (procfile_text)
        procfile_parse(str_of(procfile_text), "Procfile", options->foreman, &fixture->arena,
                       &procfile, &fixture->diagnostics);
    assert_int_equal(
        declaration_parse(str_of(text), "f", &fixture->arena, &declaration, &fixture->diagnostics),
        0);
    struct plan_sources sources = {
        .procfile = procfile_text ? &procfile : NULL,
        .declaration = &declaration,
        .options = options,
        .app = "app",
        .root = "/",
    };
    int result = plan_assemble(&sources, &fixture->plan, &fixture->diagnostics);
    assert_int_equal(result == 0, fixture->diagnostics.error_count == 0);
    arena_fini(&fixture->arena);
}

static void finish(struct fixture *fixture)
{
    plan_free(fixture->plan);
    diagnostics_fini(&fixture->diagnostics);
}

static const char procfile[] = "web: w\nworker: x\ndb: d\ncache: c\n";

// "web<db,cache worker<web": what each type waits for, in the order of the plan.
static void expect_order(const char *text, const char *wanted)
{
    struct fixture fixture;
    struct buffer order = {0};
    assemble(&fixture, procfile, text, &(struct options){0});
    EXPECT_FINDINGS(&fixture.diagnostics);
    for (size_t i = 0; i < fixture.plan->type_count; i++) {
        const struct process_type *type = &fixture.plan->types[i];
        for (size_t j = 0; j < type->after_count; j++) {
            if (j == 0 && order.size > 0)
                buffer_append_char(&order, ' ');
            if (j == 0)
                buffer_append_str(&order, type->name);
            buffer_append_char(&order, j == 0 ? '<' : ',');
            buffer_append_str(&order, fixture.plan->types[type->after[j]].name);
        }
    }
    buffer_append_char(&order, '\0');
    assert_string_equal(order.bytes, wanted);
    buffer_fini(&order);
    finish(&fixture);
}

static void names_become_indices(void **state)
{
    (void)state;
    expect_order("processes: {web: {after: [db, cache]}}", "web<db,cache");
    expect_order("processes: {web: {after: db}}", "web<db");
    expect_order("processes: {web: {after: []}, db: {}}", "");
    expect_order("processes: {web: {after: [db, db]}}", "web<db");
    expect_order("processes: {web: {after: extra}, extra: {command: e}}", "web<extra");
    // A diamond is no cycle.
    expect_order("processes: {web: {after: [db, cache]}, db: {after: worker},"
                 " cache: {after: [worker, db]}}",
                 "web<db,cache db<worker cache<worker,db");
}

// Findings as EXPECT_FINDINGS takes them.
#define FINDS(text, ...)                                                                           \
    do {                                                                                           \
        struct fixture read;                                                                       \
        assemble(&read, procfile, text, &(struct options){0});                                     \
        EXPECT_FINDINGS(&read.diagnostics, __VA_ARGS__);                                           \
        finish(&read);                                                                             \
    } while (0)

static void names_are_checked(void **state)
{
    (void)state;
    FINDS("processes: {web: {after: [db, cachd]}}",
          "f:1:31: there is no process type 'cachd': did you mean 'cache'?");
    FINDS("processes: {web: {after: mail}}", "f:1:26: there is no process type 'mail'");
    FINDS("processes: {web: {after: web}}", "f:1:26: 'web' cannot wait for itself");
    FINDS("processes: {web: {after: }}", "f:1:19: 'after' has no value");
    FINDS("processes: {web: {after: {a: b}}}", "f:1:26: 'after' takes one value, not a map");
    FINDS("processes: {web: {after: [[db]]}}", "f:1:27: this takes one value, not a list");
    FINDS("processes: {web: {after: ['']}}", "f:1:27: this takes a text, not ''");
}

static void cycles_are_named_in_full(void **state)
{
    (void)state;
    FINDS("processes:\n  web: {after: [cache, db]}\n  db: {after: web}\n",
          "f:3:15: none of these would ever start: web waits for db, db for web");
    FINDS("processes:\n  web: {after: worker}\n  worker: {after: db}\n  db: {after: cache}\n"
          "  cache: {after: worker}\n",
          "f:5:18: none of these would ever start: worker waits for db, db for cache, cache for "
          "worker");
    FINDS("processes:\n  web: {after: db}\n  db: {after: web}\n  cache: {after: worker}\n"
          "  worker: {after: cache}\n",
          "f:3:15: none of these would ever start: web waits for db, db for web",
          "f:4:18: none of these would ever start: worker waits for cache, cache for worker");
    // Also when none of them is to run now: `scale` could change that.
    FINDS("processes:\n  web: {after: db, quantity: 0}\n  db: {after: web, quantity: 0}\n",
          "f:3:15: none of these would ever start: web waits for db, db for web");
}

static void who_waits_for_nothing_is_told(void **state)
{
    (void)state;
    struct fixture fixture;
    FINDS("processes: {web: {after: [cache, db]}, db: {quantity: 0}}",
          "f:1:34: 'web' waits for nothing here: the quantity of 'db' is 0");
    FINDS("processes: {web: {after: db, quantity: 0}, db: {quantity: 0}}");
    assemble(&fixture, procfile, "processes: {web: {after: db}}",
             &(struct options){.except = "db"});
    assert_int_equal(fixture.diagnostics.error_count, 0);
    assert_int_equal(fixture.plan->types[0].after_count, 1);
    EXPECT_FINDINGS(&fixture.diagnostics, "f:1:26: 'web' waits for nothing here");
    finish(&fixture);
}

static void all_twins_of_foreman_are_waited_for(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture, "db: a\nweb: w\ndb: b\n", "processes: {web: {after: db}}",
             &(struct options){.foreman = true});
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_int_equal(fixture.plan->types[1].after_count, 2);
    assert_int_equal(fixture.plan->types[1].after[1], 2);
    finish(&fixture);
}

static void the_longest_chain_and_the_longest_cycle(void **state)
{
    (void)state;
    for (int is_cycle = 0; is_cycle < 2; is_cycle++) {
        struct fixture fixture;
        struct buffer text = {0};
        char line[96];
        buffer_append_text(&text, "processes:\n");
        (void)snprintf(line, sizeof(line), "  t0: {command: c, after: [%s]}\n",
                       is_cycle ? "t255" : "");
        buffer_append_text(&text, line);
        for (int i = 1; i < LIMIT_TYPES; i++) {
            (void)snprintf(line, sizeof(line), "  t%d: {command: c, after: t%d}\n", i, i - 1);
            buffer_append_text(&text, line);
        }
        buffer_append_char(&text, '\0');
        assemble(&fixture, NULL, text.bytes, &(struct options){0});
        if (is_cycle) {
            assert_true(str_ends_with(fixture.diagnostics.items[0].text, ", and so on, t1 for t0"));
            EXPECT_FINDINGS(&fixture.diagnostics,
                            "f:3:27: none of these would ever start: t0 waits for t255, t255 for");
        }
        EXPECT_FINDINGS(&fixture.diagnostics);
        finish(&fixture);
        buffer_fini(&text);
    }
}

static void a_list_without_end_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buffer text = {0};
    buffer_append_text(&text, "processes: {web: {after: [db");
    for (int i = 0; i < LIMIT_TYPES; i++)
        buffer_append_text(&text, ",db");
    buffer_append_text(&text, "]}}");
    buffer_append_char(&text, '\0');
    assemble(&fixture, procfile, text.bytes, &(struct options){0});
    EXPECT_FINDINGS(&fixture.diagnostics, "f:1:26: more than 256 process types");
    finish(&fixture);
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_indices),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(cycles_are_named_in_full),
        cmocka_unit_test(who_waits_for_nothing_is_told),
        cmocka_unit_test(all_twins_of_foreman_are_waited_for),
        cmocka_unit_test(the_longest_chain_and_the_longest_cycle),
        cmocka_unit_test(a_list_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
