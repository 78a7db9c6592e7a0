// SPDX-License-Identifier: MIT
#include "control/request.h"

#include "control/expect.h"

#include <errno.h>
#include <signal.h>

static struct request parsed(const char *method, const char *parameters, unsigned flags)
{
    struct request request;
    struct refusal refusal;
    if (expect_request(method, parameters, flags, &request, &refusal) != 0)
        fail_msg("%s %s: %s: %s", method, parameters, refusal.subject, refusal.detail);
    return request;
}

static void reads_every_method(void **state)
{
    (void)state;
    struct request request = parsed("org.varlink.service.GetInfo", "{}", 0);
    assert_int_equal(request.kind, REQUEST_GET_INFO);
    request_fini(&request);
    request = parsed("org.varlink.service.GetInterfaceDescription", "{\"interface\":\"a\"}", 0);
    assert_true(str_is(request.description.interface, "a"));
    request_fini(&request);
    request = parsed("GetStatus", "null", 0);
    assert_int_equal(request.kind, REQUEST_GET_STATUS);
    request_fini(&request);
    request = parsed("List", "{\"select\":[\"web\",\"db.1\"],\"usage\":true}", 0);
    assert_int_equal(request.select.count, 2);
    assert_true(str_is(request.select.items[1], "db.1"));
    assert_true(request.list.usage);
    request_fini(&request);
    request = parsed("Scale", "{\"changes\":[\"web=3\"],\"wait\":true}", VARLINK_ONEWAY);
    assert_true(request.wait && !request.scale.reset && request.flags == VARLINK_ONEWAY);
    assert_true(str_is(request.scale.changes.items[0], "web=3"));
    request_fini(&request);
    request = parsed("Scale", "{\"changes\":[],\"reset\":true}", 0);
    assert_true(request.scale.reset && request.scale.changes.count == 0);
    request_fini(&request);
    static const char *const works[] = {"Restart", "Stop", "Start"};
    for (int i = 0; i < 3; i++) {
        request = parsed(works[i], "{\"select\":[],\"wait\":false}", VARLINK_MORE);
        assert_int_equal(request.kind, (int)REQUEST_RESTART + i);
        assert_true(!request.wait && request.select.count == 0);
        request_fini(&request);
    }
    request = parsed("Signal", "{\"select\":[\"web\"],\"signal\":\"hup\"}", 0);
    assert_int_equal(request.signal.number, SIGHUP);
    request_fini(&request);
    request = parsed("Why", "{\"select\":null}", 0);
    assert_int_equal(request.kind, REQUEST_WHY);
    request_fini(&request);
    request = parsed("Reload", "{\"wait\":true}", 0);
    assert_true(request.kind == REQUEST_RELOAD && request.wait);
    request_fini(&request);
    request = parsed("ReopenLogs", "{}", 0);
    assert_int_equal(request.kind, REQUEST_REOPEN_LOGS);
    request_fini(&request);
    request = parsed("Upgrade", "{\"program\":\"/usr/bin/formation\"}", 0);
    assert_string_equal(request.upgrade.program.bytes, "/usr/bin/formation");
    request_fini(&request);
    request = parsed("Upgrade", "{}", 0);
    assert_int_equal(request.upgrade.program.size, 0);
    request_fini(&request);
    request = parsed("Attach", "{\"process\":\"web.1\",\"rows\":24}", VARLINK_UPGRADE);
    assert_true(str_is(request.attach.process, "web.1"));
    assert_true(request.attach.rows == 24 && request.attach.columns == 0);
    request_fini(&request);
    request = parsed("Shutdown", "{}", 0);
    assert_true(request.kind == REQUEST_SHUTDOWN && !request.wait);
    request_fini(&request);
}

static void reads_streams(void **state)
{
    (void)state;
    struct request request = parsed("Logs", "{}", VARLINK_MORE);
    assert_int_equal(request.logs.lines, REQUEST_ALL_LINES);
    assert_int_equal(request.logs.since, 0);
    request_fini(&request);
    request = parsed("Logs", "{\"lines\":0,\"since\":1.5,\"follow\":true}", VARLINK_MORE);
    assert_int_equal(request.logs.lines, 0);
    assert_int_equal(request.logs.since, 1500 * NSEC_PER_MSEC);
    assert_true(request.logs.follow);
    request_fini(&request);
    request = parsed("Events", "{\"after\":7,\"follow\":true}", VARLINK_MORE);
    assert_true(request.events.after == 7 && request.events.follow);
    request_fini(&request);
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *parameters;
        unsigned flags;
        const char *sentence;
    } examples[] = {
        {"a.b.C", "{}", 0, "the formation does not know the interface 'a.b'"},
        {".C", "{}", 0,
         "method: takes the names of an interface and of a method, with a dot between"},
        {"Scael", "{}", 0,
         "the formation does not know the method 'Scael': does it run in another version?"},
        {"Logs", "{}", 0, "the method is to be called with 'more'"},
        {"GetStatus", "{}", VARLINK_UPGRADE,
         "upgrade: org.formation.Manager.GetStatus leads to no other protocol"},
        {"Logs", "{}", VARLINK_MORE | VARLINK_ONEWAY,
         "more: together with 'oneway' there is no reply"},
        {"Attach", "{\"process\":\"web\"}", VARLINK_UPGRADE | VARLINK_ONEWAY,
         "upgrade: together with 'oneway' there is no reply"},
        {"Attach", "{\"process\":\"web\"}", 0,
         "upgrade: is missing: what follows the reply are bytes, no messages"},
        {"Resize", "{\"process\":\"web\",\"rows\":1,\"columns\":65536}", 0,
         "columns: takes a number from 1 to 65535"},
        {"Resize", "{\"process\":\"web\",\"rows\":\"1\"}", 0,
         "rows: takes a whole number, not a text"},
        {"GetStatus", "{\"x\":1}", 0, "x: the method has no such parameter"},
        {"Scale", "{\"change\":[]}", 0,
         "change: the method has no such parameter: did you mean 'changes'?"},
        {"Scale", "{}", 0, "changes: is missing"},
        {"Scale", "{\"changes\":null}", 0, "changes: is missing"},
        {"Scale", "{\"changes\":[]}", 0,
         "changes: names nothing to change: write web=3, worker+2 or clock-1"},
        {"Scale", "{\"changes\":\"web=3\"}", 0, "changes: takes a list of texts, not a text"},
        {"Scale", "{\"changes\":{}}", 0, "changes: takes a list of texts, not an object"},
        {"Scale", "{\"changes\":[1]}", 0, "changes: takes a list of texts only, not a number"},
        {"Scale", "{\"changes\":[\"web=3\"],\"wait\":\"no\"}", 0,
         "wait: takes true or false, not a text"},
        {"Stop", "{}", 0, "select: is missing"},
        {"Signal", "{\"select\":[],\"signal\":\"HOP\"}", 0,
         "signal: 'HOP' is no signal: write TERM, HUP, USR1 or another of signal(7)"},
        {"Signal", "{\"select\":[],\"signal\":1}", 0, "signal: takes a text, not a number"},
        {"Logs", "{\"lines\":-1}", VARLINK_MORE, "lines: takes no number below 0"},
        {"Logs", "{\"lines\":1.0}", VARLINK_MORE, "lines: takes a whole number, not a number"},
        {"Logs", "{\"since\":-1}", VARLINK_MORE,
         "since: takes seconds since 1970, from 0 to 9000000000"},
        {"Logs", "{\"since\":1e300}", VARLINK_MORE,
         "since: takes seconds since 1970, from 0 to 9000000000"},
        {"Logs", "{\"since\":\"1h\"}", VARLINK_MORE, "since: takes seconds since 1970, not a text"},
        {"Logs", "{\"follow\":[]}", VARLINK_MORE, "follow: takes true or false, not a list"},
        {"Upgrade", "{\"program\":\"formation\"}", 0,
         "program: takes an absolute path of fewer than 4096 bytes"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        struct request request;
        struct refusal refusal;
        assert_int_equal(expect_request(examples[i].method, examples[i].parameters,
                                        examples[i].flags, &request, &refusal),
                         -EINVAL);
        expect_refusal(&refusal, examples[i].sentence);
    }
}

static void limits_lists(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct request request;
    struct refusal refusal;
    buffer_append_text(&text, "{\"select\":[\"web\"");
    for (int i = 1; i < 1024; i++)
        buffer_append_text(&text, ",\"web\"");
    size_t size = text.size;
    buffer_append(&text, "]}", 3);
    request = parsed("List", text.bytes, 0);
    assert_int_equal(request.select.count, 1024);
    request_fini(&request);
    text.size = size;
    buffer_append(&text, ",\"web\"]}", 9);
    assert_int_equal(expect_request("List", text.bytes, 0, &request, &refusal), -EINVAL);
    expect_refusal(&refusal, "more than 1024 texts in 'select' are not possible");
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_method),
        cmocka_unit_test(reads_streams),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(limits_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
