// SPDX-License-Identifier: MIT
#include "control/refusal.h"

#include "control/expect.h"

#include <errno.h>

// Writes it, reads it as a client does, and compares both sides.
static void expect_told(const struct refusal *refusal, const char *message, const char *sentence)
{
    struct buffer out = {0};
    struct varlink_reply reply;
    struct arena arena = {0};
    struct refusal read;
    refusal_write(refusal, &out);
    assert_int_equal(varlink_reply_parse(str_from(out.bytes, out.size - 1), &reply, NULL), 0);
    assert_true(refusal_read(&reply, &arena, &read));
    assert_int_equal(read.kind, refusal->kind);
    expect_refusal(&read, sentence);
    expect_written(&out, message);
    varlink_reply_fini(&reply);
    arena_fini(&arena);
    buffer_fini(&out);
}

static void tells_clients_and_people(void **state)
{
    (void)state;
    struct refusal refusal;
    assert_int_equal(refusal_set(&refusal, REFUSAL_UNKNOWN_PROCESS, str_of("wob"), "%s", "web"),
                     -EINVAL);
    expect_told(&refusal,
                "{\"error\":\"org.formation.Manager.UnknownProcess\","
                "\"parameters\":{\"name\":\"wob\",\"nearest\":\"web\"}}\n",
                "nothing is called 'wob': did you mean 'web'?");
    refusal_set(&refusal, REFUSAL_UNKNOWN_PROCESS, str_of("x"), NULL);
    expect_told(&refusal,
                "{\"error\":\"org.formation.Manager.UnknownProcess\","
                "\"parameters\":{\"name\":\"x\"}}\n",
                "nothing is called 'x'");
    refusal_set_limit(&refusal, "processes", 8192);
    expect_told(&refusal,
                "{\"error\":\"org.formation.Manager.TooMany\","
                "\"parameters\":{\"what\":\"processes\",\"limit\":8192}}\n",
                "more than 8192 processes are not possible");
    const struct str findings[] = {str_of("Procfile:1:1: why"), str_of("a\nb")};
    refusal_set_findings(&refusal, (struct str_list){findings, 2});
    expect_told(&refusal,
                "{\"error\":\"org.formation.Manager.InvalidFiles\","
                "\"parameters\":{\"findings\":[\"Procfile:1:1: why\",\"a\\nb\"]}}\n",
                "Procfile:1:1: why\na?b");
    refusal_set_errno(&refusal, -ENOMEM);
    expect_told(&refusal,
                "{\"error\":\"org.formation.Manager.Failed\","
                "\"parameters\":{\"reason\":\"Cannot allocate memory\"}}\n",
                "Cannot allocate memory");
}

static void has_a_sentence_for_each(void **state)
{
    (void)state;
    struct buffer out = {0};
    for (int kind = REFUSAL_NONE + 1; kind < REFUSAL_KIND_COUNT; kind++) {
        struct refusal refusal;
        refusal_set(&refusal, (enum refusal_kind)kind, str_of("a\x1b[2J\n"), "b\x1b\xc2\x9b\n");
        refusal_sentence(&refusal, &out);
        assert_true(out.size > 0);
        for (size_t i = 0; i < out.size; i++)
            assert_true((unsigned char)out.bytes[i] >= ' ' && out.bytes[i] != '\x7f');
        buffer_clear(&out);
        refusal_write(&refusal, &out);
        assert_false(out.failed);
        buffer_clear(&out);
    }
    buffer_fini(&out);
}

static void survives_strange_replies(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *sentence;
    } examples[] = {
        {"{\"error\":\"a.New\"}", "the answer is a.New"},
        {"{\"error\":\"org.formation.Manager.UnknownProcess\"}", "nothing is called ''"},
        {"{\"error\":\"org.formation.Manager.TooMany\",\"parameters\":{\"limit\":\"x\"}}",
         "more than 0  are not possible"},
        {"{\"error\":\"org.formation.Manager.InvalidFiles\",\"parameters\":{\"findings\":[1]}}",
         ""},
        {"{\"error\":\"org.formation.Manager.InvalidFiles\",\"parameters\":{\"findings\":1}}",
         "the files have mistakes"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        struct varlink_reply reply;
        struct arena arena = {0};
        struct refusal refusal;
        assert_int_equal(varlink_reply_parse(str_of(examples[i].message), &reply, NULL), 0);
        assert_true(refusal_read(&reply, &arena, &refusal));
        expect_refusal(&refusal, examples[i].sentence);
        varlink_reply_fini(&reply);
        arena_fini(&arena);
    }
    struct varlink_reply reply;
    struct refusal refusal;
    assert_int_equal(varlink_reply_parse(str_of("{\"parameters\":{}}"), &reply, NULL), 0);
    assert_false(refusal_read(&reply, NULL, &refusal));
    varlink_reply_fini(&reply);
}

static void cuts_long_texts(void **state)
{
    (void)state;
    char text[2 * REFUSAL_TEXT_BYTES];
    memset(text, 'x', sizeof(text));
    struct refusal refusal;
    refusal_set(&refusal, REFUSAL_INVALID_CHANGE, str_from(text, sizeof(text)), "%.*s",
                (int)sizeof(text), text);
    assert_int_equal(strlen(refusal.subject), REFUSAL_TEXT_BYTES - 1);
    assert_int_equal(strlen(refusal.detail), REFUSAL_TEXT_BYTES - 1);
    assert_int_equal(refusal_set(NULL, REFUSAL_ENDING, str_of(""), NULL), -EINVAL);
    assert_int_equal(refusal_set_limit(NULL, "", 1), -EINVAL);
    assert_int_equal(refusal_set_findings(NULL, (struct str_list){0}), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_clients_and_people),
        cmocka_unit_test(has_a_sentence_for_each),
        cmocka_unit_test(survives_strange_replies),
        cmocka_unit_test(cuts_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
