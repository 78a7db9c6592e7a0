// SPDX-License-Identifier: MIT
#include "view/readiness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const struct readiness *readiness, const char *wanted)
{
    struct buffer text = {0};
    readiness_write(&text, readiness);
    buffer_append_char(&text, '\0');
    assert_string_equal(text.bytes, wanted);
    buffer_fini(&text);
}

static void the_first_that_lacks_is_named(void **state)
{
    (void)state;
    expect(&(struct readiness){.count = 6, .ready = 6}, "6 of 6 processes ready");
    expect(&(struct readiness){.count = 1, .ready = 1}, "1 of 1 process ready");
    expect(&(struct readiness){0}, "0 of 0 processes ready");
    expect(&(struct readiness){6, 5, 5, "web.2", PROCESS_BACKOFF},
           "5 of 6 processes ready, web.2 in backoff");
    expect(&(struct readiness){6, 4, 6, "web.2", PROCESS_RUNNING},
           "4 of 6 processes ready, web.2 not ready and 1 other not ready");
    expect(&(struct readiness){6, 0, 0, "web.1", PROCESS_WAITING},
           "0 of 6 processes ready, web.1 waiting for others and 5 others not ready");
    expect(&(struct readiness){2, 1, 1, "once.1", PROCESS_FINISHED},
           "1 of 2 processes ready, once.1 failed");
}

static void the_end_counts_who_is_left(void **state)
{
    (void)state;
    static const char *const wanted[] = {"stopping", "stopping, 1 process is left",
                                         "stopping, 2 processes are left"};
    for (unsigned running = 0; running < 3; running++) {
        struct buffer text = {0};
        readiness_write_stopping(&text, &(struct readiness){.running = running});
        buffer_append_char(&text, '\0');
        assert_string_equal(text.bytes, wanted[running]);
        buffer_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_lacks_is_named),
        cmocka_unit_test(the_end_counts_who_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
