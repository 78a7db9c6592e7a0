// SPDX-License-Identifier: MIT
// Read back by jansson, whatever the bytes were.
#include "view/format_fixture.h"

#include "base/random.h"

#include <jansson.h>
#include <string.h>

static void test_examples(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    assert_format(LOG_FORMAT_JSON, &line, str_of("say \"hi\""),
                  "{\"time\":\"2026-11-25T23:00:00.123456Z\",\"process\":\"web.1\","
                  "\"type\":\"web\",\"number\":1,\"pid\":123,\"stream\":\"stdout\","
                  "\"line\":\"say \\\"hi\\\"\"}\n");
    line.is_error = true;
    assert_format(
        LOG_FORMAT_JSON, &line, str_of(""),
        "{\"time\":\"2026-11-25T23:00:00.123456Z\",\"process\":\"web.1\","
        "\"type\":\"web\",\"number\":1,\"pid\":123,\"stream\":\"stderr\",\"line\":\"\"}\n");
    line = fixture_note();
    assert_format(LOG_FORMAT_JSON, &line, str_of("web.1 crashed"),
                  "{\"time\":\"2026-11-25T23:00:00.123456Z\",\"process\":\"system\","
                  "\"stream\":\"formation\",\"line\":\"web.1 crashed\"}\n");
}

static void assert_member(const json_t *object, const char *name, struct str expected)
{
    const json_t *member = json_object_get(object, name);
    assert_true(json_is_string(member));
    assert_int_equal(json_string_length(member), expected.size);
    assert_memory_equal(json_string_value(member), expected.bytes, expected.size);
}

static void test_members_are_read_back(void **state)
{
    (void)state;
    struct random random = {2};
    struct format_line line = fixture_line();
    line.process = str_of("\"we\\b\n\".1");
    for (unsigned round = 0; round < 2000; round++) {
        char bytes[300];
        size_t size = random_below(&random, sizeof(bytes));
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)random_below(&random, 128);
        struct buffer out = {0};
        fixture_append(&out, LOG_FORMAT_JSON, &line, str_from(bytes, size));
        assert_ptr_equal(memchr(out.bytes, '\n', out.size), out.bytes + out.size - 1);
        json_t *read =
            json_loadb(out.bytes, out.size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
        assert_member(read, "time", str_of("2026-11-25T23:00:00.123456Z"));
        assert_member(read, "process", line.process);
        assert_member(read, "type", line.type);
        assert_member(read, "stream", str_of("stdout"));
        assert_member(read, "line", str_from(bytes, size));
        assert_int_equal(json_integer_value(json_object_get(read, "number")), 1);
        assert_int_equal(json_integer_value(json_object_get(read, "pid")), 123);
        json_decref(read);
        buffer_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_members_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
