// SPDX-License-Identifier: MIT
#include "plan/launch.h"

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

// A plan of one type on the stack, and what becomes of it.
struct fixture {
    struct process_type type;
    struct plan plan;
    struct arena arena;
    struct launch launch;
    struct error error;
};

static void prepare(struct fixture *fixture, const char *command)
{
    *fixture = (struct fixture){
        .type = {.name = str_of("web"), .command = str_of(command), .directory = str_of("/srv")}};
    fixture->plan = (struct plan){
        .types = &fixture->type, .type_count = 1, .has_port = true, .port_base = 5000};
}

static void make(struct fixture *fixture, const char *const *inherited, const char *marker)
{
    static const char *const nothing[] = {NULL};
    fixture->plan.types = &fixture->type;
    assert_int_equal(launch_make(&fixture->plan, (struct process_id){0, 2},
                                 (char *const *)(inherited ? inherited : nothing), marker,
                                 &fixture->arena, &fixture->launch, &fixture->error),
                     0);
}

static void expect_texts(char *const *texts, const char *const *wanted)
{
    size_t i = 0;
    for (; wanted[i]; i++) {
        assert_non_null(texts[i]);
        assert_string_equal(texts[i], wanted[i]);
    }
    assert_null(texts[i]);
}
#define EXPECT_TEXTS(texts, ...) expect_texts(texts, (const char *const[]){__VA_ARGS__, NULL})

static void plain_commands_are_executed_directly(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture, "  ./server  -p\t5000 ");
    make(&fixture, NULL, NULL);
    EXPECT_TEXTS(fixture.launch.argv, "./server", "-p", "5000");
    assert_int_equal(fixture.launch.argc, 3);
    assert_false(fixture.launch.by_shell);
    assert_string_equal(fixture.launch.directory, "/srv");
    assert_true(launch_is_plain(str_of("a b")));
    assert_false(launch_is_plain(str_of("a $B")));
    arena_fini(&fixture.arena);
}

static void simple_commands_replace_the_shell(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture, "./server -p $PORT");
    make(&fixture, NULL, NULL);
    EXPECT_TEXTS(fixture.launch.argv, "/bin/sh", "-c", "exec ./server -p $PORT");
    assert_true(fixture.launch.by_shell);
    arena_fini(&fixture.arena);
    prepare(&fixture, "a && b");
    make(&fixture, NULL, NULL);
    EXPECT_TEXTS(fixture.launch.argv, "/bin/sh", "-c", "a && b");
    arena_fini(&fixture.arena);
}

static void each_name_is_there_once_and_the_nearest_wins(void **state)
{
    (void)state;
    struct fixture fixture;
    struct variable of_plan[] = {{str_of("B"), str_of("plan")},
                                 {str_of("C"), str_of("plan")},
                                 {str_of("PORT"), str_of("plan")},
                                 {str_of("D"), str_of("")}};
    struct variable of_type[] = {{str_of("C"), str_of("type")}, {str_of("PS"), str_of("type")}};
    const char *const inherited[] = {"A=inherited", "B=inherited", "A=again",    "nonsense",
                                     "=x",          "ID=outer",    "PORT=65535", NULL};
    prepare(&fixture, "x");
    fixture.plan.environment = (struct environment){of_plan, 4};
    fixture.type.environment = (struct environment){of_type, 2};
    make(&fixture, inherited, "ID=ours");
    EXPECT_TEXTS(fixture.launch.envp, "A=inherited", "B=plan", "PORT=5001", "C=type",
                 "D=", "PS=web.2", "ID=ours");
    assert_int_equal(fixture.launch.envc, 7);
    assert_string_equal(launch_variable(&fixture.launch, "C"), "type");
    assert_string_equal(launch_variable(&fixture.launch, "D"), "");
    assert_null(launch_variable(&fixture.launch, "P"));
    assert_null(launch_variable(&fixture.launch, "PORTS"));
    arena_fini(&fixture.arena);
}

static void what_belongs_to_the_supervisor_stays_there(void **state)
{
    (void)state;
    struct fixture fixture;
    const char *const inherited[] = {"NOTIFY_SOCKET=/x",
                                     "LISTEN_FDS=1",
                                     "LISTEN_FDS_OF_OURS=1",
                                     "INVOCATION_ID=1",
                                     "XDG_RUNTIME_DIR=/run/user/0",
                                     "HOME=/root",
                                     NULL};
    struct variable of_plan[] = {{str_of("LISTEN_FDS"), str_of("declared")}};
    prepare(&fixture, "x");
    fixture.plan.has_port = false;
    fixture.plan.environment = (struct environment){of_plan, 1};
    make(&fixture, inherited, "ID=ours");
    EXPECT_TEXTS(fixture.launch.envp, "LISTEN_FDS_OF_OURS=1", "XDG_RUNTIME_DIR=/run/user/0",
                 "HOME=/root", "LISTEN_FDS=declared", "PS=web.2", "ID=ours");
    arena_fini(&fixture.arena);
    fixture.plan.environment.count = 0;
    make(&fixture, inherited, NULL); // who is nobody's process is in the supervisor's own place
    EXPECT_TEXTS(fixture.launch.envp, "NOTIFY_SOCKET=/x", "LISTEN_FDS=1", "LISTEN_FDS_OF_OURS=1",
                 "INVOCATION_ID=1", "XDG_RUNTIME_DIR=/run/user/0", "HOME=/root", "PS=web.2");
    arena_fini(&fixture.arena);
}

static void a_user_has_its_own_home(void **state)
{
    (void)state;
    struct fixture fixture;
    const char *const inherited[] = {"XDG_RUNTIME_DIR=/run/user/0", "SUDO_USER=me", "HOME=/root",
                                     "LANG=C", NULL};
    struct variable of_plan[] = {{str_of("SHELL"), str_of("declared")}};
    prepare(&fixture, "x");
    fixture.plan.has_port = false;
    fixture.plan.environment = (struct environment){of_plan, 1};
    fixture.type.confinement.rights = (struct rights){
        .user = str_of("33"),
        .has_account = true,
        .account = {.name = str_of("www"), .home = str_of("/srv"), .shell = str_of("/bin/sh")}};
    make(&fixture, inherited, NULL);
    EXPECT_TEXTS(fixture.launch.envp, "HOME=/srv", "LANG=C", "LOGNAME=www", "SHELL=declared",
                 "USER=www", "PS=web.2");
    arena_fini(&fixture.arena);
}

static void more_is_put_into_the_environment(void **state)
{
    (void)state;
    struct fixture fixture;
    const char *const inherited[] = {"A=1", "AB=2", NULL};
    prepare(&fixture, "x");
    fixture.plan.has_port = false;
    make(&fixture, inherited, NULL);
    assert_int_equal(launch_put(&fixture.launch, &fixture.arena, "B", "new"), 0);
    assert_int_equal(launch_put(&fixture.launch, &fixture.arena, "A", ""), 0);
    EXPECT_TEXTS(fixture.launch.envp, "A=", "AB=2", "PS=web.2", "B=new");
    assert_int_equal(fixture.launch.envc, 4);
    arena_fini(&fixture.arena);
}

static void without_ports_none_is_invented(void **state)
{
    (void)state;
    struct fixture fixture;
    const char *const inherited[] = {"PORT=80", NULL};
    prepare(&fixture, "x");
    fixture.plan.has_port = false;
    make(&fixture, inherited, NULL);
    EXPECT_TEXTS(fixture.launch.envp, "PORT=80", "PS=web.2");
    arena_fini(&fixture.arena);
}

static void expands(struct variable *variables, size_t count, const char *command,
                    const char *wanted)
{
    struct fixture fixture;
    const char *const inherited[] = {"HOME=/root", NULL};
    prepare(&fixture, command);
    fixture.plan.environment = (struct environment){variables, count};
    fixture.plan.expands_like_foreman = true;
    make(&fixture, inherited, NULL);
    size_t last = fixture.launch.argc - 1;
    assert_string_equal(fixture.launch.argv[last], wanted);
    arena_fini(&fixture.arena);
}

static void foremans_expansion_is_textual(void **state)
{
    (void)state;
    struct variable variables[] = {
        {str_of("FOO"), str_of("foo")}, {str_of("A"), str_of("$B-$B")}, {str_of("B"), str_of("b")}};
    expands(variables, 3, "x $FOO", "foo");
    expands(variables, 3, "x $FOOBAR", "fooBAR");
    expands(variables, 3, "x '$FOO'", "exec x 'foo'");
    expands(variables, 3, "x $A", "b-b");
    expands(variables, 3, "x $PORT$PS$", "exec x 5001web.2$");
    expands(variables, 3, "x $HOME ${FOO}", "exec x $HOME ${FOO}");
    expands(variables, 3, "x $$FOO $", "exec x $foo $");
}

static void default_mode_expands_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    struct variable variables[] = {{str_of("FOO"), str_of("foo")}};
    prepare(&fixture, "x '$FOO' $PORT");
    fixture.plan.environment = (struct environment){variables, 1};
    make(&fixture, NULL, NULL);
    EXPECT_TEXTS(fixture.launch.argv, "/bin/sh", "-c", "exec x '$FOO' $PORT");
    arena_fini(&fixture.arena);
}

static void fails_with(struct fixture *fixture, char *const *inherited, const char *sentence)
{
    fixture->plan.types = &fixture->type;
    struct launch untouched = {.argc = 77};
    assert_int_equal(launch_make(&fixture->plan, (struct process_id){0, 1}, inherited, NULL,
                                 &fixture->arena, &untouched, &fixture->error),
                     -E2BIG);
    assert_int_equal(untouched.argc, 77);
    assert_non_null(strstr(fixture->error.text, sentence));
    arena_fini(&fixture->arena);
}

static void too_much_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct fixture fixture;
    char *const nothing[] = {NULL};
    char *huge = malloc(LIMIT_ARGUMENT_BYTES + 1);
    assert_non_null(huge);
    memset(huge, 'x', LIMIT_ARGUMENT_BYTES);
    huge[LIMIT_ARGUMENT_BYTES] = '\0';
    huge[3] = '=';
    char *const inherited[] = {huge, NULL};
    prepare(&fixture, "x");
    fails_with(&fixture, inherited, "web.1: the variable xxx has 131073 bytes");
    huge[3] = '$';
    prepare(&fixture, huge);
    fails_with(&fixture, nothing, "web.1: an argument of");

    // Each name doubles the text: two to the power of 26, if nobody stopped it.
    struct variable doubling[26];
    char names[26][2];
    char values[26][5];
    for (int i = 0; i < 26; i++) {
        memcpy(names[i], (char[]){(char)('A' + i), '\0'}, 2);
        memcpy(values[i], (char[]){'$', (char)('B' + i), '$', (char)('B' + i), '\0'}, 5);
        doubling[i] = (struct variable){str_of(names[i]), str_of(values[i])};
    }
    prepare(&fixture, "x $A");
    fixture.plan.environment = (struct environment){doubling, 26};
    fixture.plan.expands_like_foreman = true;
    fails_with(&fixture, nothing, "web.1: an argument of");

    char **many = malloc((LIMIT_LAUNCH_STRINGS + 1) * sizeof(*many));
    char(*texts)[16] = malloc(LIMIT_LAUNCH_STRINGS * sizeof(*texts));
    assert_non_null(many);
    assert_non_null(texts);
    for (int i = 0; i < LIMIT_LAUNCH_STRINGS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "V%d=", i);
        many[i] = texts[i];
    }
    many[LIMIT_LAUNCH_STRINGS] = NULL;
    prepare(&fixture, "x");
    fails_with(&fixture, many, "web.1: 16387 arguments and variables");
    free(texts);
    free(many);
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_commands_are_executed_directly),
        cmocka_unit_test(simple_commands_replace_the_shell),
        cmocka_unit_test(each_name_is_there_once_and_the_nearest_wins),
        cmocka_unit_test(what_belongs_to_the_supervisor_stays_there),
        cmocka_unit_test(a_user_has_its_own_home),
        cmocka_unit_test(more_is_put_into_the_environment),
        cmocka_unit_test(without_ports_none_is_invented),
        cmocka_unit_test(foremans_expansion_is_textual),
        cmocka_unit_test(default_mode_expands_nothing),
        cmocka_unit_test(too_much_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
