// SPDX-License-Identifier: MIT
// What one manager hands over another one has: two of them in this process, one after the other.
#include "manager/handover.h"

#include "event/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 3 };

static struct process_type types[2];
static struct plan plan;
static struct snapshot snapshot;

static struct manager *new_manager(void)
{
    struct manager *manager = calloc(1, sizeof(*manager));
    assert_non_null(manager);
    manager->plan = &plan;
    manager->budget = (struct lines_budget)LINES_BUDGET_INIT;
    manager->supervisor = supervisor_new(1);
    assert_non_null(manager->supervisor);
    supervisor_restore(manager->supervisor, &snapshot, &plan);
    assert_int_equal(loop_open(&manager->loop), 0);
    manager->server.loop = &manager->loop;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct process *process = calloc(1, sizeof(*process));
        assert_non_null(process);
        process->manager = manager;
        process->slot = slot;
        for (unsigned i = 0; i < INLETS; i++) {
            process->inlets[i].process = process;
            process->inlets[i].lines.budget = &manager->budget;
        }
        manager->processes[slot] = process;
    }
    return manager;
}

// `keeps`: the clients' descriptors, as an execve(2) does.
static void free_manager(struct manager *manager, bool keeps)
{
    while (manager->subscriptions)
        subscription_free(manager, manager->subscriptions);
    while (manager->server.clients) {
        struct client *client = manager->server.clients;
        manager->server.clients = client->next;
        if (!keeps)
            (void)close(client->fd);
        buffer_fini(&client->in);
        buffer_fini(&client->out);
        free(client);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        for (unsigned i = 0; i < INLETS; i++)
            lines_fini(&manager->processes[slot]->inlets[i].lines);
        free(manager->processes[slot]);
    }
    buffer_fini(&manager->show.outlet.queue);
    supervisor_free(manager->supervisor);
    loop_close(&manager->loop);
    free(manager);
}

static int set_up(void **state)
{
    (void)state;
    for (int fd = open("/dev/null", O_RDONLY); fd >= 0 && fd < MANAGER_DESCRIPTOR_END;)
        fd = dup(fd); // what we open from here on is none of a manager's
    types[0] = (struct process_type){.name = str_of("web"), .quantity = 2, .declared = 2};
    types[1] = (struct process_type){.name = str_of("worker"), .quantity = 1, .declared = 1};
    types[0].policy = types[1].policy = plan_default_policy();
    plan = (struct plan){
        .app = str_of("shop"), .root = str_of("/srv"), .type_count = 2, .types = types};
    snapshot.applied = 1;
    snapshot.slot_count = SLOTS;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        snapshot.processes[slot] = (struct process_record){
            .id = {slot == 2, slot == 2 ? 1 : (uint16_t)(slot + 1)},
            .state = PROCESS_READY,
            .flags = RECORD_WANTED,
            .token = 5,
            .pid = 1000 + (int)slot,
            .ready_at = NSEC_NEVER,
            .deadline = NSEC_NEVER,
        };
    return 0;
}

// Puts it where a successor looks for it.
static void hand_over(const struct manager *manager)
{
    char number[16];
    struct buffer text = {0};
    int fd = memfd_create("handover", MFD_CLOEXEC);
    handover_write(manager, &text);
    assert_int_equal(write(fd, text.bytes, text.size), (ssize_t)text.size);
    buffer_fini(&text);
    (void)snprintf(number, sizeof(number), "%d", fd);
    (void)setenv(HANDOVER_VARIABLE, number, 1);
}

static struct manager *take_over(void)
{
    struct handover handover;
    struct manager *manager = new_manager();
    handover_open(&handover);
    assert_true(handover.is_ours && !handover.is_broken);
    assert_null(getenv(HANDOVER_VARIABLE));
    handover_take_output(&handover, manager);
    handover_take_lines(&handover, manager);
    handover_take_clients(&handover, manager);
    assert_false(handover.is_broken);
    assert_int_equal(handover.rest.size, 0);
    handover_close(&handover);
    return manager;
}

static struct client *add_client(struct manager *manager, int *other)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *other = ends[1];
    struct client *client = server_adopt(&manager->server, ends[0]);
    assert_non_null(client);
    return client;
}

static struct client *find_client(struct manager *manager, int fd)
{
    struct client *client = manager->server.clients;
    while (client && client->fd != fd)
        client = client->next;
    return client;
}

static void lines_output_and_cursor(void **state)
{
    struct manager *old = new_manager();
    struct str half = str_of("half a line");
    struct str none;
    (void)state;
    assert_false(lines_next(&old->processes[1]->inlets[INLET_ERRORS].lines, &half, &none));
    buffer_append_text(&old->show.outlet.queue, "written|not written\n");
    old->show.outlet.sent_bytes = strlen("written|");
    old->show.terminal = (struct terminal){
        .is_within_line = true,
        .is_bar = true,
        .is_colored = true,
        .owner = 77,
        .shown_bytes = 1234,
    };
    hand_over(old);
    struct manager *fresh = take_over();
    assert_true(
        str_is(lines_pending(&fresh->processes[1]->inlets[INLET_ERRORS].lines), "half a line"));
    assert_int_equal(lines_pending(&fresh->processes[1]->inlets[INLET_OUTPUT].lines).size, 0);
    assert_true(str_is(buffer_str(&fresh->show.outlet.queue), "not written\n"));
    assert_true(fresh->show.terminal.is_within_line && fresh->show.terminal.is_colored);
    assert_true(fresh->show.terminal.is_bar);
    assert_int_equal(fresh->show.terminal.owner, 77);
    assert_int_equal(fresh->show.terminal.shown_bytes, 1234);
    free_manager(old, true);
    free_manager(fresh, false);
}

static void clients_with_what_is_not_read_or_sent_yet(void **state)
{
    struct manager *old = new_manager();
    int others[4];
    (void)state;
    struct client *plain = add_client(old, &others[0]);
    struct client *ended = add_client(old, &others[1]);
    struct client *broken = add_client(old, &others[2]);
    struct client *gone = add_client(old, &others[3]);
    const int fds[] = {plain->fd, ended->fd};
    buffer_append(&plain->in, "{\"a\":1}\0{\"half", 14);
    buffer_append(&plain->out, "sent not sent\0", 14);
    plain->sent = 5;
    ended->has_ended = true;
    broken->is_broken = true;
    gone->is_gone = true;
    handover_keep(old, true);
    assert_int_equal(fcntl(plain->fd, F_GETFD), 0);
    assert_int_equal(fcntl(broken->fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(gone->fd, F_GETFD), FD_CLOEXEC);
    hand_over(old);
    struct manager *fresh = take_over();
    assert_int_equal(fresh->server.client_count, 2);
    const struct client *client = find_client(fresh, fds[0]);
    assert_non_null(client);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(client->in.size, 14);
    assert_memory_equal(client->in.bytes, "{\"a\":1}\0{\"half", 14);
    assert_int_equal(client->out.size - client->sent, 9);
    assert_memory_equal(client->out.bytes + client->sent, "not sent\0", 9);
    assert_false(client->has_ended || client->is_broken || client->is_raw);
    assert_true(find_client(fresh, fds[1])->has_ended);
    (void)close(broken->fd);
    (void)close(gone->fd);
    free_manager(old, true);
    free_manager(fresh, false);
    for (int i = 0; i < 4; i++)
        (void)close(others[i]);
}

#define CALL(method, parameters)                                                                   \
    "{\"method\":\"org.formation.Manager." method "\",\"parameters\":" parameters ",\"more\":true}"

static void every_kind_of_request_that_waits(void **state)
{
    static const char *const calls[] = {
        CALL("Scale", "{\"changes\":[\"web=2\"],\"wait\":true}"),
        CALL("Restart", "{\"select\":[\"web\"],\"wait\":true}"),
        CALL("Stop", "{\"select\":[\"web.1\"],\"wait\":true}"),
        CALL("Start", "{\"select\":[],\"wait\":true}"),
        CALL("Reload", "{\"wait\":true}"),
        CALL("Shutdown", "{\"wait\":true}"),
        CALL("Upgrade", "{}"),
        CALL("Events", "{\"follow\":true,\"after\":7}"),
        CALL("Logs", "{\"follow\":true,\"select\":[\"web.9\"]}"), // which is not there any more
    };
    enum { COUNT = sizeof(calls) / sizeof(calls[0]) };
    struct manager *old = new_manager();
    int others[COUNT];
    int fds[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        struct client *client = add_client(old, &others[i]);
        struct subscription *subscription = serve_again(old, client, str_of(calls[i]));
        if (!subscription)
            fail_msg("%s", calls[i]);
        fds[i] = client->fd;
        subscription->targets =
            arena_alloc(&subscription->request.arena, 4 * sizeof(struct target));
        for (unsigned slot = 0; slot < i % 3; slot++)
            wait_add(subscription, supervisor_process(old->supervisor, slot), slot, GOAL_GONE,
                     true);
        subscription->lost = 100 + i;
        buffer_append_text(&subscription->changes, "\"changes\":[]");
        if (subscription->target_count == 2) {
            subscription->targets[1].is_done = true;
            subscription->done_count = 1;
        }
    }
    hand_over(old);
    struct manager *fresh = take_over();
    assert_int_equal(fresh->server.client_count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const struct client *client = find_client(fresh, fds[i]);
        const struct subscription *subscription = client->subscription;
        if (!subscription || client->is_broken)
            fail_msg("%s", calls[i]);
        assert_ptr_equal(subscription->client, client);
        assert_true(str_is(buffer_str(&subscription->message), calls[i]));
        assert_true(str_is(buffer_str(&subscription->changes), "\"changes\":[]"));
        assert_int_equal(subscription->lost, 100 + i);
        assert_int_equal(subscription->target_count, i % 3);
        assert_int_equal(subscription->done_count, i % 3 == 2);
        assert_int_equal(subscription->is_begun, i < 6); // else it waits for no targets
        for (unsigned slot = 0; slot < i % 3; slot++) {
            assert_int_equal(subscription->targets[slot].slot, slot);
            assert_int_equal(subscription->targets[slot].token, 6);
            assert_int_equal(subscription->targets[slot].goal, GOAL_GONE);
        }
        assert_int_equal(client->out.size, 0);
    }
    struct process_id id = {0, 9};
    const struct subscription *logs = find_client(fresh, fds[COUNT - 1])->subscription;
    assert_true(selection_has(&logs->selection, id) && fresh->show.listener);
    id.number = 8;
    assert_false(selection_has(&logs->selection, id));
    free_manager(old, true);
    free_manager(fresh, false);
    for (size_t i = 0; i < COUNT; i++)
        (void)close(others[i]);
}

static void who_follows_a_type_that_is_gone_has_heard_all(void **state)
{
    struct manager *old = new_manager();
    int other;
    (void)state;
    struct client *client = add_client(old, &other);
    int fd = client->fd;
    assert_non_null(serve_again(old, client,
                                str_of(CALL("Logs", "{\"follow\":true,\"select\":[\"worker\"]}"))));
    hand_over(old);
    snapshot.slot_count = 2;
    types[1].is_gone = true;
    struct manager *fresh = take_over();
    client = find_client(fresh, fd);
    assert_true(!client->subscription && !client->is_broken);
    assert_true(str_is(str_slice(buffer_str(&client->out), 0, client->out.size - 1),
                       "{\"parameters\":{}}"));
    free_manager(old, true);
    free_manager(fresh, false);
    (void)close(other);
}

static void what_is_not_ours_is_not_read(void **state)
{
    static const char *const numbers[] = {"",  "x",   "-1", "0",          "1",
                                          "3", "999", "20", "4294967299", "99999999999999999999"};
    struct handover handover;
    struct manager *manager = new_manager();
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)setenv(HANDOVER_VARIABLE, numbers[i], 1);
        handover_open(&handover);
        if (handover.bytes || handover.is_ours)
            fail_msg("%s", numbers[i]);
        handover_take_output(&handover, manager);
        handover_take_lines(&handover, manager);
        handover_take_clients(&handover, manager);
        handover_close(&handover);
        assert_null(getenv(HANDOVER_VARIABLE));
        assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD) >= 0, 1);
    }
    assert_int_equal(manager->server.client_count, 0);
    free_manager(manager, false);
}

// Whatever stands in it, it is memory that is read.
static void any_end_and_any_byte(void **state)
{
    struct manager *old = new_manager();
    struct buffer text = {0};
    char number[16];
    int other;
    (void)state;
    struct client *client = add_client(old, &other);
    assert_non_null(serve_again(old, client, str_of(CALL("Stop", "{\"select\":[\"web\"]}"))));
    handover_write(old, &text);
    for (size_t i = 0; i < 2 * text.size; i++) {
        struct handover handover;
        size_t size = i < text.size ? i : text.size;
        int fd = memfd_create("handover", MFD_CLOEXEC);
        if (size == text.size && i % text.size >= 16)
            text.bytes[i % text.size] ^= 0x40;
        assert_int_equal(write(fd, text.bytes, size), (ssize_t)size);
        if (size == text.size && i % text.size >= 16)
            text.bytes[i % text.size] ^= 0x40;
        (void)snprintf(number, sizeof(number), "%d", fd);
        (void)setenv(HANDOVER_VARIABLE, number, 1);
        struct manager *fresh = new_manager();
        handover_open(&handover);
        handover_take_output(&handover, fresh);
        handover_take_lines(&handover, fresh);
        handover_take_clients(&handover, fresh);
        handover_close(&handover);
        free_manager(fresh, true);
    }
    buffer_fini(&text);
    free_manager(old, false);
    (void)close(other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(lines_output_and_cursor),          TEST(clients_with_what_is_not_read_or_sent_yet),
        TEST(every_kind_of_request_that_waits), TEST(who_follows_a_type_that_is_gone_has_heard_all),
        TEST(what_is_not_ours_is_not_read),     TEST(any_end_and_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
