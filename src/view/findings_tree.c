// SPDX-License-Identifier: MIT
// Of the trees of processes: how they are told apart, ended and limited.
#include "view/findings.h"

#include <errno.h>
#include <string.h>

static const char delegate[] =
    "systemd: Delegate=yes in the unit; Docker 28 or later: --security-opt writable-cgroups=true "
    "with --cgroupns=private; podman: --security-opt unmask=/sys/fs/cgroup; in a shell: "
    "systemd-run --user --scope -p Delegate=yes";

static void judge_folder(const struct machine_cgroup *cgroup, struct findings *out)
{
    static const char consequence[] =
        "the rest of a process is searched in /proc by parent, group, session and mark; what has "
        "shed all of these is found once the formation ends";
    if (!cgroup->is_mounted)
        findings_add(out, FINDING_WARN, "cgroup", consequence,
                     "mount -t cgroup2 none /sys/fs/cgroup, or boot with "
                     "systemd.unified_cgroup_hierarchy=1",
                     "no cgroup v2 is mounted");
    else if (cgroup->make != 0)
        findings_add(out, FINDING_WARN, "cgroup", consequence, delegate, "%s: %s", cgroup->folder,
                     strerrordesc_np(cgroup->make));
    else
        findings_add(out, FINDING_OK, "cgroup", NULL, NULL,
                     "v2, each process has a folder of its own in %s", cgroup->folder);
    if (!cgroup->is_mounted || cgroup->make != 0)
        return;
    findings_add(out, FINDING_OK, "cgroup birth", NULL, NULL, "%s%s",
                 cgroup->born == 0 ? "processes are born into their folder"
                                   : "a process goes into its folder itself: ",
                 cgroup->born == 0 ? "" : strerrordesc_np(cgroup->born));
    findings_add(out, cgroup->kill == 0 ? FINDING_OK : FINDING_WARN, "cgroup.kill",
                 "what forks faster than it is killed takes several rounds to end",
                 "Linux 5.14 or later", "%s%s", cgroup->kill == 0 ? "ends a folder at once" : "",
                 cgroup->kill == 0 ? "" : strerrordesc_np(cgroup->kill));
}

static void judge_controllers(const struct machine_cgroup *cgroup,
                              const struct machine_needs *needs, struct findings *out)
{
    static const struct {
        const char *name;
        const char *lacking;
        const char *missing;
    } controllers[MACHINE_CONTROLLERS] = {
        {"memory limit", "the files limit memory: what cannot be limited is not started",
         "memory cannot be limited, and who ran out of it is not counted"},
        {"cpu limit", "the files limit cpu: what cannot be limited is not started",
         "cpu cannot be limited"},
        {"pids limit", "the files limit processes: what cannot be limited is not started",
         "how many processes one may become cannot be limited"},
    };
    for (size_t i = 0; i < MACHINE_CONTROLLERS; i++) {
        const struct machine_controller *controller = &cgroup->controllers[i];
        bool is_there = controller->way != MACHINE_NO_WAY;
        findings_add(out,
                     is_there                ? FINDING_OK
                     : needs->controllers[i] ? FINDING_LACK
                                             : FINDING_WARN,
                     controllers[i].name,
                     needs->controllers[i] ? controllers[i].lacking : controllers[i].missing,
                     delegate, "%s%s", is_there ? "limits are kept by " : "", controller->found);
    }
}

void findings_judge_trees(const struct machine *machine, const struct machine_needs *needs,
                          struct findings *out)
{
    const struct machine_cgroup *cgroup = &machine->cgroup;
    judge_folder(cgroup, out);
    judge_controllers(cgroup, needs, out);
    findings_add(out, cgroup->pressure == 0 ? FINDING_OK : FINDING_WARN, "pressure",
                 "nobody can tell what processes wait for",
                 "a kernel with CONFIG_PSI, booted with psi=1", "%s%s",
                 cgroup->pressure == 0 ? "/proc/pressure tells it" : "/proc/pressure: ",
                 cgroup->pressure == 0 ? "" : strerrordesc_np(cgroup->pressure));
}
