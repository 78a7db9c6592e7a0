// SPDX-License-Identifier: MIT
#include "config/declaration_confine.h"

#include "base/buffer.h"
#include "config/declaration.h"
#include "config/expect.h"

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct declaration declaration;
};

// The keys of one type, which begin in line 3.
static struct rights *parse(struct fixture *fixture, const char *keys)
{
    struct buffer text = {0};
    *fixture = (struct fixture){0};
    buffer_append_text(&text, "processes:\n  web:\n");
    buffer_append_text(&text, keys);
    assert_int_equal(declaration_parse(buffer_str(&text), "formation.yaml", &fixture->arena,
                                       &fixture->declaration, &fixture->diagnostics),
                     0);
    buffer_fini(&text);
    assert_int_equal(fixture->declaration.type_count, 1);
    return &fixture->declaration.types[0].rights.rights;
}

static void finish(struct fixture *fixture)
{
    diagnostics_fini(&fixture->diagnostics);
    arena_fini(&fixture->arena);
}

static void finds(const char *keys, const char *wanted)
{
    struct fixture fixture;
    (void)parse(&fixture, keys);
    EXPECT_FINDINGS(&fixture.diagnostics, wanted);
    finish(&fixture);
}

static void reads_every_key(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct rights *rights =
        parse(&fixture, "    user: www-data\n"
                        "    group: 4711\n"
                        "    umask: 0027\n"
                        "    nice: -5\n"
                        "    no_new_privs: no\n"
                        "    private_tmp: true\n"
                        "    capabilities: [net_bind_service, CAP_CHOWN]\n"
                        "    limits: {files: 4096, core: 0, stack: 8M, locked_memory: unlimited,\n"
                        "             file_size: 1G}\n");
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_true(str_is(rights->user, "www-data"));
    assert_true(str_is(rights->group, "4711"));
    assert_true(rights->has_umask);
    assert_int_equal(rights->umask, 027);
    assert_true(rights->has_nice);
    assert_int_equal(rights->nice, -5);
    assert_false(rights->no_new_privs);
    assert_true(rights->private_tmp);
    assert_true(rights->has_capabilities);
    assert_int_equal(rights->capabilities, 1 << 10 | 1);
    assert_int_equal(rights->capabilities_given, 1 << 10 | 1);
    for (int i = 0; i < RIGHTS_LIMITS; i++)
        assert_true(rights->limits[i].is_set);
    assert_int_equal(rights->limits[RIGHTS_FILES].value, 4096);
    assert_int_equal(rights->limits[RIGHTS_CORE].value, 0);
    assert_int_equal(rights->limits[RIGHTS_STACK].value, 8 << 20);
    assert_int_equal(rights->limits[RIGHTS_LOCKED_MEMORY].value, RIGHTS_UNLIMITED);
    assert_int_equal(rights->limits[RIGHTS_FILE_SIZE].value, 1 << 30);
    const struct declared_rights *declared = &fixture.declaration.types[0].rights;
    assert_int_equal(declared->user_origin.line, 3);
    assert_int_equal(declared->group_origin.column, 12);
    assert_int_equal(declared->limit_origins[RIGHTS_FILES].line, 10);
    finish(&fixture);
}

static void nothing_said_is_nothing_set(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct rights *rights = parse(&fixture, "    quantity: 1\n");
    struct rights copy;
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_false(rights_are_special(rights));
    assert_int_equal(
        declared_rights_copy(&fixture.declaration.types[0].rights, &fixture.arena, &copy), 0);
    assert_false(rights_are_special(&copy));
    finish(&fixture);
}

static void new_privileges_go_with_a_user(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        bool wanted;
    } cases[] = {
        {"    user: www\n", true},
        {"    group: www\n", false},
        {"    {user: www, no_new_privs: false}\n", false},
        {"    {no_new_privs: true}\n", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct rights copy;
        (void)parse(&fixture, cases[i].keys);
        assert_int_equal(
            declared_rights_copy(&fixture.declaration.types[0].rights, &fixture.arena, &copy), 0);
        assert_int_equal(copy.no_new_privs, cases[i].wanted);
        finish(&fixture);
    }
}

static void capabilities_are_kept_or_dropped(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct rights *rights = parse(&fixture, "    capabilities: {drop: [chown, kill]}\n");
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_int_equal(rights->capabilities, ~(UINT64_C(1) | UINT64_C(1) << 5));
    assert_int_equal(rights->capabilities_given, 0);
    finish(&fixture);
    rights = parse(&fixture, "    capabilities: {keep: kill}\n");
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_int_equal(rights->capabilities, 1 << 5);
    assert_int_equal(rights->capabilities_given, 1 << 5);
    finish(&fixture);
    rights = parse(&fixture, "    capabilities: []\n");
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_true(rights->has_capabilities);
    assert_int_equal(rights->capabilities, 0);
    finish(&fixture);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    finds("    user: 4294967295\n",
          "formation.yaml:3:11: 'user' takes a name or a number below 4294967295");
    finds("    user: [a]\n", "formation.yaml:3:11: 'user' takes one value, not a list");
    finds("    user:\n", "formation.yaml:3:5: 'user' has no value: it takes one value");
    finds("    umask: 0028\n", "formation.yaml:3:12: 'umask' takes the permissions");
    finds("    umask: 22\n", "formation.yaml:3:12: 'umask' takes the permissions");
    finds("    umask: 7777\n", "formation.yaml:3:12: 'umask' takes the permissions");
    finds("    nice: 20\n", "formation.yaml:3:11: 'nice' takes a number from -20");
    finds("    nice: -21\n", "formation.yaml:3:11: 'nice' takes a number from -20");
    finds("    nice: low\n", "formation.yaml:3:11: 'nice' takes a number from -20");
    finds("    nice: --5\n", "formation.yaml:3:11: 'nice' takes a number from -20");
    finds("    no_new_privs: 1\n", "formation.yaml:3:19: 'no_new_privs' takes true");
    finds("    private_tmp: x\n", "formation.yaml:3:18: 'private_tmp' takes true");
    finds("    limits: {files: 7}\n", "formation.yaml:3:21: 'files' takes a number from 8");
    finds("    limits: {files: unlimited}\n", "formation.yaml:3:21: 'files' takes a number from 8");
    finds("    limits: {stack: 4K}\n", "formation.yaml:3:21: 'stack' takes a size of at least 64K");
    finds("    limits: {core: many}\n", "formation.yaml:3:20: 'core' takes a size as 0");
    finds("    limits: {file: 7}\n",
          "formation.yaml:3:14: unknown key 'file': did you mean 'files'?");
    finds("    capabilities: [net_bind_servce]\n",
          "formation.yaml:3:20: 'net_bind_servce' is no capability: did you mean "
          "'net_bind_service'?");
    finds("    capabilities: [zzzzzz]\n",
          "formation.yaml:3:20: 'zzzzzz' is no capability: write net_bind_service");
    finds("    capabilities: {}\n", "formation.yaml:3:19: 'capabilities' takes a list");
    finds("    capabilities: {keep: [], drop: []}\n",
          "formation.yaml:3:19: 'capabilities' takes a list");
    finds("    capabilities:\n", "formation.yaml:3:5: 'capabilities' has no value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(nothing_said_is_nothing_set),
        cmocka_unit_test(new_privileges_go_with_a_user),
        cmocka_unit_test(capabilities_are_kept_or_dropped),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
