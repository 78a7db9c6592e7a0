// SPDX-License-Identifier: MIT
#include "export/systemd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct buffer *text, const char *wanted)
{
    buffer_append_char(text, '\0');
    assert_false(text->failed);
    assert_string_equal(text->bytes, wanted);
    buffer_fini(text);
}

static void expect_word(const char *word, bool is_program, const char *wanted)
{
    struct buffer text = {0};
    systemd_append_word(&text, str_of(word), is_program);
    expect(&text, wanted);
}

static void words_mean_themselves(void **state)
{
    (void)state;
    expect_word("start", false, "start");
    expect_word("", false, "\"\"");
    expect_word("/srv/my shop", false, "\"/srv/my shop\"");
    expect_word("/srv/100%", false, "/srv/100%%");
    expect_word("/srv/$HOME", false, "/srv/$$HOME");
    expect_word("/srv/$HOME", true, "/srv/$HOME");
    expect_word("a\"b\\c'd;e", false, "\"a\\\"b\\\\c'd;e\"");
    expect_word("a\nb\t", false, "\"a\\x0ab\\x09\"");
    expect_word("/srv/caf\xc3\xa9", false, "/srv/caf\xc3\xa9");
}

static void expect_name(const char *app, const char *wanted)
{
    struct buffer text = {0};
    systemd_unit_name(str_of(app), ".service", &text);
    expect(&text, wanted);
}

static void names_are_those_of_units(void **state)
{
    (void)state;
    expect_name("shop", "shop.service");
    expect_name("my-shop.v2", "my-shop.v2.service");
    expect_name(".shop", "\\x2eshop.service");
    expect_name("my shop@1/%", "my\\x20shop\\x401\\x2f\\x25.service");
}

static void what_no_unit_can_name_is_refused(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(systemd_check_text("/srv/my shop", &error), 0);
    assert_int_equal(systemd_check_text("/srv/shop ", &error), -EINVAL);
    assert_int_equal(systemd_check_text("/srv/shop\\", &error), -EINVAL);
    assert_int_equal(systemd_check_text("/srv/a\nb", &error), -EINVAL);
    assert_non_null(strstr(error.text, "a unit cannot name '/srv/a"));
}

static bool has_line(const struct buffer *text, const char *line)
{
    return strstr(text->bytes, line) != NULL;
}

static void times_come_from_the_plan(void **state)
{
    (void)state;
    static const char *const arguments[] = {"-d", "/srv/my shop", NULL};
    struct process_type type = {
        .quantity = 1,
        .policy = {.stop_grace = 61 * NSEC_PER_SEC + 1,
                   .waits_for_ready = true,
                   .boot_limit = 300 * NSEC_PER_SEC},
        .sockets.are_all = true,
    };
    struct plan plan = {
        .app = str_of("50%"), .root = str_of("/srv/my shop"), .types = &type, .type_count = 1};
    struct systemd_unit unit = {
        .plan = &plan, .program = "/usr/bin/formation", .arguments = arguments, .user = "deploy"};
    struct buffer text = {0};
    systemd_unit_write(&unit, &text);
    buffer_append_char(&text, '\0');
    assert_true(has_line(&text, "\nDescription=50%% (formation)\n"));
    assert_true(has_line(&text, "\nExecStart=/usr/bin/formation start -d \"/srv/my shop\"\n"));
    assert_true(has_line(&text, "\nWorkingDirectory=/srv/my shop\n"));
    assert_true(has_line(&text, "\nTimeoutStartSec=310s\n"));
    assert_true(has_line(&text, "\nTimeoutStopSec=87s\n"));
    assert_true(has_line(&text, "\nUser=deploy\n"));
    assert_true(has_line(&text, "\nRequires=50\\x25.socket\n"));
    assert_true(has_line(&text, "\nWantedBy=multi-user.target\n"));
    buffer_fini(&text);
    unit.is_of_user = true;
    type.sockets.are_all = false;
    systemd_unit_write(&unit, &text);
    buffer_append_char(&text, '\0');
    assert_false(has_line(&text, "User="));
    assert_false(has_line(&text, "Requires="));
    assert_true(has_line(&text, "\nWantedBy=default.target\n"));
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_mean_themselves),
        cmocka_unit_test(names_are_those_of_units),
        cmocka_unit_test(what_no_unit_can_name_is_refused),
        cmocka_unit_test(times_come_from_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
