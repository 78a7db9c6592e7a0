// SPDX-License-Identifier: MIT
// Calls to a formation in a child that answers well, in pieces, nonsense, or not at all.
#include "engine/engine.h"

#include "base/limits.h"
#include "os/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// With its final NUL.
#define MESSAGE(text) text, sizeof(text)

static char folder[] = "/tmp/formation-engine-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder) || chdir(folder) < 0 || mkdir("shop", 0755) < 0 ||
           setenv("XDG_RUNTIME_DIR", folder, 1) < 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

// --- the formation in the child ------------------------------------------------------------------

// Answers on one connection.
typedef void serve(int fd);

struct server {
    pid_t pid;
    int asked; // all that it was asked
    struct engine *engine;
};

static int told = -1; // the other end of `asked`

// Reads one call. false: the client has gone.
static bool take_call(int fd)
{
    char c;
    while (read(fd, &c, 1) == 1) {
        (void)!write(told, &c, 1);
        if (c == '\0')
            return true;
    }
    return false;
}

static void answer(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count <= 0)
            return;
        bytes += count;
        size -= (size_t)count;
    }
}

static struct server start(serve *act)
{
    struct server server = {0};
    struct error error = {0};
    int ends[2];
    int listener = -1;
    if (place_listen("shop", NULL, 8, &listener, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(pipe(ends), 0);
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // also when a test fails
        (void)signal(SIGPIPE, SIG_IGN);
        (void)fcntl(listener, F_SETFL, 0);
        told = ends[1];
        int fd = accept(listener, NULL, NULL);
        act(fd);
        _exit(0);
    }
    server.asked = ends[0];
    (void)close(ends[1]);
    (void)close(listener);
    if (engine_open(&(struct engine_address){.folder = "shop"}, 0, &server.engine, &error) < 0)
        fail_msg("%s", error.text);
    return server;
}

static void stop(struct server *server)
{
    engine_close(server->engine);
    assert_int_equal(kill(server->pid, SIGKILL), 0);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    (void)close(server->asked);
}

static void expect_asked(const struct server *server, const char *wanted)
{
    char got[256] = "";
    for (size_t i = 0; i < sizeof(got) - 1; i++) {
        assert_int_equal(read(server->asked, got + i, 1), 1);
        if (got[i] == '\0')
            break;
    }
    assert_string_equal(got, wanted);
}

// --- asking --------------------------------------------------------------------------------------

static const nsec_t soon = 50 * NSEC_PER_MSEC;

static int ask_for(struct server *server, nsec_t patience, json_t **out, struct error *error)
{
    json_t *parameters = json_pack("{s:[s]}", "changes", "web=3");
    const struct engine_request request = {"Scale", parameters, patience};
    int result = engine_call(server->engine, &request, out, error);
    json_decref(parameters);
    return result;
}

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

static void expect_number(const json_t *reply, int wanted)
{
    assert_true(json_is_object(reply));
    assert_int_equal(json_integer_value(json_object_get(reply, "n")), wanted);
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

struct count {
    int replies;
    bool is_ended;
    int stop_at;
};

static int count_reply(void *context, json_t *reply, bool is_last)
{
    struct count *count = context;
    assert_false(count->is_ended);
    expect_number(reply, ++count->replies);
    count->is_ended = is_last;
    return count->replies == count->stop_at ? -ECANCELED : 0;
}

static int ask_for_more(struct server *server, nsec_t patience, struct count *count,
                        struct error *error)
{
    json_t *none = json_object();
    const struct engine_request request = {"Logs", none, patience};
    int result = engine_call_more(server->engine, &request, count_reply, count, error);
    json_decref(none);
    return result;
}

static const char three[] = "{\"parameters\":{\"n\":1},\"continues\":true}\0"
                            "{\"continues\":true,\"parameters\":{\"n\":2}}\0"
                            "{\"parameters\":{\"n\":3},\"continues\":false}";

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

// --- refusals ------------------------------------------------------------------------------------

#define ERROR(name, parameters) "{\"error\":\"org." name "\",\"parameters\":" parameters "}"

static const struct {
    const char *reply;
    int code;
    const char *sentence;
} refusals[] = {
    {ERROR("formation.Manager.UnknownProcess", "{\"name\":\"wob\",\"nearest\":\"web\"}"), ENOENT,
     "nothing is called 'wob': did you mean 'web'?"},
    {ERROR("formation.Manager.InvalidChange", "{\"change\":\"a\",\"reason\":\"b\"}"), EINVAL,
     "a: b"},
    {ERROR("varlink.service.InvalidParameter", "{\"parameter\":\"lines\"}"), EINVAL, "lines"},
    {ERROR("formation.Manager.TooMany", "{\"what\":\"processes\",\"limit\":8192}"), E2BIG,
     "more than 8192 processes are not possible"},
    {ERROR("formation.Manager.Ending", "{}"), ESHUTDOWN, "the formation ends"},
    {ERROR("formation.Manager.RollHalted", "{\"process\":\"web.2\",\"reason\":\"x\"}"), ECANCELED,
     "halted at web.2: x"},
    {ERROR("formation.Manager.InvalidFiles", "{\"findings\":[\"Procfile:1:1: a\",\"b\"]}"), EBADF,
     "Procfile:1:1: a\nb"},
    {ERROR("varlink.service.MethodNotFound", "{\"method\":\"Dance\"}"), ENOSYS, "'Dance'"},
    {ERROR("varlink.service.PermissionDenied", "{}"), EPERM, "only the user"},
    {ERROR("formation.Manager.Failed", "{\"reason\":\"no space\"}"), EREMOTEIO, "no space"},
    {ERROR("example.Unheard", "{\"of\":1}"), EREMOTEIO, "org.example.Unheard"},
    {"{\"error\":\"org.formation.Manager.Ending\"}", ESHUTDOWN, "the formation ends"},
};
enum { REFUSALS = sizeof(refusals) / sizeof(*refusals) };

static void serve_refusals(int fd)
{
    for (size_t i = 0; i < REFUSALS && take_call(fd); i++)
        answer(fd, refusals[i].reply, strlen(refusals[i].reply) + 1);
    (void)take_call(fd);
    answer(fd, MESSAGE("{\"parameters\":{\"n\":1}}"));
    (void)take_call(fd);
}

static void test_refusals(void **state)
{
    (void)state;
    struct error error;
    json_t *reply = NULL;
    struct server server = start(serve_refusals);
    for (size_t i = 0; i < REFUSALS; i++) {
        assert_int_equal(ask_for(&server, 0, &reply, &error), -refusals[i].code);
        if (!strstr(error.text, refusals[i].sentence))
            fail_msg("'%s' has no '%s'", error.text, refusals[i].sentence);
        const struct refusal *refusal = engine_refusal(server.engine);
        assert_non_null(refusal);
        if (refusal->kind == REFUSAL_INVALID_FILES) {
            assert_int_equal(refusal->findings.count, 2);
            assert_true(str_is(refusal->findings.items[1], "b"));
        }
    }
    assert_null(reply);
    assert_int_equal(ask_for(&server, 0, &reply, &error), 0); // a refusal is an answer like others
    assert_null(engine_refusal(server.engine));
    json_decref(reply);
    stop(&server);
}

static void serve_refusal_of_a_stream(int fd)
{
    (void)take_call(fd);
    answer(fd, three, strlen(three) + 1);
    answer(fd, MESSAGE(ERROR("formation.Manager.Ending", "{}")));
    (void)take_call(fd);
    answer(fd, three, sizeof(three));
    (void)take_call(fd);
}

static void test_refusal_of_a_stream(void **state)
{
    (void)state;
    struct error error;
    struct count count = {0};
    struct server server = start(serve_refusal_of_a_stream);
    assert_int_equal(ask_for_more(&server, 0, &count, &error), -ESHUTDOWN);
    assert_int_equal(count.replies, 1);
    count = (struct count){0};
    assert_int_equal(ask_for_more(&server, 0, &count, &error), 0);
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
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refusal_of_a_stream),
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
