// SPDX-License-Identifier: MIT
// Calls to a formation in a child that answers well, in pieces, nonsense, or not at all.
#include "engine/server_test.h"

#include "base/limits.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/time.h>

static const nsec_t soon = 50 * NSEC_PER_MSEC;

// The call fails with that code and sentence, and so does whatever follows.
static void expect_failure(serve *act, nsec_t patience, int code, const char *sentence)
{
    struct error error = {0};
    json_t *reply = NULL;
    struct server server = start(act);
    assert_int_equal(ask_for(&server, patience, &reply, &error), -code);
    if (!strstr(error.text, sentence))
        fail_msg("'%s' has no '%s'", error.text, sentence);
    assert_null(reply);
    assert_null(engine_refusal(server.engine));
    assert_int_equal(ask_for(&server, patience, &reply, &error), -ENOTCONN);
    assert_non_null(strstr(error.text, "/shop has failed"));
    stop(&server);
}

static void serve_twice(int fd)
{
    (void)take_call(fd);
    answer(fd, MESSAGE("{\"parameters\":{\"n\":1}}"));
    (void)take_call(fd);
    answer(fd, MESSAGE("{}"));
    (void)take_call(fd);
}

static void test_one_reply(void **state)
{
    (void)state;
    struct error error;
    json_t *reply = NULL;
    json_t *none = json_object();
    struct server server = start(serve_twice);
    assert_int_equal(ask_for(&server, 0, &reply, &error), 0);
    expect_number(reply, 1);
    json_decref(reply);
    expect_asked(&server, "{\"method\":\"org.formation.Manager.Scale\",\"parameters\":{\"changes\":"
                          "[\"web=3\"]}}");
    const struct engine_request request = {"org.varlink.service.GetInfo", none, NSEC_NEVER};
    assert_int_equal(engine_call(server.engine, &request, &reply, &error), 0);
    assert_int_equal(json_object_size(reply), 0); // without parameters: an empty object
    expect_asked(&server, "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{}}");
    json_decref(reply);
    json_decref(none);
    stop(&server);
}

static void serve_three(int fd)
{
    (void)take_call(fd);
    answer(fd, three, sizeof(three));
    (void)take_call(fd);
}

static void serve_three_in_bytes(int fd)
{
    (void)take_call(fd);
    for (size_t i = 0; i < sizeof(three); i++) {
        answer(fd, three + i, 1);
        int unread;
        do { // until it was taken, so that no two come together
            (void)ioctl(fd, SIOCOUTQ, &unread);
        } while (unread > 0);
    }
    (void)take_call(fd);
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void test_many_replies(void **state)
{
    (void)state;
    static serve *const ways[] = {serve_three, serve_three_in_bytes};
    struct error error = {0};
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    for (size_t i = 0; i < 2; i++) {
        struct count count = {0};
        struct server server = start(ways[i]);
        assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
        assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0); // EINTR everywhere
        assert_int_equal(ask_for_more(&server, 0, &count, &error), 0);
        assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
        assert_int_equal(count.replies, 3);
        assert_true(count.is_ended);
        expect_asked(&server, "{\"method\":\"org.formation.Manager.Logs\",\"parameters\":{},"
                              "\"more\":true}");
        stop(&server);
    }
}

static void test_whoever_listens_may_stop(void **state)
{
    (void)state;
    struct error error;
    struct count count = {.stop_at = 2};
    struct server server = start(serve_three);
    assert_int_equal(ask_for_more(&server, 0, &count, &error), -ECANCELED);
    assert_int_equal(count.replies, 2);
    assert_int_equal(ask_for_more(&server, 0, &count, &error), -ENOTCONN);
    stop(&server);
}

static void test_what_cannot_be_asked(void **state)
{
    (void)state;
    struct error error;
    json_t *reply = NULL;
    struct server server = start(serve_twice);
    const struct engine_request request = {"Stop", json_pack("{s:[s]}", "select", "\xff"), 0};
    assert_null(request.parameters); // which must not mean "all"
    assert_int_equal(engine_call(server.engine, &request, &reply, &error), -EILSEQ);
    assert_int_equal(ask_for(&server, 0, &reply, &error), 0); // nothing was sent
    json_decref(reply);
    stop(&server);
}

// --- bad servers ---------------------------------------------------------------------------------

#define SERVE(name, bytes)                                                                         \
    static void serve_##name(int fd)                                                               \
    {                                                                                              \
        (void)take_call(fd);                                                                       \
        answer(fd, MESSAGE(bytes));                                                                \
        (void)take_call(fd);                                                                       \
    }

SERVE(garbage, "hello")
SERVE(list, "[]")
SERVE(empty, "")
SERVE(wrong_type, "{\"parameters\":1}")
SERVE(wrong_error, "{\"error\":{}}")
SERVE(half_then_nul, "{\"parameters\":{")
SERVE(rest, "{}\0{}")
SERVE(several, "{\"continues\":true}\0{}")

static void test_nonsense(void **state)
{
    (void)state;
    const char *sentence = "/shop answered something else than Varlink: ";
    expect_failure(serve_garbage, 0, EPROTO, sentence);
    expect_failure(serve_list, 0, EPROTO, sentence);
    expect_failure(serve_empty, 0, EPROTO, sentence);
    expect_failure(serve_wrong_type, 0, EPROTO, sentence);
    expect_failure(serve_wrong_error, 0, EPROTO, sentence);
    expect_failure(serve_half_then_nul, 0, EPROTO, sentence);
    expect_failure(serve_rest, 0, EPROTO, "/shop answered more than was asked");
    expect_failure(serve_several, 0, EPROTO, "/shop began several answers to one question");
}

static void serve_nothing(int fd)
{
    while (take_call(fd))
        continue;
}

static void serve_half(int fd)
{
    (void)take_call(fd);
    answer(fd, "{\"para", 6);
    (void)take_call(fd);
}

static void test_silence(void **state)
{
    (void)state;
    char sentence[128];
    (void)snprintf(sentence, sizeof(sentence), "/shop (process %d) did not answer within 50ms",
                   getpid());
    expect_failure(serve_nothing, soon, ETIMEDOUT, sentence);
    expect_failure(serve_half, soon, ETIMEDOUT, sentence);
}

static void serve_end(int fd)
{
    (void)take_call(fd);
}

static void serve_half_an_answer(int fd)
{
    (void)take_call(fd);
    answer(fd, "{\"parameters\":", 14);
}

static void test_an_early_end(void **state)
{
    (void)state;
    const char *sentence = "/shop closed the connection before it answered";
    expect_failure(serve_end, 0, ECONNRESET, sentence);
    expect_failure(serve_half_an_answer, 0, ECONNRESET, sentence);
}

static void serve_too_much(int fd)
{
    static char piece[1 << 16];
    (void)take_call(fd);
    memset(piece, 'x', sizeof(piece));
    for (size_t sent = 0; sent <= LIMIT_REPLY_BYTES; sent += sizeof(piece))
        answer(fd, piece, sizeof(piece));
    (void)take_call(fd);
}

static void test_too_much(void **state)
{
    (void)state;
    expect_failure(serve_too_much, 0, EMSGSIZE, "/shop answered more than 64 MiB");
}

static void serve_large(int fd)
{
    static char text[4 << 20];
    (void)take_call(fd);
    memset(text, 'x', sizeof(text));
    answer(fd, "{\"parameters\":{\"n\":7,\"line\":\"", 29);
    answer(fd, text, sizeof(text));
    answer(fd, MESSAGE("\"}}"));
    (void)take_call(fd);
}

static void test_a_large_reply(void **state)
{
    (void)state;
    struct error error;
    json_t *reply = NULL;
    struct server server = start(serve_large);
    assert_int_equal(ask_for(&server, 0, &reply, &error), 0);
    expect_number(reply, 7);
    assert_int_equal(json_string_length(json_object_get(reply, "line")), 4 << 20);
    json_decref(reply);
    stop(&server);
}

static void serve_refusal_unread(int fd)
{
    answer(fd, MESSAGE(ERROR("formation.Manager.TooMany", "{\"what\":\"bytes\",\"limit\":9}")));
}

// A request that is larger than all queues meets a server that reads nothing of it and leaves.
static void test_a_server_that_does_not_listen(void **state)
{
    (void)state;
    static char text[1 << 22];
    struct error error;
    json_t *reply = NULL;
    memset(text, 'x', sizeof(text) - 1);
    json_t *parameters = json_pack("{s:s}", "text", text);
    const struct engine_request request = {"Scale", parameters, 0};
    struct server server = start(serve_refusal_unread);
    assert_int_equal(engine_call(server.engine, &request, &reply, &error), -E2BIG);
    assert_string_equal(error.text, "more than 9 bytes are not possible");
    assert_int_equal(engine_call(server.engine, &request, &reply, &error), -ECONNRESET);
    stop(&server);
    json_decref(parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_reply),
        cmocka_unit_test(test_many_replies),
        cmocka_unit_test(test_whoever_listens_may_stop),
        cmocka_unit_test(test_what_cannot_be_asked),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_an_early_end),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_a_large_reply),
        cmocka_unit_test(test_a_server_that_does_not_listen),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
