// SPDX-License-Identifier: MIT
// Records of a tray: each byte goes to its owner, in order, once, also over a killed owner.
#include "stream/tray.h"

#include "base/random.h"
#include "stream/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OWNERS = 3 };

static long write_to(void *context, const char *bytes, size_t size)
{
    return write(*(const int *)context, bytes, size);
}

// At most `limit` bytes of the next record.
static bool write_record(struct tray *tray, FILE *const files[OWNERS], size_t limit)
{
    uint32_t owner;
    size_t size;
    if (!tray_next_record(tray, &owner, &size))
        return false;
    assert_true(owner < OWNERS);
    int fd = fileno(files[owner]);
    assert_true(tray_write(tray, fd, size < limit ? size : limit, write_to, &fd) >= 0);
    return true;
}

static void open_files(FILE *files[OWNERS])
{
    for (int i = 0; i < OWNERS; i++)
        assert_non_null(files[i] = tmpfile());
}

static void assert_file(FILE *file, const char *text)
{
    char got[256] = "";
    assert_true(pread(fileno(file), got, sizeof(got) - 1, 0) >= 0);
    assert_string_equal(got, text);
    (void)fclose(file);
}

static void each_owner_gets_its_own(void **state)
{
    (void)state;
    struct tray tray;
    FILE *files[OWNERS];
    tray_init(&tray);
    open_files(files);
    buffer_append_text(tray_record(&tray, 0), "a");
    buffer_append_text(tray_record(&tray, 0), "b");
    buffer_append_text(tray_record(&tray, 2), "c");
    buffer_append_text(tray_record(&tray, 0), "d");
    assert_true(write_record(&tray, files, 1));
    buffer_append_text(tray_record(&tray, 0), "e"); // not into the one that is being written
    while (write_record(&tray, files, 1))
        ;
    assert_int_equal(tray_waiting_bytes(&tray), 0);
    assert_file(files[0], "abde");
    assert_file(files[1], "");
    assert_file(files[2], "c");
    tray_fini(&tray);
}

// One that is half written goes along with what follows it, to a tray that has some already.
static void goes_on_in_another_tray(void **state)
{
    (void)state;
    FILE *files[OWNERS];
    struct buffer saved = {0};
    struct tray old, fresh;
    tray_init(&old);
    tray_init(&fresh);
    open_files(files);
    tray_save_records(&old, &saved);
    assert_int_equal(saved.size, 0);
    buffer_append_text(tray_record(&old, 1), "first");
    buffer_append_text(tray_record(&old, 2), "second");
    assert_true(write_record(&old, files, 2));
    buffer_append_text(tray_record(&old, 1), "third");
    tray_save_records(&old, &saved);
    buffer_append_text(tray_record(&fresh, 0), "none");
    while (write_record(&fresh, files, 100))
        ;
    tray_clear(&fresh);
    buffer_append_str(&fresh.queue, buffer_str(&saved));
    buffer_append_text(tray_record(&fresh, 1), "fourth");
    while (write_record(&fresh, files, 100))
        ;
    assert_file(files[0], "none");
    assert_file(files[1], "firstthirdfourth");
    assert_file(files[2], "second");
    buffer_fini(&saved);
    tray_fini(&old);
    tray_fini(&fresh);
}

// --- killed between any two steps: a new owner sits down at the desk

struct rig {
    int parts[DESK_PARTS];
    struct desk desk;
    struct tray *tray;
    FILE *files[OWNERS];
};

static void sit_down(struct rig *rig)
{
    assert_int_equal(desk_open(&rig->desk, rig->parts), 0);
    const struct tray_state *left = &rig->desk.state.trays[1];
    int output = fileno(rig->files[left->owner]);
    assert_int_equal(desk_take_tray(&rig->desk, 1, output, &rig->tray), 0);
    tray_mend_records(rig->tray);
}

static void append_numbers(struct rig *rig, struct random *random, unsigned numbers[OWNERS])
{
    for (uint64_t i = random_below(random, 20); i > 0; i--) {
        uint32_t owner = (uint32_t)random_below(random, OWNERS);
        buffer_append_format(tray_record(rig->tray, owner), "%u\n", ++numbers[owner]);
    }
}

static void assert_numbers(FILE *file, unsigned count)
{
    char line[32];
    unsigned number = 0;
    rewind(file);
    while (fgets(line, sizeof(line), file))
        assert_int_equal(strtoul(line, NULL, 10), ++number);
    assert_int_equal(number, count);
    (void)fclose(file);
}

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    struct rig rig;
    struct random random = {.state = 3};
    unsigned numbers[OWNERS] = {0};
    open_files(rig.files);
    assert_int_equal(desk_make(rig.parts), 0);
    sit_down(&rig);
    for (int round = 0; round < 20000; round++) {
        unsigned before[OWNERS];
        memcpy(before, numbers, sizeof(before));
        append_numbers(&rig, &random, numbers);
        bool is_killed = random_below(&random, 4) == 0;
        if (is_killed) // what was not committed comes again
            memcpy(numbers, before, sizeof(numbers));
        else
            desk_commit(&rig.desk);
        for (uint64_t i = random_below(&random, 30); !is_killed && i > 0; i--)
            if (!write_record(rig.tray, rig.files, 1 + random_below(&random, 8)))
                break;
        if (is_killed || random_below(&random, 8) == 0) {
            desk_close(&rig.desk);
            sit_down(&rig);
        }
        if (tray_waiting_bytes(rig.tray) == 0)
            tray_clear(rig.tray);
        else
            tray_compact(rig.tray);
    }
    while (write_record(rig.tray, rig.files, SIZE_MAX))
        ;
    for (int i = 0; i < OWNERS; i++)
        assert_numbers(rig.files[i], numbers[i]);
    desk_close(&rig.desk);
    for (int i = 0; i < DESK_PARTS; i++)
        close(rig.parts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_owner_gets_its_own),
        cmocka_unit_test(goes_on_in_another_tray),
        cmocka_unit_test(nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests_name("stream/tray", tests, NULL, NULL);
}
