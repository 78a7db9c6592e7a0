// SPDX-License-Identifier: MIT
// Callbacks that remove, add and free sources of the very batch that they are called from.
#include "os/loop.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 3 * LOOP_BATCH };

struct world;

struct bell {
    struct loop_source source;
    struct world *world;
    unsigned calls;
    uint32_t events;
};

struct world {
    struct loop loop;
    struct bell *bells[MANY];
    unsigned calls;
};

static struct bell *new_bell(struct world *world, unsigned value, loop_ready *ready)
{
    struct bell *bell = calloc(1, sizeof(*bell));
    assert_non_null(bell);
    bell->world = world;
    int fd = eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(loop_add(&world->loop, &bell->source, fd, EPOLLIN, ready), 0);
    return bell;
}

static void free_bell(struct bell *bell)
{
    if (!bell)
        return;
    loop_remove(&bell->world->loop, &bell->source);
    assert_int_equal(close(bell->source.fd), 0);
    free(bell);
}

static void count_call(struct loop_source *source, uint32_t events)
{
    struct bell *bell = loop_owner(source, struct bell, source);
    bell->calls++;
    bell->events = events;
    bell->world->calls++;
}

static int open_world(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    *state = world;
    return world ? loop_open(&world->loop) : -1;
}

static int close_world(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < MANY; i++)
        free_bell(world->bells[i]);
    loop_close(&world->loop);
    free(world);
    return 0;
}

static void test_ready_sources_are_called(void **state)
{
    struct world *world = *state;
    world->bells[0] = new_bell(world, 1, count_call);
    world->bells[1] = new_bell(world, 0, count_call);
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0);
    assert_int_equal(world->bells[0]->calls, 1);
    assert_int_equal(world->bells[0]->events, EPOLLIN);
    assert_int_equal(world->bells[1]->calls, 0);
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0); // as long as it is ready
    assert_int_equal(world->bells[0]->calls, 2);
}

static void test_more_than_a_batch_is_fair(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < MANY; i++)
        world->bells[i] = new_bell(world, 1, count_call);
    for (int round = 0; round < 6; round++)
        assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(world->bells[i]->calls, 2);
}

// Frees every other bell, itself too: nobody may be called any more.
static void free_all(struct loop_source *source, uint32_t events)
{
    struct world *world = loop_owner(source, struct bell, source)->world;
    (void)events;
    world->calls++;
    for (size_t i = 0; i < MANY; i++) {
        free_bell(world->bells[i]);
        world->bells[i] = NULL;
    }
}

static void test_removal_in_a_callback(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < MANY; i++)
        world->bells[i] = new_bell(world, 1, free_all);
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0);
    assert_int_equal(world->calls, 1);
    assert_int_equal(loop_run_once(&world->loop, 0), 0);
    assert_int_equal(world->calls, 1);
}

static void add_another(struct loop_source *source, uint32_t events)
{
    struct bell *bell = loop_owner(source, struct bell, source);
    struct world *world = bell->world;
    count_call(source, events);
    if (!world->bells[1])
        world->bells[1] = new_bell(world, 1, count_call);
}

static void test_addition_in_a_callback(void **state)
{
    struct world *world = *state;
    world->bells[0] = new_bell(world, 1, add_another);
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0);
    assert_int_equal(world->bells[1]->calls, 0); // in the next round
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0);
    assert_int_equal(world->bells[1]->calls, 1);
}

// What was removed and added again is another source: the old event is not told to it.
static void add_others_anew(struct loop_source *source, uint32_t events)
{
    struct bell *own = loop_owner(source, struct bell, source);
    struct world *world = own->world;
    count_call(source, events);
    for (size_t i = 0; i < 3; i++) {
        struct bell *bell = world->bells[i];
        if (bell == own || bell->calls > 0)
            continue;
        loop_remove(&world->loop, &bell->source);
        int fd = bell->source.fd;
        uint64_t value;
        assert_int_equal(read(fd, &value, sizeof(value)), sizeof(value));
        assert_int_equal(loop_add(&world->loop, &bell->source, fd, EPOLLIN, count_call), 0);
    }
}

static void test_a_source_added_anew_hears_nothing_old(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < 3; i++)
        world->bells[i] = new_bell(world, 1, add_others_anew);
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0);
    assert_int_equal(world->calls, 1);
}

static void test_removal_twice_and_of_nothing(void **state)
{
    struct world *world = *state;
    struct loop_source never_added = {0};
    loop_remove(&world->loop, &never_added);
    world->bells[0] = new_bell(world, 1, count_call);
    loop_remove(&world->loop, &world->bells[0]->source);
    loop_remove(&world->loop, &world->bells[0]->source);
    assert_int_equal(loop_run_once(&world->loop, 0), 0);
    assert_int_equal(world->calls, 0);
}

static void test_deadlines(void **state)
{
    struct world *world = *state;
    nsec_t begin = clock_now();
    assert_int_equal(loop_run_once(&world->loop, begin + 20 * NSEC_PER_MSEC), 0);
    assert_true(clock_now() >= begin + 20 * NSEC_PER_MSEC); // never early
    begin = clock_now();
    assert_int_equal(loop_run_once(&world->loop, begin - NSEC_PER_SEC), 0); // over already
    assert_int_equal(loop_run_once(&world->loop, 0), 0);
    assert_true(clock_now() < begin + NSEC_PER_SEC);
    world->bells[0] = new_bell(world, 1, count_call); // an event comes before any deadline
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER - 1), 0);
    assert_int_equal(world->calls, 1);
}

static void run_inner(struct loop_source *source, uint32_t events)
{
    struct bell *bell = loop_owner(source, struct bell, source);
    struct loop inner = {.fd = source->fd};
    count_call(source, events);
    assert_int_equal(loop_run_once(&inner, 0), 0);
    (void)bell;
}

static void test_a_loop_is_a_source(void **state)
{
    struct world *world = *state;
    struct world inner = {0};
    struct bell outer = {.world = world};
    assert_int_equal(loop_open(&inner.loop), 0);
    inner.bells[0] = new_bell(&inner, 1, count_call);
    assert_int_equal(loop_add(&world->loop, &outer.source, inner.loop.fd, EPOLLIN, run_inner), 0);
    assert_int_equal(loop_run_once(&world->loop, NSEC_NEVER), 0);
    assert_int_equal(inner.calls, 1);
    loop_remove(&world->loop, &outer.source); // all of its sources are paused
    assert_int_equal(loop_run_once(&world->loop, 0), 0);
    assert_int_equal(inner.calls, 1);
    free_bell(inner.bells[0]);
    loop_close(&inner.loop);
}

static void test_what_cannot_be_watched(void **state)
{
    struct world *world = *state;
    struct loop_source source = {0};
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(loop_add(&world->loop, &source, file, EPOLLIN, count_call), -EPERM);
    assert_false(source.is_added);
    assert_int_equal(close(file), 0);
    assert_int_equal(loop_add(&world->loop, &source, file, EPOLLIN, count_call), -EBADF);
}

static void test_clocks(void **state)
{
    (void)state;
    char text[32];
    nsec_t before = clock_now();
    assert_true(before > 0 && clock_now() >= before);
    assert_true(clock_wall_second() > 1600000000); // 2020
    assert_int_equal(clock_wall_text("%H:%M:%S", text, sizeof(text)), 8);
    assert_int_equal(strlen(text), 8);
    assert_int_equal(clock_wall_text("%H:%M:%S", text, 8), 0); // does not fit
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ready_sources_are_called, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_more_than_a_batch_is_fair, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_removal_in_a_callback, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_addition_in_a_callback, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_a_source_added_anew_hears_nothing_old, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(test_removal_twice_and_of_nothing, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_deadlines, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_a_loop_is_a_source, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_watched, open_world, close_world),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
