// SPDX-License-Identifier: MIT
// The newest lines are always there, whole and in order.
#include "stream/recent.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct recent *new_recent(void)
{
    struct recent *recent = calloc(1, sizeof(*recent));
    assert_non_null(recent);
    return recent;
}

static size_t count_lines(const struct recent *recent, unsigned source)
{
    struct recent_line line;
    uint64_t cursor = 0;
    size_t count = 0;
    while (recent_next(recent, source, &cursor, &line))
        count++;
    return count;
}

static void gives_back_what_it_was_given(void **state)
{
    (void)state;
    struct recent *recent = new_recent();
    struct recent_line line;
    uint64_t cursor = 0;
    assert_false(recent_next(recent, 3, &cursor, &line));
    recent_add(recent, 3, 77, 5 * NSEC_PER_SEC, str_of("hello"));
    recent_add(recent, 4, 78, 6 * NSEC_PER_SEC, str_of(""));
    assert_true(recent_next(recent, 3, &cursor, &line));
    assert_int_equal(line.sequence, 1);
    assert_int_equal(line.owner, 77);
    assert_int_equal(line.at, 5 * NSEC_PER_SEC);
    assert_true(str_equal(line.text, str_of("hello")));
    assert_false(recent_next(recent, 3, &cursor, &line));
    recent_add(recent, 3, 77, 7 * NSEC_PER_SEC, str_of("again"));
    assert_true(recent_next(recent, 3, &cursor, &line)); // a cursor goes on where it was
    assert_int_equal(line.sequence, 3);
    assert_int_equal(count_lines(recent, 4), 1);
    free(recent);
}

static void keeps_the_beginning_of_a_long_line(void **state)
{
    (void)state;
    struct recent *recent = new_recent();
    char text[RECENT_LINE_BYTES + 1];
    struct recent_line line;
    uint64_t cursor = 0;
    memset(text, 'x', sizeof(text));
    recent_add(recent, 0, 1, 0, str_from(text, RECENT_LINE_BYTES));
    recent_add(recent, 0, 1, 0, str_from(text, RECENT_LINE_BYTES + 1));
    assert_true(recent_next(recent, 0, &cursor, &line));
    assert_false(line.is_cut);
    assert_true(recent_next(recent, 0, &cursor, &line));
    assert_true(line.is_cut);
    assert_int_equal(line.text.size, RECENT_LINE_BYTES);
    free(recent);
}

// Whatever was written, the newest lines are there, whole and in order, and fill most of the ring.
static void keeps_the_newest_lines(void **state)
{
    (void)state;
    struct recent *recent = new_recent();
    struct random random = {.state = 11};
    char text[RECENT_LINE_BYTES];
    for (unsigned i = 0; i < 20000; i++) {
        size_t longest = i % 3 ? 100 : sizeof(text);
        size_t size = (size_t)random_below(&random, longest + 1);
        memset(text, 'a' + (int)(i % 26), size);
        uint64_t sequence = recent_add(recent, 9, i, i, str_from(text, size));
        struct recent_line line;
        uint64_t cursor = 0;
        uint64_t expected = 0;
        size_t bytes = 0;
        while (recent_next(recent, 9, &cursor, &line)) {
            assert_true(expected == 0 || line.sequence == expected);
            expected = line.sequence + 1;
            bytes += 24 + (line.text.size + 7) / 8 * 8;
            char letter = (char)('a' + (int)((line.sequence - 1) % 26));
            for (size_t at = 0; at < line.text.size; at++)
                assert_int_equal(line.text.bytes[at], letter);
        }
        assert_int_equal(expected, sequence + 1);
        assert_true(bytes <= RECENT_RING_BYTES);
        assert_true(sequence < 400 || bytes > RECENT_RING_BYTES - 2 * 1100);
    }
    free(recent);
}

static void keeps_of_many_what_it_would_keep_of_each(void **state)
{
    (void)state;
    struct recent *together = new_recent();
    struct recent *apart = new_recent();
    struct random random = {.state = 5};
    char text[2 * RECENT_LINE_BYTES];
    memset(text, 'x', sizeof(text));
    for (unsigned round = 0; round < 500; round++) {
        struct str lines[256];
        size_t count = (size_t)random_below(&random, 257);
        size_t longest = round % 3 ? 40 : sizeof(text);
        for (size_t i = 0; i < count; i++) {
            lines[i] = str_from(text, (size_t)random_below(&random, longest + 1));
            (void)recent_add(apart, 7, 1, round, lines[i]);
        }
        assert_int_equal(recent_add_all(together, 7, 1, round, lines, count), apart->newest);
        struct recent_line a = {0};
        struct recent_line b = {0};
        uint64_t cursor = 0;
        uint64_t other = 0;
        while (recent_next(together, 7, &cursor, &a)) {
            while (b.sequence < a.sequence && recent_next(apart, 7, &other, &b)) {
            }
            if (b.sequence == a.sequence) // what a ring's end leaves empty differs
                assert_true(str_equal(a.text, b.text));
        }
        assert_int_equal(a.sequence, b.sequence);
    }
    free(together);
    free(apart);
}

static void one_that_floods_does_not_push_out_others(void **state)
{
    (void)state;
    struct recent *recent = new_recent();
    recent_add(recent, 1, 1, 0, str_of("quiet"));
    for (unsigned i = 0; i < 100000; i++)
        recent_add(recent, 2, 2, 0, str_of("noise"));
    assert_int_equal(count_lines(recent, 1), 1);
    assert_int_equal(count_lines(recent, 2), RECENT_RING_BYTES / 32);
    free(recent);
}

static void long_lines_written_over_themselves(void **state)
{
    (void)state;
    static struct recent recent;
    static char text[3 * RECENT_LINE_BYTES];
    struct recent_line line;
    uint64_t cursor = 0;
    memset(text, '1', sizeof(text));
    memcpy(text + sizeof(text) - 5, "\r99%\r", 5);
    (void)recent_add(&recent, 0, 0, 0, str_from(text, sizeof(text)));
    text[RECENT_LINE_BYTES] = '\r';
    (void)recent_add(&recent, 0, 0, 0, str_from(text, sizeof(text) - 10));
    assert_true(recent_next(&recent, 0, &cursor, &line));
    assert_true(line.is_cut && str_is(line.text, "99%"));
    assert_true(recent_next(&recent, 0, &cursor, &line));
    assert_true(line.is_cut && line.text.size == RECENT_LINE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_it_was_given),
        cmocka_unit_test(keeps_the_beginning_of_a_long_line),
        cmocka_unit_test(keeps_the_newest_lines),
        cmocka_unit_test(keeps_of_many_what_it_would_keep_of_each),
        cmocka_unit_test(one_that_floods_does_not_push_out_others),
        cmocka_unit_test(long_lines_written_over_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
