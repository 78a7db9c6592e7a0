// SPDX-License-Identifier: MIT
// When, what name, and what goes.
#include "plan/rotation.h"

#include "base/random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR (3600 * NSEC_PER_SEC)
#define MOMENT (INT64_C(1795647600) * NSEC_PER_SEC + 123 * NSEC_PER_MSEC) // 2026-11-25T23:00:00.123

static void is_due_by_size(void **state)
{
    const struct sink_rotation policy = {.size_bytes = 100};
    (void)state;
    assert_false(rotation_is_due(&policy, 99, 0, 0, MOMENT));
    assert_true(rotation_is_due(&policy, 100, 0, 0, MOMENT));
    assert_false(rotation_is_due(&policy, 90, 0, 10, MOMENT)); // fits
    assert_true(rotation_is_due(&policy, 90, 0, 11, MOMENT));
    assert_true(rotation_is_due(&policy, 1, 0, UINT64_MAX, MOMENT));
    assert_false(rotation_is_due(&policy, 0, 0, 1000, MOMENT)); // no empty file is put aside
}

static void is_due_by_age(void **state)
{
    const struct sink_rotation policy = {.age = HOUR};
    (void)state;
    assert_false(rotation_is_due(&policy, 1, MOMENT, 1, MOMENT + HOUR - 1));
    assert_true(rotation_is_due(&policy, 1, MOMENT, 1, MOMENT + HOUR));
    assert_false(rotation_is_due(&policy, 0, MOMENT, 1, MOMENT + 2 * HOUR));
    assert_false(rotation_is_due(&policy, 1, MOMENT, 1, MOMENT - 1000 * HOUR)); // set back
    assert_int_equal(rotation_due_at(&policy, 1, MOMENT), MOMENT + HOUR);
    assert_int_equal(rotation_due_at(&policy, 0, MOMENT), NSEC_NEVER);
    assert_int_equal(rotation_due_at(&policy, 1, NSEC_NEVER), NSEC_NEVER);
}

static void is_never_due_without_size_and_age(void **state)
{
    const struct sink_rotation policy = {.keep_count = 7, .total_bytes = 10};
    (void)state;
    assert_false(rotation_is_due(&policy, UINT64_MAX, 0, 1, NSEC_NEVER));
}

static void two_files_fit_the_total(void **state)
{
    (void)state;
    assert_int_equal(rotation_size_limit(&(struct sink_rotation){.age = 1}), 0);
    assert_int_equal(rotation_size_limit(&(struct sink_rotation){.size_bytes = 7}), 7);
    assert_int_equal(
        rotation_size_limit(&(struct sink_rotation){.size_bytes = 7, .total_bytes = 14}), 7);
    assert_int_equal(
        rotation_size_limit(&(struct sink_rotation){.size_bytes = 7, .total_bytes = 10}), 5);
    assert_int_equal(rotation_size_limit(&(struct sink_rotation){.age = 1, .total_bytes = 1}), 1);
}

static void expects_name(int64_t stamp, const char *wanted)
{
    char name[ROTATION_NAME_BYTES];
    int64_t again = -1;
    enum rotation_part part;
    assert_int_equal(rotation_name(str_of("web.1.log"), stamp, name), 0);
    assert_string_equal(name, wanted);
    assert_true(rotation_read_name(str_of("web.1.log"), str_of(name), &again, &part));
    assert_int_equal(again, stamp);
    assert_int_equal(part, ROTATION_PLAIN);
}

static void names_have_the_time_in_utc(void **state)
{
    (void)state;
    expects_name(MOMENT / NSEC_PER_MSEC, "web.1.log.2026-11-25T23-00-00.123");
    expects_name(0, "web.1.log.1970-01-01T00-00-00.000");
    expects_name(INT64_C(951782400000), "web.1.log.2000-02-29T00-00-00.000");
    expects_name(INT64_C(951868799999), "web.1.log.2000-02-29T23-59-59.999");
    expects_name(INT64_C(4107542400000), "web.1.log.2100-03-01T00-00-00.000");
    expects_name(INT64_C(253402300799999), "web.1.log.9999-12-31T23-59-59.999");
}

static void names_sort_as_stamps_do(void **state)
{
    (void)state;
    struct random random = {3};
    char before[ROTATION_NAME_BYTES];
    char name[ROTATION_NAME_BYTES];
    int64_t last = 0;
    assert_int_equal(rotation_name(str_of("a"), 0, before), 0);
    while (last < INT64_C(250000000000000)) {
        int64_t stamp = last + 1 + (int64_t)random_below(&random, UINT64_C(5000000000));
        int64_t again;
        enum rotation_part part;
        assert_int_equal(rotation_name(str_of("a"), stamp, name), 0);
        assert_true(strcmp(before, name) < 0);
        assert_true(rotation_read_name(str_of("a"), str_of(name), &again, &part));
        assert_int_equal(again, stamp);
        memcpy(before, name, sizeof(name));
        last = stamp;
    }
}

static void stamps_never_repeat(void **state)
{
    const int64_t now = MOMENT / NSEC_PER_MSEC;
    (void)state;
    assert_int_equal(rotation_next_stamp(MOMENT, 0), now);
    assert_int_equal(rotation_next_stamp(MOMENT, now - 1), now);
    assert_int_equal(rotation_next_stamp(MOMENT, now), now + 1);
    assert_int_equal(rotation_next_stamp(MOMENT, now + 5000), now + 5001); // the clock was set back
    assert_int_equal(rotation_next_stamp(-5, 0), 1);
    char name[ROTATION_NAME_BYTES];
    assert_int_equal(rotation_name(str_of("a"), rotation_next_stamp(NSEC_NEVER, 0), name), 0);
    assert_int_equal(rotation_name(str_of("a"), rotation_next_stamp(0, INT64_MAX - 1), name), 0);
}

static void reads_no_other_names(void **state)
{
    static const char *const others[] = {
        "web.log",
        "web.log.1",
        "web.log.",
        "web.log.2026-11-25T23-00-00.12",
        "web.log.2026-11-25T23-00-00.1234",
        "web.log.2026-11-25T23-00-00.123.gz",
        "web.log.2026-11-25T23-00-00.123.zst.",
        "web.log.2026-11-25T23-00-00.123.partial",
        "web.log.2026-11-25T24-00-00.123",
        "web.log.2026-02-29T23-00-00.123",
        "web.log.2026-13-25T23-00-00.123",
        "web.log.2026-00-25T23-00-00.123",
        "web.log.1969-12-31T23-59-59.999",
        "web.log.2026-11-25 23-00-00.123",
        "web.log.2026-11-25T23-0a-00.123",
        "web.1.log.2026-11-25T23-00-00.123",
        "xweb.log.2026-11-25T23-00-00.123",
        "web-log.2026-11-25T23-00-00.123",
        "web.log-2026-11-25T23-00-00.123",
        "",
        ".2026-11-25T23-00-00.123",
        "web.log.-026-11-25T23-00-00.123",
    };
    int64_t stamp;
    enum rotation_part part;
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (rotation_read_name(str_of("web.log"), str_of(others[i]), &stamp, &part))
            fail_msg("%s was read", others[i]);
}

static void reads_what_compression_makes(void **state)
{
    const struct str live = str_of("web.log");
    int64_t stamp;
    enum rotation_part part;
    (void)state;
    assert_true(
        rotation_read_name(live, str_of("web.log.2026-11-25T23-00-00.123.zst"), &stamp, &part));
    assert_int_equal(stamp, MOMENT / NSEC_PER_MSEC);
    assert_int_equal(part, ROTATION_COMPRESSED);
    assert_true(rotation_read_name(live, str_of("web.log.2026-11-25T23-00-00.123.zst.partial"),
                                   &stamp, &part));
    assert_int_equal(part, ROTATION_PARTIAL);
}

static void names_are_not_too_long(void **state)
{
    char live[256];
    char name[ROTATION_NAME_BYTES];
    (void)state;
    memset(live, 'a', sizeof(live));
    assert_int_equal(rotation_name(str_from(live, 219), 1, name), 0);
    assert_int_equal(strlen(name), 219 + 24);
    assert_int_equal(rotation_name(str_from(live, 220), 1, name), -ENAMETOOLONG);
    int64_t last = rotation_next_stamp(NSEC_NEVER, INT64_MAX - 1);
    assert_int_equal(rotation_name(str_of("a"), last, name), 0);
    assert_string_equal(name, "a.9999-12-31T23-59-59.999");
    assert_int_equal(rotation_name(str_of("a"), last + 1, name), -ERANGE);
}

// Each word of `files` is the stamp, its part ('-', 'z', 'p') and the size; the stamps that are
// left.
static void prunes(unsigned keep, uint64_t total, uint64_t live, const char *files,
                   const char *wanted)
{
    const struct sink_rotation policy = {.age = 1, .keep_count = keep, .total_bytes = total};
    struct rotation_entry entries[16];
    size_t count = 0;
    char left[128] = "";
    struct str rest = str_of(files);
    struct str word;
    while (str_next(&rest, ' ', &word)) {
        char part;
        unsigned size, stamp;
        assert_int_equal(sscanf(word.bytes, "%u%c%u", &stamp, &part, &size), 3);
        entries[count++] = (struct rotation_entry){
            .stamp = stamp,
            .part = part == 'z'   ? ROTATION_COMPRESSED
                    : part == 'p' ? ROTATION_PARTIAL
                                  : ROTATION_PLAIN,
            .bytes = size,
        };
    }
    size_t doomed = rotation_prune(&policy, live, entries, count);
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        doomed -= entries[i].is_doomed;
        if (!entries[i].is_doomed)
            size += (size_t)snprintf(left + size, sizeof(left) - size, "%s%u%c", size ? " " : "",
                                     (unsigned)entries[i].stamp, "-zp"[entries[i].part]);
    }
    assert_int_equal(doomed, 0);
    assert_string_equal(left, wanted);
}

static void keeps_the_newest(void **state)
{
    (void)state;
    prunes(7, 0, 0, "1-1", "1-");
    prunes(2, 0, 0, "1z1 2z1 3z1 4-1", "3z 4-");
    prunes(2, 0, 0, "1-1 1p1 2-1 2z1 3-1 3z1 3p1", "2- 2z 3- 3z 3p"); // of one stamp together
    prunes(0, 0, 0, "1-1 2z1", "");
    assert_int_equal(rotation_prune(&(struct sink_rotation){.age = 1}, 0, NULL, 0), 0);
}

static void clears_away_what_nobody_finishes(void **state)
{
    (void)state;
    prunes(7, 0, 0, "1-1 2p1 3-1", "1- 3-");
    prunes(2, 0, 0, "1-1 2p1 3-1", "1- 3-"); // it does not count
    prunes(7, 0, 0, "1p1", "");
}

static void stays_within_the_total(void **state)
{
    (void)state;
    // The live file may become 50 of the 100.
    prunes(7, 100, 0, "1-20 2-20 3-10", "1- 2- 3-");
    prunes(7, 100, 0, "1-20 2-20 3-11", "2- 3-");
    prunes(7, 100, 80, "1-20 2-20 3-10", "3-"); // it is larger, since it was so before
    prunes(7, 100, 1000, "1-20 2-20 3-10", "");
    prunes(7, 100, 0, "1-20 1p40 2-20", "2-");
    prunes(7, 100, 0, "1-60 2-60", ""); // never the live one
    prunes(1, 100, 0, "1-20 2-20", "2-");
}

static void bounds_hold_whatever_there_is(void **state)
{
    (void)state;
    struct random random = {11};
    for (int round = 0; round < 20000; round++) {
        struct rotation_entry entries[24];
        const struct sink_rotation policy = {
            .size_bytes = random_below(&random, 50),
            .age = 1,
            .keep_count = (unsigned)random_below(&random, 10),
            .total_bytes = random_below(&random, 200),
        };
        size_t count = random_below(&random, 24);
        uint64_t live = random_below(&random, 100);
        for (size_t i = 0; i < count; i++)
            entries[i] = (struct rotation_entry){
                .stamp = (int64_t)(i / 3),
                .part = (enum rotation_part)(i % 3),
                .bytes = random_below(&random, 40),
            };
        (void)rotation_prune(&policy, live, entries, count);
        uint64_t limit = rotation_size_limit(&policy);
        uint64_t bytes = live > limit ? live : limit;
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
            if (i > 0)
                assert_true(entries[i - 1].is_doomed || !entries[i].is_doomed); // the oldest first
            bytes += entries[i].is_doomed ? 0 : entries[i].bytes;
            left += !entries[i].is_doomed && i % 3 == 0;
        }
        assert_true(left <= policy.keep_count);
        assert_true(left == 0 || policy.total_bytes == 0 || bytes <= policy.total_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_due_by_size),
        cmocka_unit_test(is_due_by_age),
        cmocka_unit_test(is_never_due_without_size_and_age),
        cmocka_unit_test(two_files_fit_the_total),
        cmocka_unit_test(names_have_the_time_in_utc),
        cmocka_unit_test(names_sort_as_stamps_do),
        cmocka_unit_test(stamps_never_repeat),
        cmocka_unit_test(reads_no_other_names),
        cmocka_unit_test(reads_what_compression_makes),
        cmocka_unit_test(names_are_not_too_long),
        cmocka_unit_test(keeps_the_newest),
        cmocka_unit_test(clears_away_what_nobody_finishes),
        cmocka_unit_test(stays_within_the_total),
        cmocka_unit_test(bounds_hold_whatever_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
