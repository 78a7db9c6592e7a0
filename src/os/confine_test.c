// SPDX-License-Identifier: MIT
// What a confined program finds in /proc/self/status, and which step a refusal is told of.
#include "os/confine.h"

#include "os/report.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { NOBODY = 65534, SOME_GROUP = 4711 };
#define BIT(number) (UINT64_C(1) << (number))

static struct confine confine;

static void prepare(uint32_t flags)
{
    confine = (struct confine){
        .version = CONFINE_VERSION,
        .flags = flags,
        .uid = NOBODY,
        .gid = SOME_GROUP,
        .group_count = 2,
        .groups = {SOME_GROUP, SOME_GROUP + 1},
    };
    confine.size = (uint32_t)CONFINE_BYTES(2);
}

// The output of a shell that is confined so.
static const char *output_of(const char *script)
{
    static char text[8192];
    static char sh[] = "sh", option[] = "-c";
    char *const argv[] = {sh, option, (char *)(size_t)script, NULL};
    struct spawn_request request = request_of("/bin/sh", argv);
    enum spawn_stage stage = SPAWN_STAGE_CLONE;
    size_t size = 0;
    int ends[2];
    pid_t pid;
    int pidfd;
    request.confine = &confine;
    request.death_signal = SIGKILL;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    request.descriptors[1] = ends[1];
    int result = spawn_process(&request, &pid, &pidfd, &stage);
    if (result < 0)
        print_error("stage %d: %s\n", (int)stage, strerror(-result));
    assert_int_equal(result, 0);
    assert_int_equal(close(ends[1]), 0);
    for (ssize_t count; (count = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0;)
        size += (size_t)count;
    text[size] = '\0';
    assert_int_equal(close(ends[0]), 0);
    (void)exit_status(pidfd);
    return text;
}

// The value of a line of /proc/self/status, as the confined program finds it.
static const char *status_of(const char *name)
{
    static char value[256];
    char script[128];
    (void)snprintf(script, sizeof(script), "sed -n 's/^%s:[[:blank:]]*//p' /proc/self/status",
                   name);
    (void)snprintf(value, sizeof(value), "%s", output_of(script));
    value[strcspn(value, "\n")] = '\0';
    return value;
}

static uint64_t set_of(const char *name)
{
    return strtoull(status_of(name), NULL, 16);
}

static void needs(int capability)
{
    if (!(confine_capabilities() & BIT(capability)))
        skip();
}

static void test_becomes_a_user(void **state)
{
    (void)state;
    needs(CAP_SETUID);
    prepare(CONFINE_USER | CONFINE_NO_NEW_PRIVS | CONFINE_UMASK);
    confine.umask = 027;
    assert_string_equal(status_of("Uid"), "65534\t65534\t65534\t65534");
    assert_string_equal(status_of("Gid"), "4711\t4711\t4711\t4711");
    assert_string_equal(status_of("Groups"), "4711 4712 ");
    assert_string_equal(status_of("NoNewPrivs"), "1");
    assert_string_equal(status_of("Umask"), "0027");
    assert_int_equal(set_of("CapPrm"), 0);
    assert_int_equal(set_of("CapAmb"), 0);
    assert_int_equal(geteuid(), 0); // it was the child's own affair
    assert_int_equal(umask(022), 022);
}

static void test_a_group_alone(void **state)
{
    (void)state;
    needs(CAP_SETGID);
    prepare(CONFINE_GROUP);
    assert_string_equal(status_of("Uid"), "0\t0\t0\t0");
    assert_string_equal(status_of("Gid"), "4711\t4711\t4711\t4711");
    assert_null(strstr(status_of("Groups"), "4711"));
}

static void test_dies_with_its_parent_also_as_another(void **state)
{
    (void)state;
    needs(CAP_SETUID);
    struct spawn_request request = request_of(own_path, report_argv);
    prepare(CONFINE_USER | CONFINE_CAPABILITIES | CONFINE_NO_NEW_PRIVS);
    confine.capabilities = confine.capabilities_given = BIT(CAP_NET_BIND_SERVICE);
    request.confine = &confine;
    request.program = "/proc/self/exe";
    request.death_signal = SIGTERM;
    assert_int_equal(run_report(&request).death_signal, SIGTERM);
}

static void test_keeps_a_capability_as_a_user(void **state)
{
    (void)state;
    needs(CAP_SETPCAP);
    prepare(CONFINE_USER | CONFINE_CAPABILITIES | CONFINE_NO_NEW_PRIVS);
    uint64_t kept = BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_CHOWN);
    confine.capabilities = confine.capabilities_given = kept;
    assert_int_equal(set_of("CapEff"), kept);
    assert_int_equal(set_of("CapPrm"), kept);
    assert_int_equal(set_of("CapAmb"), kept);
    assert_int_equal(set_of("CapBnd"), kept);
    confine.capabilities = confine.capabilities_given = 0;
    assert_int_equal(set_of("CapPrm"), 0);
    assert_int_equal(set_of("CapBnd"), 0);
}

static void test_takes_capabilities_from_root(void **state)
{
    (void)state;
    needs(CAP_SETPCAP);
    prepare(CONFINE_CAPABILITIES);
    confine.capabilities = confine.capabilities_given = BIT(CAP_KILL);
    assert_int_equal(set_of("CapEff"), BIT(CAP_KILL));
    assert_int_equal(set_of("CapBnd"), BIT(CAP_KILL));
    confine.capabilities = ~BIT(CAP_KILL);
    confine.capabilities_given = 0;
    assert_int_equal(set_of("CapEff"), confine_capabilities() & ~BIT(CAP_KILL));
}

static void test_limits_and_nice(void **state)
{
    (void)state;
    prepare(CONFINE_NICE);
    confine.nice = 7;
    confine.limits_set = 1U << RLIMIT_NOFILE | 1U << RLIMIT_CORE | 1U << RLIMIT_STACK;
    confine.limits[RLIMIT_NOFILE] = 99;
    confine.limits[RLIMIT_STACK] = 1024 * 1024;
    assert_string_equal(output_of("ulimit -n; ulimit -Hn; ulimit -c; ulimit -s; nice"),
                        "99\n99\n0\n1024\n7\n");
}

static void test_an_own_tmp(void **state)
{
    (void)state;
    needs(CAP_SYS_ADMIN);
    char path[] = "/tmp/formation-confine-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    prepare(CONFINE_PRIVATE_TMP | CONFINE_USER);
    assert_string_equal(
        output_of("ls -A /tmp /var/tmp; echo own >/tmp/own && cat /tmp/own; stat -c %a /tmp"),
        "/tmp:\n\n/var/tmp:\nown\n1777\n");
    assert_int_equal(access("/tmp/own", F_OK), -1);
    assert_int_equal(close(fd) | unlink(path), 0);
}

static pid_t start_hostile(uint32_t uid)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    if (syscall(SYS_setresuid, uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        _exit(1);
    for (;;)
        (void)kill(-1, SIGSTOP); // all of its user's, itself not
}

// A user's processes may stop the one that is about to become theirs, but not who waits for it.
static void test_a_hostile_user_holds_up_nobody(void **state)
{
    (void)state;
    enum { ROUNDS = 1000, OWN_USERS = 1000000000 };
    needs(CAP_SETUID);
    struct spawn_request request = request_of("/bin/true", report_argv);
    pid_t hostile = start_hostile(OWN_USERS + (uint32_t)getpid());
    prepare(CONFINE_USER);
    confine.uid = OWN_USERS + (uint32_t)getpid();
    request.confine = &confine;
    for (int i = 0; i < ROUNDS; i++) {
        enum spawn_stage stage;
        pid_t pid;
        int pidfd;
        int result = spawn_process(&request, &pid, &pidfd, &stage);
        assert_true(result == 0 || (result == -EINTR && stage == SPAWN_STAGE_USER));
        if (result < 0)
            continue;
        assert_int_equal(kill(pid, SIGKILL), 0);
        (void)exit_status(pidfd);
    }
    assert_int_equal(kill(hostile, SIGKILL), 0);
    assert_int_equal(waitpid(hostile, NULL, 0), hostile);
}

static void fails_at(enum spawn_stage wanted, int error)
{
    struct spawn_request request = request_of("/bin/true", report_argv);
    enum spawn_stage stage = SPAWN_STAGE_CLONE;
    pid_t pid;
    int pidfd;
    request.confine = &confine;
    assert_int_equal(spawn_process(&request, &pid, &pidfd, &stage), -error);
    assert_int_equal(stage, wanted);
}

// In a process of its own, which gives up all that it would need.
static int fail_without_rights(void)
{
    struct rlimit files = {.rlim_cur = 64, .rlim_max = 64};
    if (geteuid() == 0 && syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) < 0)
        return 2;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    prepare(CONFINE_USER);
    confine.uid = 0;
    fails_at(SPAWN_STAGE_GROUPS, EPERM);
    prepare(CONFINE_GROUP);
    fails_at(SPAWN_STAGE_GROUP, EPERM);
    prepare(CONFINE_NICE);
    confine.nice = -5;
    fails_at(SPAWN_STAGE_NICE, EACCES);
    prepare(0);
    confine.limits_set = 1U << RLIMIT_NOFILE;
    confine.limits[RLIMIT_NOFILE] = 65;
    fails_at(SPAWN_STAGE_LIMITS, EPERM);
    prepare(CONFINE_PRIVATE_TMP);
    fails_at(SPAWN_STAGE_TMP, EPERM);
    prepare(CONFINE_CAPABILITIES);
    fails_at(SPAWN_STAGE_CAPABILITIES, EPERM);
    return 0;
}

static void test_each_step_that_fails_is_told(void **state)
{
    (void)state;
    pid_t pid = fork();
    int status = -1;
    if (pid == 0)
        _exit(fail_without_rights());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_only_a_whole_one_of_this_version_is_taken(void **state)
{
    (void)state;
    static struct confine taken;
    char bytes[CONFINE_BYTES(2) + 1];
    prepare(CONFINE_USER);
    memcpy(bytes, &confine, confine.size);
    assert_int_equal(confine_take(bytes, sizeof(bytes), &taken), confine.size);
    assert_memory_equal(&taken, &confine, confine.size);
    for (size_t size = 0; size < confine.size; size++)
        assert_int_equal(confine_take(bytes, size, &taken), -EPROTO);
    confine.version++;
    assert_int_equal(confine_take((const char *)&confine, sizeof(confine), &taken), -EPROTO);
    prepare(CONFINE_USER);
    confine.size += 4;
    assert_int_equal(confine_take((const char *)&confine, sizeof(confine), &taken), -EPROTO);
    prepare(CONFINE_USER);
    confine.group_count = UINT32_MAX;
    assert_int_equal(confine_take((const char *)&confine, sizeof(confine), &taken), -EPROTO);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], report_word) == 0)
        return write_report();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_becomes_a_user),
        cmocka_unit_test(test_a_group_alone),
        cmocka_unit_test(test_dies_with_its_parent_also_as_another),
        cmocka_unit_test(test_keeps_a_capability_as_a_user),
        cmocka_unit_test(test_takes_capabilities_from_root),
        cmocka_unit_test(test_limits_and_nice),
        cmocka_unit_test(test_an_own_tmp),
        cmocka_unit_test(test_a_hostile_user_holds_up_nobody),
        cmocka_unit_test(test_each_step_that_fails_is_told),
        cmocka_unit_test(test_only_a_whole_one_of_this_version_is_taken),
    };
    return cmocka_run_group_tests(tests, open_all, NULL);
}
