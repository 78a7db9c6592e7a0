// SPDX-License-Identifier: MIT
#include "base/wildcard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void fits_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool fits;
    } examples[] = {
        {"", "", true},         {"", "a", false},          {"*", "", true},
        {"**", "abc", true},    {"?", "", false},          {"?", "a", true},
        {"a*c", "abcbc", true}, {"a*c", "abcb", false},    {"*ab", "aab", true},
        {"a?c", "abc", true},   {"*a*b*", "xxaxxb", true}, {"*a*b*", "xxbxxa", false},
        {"a", "A", false},      {"[a]", "a", false},       {"*?", "", false},
        {"?*", "ab", true},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
        if (wildcard_fits(str_of(examples[i].pattern), str_of(examples[i].text)) !=
            examples[i].fits)
            fail_msg("'%s' and '%s'", examples[i].pattern, examples[i].text);
}

// With backtracking into every `*` this would take longer than the universe is old.
static void takes_no_exponential_time(void **state)
{
    (void)state;
    char pattern[2001];
    char text[10000];
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < 2000; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[2000] = 'b';
    assert_false(wildcard_fits(str_from(pattern, sizeof(pattern)), str_from(text, sizeof(text))));
}

static void knows_patterns(void **state)
{
    (void)state;
    assert_true(wildcard_is_in(str_of("w*")) && wildcard_is_in(str_of("?")));
    assert_false(wildcard_is_in(str_of("web.1")) || wildcard_is_in(str_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_patterns),
        cmocka_unit_test(takes_no_exponential_time),
        cmocka_unit_test(knows_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
