// SPDX-License-Identifier: MIT
// Memory between two processes, one of which is killed anywhere.
#include "guard/board.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MEMORY = 10000, SLOT = 100 };

static int fd;
static struct board *board;

static int make(void **state)
{
    (void)state;
    return board_make(MEMORY, &fd, &board);
}

static int drop(void **state)
{
    (void)state;
    board_unmap(board, MEMORY);
    return close(fd);
}

static void test_both_see_the_same(void **state)
{
    (void)state;
    struct board *other = NULL;
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(board_map(fd, MEMORY, &other), 0);
    assert_ptr_not_equal(other, board);
    for (size_t i = 0; i < MEMORY; i++)
        assert_int_equal(other->memory[i], 0);
    board->memory[MEMORY - 1] = 'x';
    assert_int_equal(other->memory[MEMORY - 1], 'x');
    board_mark_changed(board, 0);
    board_mark_changed(board, 63);
    board_mark_changed(board, LIMIT_PROCESSES - 1);
    assert_true(atomic_exchange(&other->changed[0], 0) == (UINT64_C(1) << 63 | 1));
    assert_true(atomic_exchange(&other->changed[BOARD_WORDS - 1], 0) == UINT64_C(1) << 63);
    assert_int_equal(atomic_load(&board->changed[0]), 0);
    board_unmap(other, MEMORY);
}

static void test_another_version_or_size_is_refused(void **state)
{
    (void)state;
    struct board *other = NULL;
    assert_int_equal(board_map(fd, MEMORY + 1, &other), -EPROTO);
    board->version++;
    assert_int_equal(board_map(fd, MEMORY, &other), -EPROTO);
    board->version--;
    assert_int_equal(board_map(-1, MEMORY, &other), -EBADF);
    assert_null(other);
}

static void test_nobody_can_shrink_it(void **state)
{
    (void)state;
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 1 << 30), -1);
}

// As the guard: one incarnation after the other, each field from the token, `state` stored last.
static void write_for_ever(void)
{
    struct board_slot *slot = &board->slots[SLOT];
    for (uint32_t token = 1;; token++) {
        slot->token = token;
        slot->pid = (int32_t)(token * 3);
        slot->error = 0;
        slot->stage = 0;
        slot->status = 0;
        atomic_store_explicit(&slot->state, BOARD_LIVE, memory_order_release);
        board_mark_changed(board, SLOT);
        slot->status = (int32_t)(token * 7);
        atomic_store_explicit(&slot->state, BOARD_DEAD, memory_order_release);
        board_mark_changed(board, SLOT);
    }
}

// The writer may be killed between any two stores. What can be read then is one incarnation that is
// dead with its status, one that lives, or a new token over an old state: never a status that is
// not its token's.
static void test_writer_is_killed_anywhere(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        memset(&board->slots[SLOT], 0, sizeof(board->slots[SLOT]));
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_for_ever();
        while (!atomic_load(&board->changed[SLOT / 64])) {
        }
        for (int spin = 0; spin < round * 37; spin++) // another place every time
            (void)atomic_load(&board->slots[SLOT].state);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        const struct board_slot *slot = &board->slots[SLOT];
        uint32_t seen = atomic_load_explicit(&slot->state, memory_order_acquire);
        uint32_t token = slot->token;
        bool is_new = slot->pid != (int32_t)(token * 3) && slot->pid == (int32_t)((token - 1) * 3);
        assert_true(seen == BOARD_LIVE || seen == BOARD_DEAD ||
                    (seen == BOARD_VACANT && token <= 1));
        assert_true(is_new || slot->pid == (int32_t)(token * 3));
        assert_true(slot->status == 0 || slot->status == (int32_t)(token * 7) ||
                    slot->status == (int32_t)((token - 1) * 7));
        // The bit is set, so whoever comes next looks.
        assert_true(atomic_exchange(&board->changed[SLOT / 64], 0) != 0);
    }
}

// A reader that clears a bit and then looks misses nothing, however the two are interleaved.
static void test_no_change_is_missed(void **state)
{
    (void)state;
    enum { CHANGES = 200000 };
    struct board_slot *slot = &board->slots[SLOT];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (uint32_t i = 1; i <= CHANGES; i++) {
            slot->token = i;
            atomic_store_explicit(&slot->state, i, memory_order_release);
            board_mark_changed(board, SLOT);
        }
        _exit(0);
    }
    uint32_t last = 0;
    while (last < CHANGES) {
        if (!atomic_exchange(&board->changed[SLOT / 64], 0))
            continue;
        uint32_t seen = atomic_load_explicit(&slot->state, memory_order_acquire);
        assert_true(seen >= last);
        assert_true(slot->token >= seen);
        last = seen;
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_see_the_same, make, drop),
        cmocka_unit_test_setup_teardown(test_another_version_or_size_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(test_nobody_can_shrink_it, make, drop),
        cmocka_unit_test_setup_teardown(test_writer_is_killed_anywhere, make, drop),
        cmocka_unit_test_setup_teardown(test_no_change_is_missed, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
