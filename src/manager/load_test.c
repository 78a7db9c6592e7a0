// SPDX-License-Identifier: MIT
// Real files in a folder of their own: which of them count, and what is said when one does not fit.
#include "manager/load.h"

#include "config/diagnostic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[] = "/tmp/formation-load-XXXXXX";
static char *const environment[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};

// One loading, with all that must be freed after it.
struct loading {
    struct options options;
    struct arena arena;
    struct diagnostics diagnostics;
    struct plan *plan;
};

static void run_shell(const char *command)
{
    assert_int_equal(system(command), 0);
}

static int enter_base(void **state)
{
    (void)state;
    return mkdtemp(base) ? 0 : -1;
}

static int leave_base(void **state)
{
    char command[64];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", base);
    return chdir("/") == 0 ? system(command) : -1;
}

// Each test works in the empty folder …/app.
static int enter_folder(void **state)
{
    (void)state;
    return chdir(base) == 0 && system("rm -rf app && mkdir app") == 0 && chdir("app") == 0 ? 0 : -1;
}

static int load(struct loading *loading)
{
    int result = load_defaults(&loading->options, &loading->arena, &loading->diagnostics);
    return result < 0
               ? result
               : load_plan(&loading->options, environment, &loading->diagnostics, &loading->plan);
}

static void done(struct loading *loading)
{
    plan_free(loading->plan);
    arena_fini(&loading->arena);
    diagnostics_fini(&loading->diagnostics);
}

static void print_diagnostics(const struct diagnostics *diagnostics)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    for (size_t i = 0; i < diagnostics->count; i++)
        print_error("%s\n", diagnostic_format(&diagnostics->items[i], text, sizeof(text)));
}

static void expect_plan(struct loading *loading)
{
    int result = load(loading);
    if (result < 0)
        print_diagnostics(&loading->diagnostics);
    assert_int_equal(result, 0);
    assert_non_null(loading->plan);
}

// Loads and expects exactly these errors, in this order.
static void expect_errors(struct options options, size_t count, const char *const *sentences)
{
    struct loading loading = {.options = options};
    char text[DIAGNOSTIC_TEXT_BYTES];
    assert_int_equal(load(&loading), -EINVAL);
    assert_null(loading.plan);
    if (loading.diagnostics.error_count != count)
        print_diagnostics(&loading.diagnostics);
    assert_int_equal(loading.diagnostics.error_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(diagnostic_format(&loading.diagnostics.items[i], text, sizeof(text)),
                            sentences[i]);
    done(&loading);
}

static void expect_error(struct options options, const char *sentence)
{
    expect_errors(options, 1, &sentence);
}

static struct str variable(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->environment.count; i++)
        if (str_is(plan->environment.variables[i].name, name))
            return plan->environment.variables[i].value;
    return str_of(NULL);
}

static bool root_is(const struct plan *plan, const char *below)
{
    char wanted[96];
    (void)snprintf(wanted, sizeof(wanted), "%s/app%s", base, below);
    return str_is(plan->root, wanted);
}

static void test_all_files_of_a_folder(void **state)
{
    struct loading loading = {0};
    (void)state;
    run_shell("echo 'web: sleep 1' >Procfile; echo 'A=1' >.env; echo 'port: 3000' >.foreman;"
              "printf 'app: shop\\nprocesses:\\n  web:\\n    quantity: 3\\n' >formation.yaml");
    expect_plan(&loading);
    assert_true(str_is(loading.plan->app, "shop"));
    assert_true(root_is(loading.plan, ""));
    assert_int_equal(loading.plan->port_base, 3000);
    assert_int_equal(loading.plan->types[0].quantity, 3);
    assert_true(str_is(variable(loading.plan, "A"), "1"));
    done(&loading);
}

static void test_app_is_called_as_its_folder(void **state)
{
    struct loading loading = {0};
    (void)state;
    run_shell("echo 'web: sleep 1' >Procfile");
    expect_plan(&loading);
    assert_true(str_is(loading.plan->app, "app"));
    done(&loading);
}

static void test_command_line_beats_dot_foreman(void **state)
{
    struct loading loading = {.options = {.port = 4000, .has_port = true}};
    (void)state;
    run_shell("mkdir sub; echo 'web: sleep 1' >sub/Procfile;"
              "printf 'port: 3000\\nprocfile: sub/Procfile\\n' >.foreman");
    expect_plan(&loading);
    assert_int_equal(loading.plan->port_base, 4000);
    assert_true(root_is(loading.plan, "/sub"));
    done(&loading);
}

// Foreman's rules, measured: -f decides about the root, -d about root and .env.
static void test_procfile_elsewhere_reads_env_here(void **state)
{
    struct loading loading = {.options = {.procfile = "sub/Procfile"}};
    (void)state;
    run_shell("mkdir sub; echo 'web: sleep 1' >sub/Procfile; echo A=here >.env;"
              "echo A=sub >sub/.env");
    expect_plan(&loading);
    assert_true(root_is(loading.plan, "/sub"));
    assert_true(str_is(variable(loading.plan, "A"), "here"));
    done(&loading);
}

static void test_root_elsewhere_reads_all_there(void **state)
{
    struct loading loading = {.options = {.root = "./sub/"}};
    (void)state;
    run_shell("mkdir sub; echo 'web: sleep 1' >sub/Procfile; echo A=here >.env;"
              "echo A=sub >sub/.env");
    expect_plan(&loading);
    assert_true(root_is(loading.plan, "/sub"));
    assert_true(str_is(variable(loading.plan, "A"), "sub"));
    done(&loading);
}

static void test_root_and_procfile(void **state)
{
    struct loading loading = {.options = {.root = "sub", .procfile = "other"}};
    (void)state;
    run_shell("mkdir sub; echo 'web: sleep 1' >other; echo A=here >.env; echo A=sub >sub/.env");
    expect_plan(&loading);
    assert_true(root_is(loading.plan, "/sub"));
    assert_true(str_is(variable(loading.plan, "A"), "sub"));
    done(&loading);
}

static void test_root_keeps_links(void **state)
{
    struct loading loading = {.options = {.root = "current"}};
    (void)state;
    run_shell("mkdir v1; ln -s v1 current; echo 'web: sleep 1' >v1/Procfile");
    expect_plan(&loading);
    assert_true(root_is(loading.plan, "/current"));
    assert_true(str_is(loading.plan->app, "current"));
    done(&loading);
}

static void test_listed_env_files(void **state)
{
    struct loading loading = {.options = {.env_files = "a, b"}};
    (void)state;
    run_shell("echo 'web: sleep 1' >Procfile; echo A=env >.env; echo A=a >a; echo A=b >b;"
              "echo B=a >>a");
    expect_plan(&loading);
    assert_true(str_is(variable(loading.plan, "A"), "b"));
    assert_true(str_is(variable(loading.plan, "B"), "a"));
    done(&loading);
    run_shell("rm b");
    expect_error((struct options){.env_files = "a,b"}, "b does not exist");
}

static void test_declared_env_files(void **state)
{
    struct loading loading = {.options = {.procfile = "sub/Procfile"}};
    (void)state;
    run_shell("mkdir sub; echo 'web: sleep 1' >sub/Procfile; echo A=sub >sub/one;"
              "echo A=here >.env; echo 'env: [one, two]' >sub/formation.yaml");
    expect_plan(&loading);
    assert_true(str_is(variable(loading.plan, "A"), "sub"));
    assert_int_equal(loading.diagnostics.warning_count, 1);
    assert_true(str_is(loading.diagnostics.items[0].text, "sub/two does not exist"));
    done(&loading);
}

static void test_declaration_without_procfile(void **state)
{
    struct loading loading = {0};
    (void)state;
    run_shell("printf 'processes:\\n  web:\\n    command: sleep 1\\n' >formation.yaml");
    expect_plan(&loading);
    assert_int_equal(loading.plan->type_count, 1);
    done(&loading);
}

static void test_a_folder_called_dot_env_is_not_read(void **state)
{
    struct loading loading = {0};
    (void)state;
    run_shell("echo 'web: sleep 1' >Procfile; mkdir .env");
    expect_plan(&loading);
    assert_int_equal(loading.diagnostics.warning_count, 1);
    done(&loading);
}

static void test_no_procfile(void **state)
{
    (void)state;
    expect_error((struct options){0}, "Procfile does not exist");
    expect_error((struct options){.procfile = "nosuch"}, "nosuch does not exist");
    expect_error((struct options){.procfile = "no/such"}, "no/such does not exist");
    expect_error((struct options){.root = "."}, "Procfile does not exist");
    run_shell("mkdir sub");
    expect_error((struct options){.root = "sub"}, "sub/Procfile does not exist");
}

static void test_no_root(void **state)
{
    (void)state;
    run_shell("echo 'web: sleep 1' >Procfile; touch file");
    expect_error((struct options){.procfile = "Procfile", .root = "nosuch"},
                 "nosuch: no processes can run there: No such file or directory");
    expect_error((struct options){.procfile = "Procfile", .root = "file"},
                 "file: no processes can run there: Not a directory");
}

static void test_what_is_no_procfile(void **state)
{
    (void)state;
    run_shell("mkdir Procfile");
    expect_error((struct options){0}, "Procfile is a directory, not a file");
    run_shell("rmdir Procfile; truncate -s 16777217 Procfile");
    expect_error((struct options){0}, "Procfile is larger than 16 MiB");
    run_shell("rm Procfile; ln -s Procfile Procfile");
    expect_error((struct options){0}, "Procfile cannot be read: Too many levels of symbolic links");
    run_shell("rm Procfile; : >Procfile");
    expect_error((struct options){0}, "Procfile: no processes defined");
}

static void test_programs_are_searched_before_the_start(void **state)
{
    (void)state;
    run_shell("printf 'a: nosuch\\nb: ./plain\\nc: nosuch $HOME\\n\\ne: ./folder\\n' >Procfile;"
              "touch plain; mkdir folder");
    const char *const sentences[] = {
        "Procfile:1:1: a: command not found: nosuch",
        "Procfile:2:1: b: not executable: ./plain",
        "Procfile:5:1: e: not executable: ./folder",
    };
    expect_errors((struct options){0}, 3, sentences);
}

static void test_only_what_is_to_run_is_searched(void **state)
{
    struct loading loading = {.options = {.formation = "d=1"}};
    (void)state;
    run_shell("printf 'a: nosuch\\nd: sleep 1\\n' >Procfile");
    expect_plan(&loading);
    done(&loading);
}

static void test_programs_are_searched_in_the_files_path(void **state)
{
    struct loading loading = {0};
    (void)state;
    run_shell("echo 'a: tool x' >Procfile; echo 'PATH=bin:/bin' >.env; mkdir bin; touch bin/tool;"
              "chmod +x bin/tool");
    expect_plan(&loading);
    done(&loading);
}

static void test_directory_of_a_type_is_gone(void **state)
{
    char sentence[160];
    (void)state;
    run_shell("echo 'web: sleep 1' >Procfile;"
              "printf 'processes:\\n  web:\\n    directory: nosuch\\n' >formation.yaml");
    (void)snprintf(sentence, sizeof(sentence),
                   "Procfile:1:1: web: cannot run in %s/app/nosuch: No such file or directory",
                   base);
    expect_error((struct options){0}, sentence);
}

static void test_patterns_are_those_of_the_library(void **state)
{
    struct loading loading = {0};
    (void)state;
    run_shell(
        "echo 'web: sleep 1' >Procfile;"
        "printf 'processes:\\n  web:\\n    ready: {log: \"listening (on\"}\\n' >formation.yaml");
    expect_error((struct options){0}, "formation.yaml:3:18: the pattern 'listening (on' is not "
                                      "one: Unmatched ( or \\(");
    run_shell("printf 'processes:\\n  web:\\n    ready: {log: \"^(a|b)+$\"}\\n' >formation.yaml");
    expect_plan(&loading);
    assert_int_equal(loading.plan->types[0].ready.kind, PROBE_LOG);
    assert_true(str_is(loading.plan->types[0].ready.text, "^(a|b)+$"));
    done(&loading);
}

static void test_errors_of_all_files_at_once(void **state)
{
    (void)state;
    run_shell("printf 'web sleep\\na: sleep 1\\n' >Procfile;"
              "echo 'bogus: 1' >formation.yaml; echo '=x' >.env");
    struct loading loading = {0};
    assert_int_equal(load(&loading), -EINVAL);
    assert_int_equal(loading.diagnostics.error_count, 3);
    assert_true(str_is(loading.diagnostics.items[0].origin.file, "Procfile"));
    assert_true(str_is(loading.diagnostics.items[1].origin.file, "formation.yaml"));
    assert_true(str_is(loading.diagnostics.items[2].origin.file, ".env"));
    done(&loading);
}

static void test_unreadable(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); // root reads everything
    run_shell("echo 'web: sleep 1' >Procfile; chmod 0 Procfile");
    expect_error((struct options){0}, "Procfile cannot be read: Permission denied");
}

static void test_files_are_optional_unless_asked_for(void **state)
{
    struct diagnostics diagnostics = {0};
    struct loaded loaded;
    (void)state;
    assert_int_equal(load_files(&(struct options){0}, true, &diagnostics, &loaded), 0);
    assert_false(loaded.has_procfile || loaded.has_declaration);
    assert_int_equal(loaded.env_file_count, 0);
    loaded_fini(&loaded);
    diagnostics_fini(&diagnostics);
}

#define TEST(name) cmocka_unit_test_setup(name, enter_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_files_of_a_folder),
        TEST(test_app_is_called_as_its_folder),
        TEST(test_command_line_beats_dot_foreman),
        TEST(test_procfile_elsewhere_reads_env_here),
        TEST(test_root_elsewhere_reads_all_there),
        TEST(test_root_and_procfile),
        TEST(test_root_keeps_links),
        TEST(test_listed_env_files),
        TEST(test_declared_env_files),
        TEST(test_declaration_without_procfile),
        TEST(test_a_folder_called_dot_env_is_not_read),
        TEST(test_no_procfile),
        TEST(test_no_root),
        TEST(test_what_is_no_procfile),
        TEST(test_programs_are_searched_before_the_start),
        TEST(test_only_what_is_to_run_is_searched),
        TEST(test_programs_are_searched_in_the_files_path),
        TEST(test_directory_of_a_type_is_gone),
        TEST(test_patterns_are_those_of_the_library),
        TEST(test_errors_of_all_files_at_once),
        TEST(test_unreadable),
        TEST(test_files_are_optional_unless_asked_for),
    };
    return cmocka_run_group_tests(tests, enter_base, leave_base);
}
