// SPDX-License-Identifier: MIT
// A plan that is read back says the same, and no cut or changed archive is taken for one.
#include "plan/archive.h"

#include "base/random.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct variable variables[] = {
    {{"A", 1}, {"one", 3}},
    {{"EMPTY", 5}, {"", 0}},
};

static const uint16_t after[] = {1};
static const uint32_t groups[] = {33, 4294967294};

static const struct str socket_names[] = {{"http", 4}, {"admin", 5}};

static const struct scale_span spans[] = {{62, 480, 1080, 4}, {1, 0, 1440, 2}};
static const struct listener listeners[] = {
    {
        .family = LISTENER_IPV6,
        .host = {0x20, 1, [15] = 9},
        .port = 8080,
        .path = {"", 0},
        .name = {"http", 4},
        .variable = {"HTTP_FD", 7},
        .backlog = 16,
        .origin = {{"formation.yaml", 14}, 9, 10},
    },
    {
        .family = LISTENER_UNIX,
        .path = {"/run/web", 8},
        .name = {"web", 3},
        .variable = {"", 0},
        .has_mode = true,
        .mode = 0600,
        .has_uid = true,
        .uid = UINT32_MAX - 1,
        .has_gid = true,
        .gid = 44,
        .origin = {{"", 0}, 0, 0},
    },
};

static struct process_type types[] = {
    {
        .name = {"web", 3},
        .command = {"serve -p $PORT", 14},
        .origin = {{"Procfile", 8}, 3, 6},
        .quantity = 2,
        .port_index = 1,
        .revision = 5,
        .tty = true,
        .directory = {"/srv/shop", 9},
        .environment = {variables, 2},
        .policy = {RESTART_ON_FAILURE, 1, 2, 3, SIGINT, 4, true, 5, 6, 7, 8},
        .confinement = {{512, 1500, 100, {{"formation.yaml", 14}, 7, 8}}},
        .sockets = {true, socket_names, 2, .origin = {{"", 0}, 0, 0}},
        .listening = {LISTENER_PASS, listeners, 2},
        .ready = {PROBE_HTTP, 8080, {"/health", 7}, 9, 10, 11},
        .alive = {PROBE_EXEC, 0, {"check", 5}, 12, 13, 14},
        .confinement.rights =
            {
                .user = {"www", 3},
                .group = {"web", 3},
                .has_account = true,
                .account = {{"www", 3}, {"/srv", 4}, {"/bin/sh", 7}, 33, 44, groups, 2},
                .has_umask = true,
                .umask = 027,
                .has_nice = true,
                .nice = -5,
                .limits = {[RIGHTS_FILES] = {true, 99}, [RIGHTS_CORE] = {true, RIGHTS_UNLIMITED}},
                .no_new_privs = true,
                .has_capabilities = true,
                .capabilities = UINT64_MAX - 1,
                .capabilities_given = 6,
                .private_tmp = true,
            },
        .scale =
            {
                .is_set = true,
                .signal = SCALE_COMMAND,
                .max = 20,
                .target = 100000,
                .tolerance_percent = 3,
                .idle = 4,
                .window = 5,
                .rate = 6,
                .command = {"depth", 5},
                .interval = 7,
                .timeout = 8,
                .spans = spans,
                .span_count = 2,
                .origin = {{"formation.yaml", 14}, 9, 5},
            },
        .is_fixed = true,
        .after = after,
        .after_count = 1,
    },
    {.name = {"clock", 5}, .command = {"tick", 4}, .is_gone = true, .directory = {"/", 1}},
};

static const struct str patterns[] = {{"web", 3}, {"*.1", 3}};

static struct plan_sink sinks[] = {
    {
        .kind = SINK_FILE,
        .origin = {{"formation.yaml", 14}, 4, 5},
        .target = {"logs/{process}.log", 18},
        .patterns = patterns,
        .pattern_count = 2,
        .stream = SINK_STDERR,
        .format = SINK_HEROKU,
        .rotation = {1, 2, 3, 4, true},
        .file_mode = 0640,
    },
    {
        .kind = SINK_SYSLOG,
        .target = {"::1", 3},
        .policy = SINK_DROP,
        .address = SINK_TCP,
        .port = 601,
        .facility = 23,
    },
    {.kind = SINK_JOURNALD, .target = {"", 0}},
};

static const struct plan original = {
    .app = {"shop", 4},
    .root = {"/srv/shop", 9},
    .has_port = true,
    .port_base = 5000,
    .ends_at_first_exit = true,
    .environment = {variables, 1},
    .type_count = 2,
    .types = types,
    .sink_count = 3,
    .sinks = sinks,
};

static void assert_probe(const struct probe *probe, const struct probe *wanted)
{
    assert_int_equal(probe->kind, wanted->kind);
    assert_int_equal(probe->port, wanted->port);
    assert_true(str_equal(probe->text, wanted->text));
    assert_int_equal(probe->interval, wanted->interval);
    assert_int_equal(probe->timeout, wanted->timeout);
    assert_int_equal(probe->failures, wanted->failures);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct buffer first = {0};
    struct buffer second = {0};
    struct plan *plan = NULL;
    archive_write(&original, &first);
    assert_int_equal(archive_read(buffer_str(&first), &plan), 0);
    assert_true(str_is(plan->types[0].command, "serve -p $PORT"));
    assert_true(str_is(plan->types[0].environment.variables[1].name, "EMPTY"));
    assert_int_equal(plan->types[0].policy.stop_signal, SIGINT);
    assert_int_equal(plan->types[0].origin.line, 3);
    assert_int_equal(plan->types[0].policy.boot_limit, 5);
    assert_int_equal(plan->types[0].policy.watchdog, 6);
    assert_int_equal(plan->types[0].policy.roll_surge, 7);
    assert_int_equal(plan->types[0].policy.roll_max_unavailable, 8);
    assert_probe(&plan->types[0].ready, &types[0].ready);
    assert_probe(&plan->types[0].alive, &types[0].alive);
    assert_false(rights_differ(&plan->types[0].confinement.rights, &types[0].confinement.rights));
    assert_true(str_is(plan->types[0].confinement.rights.group, "web"));
    assert_false(rights_are_special(&plan->types[1].confinement.rights));
    assert_int_equal(plan->types[0].confinement.tree.memory_bytes, 512);
    assert_int_equal(plan->types[0].confinement.tree.cpu_thousandths, 1500);
    assert_int_equal(plan->types[0].confinement.tree.processes, 100);
    assert_true(str_is(plan->types[0].confinement.tree.origin.file, "formation.yaml"));
    assert_int_equal(plan->types[0].confinement.tree.origin.column, 8);
    assert_true(plan->types[0].sockets.are_all);
    assert_int_equal(plan->types[0].sockets.name_count, 2);
    assert_true(str_is(plan->types[0].sockets.names[1], "admin"));
    assert_int_equal(plan->types[0].scale.target, 100000);
    assert_int_equal(plan->types[0].scale.timeout, 8);
    assert_true(str_is(plan->types[0].scale.command, "depth"));
    assert_int_equal(plan->types[0].scale.spans[1].to, 1440);
    assert_true(plan->types[0].is_fixed && !plan->types[0].declared_is_fixed);
    assert_false(plan->types[1].scale.is_set);
    const struct listening *listening = &plan->types[0].listening;
    assert_false(listening_differs(listening, &types[0].listening));
    assert_int_equal(listening->share, LISTENER_PASS);
    assert_int_equal(listening->items[0].backlog, 16);
    assert_int_equal(listening->items[0].origin.column, 10);
    assert_true(listening->items[1].has_mode && !listening->items[0].has_mode);
    assert_int_equal(listening->items[1].mode, 0600);
    assert_int_equal(listening->items[1].uid, UINT32_MAX - 1);
    assert_int_equal(listening->items[1].gid, 44);
    assert_int_equal(plan->types[0].after_count, 1);
    assert_int_equal(plan->types[0].after[0], 1);
    assert_true(plan->types[1].is_gone && !plan->types[0].is_gone);
    assert_int_equal(plan->types[1].after_count, 0);
    assert_int_equal(plan->sink_count, 3);
    assert_int_equal(plan->sinks[0].origin.column, 5);
    assert_false(plan_sinks_differ(&original, plan));
    archive_write(plan, &second);
    assert_true(str_equal(buffer_str(&first), buffer_str(&second)));
    plan_free(plan);
    buffer_fini(&first);
    buffer_fini(&second);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    struct plan *plan = NULL;
    archive_write(&original, &bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(archive_read(str_from(bytes.bytes, size), &plan), -EPROTO);
    buffer_append_char(&bytes, 'x');
    assert_int_equal(archive_read(buffer_str(&bytes), &plan), -EPROTO);
    assert_null(plan);
    buffer_fini(&bytes);
}

static void expect_refused(const struct plan *plan)
{
    struct buffer bytes = {0};
    struct plan *read = NULL;
    archive_write(plan, &bytes);
    assert_int_equal(archive_read(buffer_str(&bytes), &read), -EPROTO);
    assert_null(read);
    buffer_fini(&bytes);
}

// What is no index or kind would be used as one.
static void test_foreign_numbers(void **state)
{
    (void)state;
    static const uint16_t nowhere[] = {1, 2};
    struct process_type strange[2] = {types[0], types[1]};
    struct plan plan = original;
    plan.types = strange;
    for (int round = 0; round < 2; round++) {
        strange[0].after = round == 0 ? nowhere : after;
        strange[0].after_count = round == 0 ? 2 : 1;
        strange[1].alive.kind = round == 0 ? PROBE_NONE : (enum probe_kind)(PROBE_NOTIFY + 1);
        expect_refused(&plan);
    }
}

static void test_foreign_sinks(void **state)
{
    (void)state;
    struct plan_sink strange[] = {sinks[0], sinks[1], sinks[1], sinks[1], sinks[1], sinks[1]};
    strange[0].kind = (enum sink_kind)3;
    strange[1].format = (enum sink_format)5;
    strange[2].address = (enum sink_address)3;
    strange[3].facility = SINK_FACILITIES;
    strange[4].stream = (enum sink_stream)3;
    strange[5].policy = (enum sink_policy)2;
    for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
        struct plan plan = original;
        plan.sinks = &strange[i];
        plan.sink_count = 1;
        expect_refused(&plan);
    }
}

static void test_changed_anywhere(void **state)
{
    (void)state;
    struct random random = {1};
    for (int round = 0; round < 2000; round++) {
        struct buffer bytes = {0};
        struct plan *plan = NULL;
        archive_write(&original, &bytes);
        bytes.bytes[random_below(&random, bytes.size)] = (char)random_next(&random);
        (void)archive_read(buffer_str(&bytes), &plan); // any plan or none, but no crash
        plan_free(plan);
        buffer_fini(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_foreign_numbers),
        cmocka_unit_test(test_foreign_sinks),
        cmocka_unit_test(test_changed_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
