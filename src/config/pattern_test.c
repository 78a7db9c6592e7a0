// SPDX-License-Identifier: MIT
#include "config/pattern.h"

#include "base/random.h"
#include "config/expect.h"

#include <regex.h>

static void has_no_fault(const char *text)
{
    const char *fault = pattern_fault(str_of(text));
    if (fault)
        fail_msg("%s: it %s", text, fault);
}

static void has_fault(const char *text, const char *wanted)
{
    const char *fault = pattern_fault(str_of(text));
    if (!fault || strncmp(fault, wanted, strlen(wanted)) != 0)
        fail_msg("%s: '%s' is wanted, not '%s'", text, wanted, fault ? fault : "nothing");
}

static void what_people_write_is_taken(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "listening",
        "^(Listening|Serving) on .*:[0-9]+$",
        "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]+:[0-9]+:[0-9]+ .+ pid=[0-9]+ .+ port=[0-9]+ .+ ready",
        "a{200}",
        "a{,9}b{3,}",
        "[]\\1(+{9}]",
        "[^]a]",
        "[[:alpha:]]]+",
        "[[.].]]",
        "\\(\\[\\{\\+\\\\1",
        "(((((((((x)))))))))",
        "",
        "x\\",
        "[",
        "[[:",
        "[[:a",
        "{",
        ")",
        "a{99",
    };
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
        has_no_fault(patterns[i]);
}

static void what_explodes_is_refused(void **state)
{
    (void)state;
    has_fault("(a)\\1", "refers back");
    has_fault("a{255}{255}", "repeats too much");
    has_fault("(a{1,255}b{1,255}){1,255}", "repeats too much");
    has_fault("((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+", "repeats too much");
    has_fault("a++++++++++++++", "repeats too much");
    has_fault("(a|b{9}){999}", "repeats too much");
    has_fault("a{99999999999999999999999}", "repeats too much");
    has_fault("x(y{5000}", "repeats too much");
    has_fault("((((((((((((((((((((((((((((((((((x", "has too many groups");
}

// Whatever is let through is compiled or refused by the library in bounded memory.
static void the_library_survives_what_is_let_through(void **state)
{
    (void)state;
    static const char *const at_the_limit[] = {
        "(a{62}){62}",
        "(((((((((((a+)+)+)+)+)+)+)+)+)+)+)",
        "([a-z]{14}){14}{14}",
        "(a*b*c*d*){400}",
        "a{4000}",
        "((a|b)?){600}",
    };
    static const char alphabet[] = "ab()|*+?{}[]^$.\\,0129:=";
    struct random random = {7};
    regex_t compiled;
    for (size_t i = 0; i < sizeof(at_the_limit) / sizeof(*at_the_limit); i++) {
        has_no_fault(at_the_limit[i]);
        assert_int_equal(regcomp(&compiled, at_the_limit[i], REG_EXTENDED | REG_NOSUB), 0);
        regfree(&compiled);
    }
    for (int round = 0; round < 20 * 1000; round++) {
        char text[24] = "";
        size_t size = random_below(&random, sizeof(text) - 1);
        for (size_t i = 0; i < size; i++)
            text[i] = alphabet[random_below(&random, sizeof(alphabet) - 1)];
        if (!pattern_fault(str_of(text)) && regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) == 0)
            regfree(&compiled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write_is_taken),
        cmocka_unit_test(what_explodes_is_refused),
        cmocka_unit_test(the_library_survives_what_is_let_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
