// SPDX-License-Identifier: MIT
// Few processes, so that they meet often; and rarely a crowd, for the budget of boots.
#include "sim/plans.h"

#include <signal.h>
#include <string.h>

static void draw_roll(struct random *random, struct process_policy *policy)
{
    static const unsigned surges[] = {0, 0, 1, 2};
    static const unsigned without_surge[] = {1, 1, 2, 5}, with_surge[] = {0, 0, 1, 3};
    policy->roll_surge = surges[random_below(random, 4)];
    policy->roll_max_unavailable =
        (policy->roll_surge ? with_surge : without_surge)[random_below(random, 4)];
}

static struct process_policy draw_policy(struct random *random)
{
    static const enum restart_mode modes[] = {RESTART_ALWAYS, RESTART_ALWAYS, RESTART_ALWAYS,
                                              RESTART_ON_FAILURE, RESTART_NEVER};
    static const nsec_t bases[] = {NSEC_PER_MSEC, 50 * NSEC_PER_MSEC, 400 * NSEC_PER_MSEC};
    static const nsec_t longest[] = {400 * NSEC_PER_MSEC, 3 * NSEC_PER_SEC, 30 * NSEC_PER_SEC};
    static const nsec_t resets[] = {0, 100 * NSEC_PER_MSEC, 10 * NSEC_PER_SEC};
    static const nsec_t graces[] = {0, 50 * NSEC_PER_MSEC, NSEC_PER_SEC, 10 * NSEC_PER_SEC};
    static const nsec_t boots[] = {100 * NSEC_PER_MSEC, 5 * NSEC_PER_SEC, 60 * NSEC_PER_SEC};
    struct process_policy policy = {
        .restart = modes[random_below(random, 5)],
        .backoff_base = bases[random_below(random, 3)],
        .backoff_max = longest[random_below(random, 3)],
        .backoff_reset = resets[random_below(random, 3)],
        .stop_signal = SIGTERM,
        .stop_grace = graces[random_below(random, 4)],
        .waits_for_ready = random_chance(random, 400),
        .boot_limit = boots[random_below(random, 3)],
    };
    draw_roll(random, &policy);
    return policy;
}

// Each type may come after those of lower index, or of higher; those that are gone need nobody.
static void draw_order(struct simulation *simulation)
{
    struct random *random = &simulation->world.random;
    bool has_order = random_chance(random, 500), is_reversed = random_chance(random, 500);
    for (size_t type = 0; type < simulation->plan.type_count; type++) {
        struct process_type *its = &simulation->types[type];
        its->after = simulation->after[type];
        its->after_count = 0;
        for (size_t other = 0; other < simulation->plan.type_count && has_order; other++)
            if ((is_reversed ? other > type : other < type) && !its->is_gone &&
                !simulation->types[other].is_gone && random_chance(random, 600))
                simulation->after[type][its->after_count++] = (uint16_t)other;
    }
}

static void longer(nsec_t *longest, nsec_t length)
{
    if (length > *longest)
        *longest = length;
}

static void draw_type(struct simulation *simulation, size_t type)
{
    struct random *random = &simulation->world.random;
    struct process_policy policy = draw_policy(random);
    simulation->types[type] = (struct process_type){.policy = policy};
    simulation->most[type] = 1 + (unsigned)random_below(random, 3);
    longer(&simulation->longest_boot, policy.boot_limit);
    longer(&simulation->longest_pause, policy.backoff_max);
    longer(&simulation->check.longest_grace, policy.stop_grace);
}

// Two hundred that crash as soon as they run, and managers that live: the budget, which a new
// manager does not know, has to hold.
static void draw_crowd(struct simulation *simulation)
{
    struct climate *climate = &simulation->world.climate;
    simulation->most[0] = 200;
    simulation->types[0].policy.restart = RESTART_ALWAYS;
    simulation->plan.ends_at_first_exit = false;
    climate->crashes = 1000;
    climate->refuses = climate->misses = climate->deaths = 0;
    climate->haste = NSEC_PER_MSEC;
    climate->calm = 20 * NSEC_PER_SEC;
}

void plans_draw(struct simulation *simulation)
{
    struct random *random = &simulation->world.random;
    bool is_crowd = random_below(random, 20000) == 0;
    simulation->longest_boot = simulation->longest_pause = simulation->check.longest_grace = 0;
    simulation->plan.type_count = 1 + (size_t)random_below(random, WORLD_TYPES);
    simulation->plan.ends_at_first_exit = random_chance(random, 150);
    for (size_t type = 0; type < simulation->plan.type_count; type++)
        draw_type(simulation, type);
    if (is_crowd)
        draw_crowd(simulation);
    draw_order(simulation);
    plans_scale(simulation);
}

void plans_scale(struct simulation *simulation)
{
    struct random *random = &simulation->world.random;
    bool is_zero = random_chance(random, 100);
    for (size_t type = 0; type < simulation->plan.type_count; type++)
        simulation->types[type].quantity =
            is_zero || simulation->types[type].is_gone
                ? 0
                : (unsigned)random_below(random, simulation->most[type] + 1);
}

// Grace and longest pause stay: a deadline that runs was made by them.
static void treat_otherwise(struct simulation *simulation, size_t type)
{
    struct process_policy *policy = &simulation->types[type].policy;
    struct process_policy other = draw_policy(&simulation->world.random);
    other.stop_grace = policy->stop_grace;
    other.backoff_max = policy->backoff_max;
    *policy = other;
    longer(&simulation->longest_boot, policy->boot_limit);
}

void plans_reload(struct simulation *simulation)
{
    struct random *random = &simulation->world.random;
    struct plan *plan = &simulation->plan;
    size_t old_count = plan->type_count;
    if (old_count < WORLD_TYPES && random_chance(random, 300))
        draw_type(simulation, plan->type_count++);
    for (size_t type = 0; type < plan->type_count; type++) {
        struct process_type *its = &simulation->types[type];
        its->is_gone = random_chance(random, 150);
        its->revision += type < old_count && !its->is_gone && random_chance(random, 500);
        if (random_chance(random, 300))
            treat_otherwise(simulation, type);
    }
    if (random_chance(random, 300))
        plans_scale(simulation);
    for (size_t type = 0; type < plan->type_count; type++)
        if (simulation->types[type].is_gone)
            simulation->types[type].quantity = 0;
    draw_order(simulation);
}
