// SPDX-License-Identifier: MIT
// Requests wait in one queue, as in the guard's channel, so a signal never overtakes the spawn
// that it is meant for; everything else is a moment in a body, and the earliest one is next.
#include "sim/world.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

void world_begin(struct world *world, const struct climate *climate, struct random random,
                 struct trace *trace)
{
    memset(world->bodies, 0, world->slot_count * sizeof(world->bodies[0]));
    memset(world->changed, 0, sizeof(world->changed));
    world->random = random;
    world->climate = *climate;
    world->trace = trace;
    world->now = NSEC_PER_SEC;
    world->is_healed = world->has_unkillable = false;
    world->next_pid = 100;
    world->slot_count = world->request_first = world->request_count = world->spawn_count = 0;
    world->fault = NULL;
}

nsec_t world_draw_time(struct world *world, nsec_t longest)
{
    nsec_t scale = longest;
    uint64_t luck = random_next(&world->random);
    if ((luck & 7) == 0)
        return 0;
    for (luck >>= 3; luck & 1 && scale > NSEC_PER_MSEC; luck >>= 1)
        scale /= 10;
    return (nsec_t)random_below(&world->random, (uint64_t)scale + 1);
}

static bool by_chance(struct world *world, unsigned per_thousand)
{
    return per_thousand && random_chance(&world->random, per_thousand);
}

static nsec_t time_or_never(struct world *world, unsigned never_per_thousand, nsec_t longest)
{
    return by_chance(world, never_per_thousand) ? NSEC_NEVER : world_draw_time(world, longest);
}

static int draw_status(struct world *world)
{
    static const int statuses[] = {0, 0, 1 << 8, 3 << 8, SIGSEGV, SIGABRT | 0x80, SIGKILL};
    return statuses[random_below(&world->random, sizeof(statuses) / sizeof(statuses[0]))];
}

static const struct temper good_temper = {
    .ends_after = NSEC_NEVER,
    .stops_after = NSEC_PER_MSEC,
    .stop_status = SIGTERM,
    .dies_after = NSEC_PER_MSEC,
    .left_ends_after = NSEC_PER_MSEC,
    .left_stops_after = NSEC_PER_MSEC,
    .ready_after = NSEC_PER_MSEC,
};

static struct temper draw_temper(struct world *world)
{
    const struct climate *climate = &world->climate;
    struct temper temper = good_temper;
    if (world->is_healed)
        return temper;
    temper.ends_after = time_or_never(world, 1000 - climate->crashes, 2 * climate->haste);
    temper.end_status = draw_status(world);
    temper.stops_after = time_or_never(world, climate->stubborn, climate->haste);
    temper.stop_status = random_chance(&world->random, 500) ? 0 : SIGTERM;
    temper.dies_after = time_or_never(world, climate->unkillable, WORLD_DEATH_LONGEST);
    temper.ready_after = time_or_never(world, climate->never_ready, climate->haste);
    temper.ready_lasts = world_draw_time(world, climate->haste);
    if (by_chance(world, 200))
        temper.ready_changes = (unsigned)random_below(&world->random, 6);
    if (by_chance(world, climate->leaves)) {
        temper.left = 1 + (unsigned)random_below(&world->random, 3);
        temper.left_ends_after = time_or_never(world, 500, climate->haste);
        temper.left_stops_after = time_or_never(world, 500, climate->haste);
        temper.left_slips = (unsigned)random_below(&world->random, WORLD_SLIPS + 1);
    }
    if (temper.dies_after == NSEC_NEVER)
        temper.stops_after = NSEC_NEVER;
    return temper;
}

static nsec_t after(nsec_t now, nsec_t length)
{
    return length == NSEC_NEVER ? NSEC_NEVER : now + length;
}

static void sooner(nsec_t *moment, nsec_t at)
{
    if (at < *moment)
        *moment = at;
}

static void change(struct world *world, const struct body *body)
{
    size_t slot = (size_t)(body - world->bodies);
    world->changed[slot / 64] |= (uint64_t)1 << slot % 64;
}

bool world_tree_is_empty(const struct body *body)
{
    return body->state != BODY_LIVE && body->left == 0;
}

bool world_is_unkillable(const struct body *body)
{
    return body->temper.dies_after == NSEC_NEVER;
}

static int draw_spawn_error(struct world *world)
{
    static const int refusals[] = {EAGAIN, ENOMEM, EMFILE};
    static const int misses[] = {ENOENT, EACCES};
    if (world->is_healed)
        return 0;
    if (by_chance(world, world->climate.refuses))
        return refusals[random_below(&world->random, 3)];
    if (by_chance(world, world->climate.misses))
        return misses[random_below(&world->random, 2)];
    return 0;
}

// Whether something of that name lives in another slot.
static bool has_double(const struct world *world, unsigned slot)
{
    struct process_id id = world->ids[slot];
    for (unsigned other = 0; other < world->slot_count; other++) {
        const struct body *body = &world->bodies[other];
        if (other != slot && body->id.type == id.type && body->id.number == id.number &&
            !world_tree_is_empty(body))
            return true;
    }
    return false;
}

static void spawn(struct world *world, const struct action *action)
{
    struct body *body = &world->bodies[action->slot];
    world->spawn_count++;
    if (!world_tree_is_empty(body))
        world->fault = "a spawn reached the guard while the slot's tree was alive";
    else if (body->state == BODY_DEAD)
        world->fault = "a spawn reached the guard before the slot's last process was buried";
    else if (body->token >= action->token)
        world->fault = "a spawn reached the guard twice";
    else if (has_double(world, action->slot))
        world->fault = "a spawn reached the guard while a process of that name was alive";
    *body = (struct body){
        .state = BODY_FAILED,
        .token = action->token,
        .id = world->ids[action->slot],
        .error = draw_spawn_error(world),
        .ends_at = NSEC_NEVER,
        .left_gone_at = NSEC_NEVER,
        .ready_changes_at = NSEC_NEVER,
    };
    change(world, body);
    if (body->error) {
        trace_line(world->trace, world->now, "~ slot %u: spawn failed, errno %d", action->slot,
                   body->error);
        return;
    }
    body->state = BODY_LIVE;
    body->pid = world->next_pid++;
    body->temper = draw_temper(world);
    body->ends_at = after(world->now, body->temper.ends_after);
    body->end_status = body->temper.end_status;
    body->left = body->temper.left;
    body->ready_changes_at = after(world->now, body->temper.ready_after);
    body->was_unkillable = world_is_unkillable(body);
    world->has_unkillable |= body->was_unkillable;
    trace_line(world->trace, world->now, "~ slot %u: runs as %d%s%s%s", action->slot, body->pid,
               body->temper.stops_after == NSEC_NEVER ? ", stubborn" : "",
               world_is_unkillable(body) ? ", unkillable" : "",
               body->left ? ", leaves a tree" : "");
}

static void kill_main(struct world *world, struct body *body)
{
    nsec_t at = after(world->now, body->temper.dies_after);
    body->was_killed = true;
    if (body->state == BODY_LIVE && at < body->ends_at) {
        body->ends_at = at;
        body->end_status = SIGKILL;
        body->ends_by_signal = true;
    }
}

static void signal_group(struct world *world, const struct action *action)
{
    struct body *body = &world->bodies[action->slot];
    nsec_t at = after(world->now, body->temper.stops_after);
    if (body->state != BODY_LIVE || body->token != action->token)
        return; // the guard looks: its pid is kept until the burial
    if (at < body->ends_at) {
        body->ends_at = at;
        body->end_status = body->temper.stop_status;
        body->ends_by_signal = true;
    }
}

// What a manager does itself, by the tree's cgroup: at once, and to whoever is in there now.
static void signal_tree(struct world *world, const struct action *action)
{
    struct body *body = &world->bodies[action->slot];
    if (action->kind == ACTION_SIGNAL_TREE) {
        if (body->left)
            sooner(&body->left_gone_at, after(world->now, body->temper.left_stops_after));
        return;
    }
    kill_main(world, body);
    if (body->left == 0)
        return;
    if (body->temper.left_slips > 0)
        body->temper.left_slips--;
    else
        sooner(&body->left_gone_at, after(world->now, body->temper.dies_after));
}

static void bury(struct world *world, const struct action *action)
{
    struct body *body = &world->bodies[action->slot];
    if (body->token != action->token || body->state != BODY_DEAD)
        return;
    if (body->left)
        world->fault = "a slot was buried while its tree was alive";
    body->state = BODY_BURIED;
}

void world_carry_out(struct world *world, const struct action *action)
{
    assert(action->slot < WORLD_SLOTS && world->request_count < WORLD_REQUESTS);
    if (world->slot_count <= action->slot)
        world->slot_count = action->slot + 1;
    if (action->kind == ACTION_KILL_TREE || action->kind == ACTION_SIGNAL_TREE) {
        signal_tree(world, action);
        return;
    }
    nsec_t at = world->now;
    if (!world->is_healed)
        at += world_draw_time(world, action->kind == ACTION_SPAWN ? WORLD_SPAWN_LONGEST / 2
                                                                  : NSEC_PER_MSEC);
    unsigned last = world->request_first + world->request_count;
    if (world->request_count > 0 && world->requests[(last - 1) % WORLD_REQUESTS].at > at)
        at = world->requests[(last - 1) % WORLD_REQUESTS].at;
    world->requests[last % WORLD_REQUESTS] = (struct request){.action = *action, .at = at};
    world->request_count++;
}

static void carry_out_first(struct world *world)
{
    const struct action *action = &world->requests[world->request_first % WORLD_REQUESTS].action;
    world->request_first++;
    world->request_count--;
    if (action->kind == ACTION_SPAWN)
        spawn(world, action);
    else if (action->kind == ACTION_SIGNAL)
        signal_group(world, action);
    else if (action->kind == ACTION_BURY)
        bury(world, action);
}

void world_drain(struct world *world)
{
    while (world->request_count > 0)
        carry_out_first(world);
}

nsec_t world_next_at(const struct world *world)
{
    nsec_t next = NSEC_NEVER;
    if (world->request_count > 0)
        next = world->requests[world->request_first % WORLD_REQUESTS].at;
    for (unsigned slot = 0; slot < world->slot_count; slot++) {
        const struct body *body = &world->bodies[slot];
        if (body->state == BODY_LIVE) {
            sooner(&next, body->ends_at);
            sooner(&next, body->ready_changes_at);
        }
        if (body->left)
            sooner(&next, body->left_gone_at);
    }
    return next;
}

static void end_main(struct world *world, struct body *body)
{
    body->state = BODY_DEAD;
    body->status = body->end_status;
    body->is_ready = false;
    if (body->left)
        sooner(&body->left_gone_at, after(world->now, body->temper.left_ends_after));
    trace_line(world->trace, world->now, "~ %d ended with %#x, leaving %u", body->pid,
               (unsigned)body->status, body->left);
    change(world, body);
}

static void pass_body(struct world *world, struct body *body)
{
    if (body->left && body->left_gone_at <= world->now) {
        body->left = 0;
        trace_line(world->trace, world->now, "~ the rest of the tree of %d is gone", body->pid);
        change(world, body);
    }
    if (body->state != BODY_LIVE)
        return;
    if (body->ends_at <= world->now) {
        end_main(world, body);
    } else if (body->ready_changes_at <= world->now) {
        body->is_ready = !body->is_ready;
        body->ready_changes_at = NSEC_NEVER;
        if (body->temper.ready_changes > 0) {
            body->temper.ready_changes--;
            body->ready_changes_at = world->now + body->temper.ready_lasts;
        }
        change(world, body);
    }
}

void world_pass(struct world *world, nsec_t now)
{
    assert(now >= world->now);
    world->now = now;
    while (world->request_count > 0 &&
           world->requests[world->request_first % WORLD_REQUESTS].at <= now)
        carry_out_first(world);
    for (unsigned slot = 0; slot < world->slot_count; slot++)
        pass_body(world, &world->bodies[slot]);
}

void world_heal(struct world *world)
{
    world->is_healed = true;
    for (unsigned slot = 0; slot < world->slot_count; slot++) {
        struct body *body = &world->bodies[slot];
        unsigned slips = body->temper.left_slips;
        if (!body->ends_by_signal)
            body->ends_at = NSEC_NEVER;
        body->ready_changes_at = body->is_ready ? NSEC_NEVER : world->now + NSEC_PER_MSEC;
        body->temper.ready_changes = 0;
        if (world_is_unkillable(body) && !world->climate.heals_unkillable)
            continue;
        body->temper = good_temper;
        body->temper.left_slips = slips;
        if (body->was_killed) {
            kill_main(world, body);
            if (slips == 0)
                sooner(&body->left_gone_at, world->now + NSEC_PER_MSEC);
        }
    }
}
