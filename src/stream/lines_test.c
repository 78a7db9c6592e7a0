// SPDX-License-Identifier: MIT
// Lines come out whole, whatever the chunks were; over a limit they come in pieces, never less.
#include "stream/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct fixture {
    struct lines_budget budget;
    struct lines lines;
    struct buffer seen; // "[line]" for a whole one, "[piece>" for a cut one
};

static void see(struct fixture *fixture, struct str line)
{
    buffer_append_char(&fixture->seen, '[');
    buffer_append_str(&fixture->seen, line);
    buffer_append_char(&fixture->seen, fixture->lines.is_cut ? '>' : ']');
}

static void feed(struct fixture *fixture, struct str bytes)
{
    struct str lines[3];
    size_t count;
    while ((count = lines_next_whole(&fixture->lines, &bytes, lines, 3)) > 0 ||
           (count = lines_next(&fixture->lines, &bytes, lines)) > 0)
        for (size_t i = 0; i < count; i++)
            see(fixture, lines[i]);
    assert_int_equal(bytes.size, 0);
}

static void flush(struct fixture *fixture)
{
    struct str line;
    if (lines_flush(&fixture->lines, &line))
        see(fixture, line);
    assert_false(lines_flush(&fixture->lines, &line));
}

#define assert_seen(fixture, text)                                                                 \
    do {                                                                                           \
        buffer_append_char(&(fixture)->seen, '\0');                                                \
        assert_string_equal((fixture)->seen.bytes, text);                                          \
        buffer_clear(&(fixture)->seen);                                                            \
    } while (0)

static struct fixture *new_fixture(struct fixture *fixture)
{
    *fixture = (struct fixture){.budget = LINES_BUDGET_INIT};
    fixture->lines.budget = &fixture->budget;
    return fixture;
}

static void end(struct fixture *fixture)
{
    lines_fini(&fixture->lines);
    assert_int_equal(fixture->budget.held_bytes, 0);
    buffer_fini(&fixture->seen);
}

static void test_whole_lines_are_not_copied(void **state)
{
    (void)state;
    struct fixture fixture;
    new_fixture(&fixture);
    const char *text = "one\ntwo\n";
    struct str bytes = str_of(text);
    struct str line;
    assert_true(lines_next(&fixture.lines, &bytes, &line));
    assert_ptr_equal(line.bytes, text);
    assert_true(lines_next(&fixture.lines, &bytes, &line));
    assert_ptr_equal(line.bytes, text + 4);
    assert_false(lines_next(&fixture.lines, &bytes, &line));
    assert_null(fixture.lines.held.bytes);
    end(&fixture);
}

static void test_chunks_do_not_matter(void **state)
{
    (void)state;
    const char *text = "\n\none\r\ntwo\rmore\r\r\nlast\r";
    for (size_t chunk = 1; chunk <= strlen(text); chunk++) {
        struct fixture fixture;
        new_fixture(&fixture);
        for (size_t at = 0; at < strlen(text); at += chunk)
            feed(&fixture, str_slice(str_of(text), at, at + chunk));
        flush(&fixture);
        assert_seen(&fixture, "[][][one][two\rmore\r][last]");
        end(&fixture);
    }
}

static void test_any_bytes(void **state)
{
    (void)state;
    struct fixture fixture;
    new_fixture(&fixture);
    feed(&fixture, str_from("a\0b\xff\n", 5));
    assert_int_equal(fixture.seen.size, 6);
    assert_memory_equal(fixture.seen.bytes, "[a\0b\xff]", 6);
    end(&fixture);
}

static void test_pending(void **state)
{
    (void)state;
    struct fixture fixture;
    new_fixture(&fixture);
    assert_int_equal(lines_pending(&fixture.lines).size, 0);
    feed(&fixture, str_of("done\nPassword: "));
    assert_true(str_is(lines_pending(&fixture.lines), "Password: "));
    assert_int_equal(fixture.budget.held_bytes, strlen("Password: "));
    feed(&fixture, str_of("secret\n"));
    assert_int_equal(lines_pending(&fixture.lines).size, 0);
    assert_int_equal(fixture.budget.held_bytes, 0);
    assert_seen(&fixture, "[done][Password: secret]");
    end(&fixture);
}

static void test_line_limit(void **state)
{
    (void)state;
    const char *text = "abcd\nefghij\nklmnopqrstu";
    for (size_t chunk = 1; chunk <= strlen(text); chunk++) {
        struct fixture fixture;
        new_fixture(&fixture)->budget.line_limit_bytes = 4;
        for (size_t at = 0; at < strlen(text); at += chunk)
            feed(&fixture, str_slice(str_of(text), at, at + chunk));
        flush(&fixture);
        assert_seen(&fixture, "[abcd][efgh>[ij][klmn>[opqr>[stu]");
        assert_int_equal(fixture.lines.cut_count, 3);
        end(&fixture);
    }
}

static void test_budget_of_all(void **state)
{
    (void)state;
    struct fixture fixture;
    new_fixture(&fixture)->budget.held_limit_bytes = 10;
    struct lines other = {.budget = &fixture.budget};
    struct str bytes = str_of("12345678");
    struct str line;
    assert_false(lines_next(&other, &bytes, &line));
    feed(&fixture, str_of("ab"));
    assert_seen(&fixture, "");
    feed(&fixture, str_of("cd")); // the sum would be 12: what is held goes first
    assert_seen(&fixture, "[ab>");
    assert_int_equal(fixture.budget.held_bytes, 10);
    feed(&fixture, str_of("e"));
    feed(&fixture, str_of("fgh"));
    assert_seen(&fixture, "[cd>[e>[fgh>");
    feed(&fixture, str_of("i\n")); // a line that ends needs no budget
    assert_seen(&fixture, "[i]");
    lines_fini(&other);
    end(&fixture);
}

// A buffer that has failed refuses the next reservation, as one without memory does.
static void test_no_memory_cuts_and_loses_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    new_fixture(&fixture);
    fixture.lines.held.failed = true;
    feed(&fixture, str_of("ab"));
    assert_seen(&fixture, "[ab>");
    feed(&fixture, str_of("cd"));
    fixture.lines.held.failed = true;
    feed(&fixture, str_of("ef\n"));
    assert_seen(&fixture, "[cd>[ef]");
    fixture.budget.line_limit_bytes = 3;
    feed(&fixture, str_of("gh"));
    fixture.lines.held.failed = true;
    feed(&fixture, str_of("ijk\n"));
    assert_seen(&fixture, "[gh>[ijk]");
    end(&fixture);
}

static void test_large_memory_is_given_back(void **state)
{
    (void)state;
    struct fixture fixture;
    new_fixture(&fixture);
    static char large[100000];
    memset(large, 'x', sizeof(large));
    feed(&fixture, str_from(large, sizeof(large)));
    assert_int_equal(fixture.budget.held_bytes, sizeof(large));
    feed(&fixture, str_of("\n"));
    assert_int_equal(fixture.seen.size, sizeof(large) + 2);
    assert_int_equal(fixture.lines.held.capacity, 0);
    feed(&fixture, str_of("small"));
    size_t capacity = fixture.lines.held.capacity;
    feed(&fixture, str_of("\nsmaller"));
    assert_int_equal(fixture.lines.held.capacity, capacity);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_lines_are_not_copied),
        cmocka_unit_test(test_chunks_do_not_matter),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_budget_of_all),
        cmocka_unit_test(test_no_memory_cuts_and_loses_nothing),
        cmocka_unit_test(test_large_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
