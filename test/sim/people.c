// SPDX-License-Identifier: MIT
// Each request is one input. One that changes the plan is kept before it is fed, so a manager that
// dies meanwhile comes back with it; of any other that was not journaled nothing is left.
#include "sim/people.h"

#include "sim/plans.h"

#include <signal.h>

static unsigned draw_slot(struct simulation *simulation)
{
    struct shell *shell = &simulation->shell;
    return (unsigned)random_below(&simulation->world.random, shell->slot_count + 1);
}

static void feed_slot(struct simulation *simulation, enum input_kind kind, unsigned slot)
{
    (void)shell_feed(&simulation->shell, (struct input){.kind = kind, .slot = slot});
}

// A process needs longer to become ready, and says so.
static void feed_extension(struct simulation *simulation)
{
    int milliseconds = 1 + (int)random_below(&simulation->world.random, 3000);
    unsigned slot = draw_slot(simulation);
    (void)shell_feed(&simulation->shell, (struct input){
                                             .kind = INPUT_EXTEND,
                                             .slot = slot,
                                             .value = milliseconds,
                                         });
}

// The same for each process of one type, or for some of any type.
static void feed_several(struct simulation *simulation, enum input_kind kind)
{
    struct shell *shell = &simulation->shell;
    struct random *random = &simulation->world.random;
    bool is_by_type = random_chance(random, 700);
    unsigned type = (unsigned)random_below(random, simulation->plan.type_count);
    uint16_t slots[WORLD_SLOTS];
    size_t count = 0;
    for (unsigned slot = 0; slot < shell->slot_count; slot++)
        if (is_by_type ? supervisor_process(shell->supervisor, slot)->id.type == type
                       : random_chance(random, 500))
            slots[count++] = (uint16_t)slot;
    (void)shell_feed(shell, (struct input){.kind = kind, .slots = slots, .slot_count = count});
}

static void feed_plan(struct simulation *simulation)
{
    (void)shell_feed(&simulation->shell,
                     (struct input){.kind = INPUT_PLAN, .plan = &simulation->plan});
}

static void ask_for_end(struct simulation *simulation, uint64_t luck)
{
    struct input input = {.kind = INPUT_STOP};
    if (luck == 99 && simulation->check.stop_at == NSEC_NEVER)
        input.kind = INPUT_KILL;
    else
        input.value = random_chance(&simulation->world.random, 500) ? SIGINT : SIGTERM;
    (void)shell_feed(&simulation->shell, input);
}

void people_ask(struct simulation *simulation)
{
    uint64_t luck = random_below(&simulation->world.random, 100);
    if (luck < 28) {
        plans_scale(simulation);
        feed_plan(simulation);
    } else if (luck < 36) {
        plans_reload(simulation);
        feed_plan(simulation);
    } else if (luck < 50) {
        feed_several(simulation, INPUT_ROLL);
    } else if (luck < 54) {
        feed_slot(simulation, INPUT_ROLL, draw_slot(simulation));
    } else if (luck < 64) {
        feed_slot(simulation, INPUT_RESTART, draw_slot(simulation));
    } else if (luck < 72) {
        feed_slot(simulation, INPUT_HALT, draw_slot(simulation));
    } else if (luck < 73) {
        feed_several(simulation, INPUT_HALT);
    } else if (luck < 75) {
        feed_several(simulation, INPUT_START);
    } else if (luck < 80) {
        feed_slot(simulation, INPUT_START, draw_slot(simulation));
    } else if (luck < 84) {
        feed_slot(simulation, INPUT_UNRESPONSIVE, draw_slot(simulation));
    } else if (luck < 86) {
        feed_extension(simulation);
    } else if (luck < 95 && simulation->check.stop_at == NSEC_NEVER) {
        (void)shell_feed_nonsense(&simulation->shell);
    } else {
        ask_for_end(simulation, luck);
    }
}
