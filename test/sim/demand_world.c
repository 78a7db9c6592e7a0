// SPDX-License-Identifier: MIT
// From event to event: an arrival, the end of a request or a boot, a tick of the algorithm. Who is
// idle for the longest time takes the next request, as accept(2) wakes them.
#include "sim/demand_world.h"

#include <stdlib.h>
#include <string.h>

unsigned world_count(const struct world *world, enum worker_state state)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world->worker_count; i++)
        count += world->workers[i].state == state && !world->workers[i].is_leaving;
    return count;
}

unsigned world_total(const struct world *world)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world->worker_count; i++)
        count += !world->workers[i].is_leaving;
    return count;
}

static void turn(struct world *world, int direction)
{
    world->turns += world->direction == -direction;
    world->direction = direction;
}

void world_spawn(struct world *world, unsigned count)
{
    unsigned total = world_total(world);
    count = count < WORLD_MOST - total ? count : WORLD_MOST - total;
    if (count > 0 && world->now > 0)
        turn(world, 1);
    for (; count > 0 && world->worker_count < 2 * WORLD_MOST; count--)
        world->workers[world->worker_count++] = (struct worker){
            .state = WORKER_BOOTING,
            .since = world->now,
            .until = world->now + world->trace->boot,
        };
}

static void drop(struct world *world, unsigned index)
{
    world->workers[index] = world->workers[--world->worker_count];
}

// The one that has been in `state` for the longest time; worker_count: there is none.
static unsigned longest(const struct world *world, enum worker_state state)
{
    unsigned found = world->worker_count;
    for (unsigned i = 0; i < world->worker_count; i++)
        if (world->workers[i].state == state && !world->workers[i].is_leaving &&
            (found == world->worker_count || world->workers[i].since < world->workers[found].since))
            found = i;
    return found;
}

void world_retire(struct world *world, unsigned count)
{
    static const enum worker_state order[] = {WORKER_IDLE, WORKER_BOOTING, WORKER_BUSY};
    if (count > 0)
        turn(world, -1);
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        for (; count > 0; count--) {
            unsigned found = longest(world, order[i]);
            if (found == world->worker_count)
                break;
            if (order[i] == WORKER_BUSY)
                world->workers[found].is_leaving = true;
            else
                drop(world, found);
        }
    }
}

static void serve(struct world *world, unsigned index, size_t number)
{
    const struct request *request = &world->trace->requests[number];
    world->waits[world->served++] = world->now - request->at;
    world->workers[index].state = WORKER_BUSY;
    world->workers[index].since = world->now;
    world->workers[index].until = world->now + request->service;
}

static void become_idle(struct world *world, unsigned index)
{
    struct worker *worker = &world->workers[index];
    worker->state = WORKER_IDLE;
    worker->since = world->now;
    worker->until = NSEC_NEVER;
    if (world->queued == 0)
        return;
    size_t number = world->queue[world->queue_head];
    world->queue_head = (world->queue_head + 1) % WORLD_BACKLOG;
    world->queued--;
    serve(world, index, number);
}

static void arrive(struct world *world)
{
    size_t number = world->arrived++;
    unsigned idle = longest(world, WORKER_IDLE);
    if (idle < world->worker_count)
        serve(world, idle, number);
    else if (world->queued < WORLD_BACKLOG)
        world->queue[(world->queue_head + world->queued++) % WORLD_BACKLOG] = number;
    else
        world->rejected++;
}

static nsec_t next_worker(const struct world *world)
{
    nsec_t next = NSEC_NEVER;
    for (unsigned i = 0; i < world->worker_count; i++)
        if (world->workers[i].until < next)
            next = world->workers[i].until;
    return next;
}

static void finish_workers(struct world *world)
{
    for (unsigned i = 0; i < world->worker_count;) {
        if (world->workers[i].until > world->now) {
            i++;
        } else if (world->workers[i].is_leaving) {
            drop(world, i);
        } else {
            become_idle(world, i);
            i++;
        }
    }
}

static void pass_time(struct world *world, nsec_t until)
{
    nsec_t end = world->trace->length;
    nsec_t from = world->now < end ? world->now : end;
    nsec_t to = until < end ? until : end;
    unsigned busy = 0;
    for (unsigned i = 0; i < world->worker_count; i++)
        busy += world->workers[i].state == WORKER_BUSY;
    world->cost += (to - from) * world->worker_count;
    world->busy += (until - world->now) * busy;
    world->now = until;
}

static nsec_t earlier(nsec_t a, nsec_t b)
{
    return a < b ? a : b;
}

static int compare(const void *a, const void *b)
{
    nsec_t x = *(const nsec_t *)a, y = *(const nsec_t *)b;
    return (x > y) - (x < y);
}

static void sum_up(struct world *world, struct score *out)
{
    double sum = 0;
    qsort(world->waits, world->served, sizeof(*world->waits), compare);
    for (size_t i = 0; i < world->served; i++)
        sum += (double)world->waits[i];
    *out = (struct score){
        .cost = (double)world->cost / (double)NSEC_PER_SEC,
        .mean_wait = sum / (double)world->served / (double)NSEC_PER_SEC,
        .worst_wait =
            (double)world->waits[world->served - 1 - world->served / 100] / (double)NSEC_PER_SEC,
        .rejected = world->rejected,
        .turns = world->turns,
    };
}

void world_run(const struct trace *trace, const struct algorithm *algorithm, struct score *out)
{
    struct world *world = calloc(1, sizeof(*world));
    size_t *queue = calloc(WORLD_BACKLOG, sizeof(*queue));
    nsec_t *waits = calloc(trace->count, sizeof(*waits));
    if (!world || !queue || !waits)
        abort();
    *world = (struct world){.trace = trace, .queue = queue, .waits = waits};
    nsec_t tick_at = algorithm->begin(world);
    // To the end of the trace, and until all that came was served.
    while (world->now < trace->length || world->served + world->rejected < trace->count) {
        nsec_t arrival =
            world->arrived < trace->count ? trace->requests[world->arrived].at : NSEC_NEVER;
        nsec_t next = earlier(earlier(arrival, next_worker(world)), tick_at);
        pass_time(world, world->now < trace->length ? earlier(next, trace->length) : next);
        finish_workers(world);
        if (world->arrived < trace->count && world->now == arrival) {
            arrive(world);
            if (algorithm->arrival)
                tick_at = earlier(tick_at, algorithm->arrival(world));
        }
        if (world->now >= tick_at)
            tick_at = algorithm->tick(world);
    }
    sum_up(world, out);
    free(waits);
    free(queue);
    free(world);
}
