// SPDX-License-Identifier: MIT
// This process plays the guard, with real children.
#include "guard/hold.h"

#include "os/confine.h"
#include "os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000, SLOT = 3 };

static struct board *board;
static int board_fd;
static int watch_fd;
static int null_fd;
static struct holds holds;
static struct launch_ring ring;
static int near; // of our own, as a manager has it
static const struct rlimit descriptor_limit = {.rlim_cur = 100, .rlim_max = 100};
static const struct hold_place nowhere = {.cgroup_fd = -1};

static int open_holds(void **state)
{
    (void)state;
    if (spawn_reserve_descriptors() < 0 || board_make(0, &board_fd, &board) < 0)
        return -1;
    watch_fd = epoll_create1(EPOLL_CLOEXEC);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    holds.has_news = false;
    holds_init(&holds, board, watch_fd, null_fd);
    launch_ring_init(&ring, board);
    near = -1;
    return watch_fd < 0 || null_fd < 0 ? -1 : 0;
}

static int close_holds(void **state)
{
    (void)state;
    holds_signal(&holds, SIGKILL);
    for (unsigned slot = 0; slot < holds.used; slot++) {
        struct hold *hold = &holds.slots[slot];
        if (hold->pidfd >= 0) {
            (void)waitid(P_PIDFD, (id_t)hold->pidfd, &(siginfo_t){0}, WEXITED);
            (void)close(hold->pidfd);
        }
        if (hold->near >= 0)
            (void)close(hold->near);
        if (hold->far >= 0)
            (void)close(hold->far);
    }
    if (near >= 0)
        (void)close(near);
    board_unmap(board, 0);
    return close(board_fd) | close(watch_fd) | close(null_fd);
}

static const struct board_slot *on_board(void)
{
    return &board->slots[SLOT];
}

static enum board_slot_state state_on_board(void)
{
    return atomic_load(&on_board()->state);
}

// Gives the slot its output, as it comes along with the first spawn.
static void keep_output(void)
{
    struct output_pair pair;
    const struct guard_request request = {.slot = SLOT, .flags = GUARD_SPAWN_OUTPUT};
    assert_int_equal(output_pipe(65536, &pair), 0);
    near = dup(pair.near);
    hold_keep(&holds, &request, (int[]){pair.near, pair.far});
}

// Puts `count` strings, NUL-separated in `text`, into the ring.
static struct guard_request launch(uint32_t token, const char *text, size_t size, uint32_t argc,
                                   uint32_t envc)
{
    struct guard_request request = {
        .slot = SLOT,
        .token = token,
        .argc = argc,
        .envc = envc,
        .launch_size = (uint32_t)size,
    };
    char *to = launch_ring_reserve(&ring, size, &request.launch_at);
    assert_non_null(to);
    memcpy(to, text, size);
    return request;
}

static void spawn_script(uint32_t token, const char *script)
{
    char text[512];
    int length = snprintf(text, sizeof(text), "/bin/sh%c/%csh%c-c%c%s%cVARIABLE=value", 0, 0, 0, 0,
                          script, 0);
    struct guard_request request = launch(token, text, (size_t)length + 1, 3, 1);
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
}

// As spawn_script, with what it is allowed in front.
static void spawn_confined(uint32_t token, const struct confine *confine, const char *script)
{
    static char bytes[sizeof(*confine) + 512];
    char *text = bytes + confine->size;
    memcpy(bytes, confine, confine->size);
    int length =
        snprintf(text, 512, "/bin/sh%c/%csh%c-c%c%s%cVARIABLE=value", 0, 0, 0, 0, script, 0);
    struct guard_request request = launch(token, bytes, confine->size + (size_t)length + 1, 3, 1);
    request.flags = GUARD_SPAWN_CONFINED;
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
}

static void expect_output(const char *wanted)
{
    char text[256] = "";
    size_t size = 0;
    while (size < strlen(wanted)) {
        assert_int_equal(poll(&(struct pollfd){.fd = near, .events = POLLIN}, 1, PATIENCE_MS), 1);
        ssize_t count = read(near, text + size, sizeof(text) - 1 - size);
        assert_true(count > 0);
        size += (size_t)count;
    }
    assert_string_equal(text, wanted);
}

static void wait_for_death(void)
{
    struct epoll_event event;
    assert_int_equal(epoll_wait(watch_fd, &event, 1, PATIENCE_MS), 1);
    assert_int_equal(event.data.u64, SLOT);
    hold_note_death(&holds, SLOT);
    assert_int_equal(state_on_board(), BOARD_DEAD);
    assert_int_equal(epoll_wait(watch_fd, &event, 1, 0), 0); // told once
}

static bool is_there(int pid)
{
    return kill(pid, 0) == 0;
}

static void bury(uint32_t token)
{
    const struct guard_request request = {.slot = SLOT, .token = token};
    hold_bury(&holds, &request);
}

static void send_signal(uint32_t token, int signal)
{
    const struct guard_request request = {.slot = SLOT, .token = token, .value = signal};
    hold_signal(&holds, &request);
}

static void test_life_of_a_process(void **state)
{
    (void)state;
    keep_output();
    spawn_script(7, "echo $VARIABLE $(ulimit -n); exit 3");
    assert_int_equal(state_on_board(), BOARD_LIVE);
    assert_int_equal(on_board()->token, 7);
    assert_true(holds.has_news);
    assert_true(board->changed[0] & 1 << SLOT);
    int pid = on_board()->pid;
    assert_true(holds_pid(&holds, pid));
    expect_output("value 100\n");
    wait_for_death();
    assert_int_equal(on_board()->status, 3 << 8);
    assert_true(is_there(pid)); // kept, so that the number is nobody else's
    bury(7);
    assert_int_equal(state_on_board(), BOARD_BURIED);
    assert_false(is_there(pid));
    assert_false(holds_pid(&holds, pid));
    hold_forget(&holds, SLOT);
    assert_int_equal(state_on_board(), BOARD_VACANT);
    char byte;
    assert_int_equal(read(near, &byte, 1), 0); // nobody holds the other end
}

static void test_death_by_signal(void **state)
{
    (void)state;
    keep_output();
    spawn_script(1, "trap 'echo term' TERM; echo up; while :; do sleep 1000 & wait; done");
    expect_output("up\n");
    send_signal(2, SIGKILL); // of another incarnation
    send_signal(1, SIGTERM);
    expect_output("term\n");
    send_signal(1, SIGKILL);
    wait_for_death();
    assert_true(WIFSIGNALED(on_board()->status));
    assert_int_equal(WTERMSIG(on_board()->status), SIGKILL);
    send_signal(1, SIGTERM); // to the dead: no harm
    bury(1);
    send_signal(1, SIGTERM); // to the buried: to nobody
}

static void test_its_whole_group_is_signalled(void **state)
{
    (void)state;
    keep_output();
    spawn_script(1,
                 "(trap 'echo child' TERM; echo up; while :; do sleep 1000 & wait; done) & wait");
    expect_output("up\n");
    send_signal(1, SIGTERM);
    expect_output("child\n");
    wait_for_death(); // the shell; what is left of the group can still be reached
    send_signal(1, SIGTERM);
    expect_output("child\n");
}

static void test_never_two_of_one_name(void **state)
{
    (void)state;
    keep_output();
    spawn_script(1, "echo first; exec sleep 1000");
    expect_output("first\n");
    int pid = on_board()->pid;
    spawn_script(2, "echo second; exec sleep 1000");
    assert_int_equal(on_board()->token, 1);
    assert_int_equal(on_board()->pid, pid);
    bury(1); // it lives
    hold_forget(&holds, SLOT);
    assert_int_equal(state_on_board(), BOARD_LIVE);
    assert_true(is_there(pid));
    send_signal(1, SIGKILL);
    wait_for_death();
    spawn_script(3, "echo third"); // takes the place of the dead
    assert_int_equal(on_board()->token, 3);
    assert_false(is_there(pid));
    expect_output("third\n"); // and nothing of the second
    wait_for_death();
    assert_int_equal(atomic_load(&board->launches_read), ring.written); // every launch makes room
}

static void test_a_script_without_interpreter(void **state)
{
    (void)state;
    char text[512];
    char path[] = "/tmp/formation-hold-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_int_equal(write(fd, "echo $0 $1 $VARIABLE\n", 21), 21);
    assert_int_equal(fchmod(fd, 0700) | close(fd), 0);
    keep_output();
    int length = snprintf(text, sizeof(text), "%s%c/%cname%cone%cVARIABLE=value", path, 0, 0, 0, 0);
    struct guard_request request = launch(1, text, (size_t)length + 1, 2, 1);
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    assert_int_equal(state_on_board(), BOARD_LIVE);
    (void)snprintf(text, sizeof(text), "%s one value\n", path);
    expect_output(text);
    wait_for_death();
    assert_int_equal(unlink(path), 0);
}

static void expect_failed(uint32_t token, int error, enum spawn_stage stage)
{
    assert_int_equal(state_on_board(), BOARD_FAILED);
    assert_int_equal(on_board()->token, token);
    assert_int_equal(on_board()->error, error);
    assert_int_equal(on_board()->stage, stage);
    assert_int_equal(holds.slots[SLOT].pidfd, -1);
    assert_int_equal(atomic_load(&board->launches_read), ring.written);
}

static void test_failures_stand_on_the_board(void **state)
{
    (void)state;
    static const char nosuch[] = "/nosuch\0/\0nosuch";
    static const char gone[] = "/bin/sh\0/nosuch\0sh";
    struct guard_request request = launch(1, nosuch, sizeof(nosuch), 1, 0);
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit); // it has no output yet
    expect_failed(1, EBADF, SPAWN_STAGE_DESCRIPTORS);
    keep_output();
    request = launch(2, nosuch, sizeof(nosuch), 1, 0);
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    expect_failed(2, ENOENT, SPAWN_STAGE_EXEC);
    request = launch(3, gone, sizeof(gone), 1, 0);
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    expect_failed(3, ENOENT, SPAWN_STAGE_DIRECTORY);
    request = launch(4, nosuch, sizeof(nosuch), 2, 0); // it has fewer strings than it says
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    expect_failed(4, E2BIG, SPAWN_STAGE_DESCRIPTORS);
    request = launch(5, nosuch, sizeof(nosuch), UINT32_MAX, 2);
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    expect_failed(5, E2BIG, SPAWN_STAGE_DESCRIPTORS);
    request = launch(6, nosuch, sizeof(nosuch) - 1, 1, 0); // it does not end
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    expect_failed(6, E2BIG, SPAWN_STAGE_DESCRIPTORS);
    request = launch(7, nosuch, sizeof(nosuch), 1, 0);
    hold_refuse(&holds, &request, EMFILE);
    expect_failed(7, EMFILE, SPAWN_STAGE_DESCRIPTORS);
    spawn_script(8, "echo fine");
    expect_output("fine\n");
    wait_for_death();
}

static void test_nothing_is_held_of_other_slots(void **state)
{
    (void)state;
    const struct guard_request request = {
        .slot = LIMIT_PROCESSES - 1, .token = 0, .value = SIGKILL};
    hold_signal(&holds, &request); // never used
    hold_bury(&holds, &request);
    hold_forget(&holds, LIMIT_PROCESSES - 1);
    hold_note_death(&holds, 0);
    assert_false(holds_pid(&holds, 0));
    assert_false(holds.has_news);
    keep_output();
    hold_signal(&holds, &(struct guard_request){.slot = SLOT, .value = SIGKILL}); // not spawned
    hold_signal(&holds, &(struct guard_request){.slot = 0, .value = SIGKILL});
}

static void test_a_thousand_incarnations_leave_nothing(void **state)
{
    (void)state;
    keep_output();
    spawn_script(1, "exit 1");
    wait_for_death();
    int before = dup(0);
    for (uint32_t token = 2; token < 500; token++) {
        if (token % 2)
            bury(token - 1);
        spawn_script(token, "exit 1");
        wait_for_death();
        assert_int_equal(on_board()->token, token);
        assert_int_equal(on_board()->status, 1 << 8);
    }
    int after = dup(0); // the lowest free number is still the same
    assert_int_equal(close(before) | close(after), 0);
    assert_int_equal(after, before + 1);
}

#define with_holds(test) cmocka_unit_test_setup_teardown(test, open_holds, close_holds)

static void test_what_it_is_allowed_stands_in_front(void **state)
{
    (void)state;
    static struct confine confine;
    confine = (struct confine){
        .version = CONFINE_VERSION,
        .size = CONFINE_BYTES(0),
        .flags = CONFINE_UMASK,
        .umask = 0123,
    };
    (void)umask(022);
    keep_output();
    spawn_confined(1, &confine, "umask; echo $VARIABLE");
    assert_int_equal(state_on_board(), BOARD_LIVE);
    expect_output("0123\nvalue\n");
    wait_for_death();
    bury(1);
    confine.version++; // of a manager that knows more than we
    spawn_confined(2, &confine, "umask");
    assert_int_equal(state_on_board(), BOARD_FAILED);
    assert_int_equal(on_board()->stage, SPAWN_STAGE_CONFINEMENT);
    assert_int_equal(on_board()->error, EPROTO);
    spawn_script(3, "umask"); // and is none of the next one
    expect_output("0022\n");
    wait_for_death();
}

// Descriptors 3 and 4 are told by what they lead to.
static void test_listeners_come_in_their_order(void **state)
{
    (void)state;
    static const char script[] = "readlink /proc/self/fd/3 /proc/self/fd/4; echo $LISTEN_PID";
    static char bytes[sizeof(struct guard_listeners) + 512];
    struct guard_listeners listeners = {.count = 2, .numbers = {LIMIT_LISTENERS - 1, 2}};
    char wanted[128];
    int folders[] = {open("/usr", O_PATH | O_CLOEXEC), open("/proc", O_PATH | O_CLOEXEC)};
    keep_output();
    assert_true(hold_listener(&holds, 2, folders[0]));
    assert_true(hold_listener(&holds, LIMIT_LISTENERS - 1, folders[1]));
    assert_false(hold_listener(&holds, LIMIT_LISTENERS, folders[1]));
    assert_false(hold_listener(&holds, -1, folders[1]));
    char *text = bytes + sizeof(listeners);
    memcpy(bytes, &listeners, sizeof(listeners));
    int length = snprintf(text, 512, "/bin/sh%c/%csh%c-c%c%s%cLISTEN_PID=00000000000", 0, 0, 0, 0,
                          script, 0);
    struct guard_request request = launch(1, bytes, sizeof(listeners) + (size_t)length + 1, 3, 1);
    request.flags = GUARD_SPAWN_LISTENERS;
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    (void)snprintf(wanted, sizeof(wanted), "/proc\n/usr\n%d\n", on_board()->pid);
    expect_output(wanted);
    wait_for_death();
    bury(1);
    assert_false(hold_listener(&holds, 2, -1));
    assert_int_equal(hold_find_listener(&holds, 2), -1);
    request = launch(2, bytes, sizeof(listeners) + (size_t)length + 1, 3, 1);
    request.flags = GUARD_SPAWN_LISTENERS;
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    expect_failed(2, ENOENT, SPAWN_STAGE_DESCRIPTORS);
    listeners.count = LIMIT_TYPE_LISTENERS + 1;
    memcpy(bytes, &listeners, sizeof(listeners));
    request = launch(3, bytes, sizeof(listeners) + (size_t)length + 1, 3, 1);
    request.flags = GUARD_SPAWN_LISTENERS;
    hold_spawn(&holds, &request, &nowhere, &descriptor_limit);
    expect_failed(3, EPROTO, SPAWN_STAGE_DESCRIPTORS);
    (void)hold_listener(&holds, LIMIT_LISTENERS - 1, -1);
}

static void test_output_belongs_to_its_user(void **state)
{
    (void)state;
    static struct confine confine;
    struct stat status;
    if (geteuid() != 0)
        skip();
    confine = (struct confine){
        .version = CONFINE_VERSION,
        .size = CONFINE_BYTES(0),
        .flags = CONFINE_USER,
        .uid = 4711,
        .gid = 4712,
    };
    keep_output();
    spawn_confined(1, &confine, "echo opened >/dev/stdout");
    expect_output("opened\n");
    assert_int_equal(fstat(near, &status), 0);
    assert_int_equal(status.st_uid, 4711);
    wait_for_death();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_holds(test_life_of_a_process),
        with_holds(test_death_by_signal),
        with_holds(test_its_whole_group_is_signalled),
        with_holds(test_never_two_of_one_name),
        with_holds(test_a_script_without_interpreter),
        with_holds(test_failures_stand_on_the_board),
        with_holds(test_nothing_is_held_of_other_slots),
        with_holds(test_what_it_is_allowed_stands_in_front),
        with_holds(test_listeners_come_in_their_order),
        with_holds(test_output_belongs_to_its_user),
        with_holds(test_a_thousand_incarnations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
