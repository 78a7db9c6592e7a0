// SPDX-License-Identifier: MIT
#include "config/declaration_listen.h"

#include "config/declaration.h"
#include "config/expect.h"

#include <stdio.h>

// `value` is what stands below the types' names.
static struct declared_type *parse(struct arena *arena, const char *value,
                                   struct diagnostics *diagnostics)
{
    char text[512];
    struct declaration declaration;
    (void)snprintf(text, sizeof(text), "processes:\n  web: {%s}\n", value);
    assert_int_equal(
        declaration_parse(str_of(text), "formation.yaml", arena, &declaration, diagnostics), 0);
    return declaration.types;
}

static void reads_every_key(void **state)
{
    (void)state;
    char text[LISTENER_TEXT_BYTES];
    struct arena arena = {0};
    struct diagnostics diagnostics = {0};
    struct declared_listening listening =
        parse(&arena,
              "share: pass, listen: [8080, {address: '[::1]:81', name: admin, as: ADMIN_FD, "
              "backlog: 16}, {address: /run/a, mode: '0600', user: root, group: '33'}]",
              &diagnostics)
            ->listening;
    EXPECT_FINDINGS(&diagnostics);
    assert_int_equal(listening.share, LISTENER_PASS);
    assert_int_equal(listening.count, 3);
    const struct listener *first = &listening.items[0].listener;
    assert_string_equal(listener_text(first, text), "*:8080");
    assert_true(str_is(first->name, "web"));
    assert_int_equal(first->variable.size, 0);
    assert_int_equal(first->backlog, LISTENER_BACKLOG);
    assert_int_equal(first->origin.line, 2);
    const struct listener *second = &listening.items[1].listener;
    assert_string_equal(listener_text(second, text), "[::1]:81");
    assert_true(str_is(second->name, "admin"));
    assert_true(str_is(second->variable, "ADMIN_FD"));
    assert_int_equal(second->backlog, 16);
    const struct declared_listener *third = &listening.items[2];
    assert_string_equal(listener_text(&third->listener, text), "/run/a");
    assert_true(third->listener.has_mode);
    assert_int_equal(third->listener.mode, 0600);
    assert_true(str_is(third->user, "root"));
    assert_true(str_is(third->group, "33"));
    arena_fini(&arena);
}

// Whoever says that it takes descriptors gets one.
static void passes_where_that_was_asked_for(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct diagnostics diagnostics = {0};
    const struct declared_type *type =
        parse(&arena, "listen: {address: 8080, as: FD}", &diagnostics);
    assert_int_equal(type->listening.share, LISTENER_PASS);
    assert_int_equal(type->policy.roll_surge, 1);
    assert_int_equal(type->policy.roll_max_unavailable, 0);
    type = parse(&arena, "listen: 'unix:a', roll: {surge: 0, max_unavailable: 2}", &diagnostics);
    assert_int_equal(type->listening.share, LISTENER_PASS);
    assert_int_equal(type->policy.roll_surge, 0);
    assert_int_equal(type->policy.roll_max_unavailable, 2);
    EXPECT_FINDINGS(&diagnostics);
    arena_fini(&arena);
}

static void finds(const char *value, const char *expected)
{
    struct arena arena = {0};
    struct diagnostics diagnostics = {0};
    (void)parse(&arena, value, &diagnostics);
    EXPECT_FINDINGS(&diagnostics, expected);
    arena_fini(&arena);
}

#define NO_ROUTE                                                                                   \
    "is not there yet: write 'share: pass' if the program takes a socket that listens already "    \
    "(LISTEN_FDS), 'share: reuseport' if it opens its PORT with SO_REUSEPORT"

static void reports_what_is_wrong(void **state)
{
    (void)state;
    finds("listen: localhost:80, share: pass",
          "formation.yaml:2:17: 'localhost:80' has a host that is no address: write a "
          "number as 127.0.0.1, or * for all: write 8080, 127.0.0.1:8080, \"[::1]:8080\" or "
          "unix:/path");
    finds("listen: 80", "formation.yaml:2:9: 'listen' without 'share' is 'share: route', "
                        "which " NO_ROUTE);
    finds("listen: 80, share: route", "formation.yaml:2:28: 'share: route' " NO_ROUTE);
    finds("listen: 80, share: all",
          "formation.yaml:2:28: 'share' takes pass, reuseport or route, not 'all'");
    finds("share: pass", "formation.yaml:2:16: 'share' means nothing without 'listen'");
    finds("share: pass, listen: {name: a}", "formation.yaml:2:30: 'listen' needs an 'address'");
    finds("share: pass, listen: {address: 80, name: 'a:b'}",
          "formation.yaml:2:50: a socket's name has 1 to 255 characters, none of them ':' "
          "or a blank: 'a:b' cannot be one");
    finds("listen: {address: 80, as: PORT}, share: pass",
          "formation.yaml:2:35: 'as' takes the name of a variable, as HTTP_FD, that gets "
          "the number of the descriptor: 'PORT' is set by the formation itself");
    finds("listen: {address: 80, as: a-b}, share: pass",
          "formation.yaml:2:35: 'as' takes the name of a variable, as HTTP_FD, that gets "
          "the number of the descriptor: 'a-b' cannot be one");
    finds("listen: {address: 80, backlog: 0}, share: pass",
          "formation.yaml:2:40: 'backlog' takes a number from 1 to 65535, not '0'");
    finds("listen: {address: 80, mode: '0660'}, share: pass",
          "formation.yaml:2:31: 'mode', 'user' and 'group' are for the file of a unix "
          "socket");
    finds("listen: {address: /a, mode: '999'}",
          "formation.yaml:2:37: 'mode' takes the permissions of the socket's file, as "
          "\"0660\", not '999'");
    finds("listen: [1, 2, 3, 4, 5, 6, 7, 8, 9], share: pass",
          "formation.yaml:2:17: more than 8 addresses");
    finds("listen: [80, 127.0.0.1:80], share: pass",
          "formation.yaml:2:22: 127.0.0.1:80 cannot be opened beside what line 2 has: only "
          "one of them would get the connections");
    finds("listen: 80, share: pass}\n  api: {listen: 80, share: pass",
          "formation.yaml:3:17: *:80 cannot be opened beside what line 2 has: only one of "
          "them would get the connections");
    finds("listen: [80, 81], share: reuseport",
          "formation.yaml:2:9: 'share: reuseport' takes one port, which the processes open "
          "themselves");
    finds("listen: {address: 80, backlog: 5}, share: reuseport",
          "formation.yaml:2:27: 'as', 'backlog' and 'name' mean nothing with 'share: "
          "reuseport': each process opens the port itself");
    finds("listen: 80, share: pass, ready: {http: /}",
          "formation.yaml:2:41: PORT is what all processes of 'web' share, so another one "
          "may answer: 'notify', 'log' or 'exec' tell of this one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(passes_where_that_was_asked_for),
        cmocka_unit_test(reports_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
