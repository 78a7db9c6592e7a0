// SPDX-License-Identifier: MIT
// Processes are known by the index of their type: whatever is done to the files, a name keeps its
// index, and only what is started in another way is found to differ.
#include "plan/merge.h"

#include "base/buffer.h"
#include "base/limits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// "db web<db worker<db,web": each type and what it waits for; the command is the name.
static struct plan *plan_of(const char *text)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    struct str rest = str_of(text);
    struct str word;
    assert_non_null(plan);
    struct arena *arena = &plan->arena;
    plan->types = arena_alloc(arena, LIMIT_TYPES * sizeof(*plan->types));
    plan->has_port = true;
    plan->port_base = 5000;
    while (rest.size > 0 && str_next(&rest, ' ', &word)) {
        uint16_t *after = arena_alloc(arena, LIMIT_TYPES * sizeof(*after));
        struct str name = str_slice(word, 0, str_find_char(word, '<'));
        struct str names = str_slice(word, name.size + 1, word.size);
        struct str wanted;
        struct process_type type = {
            .quantity = 1,
            .port_index = (unsigned)plan->type_count,
            .directory = str_of("/srv"),
            .policy = plan_default_policy(),
            .after = after,
        };
        assert_int_equal(arena_str(arena, name, &type.name), 0);
        type.command = type.name;
        while (names.size > 0 && str_next(&names, ',', &wanted))
            after[type.after_count++] = (uint16_t)(plan_find(plan, wanted) - plan->types);
        assert_true(plan->type_count < LIMIT_TYPES);
        plan->types[plan->type_count++] = type;
    }
    return plan;
}

// The plan as plan_of() takes it, "-" before what is gone.
static void expect_plan(const struct plan *plan, const char *wanted)
{
    struct buffer text = {0};
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        if (i > 0)
            buffer_append_char(&text, ' ');
        if (type->is_gone) {
            assert_int_equal(type->quantity, 0);
            buffer_append_char(&text, '-');
        }
        buffer_append_str(&text, type->name);
        for (size_t j = 0; j < type->after_count; j++) {
            buffer_append_char(&text, j == 0 ? '<' : ',');
            buffer_append_str(&text, plan->types[type->after[j]].name);
        }
    }
    buffer_append_char(&text, '\0');
    assert_string_equal(text.bytes, wanted);
    buffer_fini(&text);
}

// Frees both; the merged plan has its own copies.
static struct plan *merge(struct plan *old, struct plan *fresh)
{
    struct plan *merged = NULL;
    assert_int_equal(plan_merge(old, fresh, &merged), 0);
    plan_free(old);
    plan_free(fresh);
    return merged;
}

static void expect_merged(const char *old, const char *fresh, const char *wanted)
{
    struct plan *merged = merge(plan_of(old), plan_of(fresh));
    expect_plan(merged, wanted);
    plan_free(merged);
}

static void a_name_keeps_its_index(void **state)
{
    (void)state;
    expect_merged("web worker", "web worker", "web worker");
    expect_merged("web worker db", "db web worker", "web worker db");
    expect_merged("web worker", "web", "web -worker");
    expect_merged("web worker", "worker", "-web worker");
    expect_merged("web", "new web other", "web new other");
    expect_merged("web worker", "web job", "web -worker job");
    expect_merged("web", "job", "-web job");
}

static void what_is_waited_for_moves_along(void **state)
{
    (void)state;
    expect_merged("web db", "db cache web<db,cache", "web<db,cache db cache");
    expect_merged("db web<db", "web", "-db web");
    // What is gone waits for nothing: it never starts.
    expect_merged("db web<db", "db", "db -web");
}

static void foremans_twins_keep_their_order(void **state)
{
    (void)state;
    struct plan *old = plan_of("web web");
    struct plan *fresh = plan_of("job web web web");
    old->types[1].command = str_of("second");
    fresh->types[2].command = str_of("second");
    struct plan *merged = merge(old, fresh);
    expect_plan(merged, "web web job web");
    assert_true(str_is(merged->types[0].command, "web"));
    assert_true(str_is(merged->types[1].command, "second"));
    plan_free(merged);
}

static void what_was_gone_can_come_back(void **state)
{
    (void)state;
    struct plan *merged = merge(plan_of("web worker"), plan_of("web"));
    merged = merge(merged, plan_of("web job"));
    expect_plan(merged, "web -worker job");
    assert_true(str_is(merged->types[1].command, "worker"));
    merged = merge(merged, plan_of("worker web"));
    expect_plan(merged, "web worker -job");
    assert_int_equal(merged->types[1].quantity, 1);
    plan_free(merged);
}

static void all_else_is_that_of_the_fresh_plan(void **state)
{
    (void)state;
    static const struct variable variables[] = {{{"A", 1}, {"1", 1}}};
    struct plan *fresh = plan_of("web");
    fresh->app = str_of("shop");
    fresh->root = str_of("/srv/shop");
    fresh->port_base = 7000;
    fresh->environment = (struct environment){variables, 1};
    fresh->types[0].quantity = 3;
    fresh->types[0].policy.watchdog = 4;
    fresh->types[0].ready = (struct probe){.kind = PROBE_LOG, .text = str_of("up")};
    struct plan *merged = merge(plan_of("web"), fresh);
    assert_true(str_is(merged->app, "shop"));
    assert_true(str_is(merged->root, "/srv/shop"));
    assert_int_equal(merged->port_base, 7000);
    assert_int_equal(merged->environment.count, 1);
    assert_int_equal(merged->types[0].quantity, 3);
    assert_int_equal(merged->types[0].policy.watchdog, 4);
    assert_true(str_is(merged->types[0].ready.text, "up"));
    plan_free(merged);
}

static struct plan *many(const char *prefix, unsigned count)
{
    struct buffer text = {0};
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%s%s%u", i ? " " : "", prefix, i);
        buffer_append_text(&text, name);
    }
    buffer_append_char(&text, '\0');
    struct plan *plan = plan_of(text.bytes);
    buffer_fini(&text);
    return plan;
}

static void there_is_room_for_so_many_types(void **state)
{
    (void)state;
    struct plan *old = many("old", LIMIT_TYPES - 1);
    struct plan *fresh = plan_of("a b");
    struct plan *merged = NULL;
    assert_int_equal(plan_merge(old, fresh, &merged), -E2BIG);
    assert_null(merged);
    fresh->type_count = 1;
    assert_int_equal(plan_merge(old, fresh, &merged), 0);
    assert_int_equal(merged->type_count, LIMIT_TYPES);
    plan_free(merged);
    plan_free(old);
    plan_free(fresh);
}

// What a test does to the fresh plan, and the types that differ then: "0,2", or "".
typedef void edit(struct plan *plan);

static void expect_differing(struct plan *old, struct plan *fresh, const char *wanted)
{
    char text[64] = "";
    size_t size = 0;
    struct plan *merged = NULL;
    assert_int_equal(plan_merge(old, fresh, &merged), 0);
    for (uint16_t i = 0; i < merged->type_count; i++)
        if (i < old->type_count && merged->types[i].revision != old->types[i].revision)
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%u", size ? "," : "", i);
    assert_string_equal(text, wanted);
    plan_free(merged);
    plan_free(old);
    plan_free(fresh);
}

static void expect_change(edit *apply, const char *wanted)
{
    struct plan *fresh = plan_of("web worker db");
    apply(fresh);
    expect_differing(plan_of("web worker db"), fresh, wanted);
}

static void change_nothing(struct plan *plan)
{
    (void)plan;
}

static void change_command(struct plan *plan)
{
    plan->types[1].command = str_of("other");
}

static void change_directory(struct plan *plan)
{
    plan->types[1].directory = str_of("/other");
}

static void change_tty(struct plan *plan)
{
    plan->types[1].tty = true;
}

static void change_port(struct plan *plan)
{
    plan->types[1].port_index = 7;
}

static void change_all_ports(struct plan *plan)
{
    plan->port_base = 6000;
}

static void take_all_ports_away(struct plan *plan)
{
    plan->has_port = false;
}

static void change_rights(struct plan *plan)
{
    plan->types[0].confinement.rights.no_new_privs = true;
}

static void change_expansion(struct plan *plan)
{
    plan->expands_like_foreman = true;
}

static void add_watchdog(struct plan *plan)
{
    plan->types[2].policy.watchdog = NSEC_PER_SEC;
}

static void add_notify(struct plan *plan)
{
    plan->types[2].ready.kind = PROBE_NOTIFY;
}

static void limit_memory(struct plan *plan)
{
    plan->types[1].confinement.tree.memory_bytes = 1 << 20;
}

static void limit_processors(struct plan *plan)
{
    plan->types[1].confinement.tree.cpu_thousandths = 500;
}

static void limit_processes(struct plan *plan)
{
    plan->types[1].confinement.tree.processes = 5;
}

static void add_sockets(struct plan *plan)
{
    static const struct str name = {"http", 4};
    plan->types[0].sockets.are_all = true;
    plan->types[2].sockets.names = &name;
    plan->types[2].sockets.name_count = 1;
}

static void add_listener(struct plan *plan)
{
    static const struct listener listener = {
        .port = 8080, .path = {"", 0}, .name = {"", 0}, .variable = {"", 0}};
    plan->types[1].listening = (struct listening){LISTENER_PASS, &listener, 1};
}

// Nothing of it reaches a process when it is started.
static void change_what_processes_do_not_see(struct plan *plan)
{
    struct process_type *type = &plan->types[1];
    plan->app = str_of("other");
    type->quantity = 9;
    type->policy.stop_grace = 1;
    type->policy.restart = RESTART_NEVER;
    type->policy.roll_surge = 3;
    type->ready = (struct probe){.kind = PROBE_TCP, .port = 80};
    type->alive = (struct probe){.kind = PROBE_EXEC, .text = str_of("check")};
    type->origin.line = 12;
    type->confinement.tree.origin.line = 13;
}

static void only_how_it_is_started_makes_a_type_differ(void **state)
{
    (void)state;
    expect_change(change_nothing, "");
    expect_change(change_command, "1");
    expect_change(change_directory, "1");
    expect_change(change_tty, "1");
    expect_change(change_port, "1");
    expect_change(change_rights, "0");
    expect_change(change_all_ports, "0,1,2");
    expect_change(take_all_ports_away, "0,1,2");
    expect_change(change_expansion, "0,1,2");
    expect_change(add_watchdog, "2");
    expect_change(add_notify, "2");
    expect_change(limit_memory, "1");
    expect_change(limit_processors, "1");
    expect_change(limit_processes, "1");
    expect_change(add_sockets, "0,2");
    expect_change(add_listener, "1");
    expect_change(change_what_processes_do_not_see, "");
}

static void other_places_are_other_ports(void **state)
{
    (void)state;
    struct plan *old = plan_of("web worker db");
    struct plan *fresh = plan_of("web db worker");
    expect_differing(old, fresh, "1,2");
    old = plan_of("web worker db");
    fresh = plan_of("web db worker");
    old->has_port = fresh->has_port = false;
    expect_differing(old, fresh, "");
}

static void what_is_new_or_gone_does_not_differ(void **state)
{
    (void)state;
    expect_differing(plan_of("web worker"), plan_of("web new"), "");
    expect_differing(plan_of("web"), plan_of("job"), "");
}

// "A=1 B=2" as variables in the plan's arena.
static struct environment variables_of(struct plan *plan, const char *text)
{
    enum { MOST = 8 };
    struct variable *variables = arena_alloc(&plan->arena, MOST * sizeof(*variables));
    struct environment environment = {variables, 0};
    struct str rest = str_of(text);
    struct str word;
    while (rest.size > 0 && str_next(&rest, ' ', &word)) {
        size_t equals = str_find_char(word, '=');
        assert_true(environment.count < MOST);
        variables[environment.count++] = (struct variable){
            str_slice(word, 0, equals),
            str_slice(word, equals + 1, word.size),
        };
    }
    return environment;
}

// Variables of the files before and now, and those of type 1, which beat them.
static void expect_environment(const char *old_files, const char *old_type, const char *files,
                               const char *type, const char *wanted)
{
    struct plan *old = plan_of("web worker db");
    struct plan *fresh = plan_of("web worker db");
    old->environment = variables_of(old, old_files);
    old->types[1].environment = variables_of(old, old_type);
    fresh->environment = variables_of(fresh, files);
    fresh->types[1].environment = variables_of(fresh, type);
    expect_differing(old, fresh, wanted);
}

static void a_change_in_the_files_is_one_for_all(void **state)
{
    (void)state;
    expect_environment("A=1", "", "A=1", "", "");
    expect_environment("A=1", "", "A=2", "", "0,1,2");
    expect_environment("A=1", "", "", "", "0,1,2");
    expect_environment("", "", "A=1", "", "0,1,2");
    expect_environment("A=1", "", "A=", "", "0,1,2");
    expect_environment("A=1", "", "B=1", "", "0,1,2");
    expect_environment("A=1 B=2", "", "B=2 A=1", "", "");
}

static void a_change_that_a_type_overrides_does_not_reach_it(void **state)
{
    (void)state;
    expect_environment("", "A=1", "", "A=2", "1");
    expect_environment("", "A=1", "", "", "1");
    expect_environment("A=1", "A=3", "A=2", "A=3", "0,2");
    expect_environment("A=1", "", "A=1", "A=1", "");
    expect_environment("A=1", "A=2", "A=1", "", "1");
    expect_environment("PS=1", "", "PS=2", "PS=3", "");
    expect_environment("PORT=5000", "", "PORT=5001", "PORT=3", "");
}

static void port_is_a_variable_like_others_without_ports(void **state)
{
    (void)state;
    struct plan *old = plan_of("web worker");
    struct plan *fresh = plan_of("web worker");
    old->has_port = fresh->has_port = false;
    old->environment = variables_of(old, "PORT=1");
    fresh->environment = variables_of(fresh, "PORT=2");
    expect_differing(old, fresh, "0,1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_keeps_its_index),
        cmocka_unit_test(what_is_waited_for_moves_along),
        cmocka_unit_test(foremans_twins_keep_their_order),
        cmocka_unit_test(what_was_gone_can_come_back),
        cmocka_unit_test(all_else_is_that_of_the_fresh_plan),
        cmocka_unit_test(there_is_room_for_so_many_types),
        cmocka_unit_test(only_how_it_is_started_makes_a_type_differ),
        cmocka_unit_test(other_places_are_other_ports),
        cmocka_unit_test(what_is_new_or_gone_does_not_differ),
        cmocka_unit_test(a_change_in_the_files_is_one_for_all),
        cmocka_unit_test(a_change_that_a_type_overrides_does_not_reach_it),
        cmocka_unit_test(port_is_a_variable_like_others_without_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
