// SPDX-License-Identifier: MIT
// The launch ring against a model: any order of writing, reading and dying managers, any sizes.
#include "guard/link.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_WAITING = 4096 };

// Launches that were written and not read, the oldest first.
static struct waiting {
    struct guard_request request;
    unsigned char fill;
} waiting[MOST_WAITING];
static size_t first;
static size_t count;

static struct board *board;
static int board_fd;
static struct launch_ring ring;
static struct random chance;

static int make_board(void **state)
{
    (void)state;
    first = count = 0;
    chance.state = 7;
    if (board_make(0, &board_fd, &board) < 0)
        return -1;
    launch_ring_init(&ring, board);
    return 0;
}

static int drop_board(void **state)
{
    (void)state;
    board_unmap(board, 0);
    return close(board_fd);
}

static bool write_one(size_t size)
{
    struct waiting *entry = &waiting[(first + count) % MOST_WAITING];
    uint64_t at = 0;
    char *to = count < MOST_WAITING ? launch_ring_reserve(&ring, size, &at) : NULL;
    if (!to)
        return false;
    entry->fill = (unsigned char)(1 + random_below(&chance, 255));
    entry->request = (struct guard_request){.launch_at = at, .launch_size = (uint32_t)size};
    assert_true(to >= board->launch);
    assert_true(to + size <= board->launch + BOARD_LAUNCH_BYTES);
    memset(to, entry->fill, size - 1);
    to[size - 1] = '\0';
    count++;
    return true;
}

static void read_one(void)
{
    const struct waiting *entry = &waiting[first];
    size_t size = entry->request.launch_size;
    const char *launch = launch_ring_read(board, &entry->request);
    assert_non_null(launch);
    for (size_t i = 0; i + 1 < size; i += 1 + size / 64) // nobody has written over it
        assert_int_equal((unsigned char)launch[i], entry->fill);
    if (size > 1)
        assert_int_equal((unsigned char)launch[size - 2], entry->fill);
    launch_ring_release(board, &entry->request);
    first = (first + 1) % MOST_WAITING;
    count--;
}

static size_t some_size(void)
{
    switch (random_below(&chance, 8)) {
    case 0:
        return 1 + random_below(&chance, LIMIT_LAUNCH_BYTES);
    case 1:
        return 1 + random_below(&chance, 512 * 1024);
    default:
        return 1 + random_below(&chance, 16 * 1024);
    }
}

static void test_any_order_of_writing_and_reading(void **state)
{
    (void)state;
    size_t size = some_size();
    for (int step = 0; step < 50000; step++) {
        if (random_below(&chance, 2) == 0) {
            if (write_one(size))
                size = some_size();
            else
                assert_true(count > 0); // it never waits for nothing
        } else if (count > 0) {
            read_one();
        }
        if (random_below(&chance, 500) == 0) {
            // A manager dies; the guard reads what was sent, and the next one begins. What it had
            // reserved and not sent is nothing.
            while (count > 0)
                read_one();
            uint64_t at;
            (void)launch_ring_reserve(&ring, some_size(), &at);
            launch_ring_init(&ring, board);
        }
    }
    while (count > 0)
        read_one();
}

static void test_the_largest_fits(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(write_one(LIMIT_LAUNCH_BYTES));
        assert_false(write_one(LIMIT_LAUNCH_BYTES) && write_one(LIMIT_LAUNCH_BYTES) &&
                     write_one(LIMIT_LAUNCH_BYTES)); // it is bounded
        while (count > 0)
            read_one();
        assert_true(write_one(1));
        read_one();
    }
}

static void test_what_is_no_launch_is_not_read(void **state)
{
    (void)state;
    struct guard_request request = {.launch_at = 0, .launch_size = 0};
    assert_null(launch_ring_read(board, &request));
    request.launch_size = BOARD_LAUNCH_BYTES + 1;
    assert_null(launch_ring_read(board, &request));
    request.launch_size = UINT32_MAX;
    assert_null(launch_ring_read(board, &request));
    request = (struct guard_request){.launch_at = BOARD_LAUNCH_BYTES - 1,
                                     .launch_size = LIMIT_LAUNCH_BYTES};
    assert_null(launch_ring_read(board, &request)); // beyond the end
    board->launch[9] = 'x';
    request = (struct guard_request){.launch_at = 0, .launch_size = 10};
    assert_null(launch_ring_read(board, &request)); // its last string has no end
    board->launch[9] = '\0';
    assert_non_null(launch_ring_read(board, &request));
}

static void test_positions_never_go_back(void **state)
{
    (void)state;
    atomic_store(&board->launches_read, UINT64_C(1) << 40);
    launch_ring_init(&ring, board);
    uint64_t before = 0;
    for (int i = 0; i < 10000; i++) {
        assert_true(write_one(3000));
        assert_true(waiting[first].request.launch_at >= before);
        before = waiting[first].request.launch_at + 3000;
        read_one();
        assert_true(atomic_load(&board->launches_read) == before);
    }
}

static void test_many_wait_at_a_time_wherever_it_was_emptied(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        assert_true(write_one(3001));
        read_one();
        for (int waiting_now = 0; waiting_now < 40; waiting_now++)
            assert_true(write_one(3001));
        while (count > 0)
            read_one();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_wait_at_a_time_wherever_it_was_emptied,
                                        make_board, drop_board),
        cmocka_unit_test_setup_teardown(test_any_order_of_writing_and_reading, make_board,
                                        drop_board),
        cmocka_unit_test_setup_teardown(test_the_largest_fits, make_board, drop_board),
        cmocka_unit_test_setup_teardown(test_what_is_no_launch_is_not_read, make_board, drop_board),
        cmocka_unit_test_setup_teardown(test_positions_never_go_back, make_board, drop_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
