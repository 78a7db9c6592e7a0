// SPDX-License-Identifier: MIT
// The description and the tables of the parser tell the same.
#include "control/interface.h"

#include "control/expect.h"

// The next "method Name(" or "error Name (" behind *at, which is moved.
static bool next_member(const char **at, const char *keyword, struct str *name)
{
    char wanted[16];
    (void)snprintf(wanted, sizeof(wanted), "\n%s ", keyword);
    const char *found = strstr(*at, wanted);
    if (!found)
        return false;
    found += strlen(wanted);
    *name = str_from(found, strcspn(found, " ("));
    *at = found + name->size;
    return true;
}

static void describes_every_method(void **state)
{
    (void)state;
    static const char *const names[] = {INTERFACE_MANAGER, INTERFACE_SERVICE};
    int count = 0;
    for (size_t i = 0; i < 2; i++) {
        const char *at = interface_text(str_of(names[i])).bytes;
        struct str name;
        while (next_member(&at, "method", &name)) {
            bool found = false;
            char whole[128];
            (void)snprintf(whole, sizeof(whole), "%s.%.*s", names[i], STR_ARGS(name));
            for (int kind = 0; kind < REQUEST_KIND_COUNT; kind++)
                found |= strcmp(request_method((enum request_kind)kind), whole) == 0;
            if (!found)
                fail_msg("methods.def lacks %s", whole);
            count++;
        }
    }
    assert_int_equal(count, REQUEST_KIND_COUNT);
}

// A value of a wrong kind shows that the parser knows the parameter.
static void expect_parameter(const char *method, struct str name)
{
    struct request request;
    struct refusal refusal;
    char parameters[128];
    (void)snprintf(parameters, sizeof(parameters), "{\"%.*s\":{}}", STR_ARGS(name));
    if (expect_request(method, parameters, VARLINK_MORE, &request, &refusal) == 0)
        fail_msg("%s takes an object as %.*s", method, STR_ARGS(name));
    assert_int_equal(refusal.kind, REFUSAL_INVALID_PARAMETER);
    assert_true(str_is(name, refusal.subject));
    if (strncmp(refusal.detail, "takes ", 6) != 0)
        fail_msg("%s: %.*s: %s", method, STR_ARGS(name), refusal.detail);
}

static void describes_every_parameter(void **state)
{
    (void)state;
    int count = 0;
    for (int kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        const char *whole = request_method((enum request_kind)kind);
        const char *name = strrchr(whole, '.') + 1;
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "\nmethod %s(", name);
        struct str interface = str_from(whole, (size_t)(name - 1 - whole));
        const char *at = strstr(interface_text(interface).bytes, wanted) + strlen(wanted);
        for (; *at != ')'; at += strspn(at, ", \n")) {
            expect_parameter(whole, str_from(at, strcspn(at, ":")));
            at += strcspn(at, ",)");
            count++;
        }
    }
    assert_int_equal(count, 30); // a new one is to be in this sum, and in request_test.c
}

static void describes_every_error(void **state)
{
    (void)state;
    struct buffer out = {0};
    for (int kind = REFUSAL_NONE + 1; kind < REFUSAL_KIND_COUNT; kind++) {
        struct refusal refusal = {.kind = (enum refusal_kind)kind, .subject = "a", .detail = "b"};
        struct varlink_reply reply;
        refusal_write(&refusal, &out);
        assert_int_equal(varlink_reply_parse(str_from(out.bytes, out.size - 1), &reply, NULL), 0);
        const char *name = strrchr(reply.error.bytes, '.') + 1;
        struct str interface = str_from(reply.error.bytes, (size_t)(name - 1 - reply.error.bytes));
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "\nerror %s (", name);
        const char *at = strstr(interface_text(interface).bytes, wanted);
        if (!at)
            fail_msg("%.*s does not describe %s", STR_ARGS(interface), name);
        struct str members = str_from(at, strcspn(at, ")"));
        const char *member;
        json_t *value;
        json_object_foreach((json_t *)reply.parameters, member, value)
        {
            (void)snprintf(wanted, sizeof(wanted), "%s: ", member);
            if (!str_contains(members, wanted))
                fail_msg("%s is not described to have %s", name, member);
        }
        varlink_reply_fini(&reply);
        buffer_clear(&out);
    }
    buffer_fini(&out);
}

static void answers_about_itself(void **state)
{
    (void)state;
    struct buffer out = {0};
    interface_describe_service(&out);
    expect_written(&out, "{\"parameters\":{\"vendor\":\"formation\",\"product\":\"formation\","
                         "\"version\":\"" FORMATION_VERSION "\",\"url\":\"\",\"interfaces\":"
                         "[\"org.varlink.service\",\"org.formation.Manager\"]}}\n");
    interface_describe(&out, str_of("org.example"));
    expect_written(&out, "{\"error\":\"org.varlink.service.InterfaceNotFound\","
                         "\"parameters\":{\"interface\":\"org.example\"}}\n");
    struct varlink_reply reply;
    interface_describe(&out, str_of(INTERFACE_MANAGER));
    assert_int_equal(varlink_reply_parse(str_from(out.bytes, out.size - 1), &reply, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(reply.parameters, "description")),
                        interface_text(str_of(INTERFACE_MANAGER)).bytes);
    varlink_reply_fini(&reply);
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_every_method),
        cmocka_unit_test(describes_every_parameter),
        cmocka_unit_test(describes_every_error),
        cmocka_unit_test(answers_about_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
