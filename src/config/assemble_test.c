// SPDX-License-Identifier: MIT
#include "config/assemble.h"

#include "config/expect.h"

#include <errno.h>
#include <stdio.h>

// Everything that a plan is made from, as texts.
struct story {
    const char *procfile;
    const char *declaration;
    const char *env; // one file; a second one behind it in `env2`
    const char *env2;
    const char *inherited_port;
    struct options options;
};

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct plan *plan;
    int result;
};

static void assemble(struct fixture *fixture, struct story story)
{
    struct procfile procfile = {0};
    struct declaration declaration = {0};
    struct dotenv env[2] = {0};
    *fixture = (struct fixture){0};
    struct arena *arena = &fixture->arena;
    struct diagnostics *diagnostics = &fixture->diagnostics;
    bool foreman = story.options.foreman;
    if (story.procfile)
        procfile_parse(str_of(story.procfile), "Procfile", foreman, arena, &procfile, diagnostics);
    if (story.declaration)
        declaration_parse(str_of(story.declaration), "formation.yaml", arena, &declaration,
                          diagnostics);
    if (story.env)
        dotenv_parse(str_of(story.env), ".env", foreman, arena, &env[0], diagnostics);
    if (story.env2)
        dotenv_parse(str_of(story.env2), ".env2", foreman, arena, &env[1], diagnostics);
    struct plan_sources sources = {
        .procfile = story.procfile ? &procfile : NULL,
        .declaration = story.declaration ? &declaration : NULL,
        .env_files = env,
        .env_file_count = 2,
        .options = &story.options,
        .inherited_port = story.inherited_port,
        .app = "folder",
        .root = "/srv/app",
    };
    fixture->result = plan_assemble(&sources, &fixture->plan, diagnostics);
    // The plan holds copies of all.
    arena_fini(&fixture->arena);
    if (fixture->result != 0)
        assert_null(fixture->plan);
}

static void finish(struct fixture *fixture)
{
    plan_free(fixture->plan);
    diagnostics_fini(&fixture->diagnostics);
}

// "web=1 worker=2" is what is wanted.
static void expect_quantities(struct fixture *fixture, const char *wanted)
{
    char text[512] = "";
    size_t size = 0;
    EXPECT_FINDINGS(&fixture->diagnostics);
    assert_non_null(fixture->plan);
    for (size_t i = 0; i < fixture->plan->type_count; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%.*s=%u", i ? " " : "",
                                 STR_ARGS(fixture->plan->types[i].name),
                                 fixture->plan->types[i].quantity);
    assert_string_equal(text, wanted);
    finish(fixture);
}

static const char procfile[] = "web: w\nworker: x\nrelease: r\n";
#define NAMES(...)                                                                                 \
    .names = (const char *const[]){__VA_ARGS__},                                                   \
    .name_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

#define QUANTITIES(wanted, declared, ...)                                                          \
    do {                                                                                           \
        struct fixture fixture;                                                                    \
        assemble(&fixture,                                                                         \
                 (struct story){procfile, .declaration = declared, .options = {__VA_ARGS__}});     \
        expect_quantities(&fixture, wanted);                                                       \
    } while (0)

static void layers_decide_about_quantities(void **state)
{
    (void)state;
    static const char two[] = "processes: {web: {quantity: 2}, release: {quantity: 1}}";
    QUANTITIES("web=1 worker=1 release=0", NULL, 0);
    QUANTITIES("web=1 worker=1 release=1", NULL, .foreman = true);
    QUANTITIES("web=2 worker=1 release=1", two, 0);
    QUANTITIES("web=3 worker=0 release=0", two, .formation = "web=3");
    QUANTITIES("web=3 worker=2 release=2", NULL, .formation = " all = 2 ,\n web=3,");
    QUANTITIES("web=0 worker=1 release=0", NULL, .except = "web");
    QUANTITIES("web=0 worker=3 release=0", NULL, .formation = "web=3,worker=3", .except = "web");
    QUANTITIES("web=1 worker=0 release=0", NULL, NAMES("web"));
    QUANTITIES("web=2 worker=0 release=0", two, NAMES("web"));
    QUANTITIES("web=1 worker=2 release=0", NULL, NAMES("web", "worker=2"));
    QUANTITIES("web=0 worker=0 release=1", NULL, NAMES("release"));
    QUANTITIES("web=1 worker=0 release=0", NULL, NAMES("web"), .formation = "worker=2");
    QUANTITIES("web=1 worker=1 release=1", NULL, NAMES("all"));
    QUANTITIES("web=1 worker=0 release=0", two, NAMES("web"), .foreman = true);
    QUANTITIES("web=0 worker=2 release=0", NULL, .formation = "worker=1,worker=2", .foreman = true);
}

static void complains_about_names_and_counts(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct {
        struct options options;
        const char *findings[3];
    } cases[] = {
        {{.formation = "wob=1,job=2"},
         {"-m: there is no process type 'wob': did you mean 'web'?",
          "-m: there is no process type 'job'"}},
        {{.formation = "wob=1", .foreman = true}, {"unknown process: wob"}},
        {{.formation = "web=x"}, {"-m: 'web' takes a number from 0 to 8192, not 'x'"}},
        {{.formation = "web=x", .foreman = true}, {"-m: 'web' takes a number"}},
        {{.formation = "web=-1"}, {"-m: 'web' takes a number from 0 to 8192, not '-1'"}},
        {{.formation = "web=9999"}, {"-m: 'web' takes a number from 0 to 8192, not '9999'"}},
        {{.formation = "web=8192,worker=1"}, {"8193 processes in all", "the ports of"}},
        {{.formation = "web"}, {"-m: how many? Write web=1"}},
        {{.formation = "web=1,web=2"}, {"-m: 'web' stands there twice"}},
        {{.except = "wrker,web=1"},
         {"--except: there is no process type 'wrker': did you mean 'worker'?",
          "--except takes names of process types, not 'web=1'"}},
        {{NAMES("nosuch")}, {"start: there is no process type 'nosuch'"}},
        {{NAMES("nosuch"), .foreman = true}, {"unknown process: nosuch"}},
        {{NAMES("web", "web")}, {"start: 'web' stands there twice"}},
        {{NAMES("")}, {"start: there is no process type ''"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assemble(&fixture, (struct story){procfile, .options = cases[i].options,
                                          .inherited_port = i == 6 ? "60000" : NULL});
        assert_int_equal(fixture.result, -EINVAL);
        expect_findings(&fixture.diagnostics, cases[i].findings);
        finish(&fixture);
    }
}

static unsigned port_base(struct story story)
{
    struct fixture fixture;
    story.procfile = procfile;
    assemble(&fixture, story);
    EXPECT_FINDINGS(&fixture.diagnostics);
    unsigned port = plan_port(fixture.plan, (struct process_id){0, 1});
    assert_int_equal(plan_port(fixture.plan, (struct process_id){1, 3}), port ? port + 102 : 0);
    finish(&fixture);
    return port;
}

static void layers_decide_about_ports(void **state)
{
    (void)state;
    struct story all = {
        .options = {.port = 1000, .has_port = true},
        .declaration = "port: 2000",
        .env = "PORT=1\n",
        .env2 = "PORT=3000\n",
        .inherited_port = "4000",
    };
    assert_int_equal(port_base(all), 1000);
    all.options.has_port = false;
    assert_int_equal(port_base(all), 3000);
    all.env = all.env2 = NULL;
    assert_int_equal(port_base(all), 4000);
    all.inherited_port = "";
    assert_int_equal(port_base(all), 2000);
    all.declaration = NULL;
    assert_int_equal(port_base(all), 5000);
    all.inherited_port = "nonsense";
    all.options.no_port = true;
    assert_int_equal(port_base(all), 0);
}

static void complains_about_ports(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture, (struct story){procfile, .env = "A=1\nPORT=x\n"});
    EXPECT_FINDINGS(&fixture.diagnostics, ".env:2:1: PORT is a number from 1 to 65535, not 'x'");
    finish(&fixture);
    assemble(&fixture, (struct story){procfile, .inherited_port = "tcp://x"});
    EXPECT_FINDINGS(&fixture.diagnostics,
                    "PORT is a number from 1 to 65535, not 'tcp://x' (in the environment)");
    finish(&fixture);
    assemble(&fixture, (struct story){procfile, .env = "PORT=65500"});
    EXPECT_FINDINGS(&fixture.diagnostics, ".env:1:1: the ports of 'worker' reach 65600");
    finish(&fixture);
    assemble(&fixture,
             (struct story){procfile, .env = "PORT=65500", .options = {.except = "worker"}});
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
    assemble(&fixture, (struct story){procfile, .options = {.formation = "web=101,worker=1"}});
    assert_int_equal(fixture.result, 0);
    EXPECT_FINDINGS(&fixture.diagnostics,
                    "Procfile:1:1: 101 processes of 'web' use ports that 'worker' has too");
    finish(&fixture);
}

static void joins_procfile_and_declaration(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture,
             (struct story){procfile, .declaration = "app: shop\n"
                                                     "processes:\n"
                                                     "  extra: {command: e, tty: true}\n"
                                                     "  web: {directory: ./x, env: {A: b}}\n"
                                                     "  worker: {directory: /tmp}\n"});
    EXPECT_FINDINGS(&fixture.diagnostics);
    const struct plan *plan = fixture.plan;
    assert_true(str_is(plan->app, "shop"));
    assert_true(str_is(plan->root, "/srv/app"));
    assert_int_equal(plan->type_count, 4);
    assert_true(str_is(plan->types[0].directory, "/srv/app/x"));
    assert_true(str_is(plan->types[1].directory, "/tmp"));
    assert_true(str_is(plan->types[2].directory, "/srv/app"));
    assert_true(str_is(plan->types[3].name, "extra") && plan->types[3].tty);
    assert_int_equal(plan->types[3].port_index, 3);
    assert_int_equal(plan->types[3].origin.line, 3);
    assert_true(str_is(plan->types[3].origin.file, "formation.yaml"));
    assert_int_equal(plan->types[0].environment.count, 1);
    finish(&fixture);

    assemble(&fixture, (struct story){.declaration = "processes: {web: {command: w}}"});
    assert_true(str_is(fixture.plan->app, "folder"));
    expect_quantities(&fixture, "web=1");
}

static void probes_reach_the_plan(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture,
             (struct story){procfile, .declaration = "processes:\n"
                                                     "  web: {ready: {http: /up}, boot: 7s}\n"
                                                     "  worker: {alive: {exec: check}}\n"});
    EXPECT_FINDINGS(&fixture.diagnostics);
    const struct process_type *web = &fixture.plan->types[0];
    const struct process_type *worker = &fixture.plan->types[1];
    assert_int_equal(web->ready.kind, PROBE_HTTP);
    assert_string_equal(web->ready.text.bytes, "/up");
    assert_true(web->policy.waits_for_ready);
    assert_int_equal(web->policy.boot_limit, 7 * NSEC_PER_SEC);
    assert_int_equal(web->alive.kind, PROBE_NONE);
    assert_int_equal(worker->alive.kind, PROBE_EXEC);
    assert_string_equal(worker->alive.text.bytes, "check");
    assert_false(worker->policy.waits_for_ready);
    assert_int_equal(fixture.plan->types[2].ready.kind, PROBE_NONE);
    finish(&fixture);
}

static void a_probe_of_a_port_needs_one(void **state)
{
    (void)state;
    struct fixture fixture;
    struct story story = {procfile, .declaration = "processes:\n"
                                                   "  web: {ready: {http: /up}}\n"
                                                   "  worker: {alive: {tcp: true}}\n"
                                                   "  release: {ready: {exec: x}}\n"};
    assemble(&fixture, story);
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
    story.options.no_port = true;
    assemble(&fixture, story);
    assert_int_equal(fixture.result, -EINVAL);
    EXPECT_FINDINGS(&fixture.diagnostics, "formation.yaml:2:16: 'web' has no PORT with --no-port",
                    "formation.yaml:3:19: 'worker' has no PORT with --no-port");
    finish(&fixture);
    story.declaration = "processes: {web: {ready: {http: /up, port: 80}, alive: {tcp: 80}}}";
    assemble(&fixture, story);
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_int_equal(fixture.plan->types[0].ready.port, 80);
    finish(&fixture);
}

static void complains_where_they_do_not_fit(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture, (struct story){procfile, .declaration = "processes:\n"
                                                               "  wob: {tty: true}\n"
                                                               "  database: {}\n"
                                                               "  web: {command: y}\n"});
    EXPECT_FINDINGS(&fixture.diagnostics,
                    "formation.yaml:2:3: 'wob' is not in the Procfile: did you mean 'web'?",
                    "formation.yaml:3:3: 'database' is not in the Procfile and has no 'command'",
                    "formation.yaml:4:18: 'web' has a command in Procfile:1 too");
    finish(&fixture);
    assemble(&fixture, (struct story){.declaration = "app: x"});
    EXPECT_FINDINGS(&fixture.diagnostics, "no processes defined");
    finish(&fixture);
}

static void merges_the_files_of_the_environment(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture, (struct story){procfile, .env = "A=1\nB=2\n", .env2 = "C=3\nA=4\n"});
    EXPECT_FINDINGS(&fixture.diagnostics);
    const struct environment *environment = &fixture.plan->environment;
    static const char *const wanted[][2] = {{"A", "4"}, {"B", "2"}, {"C", "3"}};
    assert_int_equal(environment->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(environment->variables[i].name.bytes, wanted[i][0]);
        assert_string_equal(environment->variables[i].value.bytes, wanted[i][1]);
    }
    finish(&fixture);
}

static void options_reach_every_type(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture,
             (struct story){procfile, .declaration = "processes: {web: {stop: {grace: 9}}}",
                            .options = {.timeout = 7, .has_timeout = true, .tty = true}});
    EXPECT_FINDINGS(&fixture.diagnostics);
    for (size_t i = 0; i < fixture.plan->type_count; i++) {
        assert_int_equal(fixture.plan->types[i].policy.stop_grace, 7);
        assert_true(fixture.plan->types[i].tty);
    }
    assert_false(fixture.plan->ends_at_first_exit || fixture.plan->expands_like_foreman);
    finish(&fixture);
}

static void is_like_foreman_when_asked(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture, (struct story){"web: a\nweb: b\n", .options = {.foreman = true}});
    assert_true(fixture.plan->ends_at_first_exit && fixture.plan->expands_like_foreman);
    assert_int_equal(plan_port(fixture.plan, (struct process_id){1, 1}), 5100);
    expect_quantities(&fixture, "web=1 web=1");
}

static void makes_no_plan_of_a_broken_file(void **state)
{
    (void)state;
    struct fixture fixture;
    assemble(&fixture, (struct story){.procfile = "web: a\nbroken\n"});
    assert_int_equal(fixture.result, -EINVAL);
    EXPECT_FINDINGS(&fixture.diagnostics, "Procfile:2:1: no colon");
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_decide_about_quantities),
        cmocka_unit_test(complains_about_names_and_counts),
        cmocka_unit_test(layers_decide_about_ports),
        cmocka_unit_test(complains_about_ports),
        cmocka_unit_test(joins_procfile_and_declaration),
        cmocka_unit_test(probes_reach_the_plan),
        cmocka_unit_test(a_probe_of_a_port_needs_one),
        cmocka_unit_test(complains_where_they_do_not_fit),
        cmocka_unit_test(merges_the_files_of_the_environment),
        cmocka_unit_test(options_reach_every_type),
        cmocka_unit_test(is_like_foreman_when_asked),
        cmocka_unit_test(makes_no_plan_of_a_broken_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
