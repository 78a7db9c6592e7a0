// SPDX-License-Identifier: MIT
// First all the trouble that the climate of the seed allows, with requests at the worst moments;
// then the world heals, and what is must become what is wanted.
#include "sim/history.h"

#include "sim/people.h"
#include "sim/plans.h"

#include <signal.h>
#include <stdlib.h>

enum { RECOVERY_STEPS = 100000 };

struct simulation *simulation_new(struct coverage *coverage)
{
    struct simulation *simulation = calloc(1, sizeof(*simulation));
    if (!simulation)
        return NULL;
    struct shell *shell = &simulation->shell;
    shell->world = &simulation->world;
    shell->check = &simulation->check;
    shell->supervisor = supervisor_new(0);
    shell->journal = calloc(1, sizeof(*shell->journal));
    simulation->check.world = &simulation->world;
    simulation->check.shell = shell;
    simulation->coverage = simulation->check.coverage = coverage;
    simulation->plan.types = simulation->types;
    if (!shell->supervisor || !shell->journal) {
        simulation_free(simulation);
        return NULL;
    }
    return simulation;
}

void simulation_free(struct simulation *simulation)
{
    supervisor_free(simulation->shell.supervisor);
    free(simulation->shell.journal);
    free(simulation);
}

// Nothing at all in half of the histories: a fault is best seen without the others.
static unsigned draw_rate(struct random *random, unsigned most)
{
    return random_chance(random, 500) ? 0 : (unsigned)random_below(random, most + 1);
}

static struct climate draw_climate(struct random *random)
{
    static const nsec_t hastes[] = {NSEC_PER_MSEC, 50 * NSEC_PER_MSEC, NSEC_PER_SEC,
                                    20 * NSEC_PER_SEC};
    nsec_t haste = hastes[random_below(random, 4)];
    return (struct climate){
        .refuses = draw_rate(random, 600),
        .misses = draw_rate(random, 300),
        .crashes = draw_rate(random, 1000),
        .stubborn = draw_rate(random, 1000),
        .unkillable = random_chance(random, 100) ? 300 : 0,
        .leaves = draw_rate(random, 1000),
        .never_ready = draw_rate(random, 700),
        .deaths = draw_rate(random, 150),
        .forgets = draw_rate(random, 1000),
        .haste = haste,
        .calm = haste * (nsec_t[]){1, 10, 100, 1000}[random_below(random, 4)],
        .heals_unkillable = random_chance(random, 500),
    };
}

static void draw_next_request(struct simulation *simulation)
{
    struct world *world = &simulation->world;
    nsec_t delay = 0;
    if (!random_chance(&world->random, 350)) // else in the same instant
        delay = world_draw_time(world, world->climate.calm);
    simulation->request_at = world->now + delay;
}

static bool is_at_an_end(const struct simulation *simulation)
{
    return simulation->check.is_broken || simulation->shell.is_over;
}

// Goes to the next moment at which something happens, and lets it. False: nothing will, or not
// until `end`.
static bool pass(struct simulation *simulation, nsec_t end)
{
    struct world *world = &simulation->world;
    struct shell *shell = &simulation->shell;
    nsec_t next = world_next_at(world);
    if (shell_next_at(shell) < next)
        next = shell_next_at(shell);
    // While no manager is there to take it, a request waits.
    bool can_ask = shell->is_alive && simulation->request_at != NSEC_NEVER;
    if (can_ask && simulation->request_at < next)
        next = simulation->request_at;
    if (next == NSEC_NEVER || next > end)
        return false;
    world_pass(world, next > world->now ? next : world->now);
    bool asks_first = can_ask && random_chance(&world->random, 500);
    if (!asks_first)
        shell_pass(shell);
    if (can_ask && simulation->request_at <= world->now && !is_at_an_end(simulation)) {
        people_ask(simulation);
        draw_next_request(simulation);
    }
    if (asks_first && !is_at_an_end(simulation))
        shell_pass(shell);
    return true;
}

static void trouble(struct simulation *simulation)
{
    struct shell *shell = &simulation->shell;
    unsigned most = 20 + (unsigned)random_below(&simulation->world.random, 180);
    if (simulation->most[0] > 100)
        most *= 50;
    (void)shell_feed(shell, (struct input){.kind = INPUT_PLAN, .plan = &simulation->plan});
    draw_next_request(simulation);
    while (shell->steps < most && !is_at_an_end(simulation) && pass(simulation, NSEC_NEVER)) {
    }
}

// How long it may take until all has settled. At worst a process boots too long, ignores the stop,
// is killed and waits for its next start; then others are started after it, and its type is rolled,
// one after the other, each with its second.
static nsec_t patience(const struct simulation *simulation)
{
    nsec_t kill = 10 * NSEC_PER_SEC, pause = simulation->longest_pause, roll = 0;
    for (size_t type = 0; type < simulation->plan.type_count; type++)
        roll += (simulation->types[type].quantity + 2) * (NSEC_PER_SEC + 100 * NSEC_PER_MSEC);
    return simulation->longest_boot + simulation->check.longest_grace + kill + pause + pause / 10 +
           roll + 3 * NSEC_PER_SEC;
}

static void recovery(struct simulation *simulation)
{
    struct shell *shell = &simulation->shell;
    struct world *world = &simulation->world;
    trace_line(&simulation->trace, world->now, "~ faults cease");
    world_heal(world);
    simulation->request_at = NSEC_NEVER;
    if (random_chance(&world->random, 300))
        (void)shell_feed(shell, (struct input){.kind = INPUT_STOP, .value = SIGTERM});
    nsec_t end = world->now + patience(simulation);
    unsigned most =
        shell->steps + RECOVERY_STEPS; // else one that does nothing would do it for ever
    while (shell->steps < most && !is_at_an_end(simulation) &&
           !check_is_settled(&simulation->check) && pass(simulation, end)) {
    }
}

bool simulation_run(struct simulation *simulation, uint64_t seed)
{
    struct random random = {.state = seed};
    random.state = random_next(&random); // neighbours become strangers
    struct climate climate = draw_climate(&random);
    simulation->seed = seed;
    simulation->trace.count = 0;
    world_begin(&simulation->world, &climate, random, &simulation->trace);
    plans_draw(simulation);
    shell_begin(&simulation->shell, &simulation->plan, random_next(&simulation->world.random));
    check_begin(&simulation->check);
    trouble(simulation);
    if (!is_at_an_end(simulation))
        recovery(simulation);
    if (!simulation->check.is_broken)
        check_end(&simulation->check);
    simulation->coverage->histories++;
    simulation->coverage->steps += simulation->shell.steps;
    simulation->coverage->spawns += simulation->world.spawn_count;
    return !simulation->check.is_broken;
}
