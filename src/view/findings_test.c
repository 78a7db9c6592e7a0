// SPDX-License-Identifier: MIT
#include "view/findings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// One that gives everything.
static struct machine good(void)
{
    struct machine machine = {
        .kernel = {.release = "6.1.0 x86_64"},
        .proc = {.lists_child = true},
        .cgroup = {.is_mounted = true, .folder = "/sys/fs/cgroup/app"},
        .amounts = {.files_soft = 1024,
                    .files_hard = 1048576,
                    .pids = 32768,
                    .user_pids = UINT64_MAX,
                    .own_pids = UINT64_MAX,
                    .pipe_pages = 16384,
                    .pipe_bytes = 65536},
        .self = {.uid = 0, .capabilities = UINT64_MAX},
        .place = {.control = "/run/user/0/formation/app-0123456789ab.sock"},
    };
    for (size_t i = 0; i < MACHINE_CONTROLLERS; i++) {
        machine.cgroup.controllers[i].way = MACHINE_V2;
        memcpy(machine.cgroup.controllers[i].found, "cgroup v2", sizeof("cgroup v2"));
    }
    return machine;
}

static struct findings findings;

static const struct finding *find(const struct machine *machine, const struct machine_needs *needs,
                                  const char *name)
{
    findings = (struct findings){0};
    findings_judge(machine, needs, &findings);
    for (size_t i = 0; i < findings.count; i++)
        if (strcmp(findings.items[i].name, name) == 0)
            return &findings.items[i];
    fail_msg("there is no finding called %s", name);
    return NULL;
}

static void test_all_is_well(void **state)
{
    const struct machine machine = good();
    const struct machine_needs needs = {.processes = 100,
                                        .journald = true,
                                        .syslog = true,
                                        .zstd = true,
                                        .controllers = {true, true, true}};
    (void)state;
    (void)find(&machine, &needs, "kernel");
    for (size_t i = 0; i < findings.count; i++) {
        assert_int_equal(findings.items[i].state, FINDING_OK);
        assert_null(findings.items[i].consequence);
        assert_null(findings.items[i].remedy);
        assert_true(findings.items[i].found[0] != '\0');
    }
    assert_true(findings_suffice(&findings));
}

static void assert_state(const struct machine *machine, const struct machine_needs *needs,
                         const char *name, enum finding_state wanted)
{
    const struct finding *finding = find(machine, needs, name);
    assert_int_equal(finding->state, wanted);
    assert_int_equal(findings_suffice(&findings), wanted != FINDING_LACK);
    assert_int_equal(finding->consequence != NULL, wanted != FINDING_OK);
    assert_int_equal(finding->remedy != NULL, wanted != FINDING_OK);
}

static void test_what_the_files_ask_for(void **state)
{
    static const char *const limits[] = {"memory limit", "cpu limit", "pids limit"};
    struct machine machine = good();
    const struct machine_needs nothing = {0};
    (void)state;
    for (size_t i = 0; i < MACHINE_CONTROLLERS; i++) {
        struct machine_needs needs = {0};
        machine = good();
        machine.cgroup.controllers[i].way = MACHINE_NO_WAY;
        assert_state(&machine, &nothing, limits[i], FINDING_WARN);
        needs.controllers[i] = true;
        assert_state(&machine, &needs, limits[i], FINDING_LACK);
    }
    machine = good();
    machine.services.journald = machine.services.syslog = ENOENT;
    machine.services.zstd = ELIBACC;
    assert_state(&machine, &nothing, "journald", FINDING_OK);
    assert_state(&machine, &nothing, "syslog", FINDING_OK);
    assert_state(&machine, &nothing, "zstd", FINDING_WARN);
    machine.services.zstd = 0;
    assert_state(&machine, &(struct machine_needs){.journald = true}, "journald", FINDING_LACK);
    assert_state(&machine, &(struct machine_needs){.syslog = true}, "syslog", FINDING_LACK);
    machine.services.zstd = ELIBACC;
    assert_state(&machine, &(struct machine_needs){.zstd = true}, "zstd", FINDING_LACK);
}

static void test_amounts(void **state)
{
    struct machine machine = good();
    (void)state;
    machine.amounts.files_hard = 364;
    const struct finding *finding = find(&machine, &(struct machine_needs){0}, "descriptors");
    assert_non_null(strstr(finding->found, "raised to the hard one, 364: room for 100 processes"));
    assert_state(&machine, &(struct machine_needs){.processes = 100}, "descriptors", FINDING_OK);
    assert_state(&machine, &(struct machine_needs){.processes = 101}, "descriptors", FINDING_LACK);
    machine.amounts.files_hard = 10;
    assert_state(&machine, &(struct machine_needs){0}, "descriptors", FINDING_LACK);
    machine = good();
    machine.amounts.own_pids = 50;
    finding = find(&machine, &(struct machine_needs){0}, "pids");
    assert_string_equal(finding->found, "50 at most, of our cgroup (pids.max)");
    assert_state(&machine, &(struct machine_needs){0}, "pids", FINDING_WARN);
    assert_state(&machine, &(struct machine_needs){.processes = 50}, "pids", FINDING_LACK);
    machine = good();
    machine.self.capabilities = 0;
    machine.self.uid = 1000;
    assert_state(&machine, &(struct machine_needs){.processes = 1024}, "pipes", FINDING_OK);
    assert_state(&machine, &(struct machine_needs){.processes = 1025}, "pipes", FINDING_WARN);
}

static void test_what_nothing_goes_without(void **state)
{
    const struct machine_needs needs = {0};
    struct machine machine = good();
    (void)state;
    machine.kernel.pidfd = ENOSYS;
    assert_state(&machine, &needs, "pidfd", FINDING_LACK);
    machine = good();
    machine.kernel.clone3 = EPERM;
    assert_state(&machine, &needs, "clone3", FINDING_OK);
    machine = good();
    machine.proc.own = ENXIO;
    assert_state(&machine, &needs, "/proc", FINDING_LACK);
    machine = good();
    machine.proc.hides = true;
    assert_state(&machine, &needs, "/proc", FINDING_OK);
    machine.cgroup.make = EROFS;
    assert_state(&machine, &needs, "/proc", FINDING_WARN);
    assert_state(&machine, &needs, "cgroup", FINDING_WARN);
    assert_non_null(strstr(find(&machine, &needs, "cgroup")->remedy, "Delegate=yes"));
    assert_non_null(strstr(find(&machine, &needs, "cgroup")->remedy, "--cgroupns=private"));
}

static void test_the_list(void **state)
{
    struct buffer out = {0};
    struct findings few = {0};
    (void)state;
    findings_add(&few, FINDING_OK, "one", "never said", "never said", "all is well");
    findings_add(&few, FINDING_LACK, "two", "nothing goes", "turn it on and off again, please",
                 "it is \033[2J%s", "gone");
    findings_append(&few, 48, &out);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.bytes, "ok    one             all is well\n"
                                   "lack  two             it is gone\n"
                                   "                      so: nothing goes\n"
                                   "                      do: turn it on and off\n"
                                   "                      again, please\n");
    buffer_fini(&out);
    assert_false(findings_suffice(&few));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_well),
        cmocka_unit_test(test_what_the_files_ask_for),
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_what_nothing_goes_without),
        cmocka_unit_test(test_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
