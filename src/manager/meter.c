// SPDX-License-Identifier: MIT
// Its output is a pipe that nobody waits for the end of, since what the command leaves behind may
// hold it: when the command has ended, what is in the pipe counts. It runs in a part of the
// formation's tree of its own, as the commands of probes do, so that all of it can be ended.
#include "manager/meter.h"

#include "base/decimal.h"
#include "manager/confining.h"
#include "manager/state.h"
#include "os/brand.h"
#include "os/clock.h"
#include "view/sentence.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_VALUE 1000000000u // whole ones; more are no demand that anything could be done about

static void settle(struct meter *meter, const char *trouble)
{
    meter->is_told = true;
    (void)snprintf(meter->trouble, sizeof(meter->trouble), "%s", trouble);
    meter->news(meter);
}

static void read_output(struct meter *meter)
{
    char rest[4096]; // more than a number is read and thrown away, so that it does not hang
    for (int i = 0; i < 16; i++) {
        bool has_room = meter->size < sizeof(meter->bytes);
        ssize_t size = has_room ? read(meter->fd, meter->bytes + meter->size,
                                       sizeof(meter->bytes) - meter->size)
                                : read(meter->fd, rest, sizeof(rest));
        if (size <= 0) {
            if (size == 0)
                loop_remove(&meter->manager->loop, &meter->source);
            return;
        }
        meter->size += has_room ? (size_t)size : 0;
    }
}

static void on_output(struct loop_source *source, uint32_t events)
{
    (void)events;
    read_output(loop_owner(source, struct meter, source));
}

static void close_output(struct meter *meter)
{
    loop_remove(&meter->manager->loop, &meter->source);
    if (meter->fd >= 0)
        (void)close(meter->fd);
    meter->fd = -1;
}

static void kill_all(struct meter *meter)
{
    const struct tree *tree = &meter->manager->tree;
    check_kill(&meter->check);
    if (tree->fd >= 0 && !tree_branch_is_empty(tree, meter->branch, meter->check.pid))
        tree_branch_signal(tree, meter->branch, meter->check.pid, SIGKILL);
}

static struct str printed(const struct meter *meter)
{
    struct str text = {meter->bytes, meter->size};
    while (text.size > 0 && strchr(" \t\r\n", text.bytes[text.size - 1]))
        text.size--;
    while (text.size > 0 && strchr(" \t\r\n", text.bytes[0]))
        text = str_slice(text, 1, text.size);
    return text;
}

// Bytes that are no text are shown as dots.
static void settle_output(struct meter *meter)
{
    char what[METER_TROUBLE_BYTES];
    char shown[METER_BYTES + 1] = "";
    struct str text = str_excerpt(printed(meter));
    if (decimal_parse(printed(meter), MOST_VALUE, &meter->value)) {
        settle(meter, "");
        return;
    }
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        shown[i] = text.bytes[i];
        if (byte < ' ' || byte > '~')
            shown[i] = '.';
    }
    shown[text.size] = '\0';
    if (text.size == 0)
        (void)snprintf(what, sizeof(what), "has printed no number");
    else
        (void)snprintf(what, sizeof(what), "has printed '%s', which is no number", shown);
    settle(meter, what);
}

static void on_end(struct check *check)
{
    struct meter *meter = loop_owner(check, struct meter, check);
    struct buffer text = {0};
    kill_all(meter); // what it has left
    tree_branch_remove(&meter->manager->tree, meter->branch);
    read_output(meter);
    close_output(meter);
    meter->is_running = false;
    sentence_ended(&text, check->wait_status);
    buffer_append(&text, "", 1);
    if (!meter->is_told && check->wait_status == 0)
        settle_output(meter);
    else if (!meter->is_told)
        settle(meter, text.failed ? "failed" : text.bytes);
    else
        meter->news(meter); // as before, but the next one may begin
    buffer_fini(&text);
}

// The folder of an earlier command may only be used again once that was emptied and removed.
static int open_branch(const struct meter *meter)
{
    const struct tree *tree = &meter->manager->tree;
    if (tree->fd < 0)
        return -1;
    tree_branch_remove(tree, meter->branch);
    if (!tree_branch_is_empty(tree, meter->branch, 0)) {
        tree_branch_signal(tree, meter->branch, 0, SIGKILL);
        return -EAGAIN;
    }
    return tree_branch_open(tree, meter->branch);
}

static int spawn(struct meter *meter, const struct process_type *type, const struct launch *launch,
                 int output)
{
    static struct confine confine; // large; of use within this call only
    enum spawn_stage stage;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -errno;
    int folder = open_branch(meter);
    bool is_confined = confining_make(&type->confinement.rights, &confine) > 0;
    const struct rlimit brand = brand_limits(meter->manager->tree.brand, meter->branch);
    const struct spawn_request request = {
        .program = launch->argv[0],
        .argv = launch->argv,
        .envp = launch->envp,
        .directory = launch->directory,
        .descriptors = {null, output, null},
        .descriptor_count = 3,
        .cgroup_fd = folder,
        .new_session = true,
        .death_signal = SIGKILL,
        .confine = is_confined ? &confine : NULL,
        .brand = meter->manager->tree.brand ? &brand : NULL,
        .is_unprepared = true,
    };
    int result = folder < -1
                     ? folder
                     : check_begin(&meter->check, &meter->manager->loop, &request, on_end, &stage);
    if (folder >= 0)
        (void)close(folder);
    (void)close(null);
    return result;
}

static int launch(struct meter *meter, const struct process_type *type, int output)
{
    const struct plan *plan = meter->manager->plan;
    struct process_id id = {(uint16_t)(type - plan->types), 1};
    struct arena arena = {0};
    struct launch launch;
    int result = launch_make(plan, id, environ, meter->manager->mark, &arena, &launch, NULL);
    char *command = result == 0 ? arena_text(&arena, type->scale.command) : NULL;
    if (result == 0 && !command)
        result = -ENOMEM;
    if (result == 0) {
        char *argv[] = {(char *)(size_t) "/bin/sh", (char *)(size_t) "-c", command, NULL};
        launch.argv = argv;
        result = spawn(meter, type, &launch, output);
    }
    arena_fini(&arena);
    return result;
}

void meter_begin(struct meter *meter, const struct process_type *type)
{
    int ends[2];
    char what[METER_TROUBLE_BYTES];
    meter->is_told = meter->is_unwanted = false;
    meter->size = 0;
    meter->timeout = type->scale.timeout;
    meter->deadline = clock_now() + type->scale.timeout;
    (void)snprintf(meter->branch, sizeof(meter->branch), "%.*s.demand", STR_ARGS(type->name));
    int result = pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
    if (result == 0) {
        meter->fd = ends[0];
        (void)fcntl(ends[1], F_SETFL, 0); // whoever writes to it may rely on that
        result = loop_add(&meter->manager->loop, &meter->source, ends[0], EPOLLIN, on_output);
        if (result == 0)
            result = launch(meter, type, ends[1]);
        (void)close(ends[1]);
        if (result < 0)
            close_output(meter);
    }
    meter->is_running = result == 0;
    if (result == 0)
        return;
    (void)snprintf(what, sizeof(what), "could not be started: %s", strerrordesc_np(-result));
    settle(meter, what);
}

void meter_forgive(struct meter *meter, nsec_t lost)
{
    meter->deadline += lost;
}

void meter_work(struct meter *meter, nsec_t now)
{
    char text[DURATION_TEXT_BYTES];
    char what[64];
    if (!meter->is_running || meter->deadline > now)
        return;
    meter->deadline = now + meter->timeout; // one that even SIGKILL does not end at once
    kill_all(meter);
    if (meter->is_told)
        return;
    (void)snprintf(what, sizeof(what), "has not ended within %s",
                   duration_format(meter->timeout, text));
    settle(meter, what);
}

void meter_forget(struct meter *meter)
{
    meter->is_unwanted = true;
    if (meter->is_running)
        kill_all(meter);
}

void meter_close(struct meter *meter)
{
    enum { PATIENCE_MS = 500 };
    if (!meter->is_running)
        return;
    meter_forget(meter);
    check_wait(&meter->check, PATIENCE_MS);
    close_output(meter);
}
