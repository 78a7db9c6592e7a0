// SPDX-License-Identifier: MIT
// A worker is a process, so that an assertion which fails in a history ends a worker and nothing
// else. It shares with its parent one page or two of counts, and the seed that it is at.
#include "sim/crew.h"

#include "sim/history.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
    pid_t pid;
    uint64_t seed; // of the history that it is at
    struct crew_sum sum;
};

static struct trace *kept; // for on_fatal only, which cannot be given it

static void on_fatal(int signal)
{
    trace_print(kept);
    (void)fflush(stdout);
    _exit(128 + signal);
}

static void work(struct worker *self, uint64_t last, unsigned step)
{
    struct simulation *simulation = simulation_new(&self->sum.coverage);
    if (!simulation)
        _exit(71);
    for (; self->seed <= last; self->seed += step) {
        if (simulation_run(simulation, self->seed))
            continue;
        uint64_t *first = &self->sum.first_broken[simulation->check.broken];
        self->sum.broken++;
        if (*first == 0)
            *first = self->seed;
    }
    simulation_free(simulation);
    _exit(0);
}

// As fork(2), but the child does not outlive its parent.
static pid_t start(void)
{
    pid_t parent = getpid();
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
        _exit(71);
    return pid;
}

static bool ended_well(pid_t pid)
{
    int status;
    pid_t result;
    while ((result = waitpid(pid, &status, 0)) < 0 && errno == EINTR) {
    }
    return result == pid && status == 0;
}

static void lower(uint64_t *seed, uint64_t other)
{
    if (other != 0 && (*seed == 0 || other < *seed))
        *seed = other;
}

static void add(struct crew_sum *sum, const struct crew_sum *part)
{
    coverage_add(&sum->coverage, &part->coverage);
    sum->broken += part->broken;
    for (unsigned i = 0; i < INVARIANT_COUNT; i++)
        lower(&sum->first_broken[i], part->first_broken[i]);
}

int crew_run(uint64_t first, uint64_t count, unsigned jobs, struct crew_sum *out)
{
    struct worker *workers = mmap(NULL, jobs * sizeof(*workers), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED)
        return -errno;
    int result = 0;
    *out = (struct crew_sum){0};
    for (unsigned i = 0; i < jobs; i++) {
        workers[i].seed = first + i;
        pid_t pid = start();
        if (pid == 0)
            work(&workers[i], first + count - 1, jobs);
        if (pid < 0)
            result = -errno;
        workers[i].pid = pid; // not by the worker, whose memory this is too
    }
    for (unsigned i = 0; i < jobs; i++) {
        if (workers[i].pid > 0 && !ended_well(workers[i].pid))
            lower(&out->aborted, workers[i].seed);
        add(out, &workers[i].sum);
    }
    (void)munmap(workers, jobs * sizeof(*workers));
    return result;
}

void crew_show(uint64_t seed, bool shows_all)
{
    pid_t pid = start();
    if (pid > 0)
        (void)ended_well(pid);
    if (pid != 0)
        return;
    struct coverage nobody_asks = {0};
    struct simulation *simulation = simulation_new(&nobody_asks);
    if (!simulation)
        _exit(71);
    kept = &simulation->trace;
    simulation->trace.is_on = true;
    simulation->trace.prints = shows_all;
    (void)signal(SIGABRT, on_fatal);
    (void)signal(SIGSEGV, on_fatal);
    (void)simulation_run(simulation, seed);
    if (!shows_all)
        trace_print(&simulation->trace);
    if (simulation->world.fault)
        printf("#   %s\n", simulation->world.fault);
    (void)fflush(stdout);
    _exit(0);
}
