// SPDX-License-Identifier: MIT
#include "control/json_put.h"

#include "control/expect.h"

#include <limits.h>

static void puts_commas_where_they_belong(void **state)
{
    (void)state;
    struct buffer out = {0};
    json_put_object(&out, NULL);
    json_put_object(&out, "empty");
    json_put_object_end(&out);
    json_put_list(&out, "list");
    json_put_text(&out, NULL, str_of("{"));
    json_put_text(&out, NULL, str_of("["));
    json_put_integer(&out, NULL, 1);
    json_put_list(&out, NULL);
    json_put_list_end(&out);
    json_put_bool(&out, NULL, false);
    json_put_list_end(&out);
    json_put_bool(&out, "last", true);
    json_put_object_end(&out);
    expect_json(&out, "{\"empty\":{},\"list\":[\"{\",\"[\",1,[],false],\"last\":true}");
    buffer_fini(&out);
}

static void writes_any_bytes_as_json(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *wanted;
    } examples[] = {
        {{"", 0}, "\"\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {{"\"\\/\b\f\n\r\t\x1b\x7f", 10}, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001b\x7f\""},
        {{"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 12},
         "\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {{"\xff", 1}, "\"\xef\xbf\xbd\""},
        {{"\xc3", 1}, "\"\xef\xbf\xbd\""},                                 // cut off
        {{"\xc3(", 2}, "\"\xef\xbf\xbd(\""},                               // the next one stays
        {{"\xc0\xaf", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 // overlong
        {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, // a surrogate
        {{"\xe0\x80\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xf0\x80\x80\x80", 4}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xf4\x90\x80\x80", 4}, // above U+10FFFF
         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"\xf4\x8f\xbf\xbf", 4}, "\"\xf4\x8f\xbf\xbf\""},
    };
    struct buffer out = {0};
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        json_put_text(&out, NULL, examples[i].text);
        expect_json(&out, examples[i].wanted);
    }
    for (unsigned bytes = 0; bytes <= 0xffff; bytes++) { // every pair, between others
        char text[4] = {(char)(bytes >> 8), (char)bytes, 'x', (char)(bytes >> 4)};
        json_put_text(&out, NULL, str_from(text, sizeof(text)));
        json_t *value = json_loadb(out.bytes, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_true(json_is_string(value));
        json_decref(value);
        buffer_clear(&out);
    }
    buffer_fini(&out);
}

static void writes_numbers(void **state)
{
    (void)state;
    struct buffer out = {0};
    json_put_integer(&out, NULL, 0);
    expect_json(&out, "0");
    json_put_integer(&out, NULL, INT64_MAX);
    expect_json(&out, "9223372036854775807");
    json_put_integer(&out, NULL, INT64_MIN);
    expect_json(&out, "-9223372036854775808");
    json_put_seconds(&out, NULL, 0);
    expect_json(&out, "0.0");
    json_put_seconds(&out, NULL, 1500 * NSEC_PER_MSEC);
    expect_json(&out, "1.5");
    json_put_seconds(&out, NULL, 1700000000 * NSEC_PER_SEC + 10 * NSEC_PER_USEC + 999);
    expect_json(&out, "1700000000.00001");
    json_put_seconds(&out, NULL, 12 * NSEC_PER_SEC + 345678 * NSEC_PER_USEC);
    expect_json(&out, "12.345678");
    json_put_seconds(&out, NULL, -1500 * NSEC_PER_MSEC);
    expect_json(&out, "-1.5");
    json_put_seconds(&out, NULL, INT64_MAX);
    expect_json(&out, "9223372036.854775");
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas_where_they_belong),
        cmocka_unit_test(writes_any_bytes_as_json),
        cmocka_unit_test(writes_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
