// SPDX-License-Identifier: MIT
// Whoever works at a desk is killed, again and again: what comes out is what went in.
#include "stream/desk.h"

#include "base/limits.h"
#include "base/random.h"
#include "stream/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { LANE = 5, OTHER_LANE = 9 };

struct rig {
    int parts[DESK_PARTS];
    struct desk desk;
    struct tray *tray; // the first
};

static void open_rig(struct rig *rig)
{
    assert_int_equal(desk_make(rig->parts), 0);
    assert_int_equal(desk_open(&rig->desk, rig->parts), 0);
    assert_int_equal(desk_take_tray(&rig->desk, 0, STDOUT_FILENO, &rig->tray), 0);
    assert_true(rig->desk.is_new);
}

// As if the last owner had been killed, who wrote to `output`.
static void open_again_on(struct rig *rig, int output)
{
    desk_close(&rig->desk);
    assert_int_equal(desk_open(&rig->desk, rig->parts), 0);
    assert_int_equal(desk_take_tray(&rig->desk, 0, output, &rig->tray), 0);
    assert_false(rig->desk.is_new);
}

static void open_again(struct rig *rig)
{
    open_again_on(rig, STDOUT_FILENO);
}

static void close_rig(struct rig *rig)
{
    desk_close(&rig->desk);
    for (int i = 0; i < DESK_PARTS; i++)
        close(rig->parts[i]);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void assert_held(const struct desk *desk, unsigned lane, const char *text)
{
    char held[64];
    size_t size = desk_held(desk, lane, 0, held, sizeof(held));
    assert_int_equal(size, strlen(text));
    assert_memory_equal(held, text, size);
}

static void keeps_what_was_read(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    open_rig(&rig);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(desk_read(&rig.desk, ends[0], LANE), 0);
    put(ends[1], "one\ntw");
    assert_int_equal(desk_read(&rig.desk, ends[0], LANE), 6);
    open_again(&rig);
    assert_int_equal(rig.desk.state.lane, LANE);
    assert_int_equal(rig.desk.state.inbox_from, 0);
    assert_int_equal(rig.desk.state.inbox_end, 6);
    assert_memory_equal(rig.desk.inbox, "one\ntw", 6);

    buffer_append_text(&rig.tray->queue, "one\n");
    desk_hold(&rig.desk, LANE, str_of("tw"), true);
    open_again(&rig);
    assert_int_equal(rig.desk.state.inbox_end, 0);
    assert_int_equal(tray_waiting_bytes(rig.tray), 4);
    assert_held(&rig.desk, LANE, "tw");
    assert_held(&rig.desk, OTHER_LANE, "");

    put(ends[1], "o");
    assert_int_equal(desk_read(&rig.desk, ends[0], LANE), 1);
    desk_hold(&rig.desk, LANE, str_of("o"), false);
    desk_hold(&rig.desk, OTHER_LANE, str_of("else"), true);
    open_again(&rig);
    assert_held(&rig.desk, LANE, "two");
    assert_held(&rig.desk, OTHER_LANE, "else");
    desk_hold(&rig.desk, LANE, str_of(""), true);
    open_again(&rig);
    assert_held(&rig.desk, LANE, "");
    close(ends[0]);
    close(ends[1]);
    close_rig(&rig);
}

static void finds_what_was_on_its_way_in(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    rig.desk.state.lane = LANE;
    desk_commit(&rig.desk);
    put(rig.parts[DESK_INBOX], "abc"); // as splice(2) leaves it
    open_again(&rig);
    assert_int_equal(rig.desk.state.lane, LANE);
    assert_int_equal(rig.desk.state.inbox_end, 3);
    assert_memory_equal(rig.desk.inbox, "abc", 3);

    desk_hold(&rig.desk, LANE, str_of(""), true);
    rig.desk.state.reading = 3;
    desk_commit(&rig.desk);
    memcpy(rig.desk.inbox, "xyz", 3); // read, and nothing was written down after that
    open_again(&rig);
    assert_int_equal(rig.desk.state.inbox_end, 3);
    assert_memory_equal(rig.desk.inbox, "xyz", 3);
    close_rig(&rig);
}

// To a file (-1: to the outbox), as tray_write() leaves it when it is killed.
static void begin_write(struct rig *rig, int file)
{
    struct stat status = {0};
    tray_clear(rig->tray);
    buffer_append_text(&rig->tray->queue, "0123456789");
    rig->tray->state->writing = 10;
    rig->tray->state->uses_outbox = file < 0;
    if (file >= 0)
        assert_int_equal(fstat(file, &status), 0);
    rig->tray->state->write_at = (uint64_t)(file < 0 ? -1 : lseek(file, 0, SEEK_CUR));
    rig->tray->state->device = status.st_dev;
    rig->tray->state->inode = status.st_ino;
    desk_commit(&rig->desk);
}

static void knows_how_much_was_written(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    begin_write(&rig, -1);
    open_again(&rig);
    assert_int_equal(rig.tray->state->from, 0);
    begin_write(&rig, -1);
    put(rig.parts[DESK_OUTBOX], "0123456789");
    open_again(&rig);
    assert_int_equal(rig.tray->state->from, 10);
    assert_int_equal(tray_waiting_bytes(rig.tray), 10); // in the outbox

    FILE *file = tmpfile();
    FILE *other = tmpfile();
    assert_true(file && other);
    put(fileno(file), "before");
    begin_write(&rig, fileno(file));
    put(fileno(file), "0123");
    open_again_on(&rig, fileno(file));
    assert_int_equal(rig.tray->state->from, 4);
    begin_write(&rig, fileno(file));
    open_again_on(&rig, fileno(file));
    assert_int_equal(rig.tray->state->from, 0);
    begin_write(&rig, fileno(file));
    open_again_on(&rig, fileno(other)); // it may have been written: not twice
    assert_int_equal(rig.tray->state->from, 10);
    (void)fclose(file);
    (void)fclose(other);
    close_rig(&rig);
}

static void trays_are_true_at_the_same_moment(void **state)
{
    (void)state;
    struct rig rig;
    struct tray *other;
    open_rig(&rig);
    assert_int_equal(desk_take_tray(&rig.desk, DESK_TRAYS - 1, -1, &other), 0);
    buffer_append_text(&rig.tray->queue, "one");
    buffer_append_text(&other->queue, "other");
    desk_commit(&rig.desk);
    buffer_append_text(&rig.tray->queue, "lost");
    buffer_append_text(&other->queue, "lost");
    open_again(&rig);
    desk_commit(&rig.desk); // one that is not taken yet keeps what it has
    open_again(&rig);
    assert_int_equal(desk_take_tray(&rig.desk, DESK_TRAYS - 1, -1, &other), 0);
    assert_true(str_is(tray_unwritten(rig.tray), "one"));
    assert_true(str_is(tray_unwritten(other), "other"));
    close_rig(&rig);
}

static void forgets_what_was_not_committed(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    buffer_append_text(&rig.tray->queue, "whole\n");
    desk_commit(&rig.desk);
    buffer_append_text(&rig.tray->queue, "half");
    open_again(&rig);
    assert_int_equal(tray_waiting_bytes(rig.tray), 6);
    tray_clear(rig.tray);
    open_again(&rig);
    assert_int_equal(tray_waiting_bytes(rig.tray), 0);
    close_rig(&rig);
}

static void other_files_are_no_desk(void **state)
{
    (void)state;
    struct desk desk;
    int null = open("/dev/null", O_RDWR);
    assert_int_equal(desk_open(&desk, (int[DESK_PARTS]){null, null, null}), -ENOENT);
    assert_null(desk.memory);
    close(null);
}

// --- killed at any moment

enum { COUNT = 200000 };

// Moves bytes from `in` to `out` for as long as it lives. Each line that is whole is taken over as
// it is; so is, at the end, what comes behind the last one.
__attribute__((noreturn)) static void work(const struct rig *rig, int in, int out, bool is_owned)
{
    struct desk desk;
    struct tray *tray;
    struct outlet outlet;
    struct error error;
    (void)signal(SIGPIPE, SIG_IGN);
    if (desk_open(&desk, rig->parts) < 0 || desk_take_tray(&desk, 0, out, &tray) < 0 ||
        outlet_open(&outlet, out, &error) < 0)
        _exit(1);
    if (outlet.kind == OUTLET_OWN && !is_owned) // as a pipe of another user's is
        outlet.kind = OUTLET_POLLED;
    outlet_use_tray(&outlet, tray);
    static char held[LIMIT_LINE_BYTES];
    for (;;) {
        size_t size = desk.state.inbox_end - desk.state.inbox_from;
        if (size == 0)
            size = desk_read(&desk, in, LANE);
        const char *bytes = desk.inbox + desk.state.inbox_from;
        const char *last = memrchr(bytes, '\n', size);
        if (last) {
            size_t whole = (size_t)(last + 1 - bytes);
            buffer_append(&tray->queue, held, desk_held(&desk, LANE, 0, held, sizeof(held)));
            buffer_append(&tray->queue, bytes, whole);
            desk_hold(&desk, LANE, str_from(bytes + whole, size - whole), true);
        } else if (size > 0) {
            desk_hold(&desk, LANE, str_from(bytes, size), false);
        }
        (void)outlet_drain(&outlet, size > 0 ? 0 : NSEC_PER_MSEC);
    }
}

__attribute__((noreturn)) static void write_numbers(int fd)
{
    char text[64 * 16];
    struct random random = {.state = 7};
    int number = 0;
    while (number < COUNT) {
        int size = 0;
        for (uint64_t i = random_below(&random, 64) + 1; i > 0 && number < COUNT; i--)
            size += snprintf(text + size, sizeof(text) - (size_t)size, "%d\n", ++number);
        for (int done = 0; done < size;) {
            int part = 1 + (int)random_below(&random, (uint64_t)(size - done));
            done += (int)write(fd, text + done, (size_t)part);
        }
    }
    _exit(0);
}

static pid_t start_writer(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t writer = fork();
    if (writer == 0)
        write_numbers(ends[1]);
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return writer;
}

static size_t size_of_all(void)
{
    size_t size = 0;
    for (int number = 1; number <= COUNT; number++)
        size += (size_t)snprintf(NULL, 0, "%d\n", number);
    return size;
}

static void assert_all_numbers(int fd)
{
    char path[64];
    char line[32];
    int number = 0;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        assert_int_equal(atoi(line), ++number);
    assert_int_equal(number, COUNT);
    (void)fclose(file);
}

static void kill_worker(pid_t worker)
{
    (void)kill(worker, SIGKILL);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
}

static void let_live(struct random *random, uint64_t longest)
{
    struct timespec time = {.tv_nsec = (long)random_below(random, longest)};
    (void)nanosleep(&time, NULL);
}

static pid_t start_worker(const struct rig *rig, int in, int out, bool is_owned)
{
    pid_t worker = fork();
    if (worker == 0)
        work(rig, in, out, is_owned);
    return worker;
}

// Workers on a file, one after the other; the last one may go on until all is there.
static void run_on_file(int flags)
{
    enum { DEATHS = 300, ROUNDS = 10000 };
    struct rig rig;
    struct random random = {.state = 1};
    struct stat status = {0};
    int ends[2];
    open_rig(&rig);
    FILE *file = tmpfile();
    assert_non_null(file);
    (void)fcntl(fileno(file), F_SETFL, flags);
    pid_t writer = start_writer(ends);
    for (int deaths = 0; deaths < DEATHS; deaths++) {
        pid_t worker = start_worker(&rig, ends[0], fileno(file), true);
        let_live(&random, NSEC_PER_MSEC);
        kill_worker(worker);
    }
    pid_t worker = start_worker(&rig, ends[0], fileno(file), true);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    for (int i = 0; i < ROUNDS && (size_t)status.st_size < size_of_all(); i++) {
        let_live(&random, NSEC_PER_MSEC);
        assert_int_equal(fstat(fileno(file), &status), 0);
    }
    kill_worker(worker);
    assert_all_numbers(fileno(file));
    (void)fclose(file);
    close(ends[0]);
    close(ends[1]);
    close_rig(&rig);
}

static void killed_while_it_writes_to_a_file(void **state)
{
    (void)state;
    run_on_file(0);
}

static void killed_while_it_appends_to_a_file(void **state)
{
    (void)state;
    run_on_file(O_APPEND);
}

// `owned_in_turn`: of so many workers in turn one has the pipe opened anew for it.
static void run_on_pipe(int owned_in_turn)
{
    struct rig rig;
    struct random random = {.state = 2};
    int ends[2];
    int out[2];
    int number = 0;
    open_rig(&rig);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    (void)fcntl(out[0], F_SETFL, O_NONBLOCK);
    assert_true(fcntl(out[0], F_SETPIPE_SZ, 4096) >= 0); // so that it is full most of the time
    char line[32];
    size_t kept = 0;
    pid_t writer = start_writer(ends);
    for (int deaths = 0; number < COUNT; deaths++) {
        pid_t worker = start_worker(&rig, ends[0], out[1], deaths % owned_in_turn == 0);
        let_live(&random, 2 * NSEC_PER_MSEC);
        // A line may still be torn when all that is there was read: its rest comes later.
        for (ssize_t got; (got = read(out[0], line + kept, 1)) == 1;) {
            if (line[kept++] != '\n')
                continue;
            assert_int_equal(atoi(line), ++number);
            kept = 0;
        }
        kill_worker(worker);
    }
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    close(out[0]);
    close(out[1]);
    close(ends[0]);
    close(ends[1]);
    close_rig(&rig);
}

static void killed_while_it_writes_to_a_pipe(void **state)
{
    (void)state;
    run_on_pipe(1);
}

// Whoever cannot open it anew, being another user or short of descriptors, loses as little, and
// goes on with what one has left who could.
static void killed_while_it_writes_to_a_pipe_that_cannot_be_reopened(void **state)
{
    (void)state;
    run_on_pipe(4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_read),
        cmocka_unit_test(finds_what_was_on_its_way_in),
        cmocka_unit_test(knows_how_much_was_written),
        cmocka_unit_test(trays_are_true_at_the_same_moment),
        cmocka_unit_test(forgets_what_was_not_committed),
        cmocka_unit_test(other_files_are_no_desk),
        cmocka_unit_test(killed_while_it_writes_to_a_file),
        cmocka_unit_test(killed_while_it_appends_to_a_file),
        cmocka_unit_test(killed_while_it_writes_to_a_pipe),
        cmocka_unit_test(killed_while_it_writes_to_a_pipe_that_cannot_be_reopened),
    };
    return cmocka_run_group_tests_name("stream/desk", tests, NULL, NULL);
}
