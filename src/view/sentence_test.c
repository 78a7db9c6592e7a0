// SPDX-License-Identifier: MIT
// The words that people and their scripts know from Foreman, and those that it lacks.
#include "view/sentence.h"

#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>

// Reads what was appended, once.
static void assert_says(struct buffer *out, const char *expected)
{
    buffer_append_char(out, '\0');
    assert_string_equal(out->bytes, expected);
    buffer_clear(out);
}

static void test_life(void **state)
{
    (void)state;
    struct buffer out = {0};
    sentence_started(&out, 1923);
    assert_says(&out, "started with pid 1923");
    sentence_ended(&out, 3 << 8);
    assert_says(&out, "exited with code 3");
    sentence_ended(&out, 0);
    assert_says(&out, "exited with code 0");
    sentence_ended(&out, SIGTERM);
    assert_says(&out, "terminated by SIGTERM");
    sentence_ended(&out, SIGSEGV | 0x80);
    assert_says(&out, "terminated by SIGSEGV (core dumped)");
    sentence_ended(&out, SIGKILL | EXIT_OUT_OF_MEMORY);
    assert_says(&out, "terminated by SIGKILL (out of memory)");
    sentence_ended_within(&out, SIGKILL | EXIT_OUT_OF_MEMORY, 64 << 20);
    assert_says(&out, "terminated by SIGKILL (out of memory: its limit is 64M)");
    sentence_ended_within(&out, SIGKILL, 64 << 20);
    assert_says(&out, "terminated by SIGKILL");
    sentence_ended(&out, 137 << 8 | EXIT_OUT_OF_MEMORY);
    assert_says(&out, "exited with code 137 (out of memory)");
    sentence_ended(&out, 40);
    assert_says(&out, "terminated by signal 40");
    sentence_ended(&out, 0x137f);
    assert_says(&out, "died a mysterious death");
    sentence_restarting(&out, 0, 1);
    assert_says(&out, "restarting");
    sentence_restarting(&out, 1600 * NSEC_PER_MSEC, 3);
    assert_says(&out, "restarting in 1.6s (crash 3 in a row)");
    sentence_restarting(&out, 50 * NSEC_PER_MSEC, 0); // after a failed spawn
    assert_says(&out, "restarting in 50ms");
    sentence_boot_expired(&out, 90 * NSEC_PER_SEC, "");
    assert_says(&out, "not ready within 1.5m; stopping it");
    sentence_boot_expired(&out, NSEC_PER_SEC, "connection to port 5000 refused");
    assert_says(&out, "not ready within 1s: connection to port 5000 refused; stopping it");
    sentence_unresponsive(&out, "");
    assert_says(&out, "no sign of life; stopping it");
    sentence_unresponsive(&out, "no WATCHDOG=1 within 30s");
    assert_says(&out, "no WATCHDOG=1 within 30s; stopping it");
    sentence_unkilled(&out, false);
    assert_says(&out, "has not ended 1s after SIGKILL: it hangs in the kernel, or is frozen");
    sentence_unkilled(&out, true);
    assert_says(&out, "may not be signalled: it has become another user's");
    sentence_abandoned(&out, 7);
    assert_says(&out, "pid 7 does not end, even by SIGKILL; giving up on it");
    buffer_fini(&out);
}

static void test_shutdown(void **state)
{
    (void)state;
    struct buffer out = {0};
    sentence_shutdown(&out, SIGINT);
    assert_says(&out, "SIGINT received, starting shutdown");
    sentence_forward(&out, SIGUSR1);
    assert_says(&out, "USR1 received, forwarding it to children");
    sentence_sending_to_all(&out, SIGTERM);
    assert_says(&out, "sending SIGTERM to all processes");
    struct str names[10];
    for (size_t i = 0; i < 10; i++)
        names[i] = str_of(i == 0 ? "web.1" : "worker.2");
    sentence_sending(&out, SIGKILL, names, 2);
    assert_says(&out, "sending SIGKILL to web.1, worker.2");
    sentence_waiting(&out, names, 1);
    assert_says(&out, "waiting for web.1");
    sentence_waiting(&out, names, 10);
    assert_says(&out, "waiting for web.1, worker.2, worker.2, worker.2, worker.2, worker.2, "
                      "worker.2, worker.2 and 2 more");
    buffer_fini(&out);
}

static void test_not_started(void **state)
{
    (void)state;
    static const struct {
        enum launch_stage stage;
        int code;
        const char *expected;
    } examples[] = {
        {LAUNCH_COMMAND, ENOENT, "unknown command: it"},
        {LAUNCH_COMMAND, EACCES, "not executable: it"},
        {LAUNCH_COMMAND, ELOOP, "cannot execute: it: Too many levels of symbolic links"},
        {LAUNCH_DIRECTORY, ENOENT, "directory gone: it"},
        {LAUNCH_DIRECTORY, EIO, "cannot enter directory: it: Input/output error"},
        {LAUNCH_FORK, EAGAIN, "cannot fork: too many processes or threads"},
        {LAUNCH_FORK, ENOSYS, "cannot fork: Function not implemented"},
        {LAUNCH_OUTPUT, EMFILE, "cannot open its output: too many files are open"},
        {LAUNCH_OUTPUT, ECANCELED, "not started: that was called off"},
        {LAUNCH_FORK, ECANCELED, "not started: that was called off"},
        {LAUNCH_CONFINEMENT, EPROTO,
         "the guard is of a version that cannot confine it as declared: start the formation anew"},
        {LAUNCH_NICE, EACCES, "cannot set its nice value: Permission denied"},
        {LAUNCH_LIMITS, EPROTO,
         "the guard is of a version that cannot limit it as declared: start the formation anew"},
        {LAUNCH_LIMITS, EPERM, "cannot set its limits: Operation not permitted"},
        {LAUNCH_TMP, EPERM, "cannot give it a /tmp of its own: Operation not permitted"},
        {LAUNCH_USER, EPERM, "cannot become the user: it: Operation not permitted"},
        {LAUNCH_USER, EAGAIN, "too many processes of the user: it"},
        {LAUNCH_USER, EINTR, "stopped again and again by another process of the user: it"},
        {LAUNCH_CAPABILITIES, EPERM, "cannot set its capabilities: Operation not permitted"},
        {LAUNCH_SETUP, EPERM, "cannot prepare it: Operation not permitted"},
        {LAUNCH_SETUP, 4000, "cannot prepare it: unknown error"},
    };
    struct buffer out = {0};
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        sentence_not_started(&out, examples[i].stage, examples[i].code, str_of("it"));
        assert_says(&out, examples[i].expected);
    }
    for (int stage = LAUNCH_OUTPUT; stage <= LAUNCH_LIMITS; stage++)
        for (int code = -1; code < 200; code++)
            sentence_not_started(&out, (enum launch_stage)stage, code, str_of("it"));
    buffer_fini(&out);
}

static void test_findings(void **state)
{
    (void)state;
    struct buffer out = {0};
    sentence_left_behind(&out, 1, str_of(""), str_of(""));
    assert_says(&out, "left 1 process behind: let it run in the foreground "
                      "(no daemon mode, no & in its command), so that it can be managed");
    sentence_line_cut(&out, 4 * 1024 * 1024);
    assert_says(&out, "a line of more than 4 MiB was cut");
    sentence_line_cut(&out, 100);
    assert_says(&out, "a line of more than 100 bytes was cut");
    buffer_fini(&out);
}

static void test_dropped(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct str sink = str_of("syslog at udp://192.0.2.1:514");
    sentence_dropping(&out, sink, DROP_SLOW);
    assert_says(&out, "lines are dropped: syslog at udp://192.0.2.1:514 is too slow");
    sentence_dropping(&out, sink, DROP_FAILING);
    assert_says(&out, "lines are dropped: syslog at udp://192.0.2.1:514 cannot be written");
    sentence_dropped(&out, 1234567, " here", sink, DROP_SLOW);
    assert_says(&out,
                "1,234,567 lines were dropped here: syslog at udp://192.0.2.1:514 was too slow");
    sentence_dropped(&out, 1, "", str_of("journald"), DROP_REFUSED);
    assert_says(&out, "1 line was dropped: journald refused them, or they were too long for it");
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_not_started),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
