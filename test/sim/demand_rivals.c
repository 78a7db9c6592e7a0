// SPDX-License-Identifier: MIT
// Ours beside those of others, each after its source: php-fpm 8.2 (fpm_process_ctl.c), Apache 2.4
// (server/mpm/prefork/prefork.c), the Kubernetes HPA (podautoscaler/replica_calculator.go,
// autoscaling/v2/defaults.go). All have the same processes, which boot for the same time.
#include "sim/demand_world.h"
#include "supervise/demand.h"

#include <math.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))

static unsigned ready_of(const struct world *world)
{
    return world_count(world, WORKER_IDLE) + world_count(world, WORKER_BUSY);
}

static unsigned least_running(const struct world *world) // of those who cannot be without one
{
    return world->trace->min > 1 ? world->trace->min : 1;
}

// --- formation
// ------------------------------------------------------------------------------------

// A look a second; when a connection comes and nobody is idle, which is an edge of epoll(7); and
// from then on as long as somebody waits.
#define OURS_PERIOD NSEC_PER_SEC
#define OURS_WAITING_PERIOD (10 * NSEC_PER_MSEC)

static struct {
    struct plan_scale scale;
    struct demand_state state;
} ours;

static nsec_t ours_tick(struct world *world)
{
    struct demand_observation seen = {
        .now = world->now,
        .ready = ready_of(world),
        .starting = world_count(world, WORKER_BOOTING),
        .value = (world_count(world, WORKER_BUSY) + (uint64_t)world->queued) * 1000,
        .backlog = world->queued,
        .least = ours.scale.min,
    };
    struct demand_decision decision;
    demand_decide(&ours.state, &ours.scale, &seen, &decision);
    unsigned total = world_total(world);
    if (decision.wanted > total)
        world_spawn(world, decision.wanted - total);
    else if (decision.wanted < total)
        world_retire(world, total - decision.wanted);
    nsec_t period = world->queued > 0 ? OURS_WAITING_PERIOD : OURS_PERIOD;
    nsec_t next = world->now + period;
    return decision.wake_at > world->now ? MIN(next, decision.wake_at) : next;
}

static nsec_t ours_begin(struct world *world)
{
    ours.scale = plan_default_scale(SCALE_CONNECTIONS);
    ours.scale.target = 1000;
    ours.scale.min = world->trace->min;
    ours.scale.max = WORLD_MOST;
    demand_begin(&ours.state, &ours.scale, world->now, ours.scale.min);
    world_spawn(world, ours.scale.min);
    return OURS_PERIOD;
}

static nsec_t ours_arrival(struct world *world)
{
    return world->queued > 0 ? world->now : NSEC_NEVER;
}

// --- php-fpm
// --------------------------------------------------------------------------------------

#define FPM_PERIOD NSEC_PER_SEC
enum { FPM_START = 2, FPM_MIN_SPARE = 1, FPM_MAX_SPARE = 3, FPM_MOST_RATE = 32 }; // Debian's pool

static nsec_t fixed_begin(struct world *world)
{
    world_spawn(world, WORLD_MOST);
    return NSEC_NEVER;
}

static nsec_t fixed_tick(struct world *world)
{
    (void)world;
    return NSEC_NEVER;
}

static unsigned spawn_rate;

static nsec_t dynamic_begin(struct world *world)
{
    spawn_rate = 1;
    world_spawn(world, FPM_START);
    return FPM_PERIOD;
}

static nsec_t dynamic_tick(struct world *world)
{
    unsigned idle = world_count(world, WORKER_IDLE) + world_count(world, WORKER_BOOTING);
    if (idle > FPM_MAX_SPARE) {
        world_retire(world, 1);
        spawn_rate = 1;
    } else if (idle < FPM_MIN_SPARE) {
        world_spawn(world, MIN(spawn_rate, FPM_MIN_SPARE - idle));
        spawn_rate = MIN(2 * spawn_rate, FPM_MOST_RATE);
    } else {
        spawn_rate = 1;
    }
    return world->now + FPM_PERIOD;
}

#define ONDEMAND_IDLE (10 * NSEC_PER_SEC)
#define ONDEMAND_FORK (3 * NSEC_PER_MSEC) // what comes meanwhile is one edge (14 in 40 ms)

static nsec_t forks_until;

static nsec_t ondemand_begin(struct world *world)
{
    forks_until = world->now;
    return FPM_PERIOD;
}

static nsec_t ondemand_arrival(struct world *world)
{
    if (world->now >= forks_until && world->queued > 0 && world_total(world) < WORLD_MOST) {
        world_spawn(world, 1);
        forks_until = world->now + ONDEMAND_FORK;
    }
    return NSEC_NEVER;
}

static nsec_t ondemand_tick(struct world *world)
{
    for (unsigned i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->state == WORKER_IDLE && world->now - worker->since > ONDEMAND_IDLE) {
            world_retire(world, 1); // which is the longest idle
            break;
        }
    }
    return world->now + FPM_PERIOD;
}

// --- Apache prefork
// -------------------------------------------------------------------------------

#define PREFORK_PERIOD NSEC_PER_SEC
enum { PREFORK_START = 5, PREFORK_MIN_SPARE = 5, PREFORK_MAX_SPARE = 10, PREFORK_MOST_RATE = 32 };

static nsec_t prefork_begin(struct world *world)
{
    spawn_rate = 1;
    world_spawn(world, PREFORK_START);
    return PREFORK_PERIOD;
}

static nsec_t prefork_tick(struct world *world)
{
    unsigned idle = world_count(world, WORKER_IDLE) + world_count(world, WORKER_BOOTING);
    if (idle > PREFORK_MAX_SPARE) {
        world_retire(world, 1);
        spawn_rate = 1;
    } else if (idle < PREFORK_MIN_SPARE) {
        world_spawn(world, spawn_rate);
        spawn_rate = MIN(2 * spawn_rate, PREFORK_MOST_RATE);
    } else {
        spawn_rate = 1;
    }
    return world->now + PREFORK_PERIOD;
}

// --- the Kubernetes HPA
// ---------------------------------------------------------------------------

#define HPA_PERIOD (15 * NSEC_PER_SEC)
#define HPA_LAG (HPA_PERIOD / 2) // from a scrape to the next sync
enum { HPA_WINDOW = 300 / 15 };  // syncs

static struct {
    nsec_t busy_before;
    double usage; // of all processes, on average between the last two scrapes, as seen at a sync
    bool is_scrape;
    bool is_by_connections;
    double waited; // sum of the queue's lengths, by looks at it
    unsigned recommendations[HPA_WINDOW];
    unsigned syncs;
} hpa;

static nsec_t hpa_begin(struct world *world)
{
    hpa = (__typeof__(hpa)){.is_scrape = true};
    world_spawn(world, least_running(world));
    return HPA_PERIOD - HPA_LAG;
}

static unsigned hpa_desired(const struct world *world, double target)
{
    unsigned ready = ready_of(world);
    double ratio = hpa.usage / (target * ready);
    if (ready == 0 || fabs(ratio - 1) <= 0.1)
        return world_total(world);
    unsigned desired = (unsigned)ceil(ready * ratio);
    // Those that boot count as without load upwards, with all of it downwards; the correction may
    // not turn the direction round.
    unsigned total = world_total(world);
    if (total > ready) {
        double corrected = ratio > 1 ? hpa.usage / (target * total)
                                     : (hpa.usage + target * (total - ready)) / (target * total);
        if (fabs(corrected - 1) <= 0.1 || (corrected > 1) != (ratio > 1))
            return total;
        desired = (unsigned)ceil(total * corrected);
    }
    return desired;
}

static void hpa_sync(struct world *world, double target)
{
    unsigned total = world_total(world);
    unsigned desired = hpa_desired(world, target);
    desired = desired > least_running(world) ? desired : least_running(world);
    hpa.recommendations[hpa.syncs++ % HPA_WINDOW] = desired;
    for (unsigned i = 0; i < HPA_WINDOW && desired < total; i++)
        if (hpa.recommendations[i] > desired)
            desired = MIN(hpa.recommendations[i], total);
    unsigned most = total + (total > 4 ? total : 4);
    desired = MIN(desired, most);
    if (desired > total)
        world_spawn(world, desired - total);
    else
        world_retire(world, total - desired);
}

static nsec_t hpa_tick(struct world *world, double target, bool by_connections)
{
    if (hpa.is_scrape) {
        hpa.usage = (double)(world->busy - hpa.busy_before) / (double)HPA_PERIOD;
        hpa.usage += by_connections ? world->queued : 0;
        hpa.busy_before = world->busy;
    } else {
        hpa_sync(world, target);
    }
    hpa.is_scrape = !hpa.is_scrape;
    return world->now + HPA_LAG;
}

static nsec_t hpa_cpu_tick(struct world *world)
{
    return hpa_tick(world, 0.7, false);
}

static nsec_t hpa_connections_tick(struct world *world)
{
    return hpa_tick(world, 0.7, true);
}

const struct algorithm algorithms[ALGORITHM_COUNT] = {
    {"formation", ours_begin, ours_tick, ours_arrival},
    {"php-fpm static 64", fixed_begin, fixed_tick, NULL},
    {"php-fpm dynamic 2/1/3", dynamic_begin, dynamic_tick, NULL},
    {"php-fpm ondemand 10s", ondemand_begin, ondemand_tick, ondemand_arrival},
    {"Apache prefork 5/5/10", prefork_begin, prefork_tick, NULL},
    {"HPA, cpu 70 %", hpa_begin, hpa_cpu_tick, NULL},
    {"HPA, connections 0.7", hpa_begin, hpa_connections_tick, NULL},
};
