// SPDX-License-Identifier: MIT
// The guard is a subreaper: whoever descends from a process of the formation descends from the
// guard, also when all in between have died. So the guard's own children are the main processes and
// the orphans that it adopted; these alone have to be told apart, by their group, session or mark.
// Whatever stands below one of them belongs with it, whether it still has the mark or not (programs
// that set their title overwrite the memory that /proc shows as their environment, and others clear
// it: for them there is the brand).
//
// /proc is a moment's picture: a fork in this very moment may be missed once.
#include "os/search.h"

#include "os/brand.h"
#include "os/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

static bool has_mark(const struct search *search, pid_t pid)
{
    const char *name = search->member ? search->member + sizeof("PS=") - 1 : NULL;
    return brand_is_on(pid, search->brand, name) ||
           (proc_has_variable(pid, search->mark) &&
            (!search->member || proc_has_variable(pid, search->member)));
}

static bool is_of_leader(const struct search *search, const struct proc_status *status)
{
    return search->leader > 0 &&
           (status->group == search->leader || status->session == search->leader);
}

static bool is_member(pid_t pid, void *context)
{
    const struct search *search = context;
    struct proc_status status;
    if (pid == getpid() || pid == search->spared || proc_read_status(pid, &status) < 0 ||
        status.state == 'Z' || status.state == 'X')
        return false;
    return is_of_leader(search, &status) || has_mark(search, pid);
}

// Every main process has a session of its own, so a group that a member is in holds members only.
// The kernel kills a group in one go, forks that have just begun included; somebody who forks and
// exits all the time is never met himself, but his dead still tell his group.
static void kill_group_of(struct kin kin, pid_t guard, pid_t *last_group)
{
    struct proc_status status;
    if (proc_read_status(kin.pid, &status) < 0 || status.group <= 1 ||
        status.session == getsid(0) ||
        status.group == *last_group) // thousands of dead of the same one, with a storm
        return;
    if (status.parent != kin.parent && status.parent != guard)
        return; // the pid is somebody else's meanwhile
    *last_group = status.group;
    (void)kill(-status.group, SIGKILL);
}

// --- below the guard

struct lineage {
    struct kin kin;
    pid_t guard;
};

static bool is_kin(pid_t pid, void *context)
{
    const struct lineage *lineage = context;
    (void)pid;
    return kin_lives(lineage->kin, lineage->guard);
}

// The youngest first: of one who forks and exits all the time, that one may still live.
static unsigned visit_kin(const struct search *search, const struct kin_list *list, size_t first)
{
    unsigned found = 0;
    pid_t last_group = 0;
    for (size_t i = list->count; i-- > first;) {
        struct lineage lineage = {list->items[i], search->guard};
        pid_t pid = lineage.kin.pid;
        if (pid == getpid())
            continue;
        bool lives =
            search->signal == SIGKILL ? proc_kill_if(pid, is_kin, &lineage) : is_kin(pid, &lineage);
        if (!lives && search->signal == SIGKILL && !search->mark)
            kill_group_of(lineage.kin, search->guard, &last_group); // all of them are ours
        if (!lives)
            continue;
        found++;
        if (search->found)
            (void)kin_add(search->found, lineage.kin);
        if (search->signal && search->signal != SIGKILL)
            proc_signal_if(pid, search->signal, is_kin, &lineage);
        if (search->stops_at_first)
            break;
    }
    return found;
}

// Whether everything below this child of the guard is looked for.
static bool is_root(const struct search *search, pid_t pid)
{
    if (pid == search->leader)
        return true;
    if (pid == search->spared || pid == getpid())
        return false;
    if (!search->mark)
        return true;
    if (search->mains && kin_set_has(search->mains, pid))
        return false;
    // One that is dead has no children any more: they are adopted already.
    return is_member(pid, (void *)(uintptr_t)search);
}

static unsigned search_below(const struct search *search, struct kin_list *list)
{
    size_t child_count = list->count;
    for (size_t i = 0; i < child_count; i++)
        if (is_root(search, list->items[i].pid))
            (void)kin_add(list, list->items[i]);
    kin_descend(list, child_count);
    return visit_kin(search, list, child_count);
}

// --- everywhere

struct scan {
    const struct search *search;
    unsigned found;
    bool has_changed;
};

static bool is_member_now(pid_t pid, void *context)
{
    struct scan *scan = context;
    const struct search *search = scan->search;
    struct proc_status status;
    if (is_member(pid, (void *)(uintptr_t)search))
        return true;
    // Of the dead, only the brand can still be seen.
    if (proc_read_status(pid, &status) < 0 ||
        (status.state == 'Z' && brand_is_on(pid, search->brand, NULL)))
        scan->has_changed = true;
    return false;
}

static bool visit_any(pid_t pid, void *context)
{
    struct scan *scan = context;
    const struct search *search = scan->search;
    if (search->signal == SIGKILL) {
        scan->found += proc_kill_if(pid, is_member_now, scan);
        return true;
    }
    if (!is_member_now(pid, scan))
        return true;
    scan->found++;
    if (search->found)
        (void)kin_add(search->found, (struct kin){.pid = pid});
    if (search->signal)
        proc_signal_if(pid, search->signal, is_member, (void *)(uintptr_t)search);
    return !search->stops_at_first;
}

// Whose child or self it is knows that it lives; of any other we know a pid only.
static bool is_alive(pid_t guard)
{
    return guard == getpid() || guard == getppid();
}

unsigned search_run(const struct search *search)
{
    struct kin_list list = {0};
    struct scan scan = {.search = search};
    int listed = is_alive(search->guard) ? kin_add_children(&list, search->guard) : -ENOENT;
    bool is_complete = listed == 0;
    if (is_complete)
        scan.found = search_below(search, &list);
    if (search->sight)
        search->sight->listed = list.count;
    // With its death all of its children become another's in one moment, we among them.
    is_complete = is_complete && is_alive(search->guard);
    bool has_looked = is_complete || listed == -ENOENT; // which a kernel without such lists says
    if (!is_complete && search->mark)
        has_looked = proc_each(visit_any, &scan);
    if (search->sight)
        search->sight->has_changed = scan.has_changed;
    kin_fini(&list);
    return has_looked || scan.found ? scan.found : 1; // who cannot look now, looks again
}
