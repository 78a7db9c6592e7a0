// SPDX-License-Identifier: MIT
// The simulation: a million lives of formations in virtual time, each the same whenever its seed
// is given again. Prints how often each invariant was put to the test.
#include "history.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { HISTORIES = 1000000, PROGRESS_EVERY = 100000 };

struct options {
    uint64_t first_seed;
    uint64_t history_count;
    bool is_verbose;
};

static struct simulation *simulation; // for on_abort only, which cannot be given it

// An assertion of the program failed. Its message was printed; here is how to get there again.
static void on_abort(int signal)
{
    (void)signal;
    printf("seed %llu: the program aborted; so far:\n", (unsigned long long)simulation->seed);
    if (!simulation->trace.prints)
        trace_print(&simulation->trace);
    printf("again: sim --seed %llu\n0 passed, 1 failed\n", (unsigned long long)simulation->seed);
    (void)fflush(stdout);
    _exit(1);
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// The same history again, now with its trace.
static void show_failure(uint64_t seed)
{
    simulation->trace.is_on = true;
    (void)simulation_run(simulation, seed);
    simulation->trace.is_on = false;
    printf("seed %llu broke: %s\n", (unsigned long long)seed,
           invariant_sentence(simulation->check.broken));
    if (simulation->world.fault)
        printf("    %s\n", simulation->world.fault);
    trace_print(&simulation->trace);
    printf("again: sim --seed %llu\n\n", (unsigned long long)seed);
}

// Which inputs met which states; a cell that stays empty is a fact that no history told of.
static void show_cells(void)
{
    static const char *const columns[] = {
        [INPUT_SPAWNED] = "spawned", [INPUT_SPAWN_FAILED] = "failed", [INPUT_READY] = "ready",
        [INPUT_UNREADY] = "unready", [INPUT_EXITED] = "exited",       [INPUT_LEFT] = "left",
        [INPUT_EMPTIED] = "emptied", [INPUT_RESTART] = "restart",
    };
    printf("\nsteps by state and input:\n%-9s", "");
    for (unsigned kind = INPUT_SPAWNED; kind <= INPUT_RESTART; kind++)
        printf("%10s", columns[kind]);
    for (unsigned state = 0; state < PROCESS_STATE_COUNT; state++) {
        printf("\n%-9s", process_state_name(state));
        for (unsigned kind = INPUT_SPAWNED; kind <= INPUT_RESTART; kind++)
            printf("%10llu", (unsigned long long)simulation->check.cells[state][kind]);
    }
    printf("\n\n");
}

static int run(const struct options *options)
{
    bool has_failed[INVARIANT_COUNT] = {false};
    unsigned failed = 0, broken = 0;
    double began = seconds();
    for (uint64_t i = 0; i < options->history_count; i++) {
        uint64_t seed = options->first_seed + i;
        if (!simulation_run(simulation, seed)) {
            bool is_known = has_failed[simulation->check.broken];
            has_failed[simulation->check.broken] = true;
            broken++;
            if (!is_known && !options->is_verbose) // the first of each kind says enough
                show_failure(seed);
        }
        if ((i + 1) % PROGRESS_EVERY == 0) {
            printf("%llu histories, %u broken, %.0f s\n", (unsigned long long)(i + 1), broken,
                   seconds() - began);
            (void)fflush(stdout);
        }
    }
    printf("%llu histories, %u broken, seeds %llu to %llu, %.1f s\n",
           (unsigned long long)options->history_count, broken,
           (unsigned long long)options->first_seed,
           (unsigned long long)(options->first_seed + options->history_count - 1),
           seconds() - began);
    if (options->history_count >= PROGRESS_EVERY)
        show_cells();
    // In a full run an invariant that nothing put to the test has failed as well.
    for (unsigned i = 0; i < INVARIANT_COUNT; i++) {
        uint64_t count = simulation->check.counts[i];
        has_failed[i] |= count == 0 && options->history_count >= PROGRESS_EVERY;
        failed += has_failed[i];
        printf("%12llu  %s%s\n", (unsigned long long)count, invariant_sentence(i),
               has_failed[i] ? ": FAILED" : "");
    }
    printf("%u passed, %u failed\n", INVARIANT_COUNT - failed, failed);
    return failed ? 1 : 0;
}

static bool parse(int argc, char *argv[], struct options *out)
{
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},
        {"histories", required_argument, NULL, 'n'},
        {"verbose", no_argument, NULL, 'v'},
        {0},
    };
    bool has_seed = false, has_count = false;
    int option;
    *out = (struct options){.first_seed = 1, .history_count = HISTORIES};
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 's':
            out->first_seed = strtoull(optarg, NULL, 10);
            has_seed = true;
            break;
        case 'n':
            out->history_count = strtoull(optarg, NULL, 10);
            has_count = true;
            break;
        case 'v':
            out->is_verbose = true;
            break;
        default:
            return false;
        }
    }
    if (has_seed && !has_count) {
        out->history_count = 1;
        out->is_verbose = true;
    }
    return optind == argc && out->history_count > 0;
}

int main(int argc, char *argv[])
{
    struct options options;
    if (!parse(argc, argv, &options)) {
        (void)fprintf(stderr, "usage: sim [--seed N] [--histories N] [--verbose]\n"
                              "A seed alone: that history, with all that happens in it.\n");
        return 2;
    }
    simulation = simulation_new();
    if (!simulation) {
        (void)fprintf(stderr, "sim: no memory\n");
        return 71;
    }
    simulation->trace.is_on = simulation->trace.prints = options.is_verbose;
    (void)signal(SIGABRT, on_abort);
    int status = run(&options);
    simulation_free(simulation);
    return status;
}
