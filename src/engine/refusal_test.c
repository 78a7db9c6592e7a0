// SPDX-License-Identifier: MIT
// What a formation refuses, as codes and sentences.
#include "engine/server_test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refusal_of_a_stream),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
