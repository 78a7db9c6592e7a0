// SPDX-License-Identifier: MIT
// Spawning where the machine or its administrator gives less: no processes, no descriptors, no
// clone3; and into a cgroup.
#include "os/report.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { NOBODY = 65534 };

// Runs `body` in a process of its own, whose limits and rights it may spoil. 0: it was content.
static void in_a_fork(int (*body)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static char sh_word[] = "sh";
static char *const true_argv[] = {sh_word, NULL};

static int spawn_true(enum spawn_stage *stage)
{
    struct spawn_request request = request_of("/bin/true", true_argv);
    pid_t pid;
    int pidfd;
    int result = spawn_process(&request, &pid, &pidfd, stage);
    if (result == 0)
        result = waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){0}, WEXITED) < 0 ? -errno : 0;
    return result;
}

static int without_processes(void)
{
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    enum spawn_stage stage = SPAWN_STAGE_EXEC;
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setuid(NOBODY) < 0))
        return 2;
    if (setrlimit(RLIMIT_NPROC, &none) < 0)
        return 3;
    return spawn_true(&stage) == -EAGAIN && stage == SPAWN_STAGE_CLONE ? 0 : 1;
}

static void test_no_more_processes(void **state)
{
    (void)state;
    in_a_fork(without_processes);
}

static int without_descriptors(void)
{
    struct rlimit few = {.rlim_cur = 32, .rlim_max = 32};
    enum spawn_stage stage = SPAWN_STAGE_EXEC;
    if (setrlimit(RLIMIT_NOFILE, &few) < 0)
        return 2;
    while (dup(null_fd) >= 0) {
    }
    if (spawn_true(&stage) != -EMFILE || stage != SPAWN_STAGE_CLONE)
        return 1;
    (void)close(31); // one for the pidfd is enough: the handover has its own numbers
    return spawn_true(&stage) == 0 ? 0 : 4;
}

static void test_no_more_descriptors(void **state)
{
    (void)state;
    in_a_fork(without_descriptors);
}

// As many containers do.
static bool forbid_clone3(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int without_clone3(void)
{
    enum spawn_stage stage;
    if (!forbid_clone3())
        return 2;
    struct spawn_request request = request_of(own_path, report_argv);
    request.new_session = true;
    struct report report = run_report(&request);
    request.program = "/nosuch";
    request.descriptors[1] = null_fd;
    pid_t pid;
    int pidfd;
    int result = spawn_process(&request, &pid, &pidfd, &stage);
    return report.session == report.pid && report.open_count == 3 && result == -ENOENT &&
                   stage == SPAWN_STAGE_EXEC
               ? 0
               : 1;
}

static void test_without_clone3(void **state)
{
    (void)state;
    in_a_fork(without_clone3);
}

// A cgroup v2 folder of this test's own; -1 where none can be made.
static char cgroup_path[512];
static char cgroup_name[64];

static int make_cgroup(void)
{
    char mount[256] = "";
    char own[200] = "";
    char line[1024];
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && fgets(line, sizeof(line), file))
        if (strstr(line, " - cgroup2 "))
            (void)sscanf(line, "%*s %*s %*s %*s %255s", mount);
    (void)fclose(file);
    file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "0::", 3) == 0)
            (void)sscanf(line + 3, "%199s", own);
    (void)fclose(file);
    (void)snprintf(cgroup_name, sizeof(cgroup_name), "formation-spawn-test.%d", getpid());
    (void)snprintf(cgroup_path, sizeof(cgroup_path), "%s%s/%s", mount, own, cgroup_name);
    if (!mount[0] || mkdir(cgroup_path, 0755) < 0)
        return -1;
    return open(cgroup_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int cgroup_fd;

static int into_cgroup(void)
{
    struct spawn_request request = request_of(own_path, report_argv);
    request.cgroup_fd = cgroup_fd;
    struct report report = run_report(&request);
    return strstr(report.cgroup, cgroup_name) && report.open_count == 3 ? 0 : 1;
}

static int into_cgroup_without_clone3(void)
{
    return forbid_clone3() ? into_cgroup() : 2;
}

static void test_is_born_into_its_cgroup(void **state)
{
    (void)state;
    cgroup_fd = make_cgroup();
    if (cgroup_fd < 0)
        skip();
    in_a_fork(into_cgroup);
    in_a_fork(into_cgroup_without_clone3);
    assert_int_equal(close(cgroup_fd), 0);
    while (rmdir(cgroup_path) < 0) // its last process is being taken apart
        assert_int_equal(errno, EBUSY);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], report_word) == 0)
        return write_report();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_more_processes),
        cmocka_unit_test(test_no_more_descriptors),
        cmocka_unit_test(test_without_clone3),
        cmocka_unit_test(test_is_born_into_its_cgroup),
    };
    return cmocka_run_group_tests(tests, open_all, NULL);
}
