// SPDX-License-Identifier: MIT
// The simulation: a million lives of formations in virtual time, each the same whenever its seed
// is given again. Speaks TAP: one test for each invariant, and for what all of them have covered.
#include "sim/crew.h"

#include "sim/invariants.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// With fewer histories than this, what none of them covered is no failure.
enum { HISTORIES = 1000000, FULL_RUN = 100000 };

struct options {
    const char *program;
    uint64_t first_seed;
    uint64_t history_count;
    unsigned jobs;
    bool is_single;
};

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Below a failed test: the end of the history that failed it first, and how to see all of it.
static void show_failure(const struct options *options, uint64_t seed)
{
    crew_show(seed, options->is_single);
    printf("#   again: %s --seed %llu\n", options->program, (unsigned long long)seed);
}

static bool report(const struct options *options, const struct crew_sum *sum)
{
    bool has_failed = sum->aborted != 0;
    bool is_full = options->history_count >= FULL_RUN && !has_failed;
    unsigned number = INVARIANT_COUNT;
    if (options->is_single)
        crew_show(options->first_seed, true);
    for (unsigned i = 0; i < INVARIANT_COUNT; i++) {
        uint64_t count = sum->coverage.claims[i], seed = sum->first_broken[i];
        bool is_bad = seed != 0 || (is_full && count == 0);
        has_failed |= is_bad;
        printf("%s %u - %s # %llu times\n", is_bad ? "not ok" : "ok", i + 1, invariant_sentence(i),
               (unsigned long long)count);
        if (seed != 0 && !options->is_single)
            show_failure(options, seed);
    }
    printf("%s %u - no history makes the program abort\n", sum->aborted ? "not ok" : "ok",
           ++number);
    if (sum->aborted && !options->is_single)
        show_failure(options, sum->aborted);
    if (is_full)
        number = coverage_report(&sum->coverage, number, &has_failed);
    printf("1..%u\n", number);
    if (is_full)
        coverage_print(&sum->coverage);
    return !has_failed;
}

static int run(const struct options *options)
{
    struct crew_sum sum;
    double began = seconds();
    int result = crew_run(options->first_seed, options->history_count, options->jobs, &sum);
    if (result < 0) {
        (void)fprintf(stderr, "sim: cannot start a worker: %s\n", strerror(-result));
        return 71;
    }
    bool is_good = report(options, &sum);
    const struct coverage *coverage = &sum.coverage;
    printf("# %llu histories (seeds %llu to %llu), %llu broken, %llu steps, %llu spawns, "
           "%llu managers died, %u at a time, %.1f s\n",
           (unsigned long long)coverage->histories, (unsigned long long)options->first_seed,
           (unsigned long long)(options->first_seed + options->history_count - 1),
           (unsigned long long)sum.broken, (unsigned long long)coverage->steps,
           (unsigned long long)coverage->spawns, (unsigned long long)coverage->deaths,
           options->jobs, seconds() - began);
    return is_good ? 0 : 1;
}

static bool parse(int argc, char *argv[], struct options *out)
{
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},
        {"histories", required_argument, NULL, 'n'},
        {"jobs", required_argument, NULL, 'j'},
        {0},
    };
    bool has_seed = false, has_count = false;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int option;
    *out = (struct options){.program = argv[0], .first_seed = 1, .history_count = HISTORIES};
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
        case 'j':
            processors = strtol(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    out->is_single = has_seed && !has_count;
    if (out->is_single)
        out->history_count = 1;
    out->jobs = processors < 1 ? 1 : processors > CREW_MOST ? CREW_MOST : (unsigned)processors;
    if (out->jobs > out->history_count)
        out->jobs = (unsigned)out->history_count;
    return optind == argc && out->history_count > 0 && out->first_seed > 0;
}

int main(int argc, char *argv[])
{
    struct options options;
    if (!parse(argc, argv, &options)) {
        (void)fprintf(stderr,
                      "usage: sim [--seed N] [--histories N] [--jobs N]\n"
                      "A seed (1, 2, …) alone: that history, with all that happens in it.\n");
        return 2;
    }
    return run(&options);
}
