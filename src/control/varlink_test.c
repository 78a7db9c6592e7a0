// SPDX-License-Identifier: MIT
#include "control/varlink.h"

#include "base/limits.h"
#include "control/expect.h"
#include "control/json_put.h"

#include <errno.h>

static void cuts_messages_from_bytes(void **state)
{
    (void)state;
    struct str rest = {"{}\0{\"a\":1}\0{\"b", 14};
    struct str message;
    assert_int_equal(varlink_next(&rest, 10, &message), 0);
    assert_true(str_is(message, "{}"));
    assert_int_equal(varlink_next(&rest, 10, &message), 0);
    assert_true(str_is(message, "{\"a\":1}"));
    assert_int_equal(varlink_next(&rest, 10, &message), -EAGAIN);
    assert_true(str_is(rest, "{\"b"));
    assert_int_equal(varlink_next(&rest, 2, &message), -EMSGSIZE);
    rest = str_from("\0", 1);
    assert_int_equal(varlink_next(&rest, 2, &message), 0);
    assert_int_equal(message.size, 0);
    assert_int_equal(varlink_next(&rest, 2, &message), -EAGAIN);
}

static void reads_calls(void **state)
{
    (void)state;
    struct varlink_call call;
    const char *text =
        "{\"method\":\"a.B\",\"parameters\":{\"x\":[]},\"more\":true,\"oneway\":null}";
    assert_int_equal(varlink_call_parse(str_of(text), &call, NULL), 0);
    assert_true(str_is(call.method, "a.B"));
    assert_true(json_is_array(json_object_get(call.parameters, "x")));
    assert_int_equal(call.flags, VARLINK_MORE);
    varlink_call_fini(&call);
    text = "{\"parameters\":null,\"upgrade\":true,\"oneway\":true,\"more\":false,\"method\":\"B\"}";
    assert_int_equal(varlink_call_parse(str_of(text), &call, NULL), 0);
    assert_null(call.parameters);
    assert_int_equal(call.flags, VARLINK_UPGRADE | VARLINK_ONEWAY);
    varlink_call_fini(&call);
}

static void says_what_is_no_call(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *reason; // a part of it
    } examples[] = {
        {"", "no JSON: line 1, column 0: "},
        {"GET / HTTP/1.1\r\n\r\n", "no JSON: line 1, column 3: "},
        {"{\"method\":\"a.B\"", "no JSON: line 1, column 15: "},
        {"{\"method\":\"a.B\"} {}", ": end of file expected"},
        {"{\"method\":\"\xff\"}", ": unable to decode byte 0xff"},
        {"{\"method\":\"a\\u0000B\"}", "\\u0000 is not allowed"},
        {"{\"method\":99999999999999999999}", ": too big integer"},
        {"[\"method\"]", "a list where an object is wanted"},
        {"{}", "a call without 'method'"},
        {"{\"method\":\"\"}", "a call without 'method'"},
        {"{\"method\":5}", "'method' is no text"},
        {"{\"method\":\"a.B\",\"method\":\"a.C\"}", "duplicate object key"},
        {"{\"method\":\"a.B\",\"parameters\":{\"x\":1,\"x\":2}}", "duplicate object key"},
        {"{\"method\":\"a.B\",\"parameters\":[]}", "'parameters' is no object"},
        {"{\"method\":\"a.B\",\"more\":1}", "'more' is neither true nor false"},
        {"{\"method\":\"a.B\",\"oneway\":\"yes\"}", "'oneway' is neither true nor false"},
        {"{\"method\":\"a.B\",\"params\":{}}", "a call has no member 'params'"},
        {"{\"method\":\"a.B\",\"parameters\":{\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}}",
         "more than 16 objects and lists within each other"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        struct varlink_call call;
        struct error error = {0};
        assert_int_equal(varlink_call_parse(str_of(examples[i].message), &call, &error), -EBADMSG);
        if (!strstr(error.text, examples[i].reason))
            fail_msg("%s: %s", examples[i].message, error.text);
    }
}

static void counts_no_brackets_in_texts(void **state)
{
    (void)state;
    struct varlink_call call;
    const char *text = "{\"method\":\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[\"}";
    assert_int_equal(varlink_call_parse(str_of(text), &call, NULL), 0);
    varlink_call_fini(&call);
    text = "{\"method\":\"a\",\"parameters\":{\"x\":[[[[[[[[[[[[[[]]]]]]]]]]]]]]}}"; // 16
    assert_int_equal(varlink_call_parse(str_of(text), &call, NULL), 0);
    varlink_call_fini(&call);
}

static void refuses_huge_messages(void **state)
{
    (void)state;
    struct varlink_call call;
    struct error error;
    struct buffer message = {0};
    buffer_append_text(&message, "{\"method\":\"");
    while (message.size < LIMIT_MESSAGE_BYTES - 2)
        buffer_append_char(&message, 'x');
    buffer_append_text(&message, "\"}");
    assert_int_equal(varlink_call_parse(buffer_str(&message), &call, &error), 0);
    varlink_call_fini(&call);
    buffer_append_char(&message, ' ');
    assert_int_equal(varlink_call_parse(buffer_str(&message), &call, &error), -EMSGSIZE);
    assert_string_equal(error.text, "a call of more than 131072 bytes");
    buffer_clear(&message);
    for (size_t i = 0; i < LIMIT_MESSAGE_BYTES; i++)
        buffer_append_char(&message, '[');
    assert_int_equal(varlink_call_parse(buffer_str(&message), &call, &error), -EBADMSG);
    buffer_fini(&message);
}

static void writes_messages(void **state)
{
    (void)state;
    struct buffer out = {0};
    varlink_call_open(&out, "a.B", VARLINK_MORE);
    json_put_integer(&out, "x", 1);
    varlink_call_close(&out);
    varlink_call_open(&out, "a.C", 0);
    varlink_call_close(&out);
    expect_written(&out, "{\"method\":\"a.B\",\"more\":true,\"parameters\":{\"x\":1}}\n"
                         "{\"method\":\"a.C\",\"parameters\":{}}\n");
    varlink_reply_open(&out);
    json_put_integer(&out, "x", 1);
    varlink_reply_close(&out, true);
    varlink_reply_open(&out);
    varlink_reply_close(&out, false);
    varlink_error_open(&out, "a.Wrong");
    json_put_text(&out, "why", str_of("so"));
    varlink_error_close(&out);
    expect_written(&out, "{\"parameters\":{\"x\":1},\"continues\":true}\n"
                         "{\"parameters\":{}}\n"
                         "{\"error\":\"a.Wrong\",\"parameters\":{\"why\":\"so\"}}\n");
    buffer_fini(&out);
}

static void reads_replies(void **state)
{
    (void)state;
    struct varlink_reply reply;
    struct error error;
    const char *text = "{\"parameters\":{\"x\":\"a\\u0000\"},\"continues\":true,\"new\":1}";
    assert_int_equal(varlink_reply_parse(str_of(text), &reply, &error), 0);
    assert_int_equal(json_string_length(json_object_get(reply.parameters, "x")), 2);
    assert_true(reply.continues);
    assert_int_equal(reply.error.size, 0);
    varlink_reply_fini(&reply);
    assert_int_equal(varlink_reply_parse(str_of("{\"error\":\"a.B\"}"), &reply, &error), 0);
    assert_null(reply.parameters);
    assert_false(reply.continues);
    assert_true(str_is(reply.error, "a.B"));
    varlink_reply_fini(&reply);
    static const char *const broken[] = {
        "", "[]", "{\"error\":\"\"}", "{\"error\":1}", "{\"continues\":1}", "{\"parameters\":[]}",
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
        assert_int_equal(varlink_reply_parse(str_of(broken[i]), &reply, &error), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_messages_from_bytes),
        cmocka_unit_test(reads_calls),
        cmocka_unit_test(says_what_is_no_call),
        cmocka_unit_test(counts_no_brackets_in_texts),
        cmocka_unit_test(refuses_huge_messages),
        cmocka_unit_test(writes_messages),
        cmocka_unit_test(reads_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
