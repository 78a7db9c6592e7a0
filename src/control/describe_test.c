// SPDX-License-Identifier: MIT
#include "control/describe.h"

#include "control/expect.h"
#include "control/json_put.h"

#include <errno.h>
#include <signal.h>

enum { SECOND = 1000000000 };

struct scene {
    struct process_type types[TYPE_COUNT];
    struct plan plan;
    struct description description;
    struct buffer out;
};

static int set_up(void **state)
{
    static struct scene scene;
    scene.plan = expect_plan(scene.types);
    scene.types[TYPE_WEB].declared = 1;
    scene.description =
        (struct description){.plan = &scene.plan, .wall_offset = (nsec_t)1000 * SECOND};
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    buffer_fini(&scene->out);
    return 0;
}

static struct process_record record_of(enum process_state state)
{
    return (struct process_record){
        .id = {TYPE_WEB, 2},
        .state = (uint8_t)state,
        .flags = RECORD_WANTED,
        .pid = 77,
        .starts = 1,
        .since = (nsec_t)5 * SECOND,
        .ready_at = NSEC_NEVER,
        .deadline = NSEC_NEVER,
    };
}

static void describes_processes(void **state)
{
    struct scene *scene = *state;
    struct process_record record = record_of(PROCESS_READY);
    struct process_usage usage = {1500 * NSEC_PER_MSEC, 4096, 3, 120, -1};
    struct process_facts facts = {&record, &usage, "caching", 7};
    describe_process(&scene->out, NULL, &scene->description, &facts);
    expect_json(&scene->out,
                "{\"name\":\"web.2\",\"type\":\"web\",\"number\":2,\"state\":\"ready\",\"pid\":77,"
                "\"port\":5001,\"since\":1005.0,\"restarts\":0,\"crashes\":0,"
                "\"status_text\":\"caching\",\"cpu_seconds\":1.5,\"memory_bytes\":4096,\"tasks\":3,"
                "\"cpu_pressure\":0.012,\"command\":\"exec ./run \\\"it\\\"\","
                "\"quantity_of_type\":2,\"declared\":1,\"dropped\":7}");
    facts.usage = NULL;
    facts.dropped = 0;
    record = record_of(PROCESS_BACKOFF); // what it said is not true any more
    record.starts = 3;
    record.crashes = 2;
    record.exit_status = SIGKILL | EXIT_OUT_OF_MEMORY;
    record.deadline = (nsec_t)6 * SECOND;
    scene->plan.has_port = false;
    scene->types[TYPE_WEB].declared = 2;
    scene->types[TYPE_WEB].confinement.tree =
        (struct tree_limits){.memory_bytes = 64 << 20, .cpu_thousandths = 1500, .processes = 9};
    describe_process(&scene->out, NULL, &scene->description, &facts);
    expect_json(&scene->out,
                "{\"name\":\"web.2\",\"type\":\"web\",\"number\":2,\"state\":\"backoff\","
                "\"since\":1005.0,\"restarts\":2,\"crashes\":2,"
                "\"exit\":{\"signal\":\"SIGKILL\",\"core\":false,\"out_of_memory\":true,"
                "\"memory_limit\":67108864},"
                "\"next_start\":1006.0,\"memory_limit\":67108864,\"cpu_limit\":1.5,"
                "\"task_limit\":9,\"command\":\"exec ./run \\\"it\\\"\","
                "\"quantity_of_type\":2,\"declared\":2,\"dropped\":0}");
    scene->types[TYPE_WEB].confinement = (struct confinement){0};
    record = record_of(PROCESS_FINISHED);
    record.flags |= RECORD_ASKED;
    describe_process(&scene->out, NULL, &scene->description, &facts);
    expect_json(&scene->out,
                "{\"name\":\"web.2\",\"type\":\"web\",\"number\":2,\"state\":\"finished\","
                "\"since\":1005.0,\"restarts\":0,\"crashes\":0,\"exit\":{\"code\":0},"
                "\"stopped\":true,\"command\":\"exec ./run \\\"it\\\"\","
                "\"quantity_of_type\":2,\"declared\":2,\"dropped\":0}");
}

static void cuts_long_commands(void **state)
{
    struct scene *scene = *state;
    static char command[5000];
    memset(command, 'x', sizeof(command));
    memcpy(command + DESCRIBE_COMMAND_BYTES - 1, "é", 2); // across the end
    scene->types[TYPE_WEB].command = str_from(command, sizeof(command));
    struct process_record record = record_of(PROCESS_WAITING);
    describe_process(&scene->out, NULL, &scene->description,
                     &(struct process_facts){.record = &record});
    json_t *value = json_loadb(scene->out.bytes, scene->out.size, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(value, "command")),
                     DESCRIBE_COMMAND_BYTES - 1);
    json_decref(value);
    buffer_clear(&scene->out);
}

static bool tells_exit(struct scene *scene, enum process_state state, unsigned starts, int status)
{
    struct process_record record = record_of(state);
    record.starts = starts;
    record.exit_status = status;
    describe_process(&scene->out, NULL, &scene->description,
                     &(struct process_facts){.record = &record});
    bool told = str_contains(buffer_str(&scene->out), "\"exit\":");
    buffer_clear(&scene->out);
    return told;
}

static void tells_exits_that_were(void **state)
{
    struct scene *scene = *state;
    assert_false(tells_exit(scene, PROCESS_STARTING, 0, 0));
    assert_true(tells_exit(scene, PROCESS_BACKOFF, 0, 127 << 8)); // no such program
    assert_false(tells_exit(scene, PROCESS_RUNNING, 1, 0));
    assert_true(tells_exit(scene, PROCESS_RUNNING, 2, 0));
    assert_true(tells_exit(scene, PROCESS_FINISHED, 1, 0));
    assert_false(tells_exit(scene, PROCESS_FINISHED, 0, 0)); // stopped before it was started
}

static struct event event_of(enum event_kind kind, enum process_state state, int detail)
{
    return (struct event){.sequence = 9,
                          .at = (nsec_t)7 * SECOND,
                          .kind = (uint16_t)kind,
                          .detail = detail,
                          .process = record_of(state)};
}

static void expect_event(struct scene *scene, const struct event *event, const char *rest)
{
    char wanted[256];
    (void)snprintf(wanted, sizeof(wanted), "{\"sequence\":9,\"at\":1007.0,\"kind\":\"%s\"%s}",
                   event_kind_name((enum event_kind)event->kind), rest);
    describe_event(&scene->out, NULL, &scene->description, event);
    expect_json(&scene->out, wanted);
}

static void describes_events(void **state)
{
    struct scene *scene = *state;
    struct event event = event_of(EVENT_STARTED, PROCESS_RUNNING, 77);
    expect_event(scene, &event, ",\"process\":\"web.2\",\"state\":\"running\",\"pid\":77");
    event = event_of(EVENT_EXITED, PROCESS_EXITED, SIGSEGV | 0x80);
    expect_event(scene, &event,
                 ",\"process\":\"web.2\",\"state\":\"exited\",\"pid\":77,"
                 "\"exit\":{\"signal\":\"SIGSEGV\",\"core\":true}");
    event = event_of(EVENT_EXITED, PROCESS_EXITED, 40);
    expect_event(scene, &event,
                 ",\"process\":\"web.2\",\"state\":\"exited\",\"pid\":77,"
                 "\"exit\":{\"signal\":\"40\",\"core\":false}");
    event = event_of(EVENT_EXITED, PROCESS_EXITED, 137 << 8 | EXIT_OUT_OF_MEMORY);
    expect_event(scene, &event,
                 ",\"process\":\"web.2\",\"state\":\"exited\",\"pid\":77,"
                 "\"exit\":{\"code\":137,\"out_of_memory\":true}");
    event = event_of(EVENT_SPAWN_FAILED, PROCESS_STARTING, ENOENT);
    expect_event(scene, &event,
                 ",\"process\":\"web.2\",\"state\":\"starting\","
                 "\"error\":\"No such file or directory\"");
    event = event_of(EVENT_STOPPING, PROCESS_STOPPING, SIGTERM);
    expect_event(scene, &event,
                 ",\"process\":\"web.2\",\"state\":\"stopping\",\"pid\":77,\"signal\":\"SIGTERM\"");
    event = event_of(EVENT_BACKOFF, PROCESS_BACKOFF, 2);
    event.process.crashes = 2;
    event.process.deadline = (nsec_t)8 * SECOND;
    expect_event(
        scene, &event,
        ",\"process\":\"web.2\",\"state\":\"backoff\",\"crashes\":2,\"next_start\":1008.0");
    event = event_of(EVENT_REMOVED, PROCESS_VACANT, 0);
    expect_event(scene, &event, ",\"process\":\"web.2\"");
    event = event_of(EVENT_FORMATION_STOPPING, PROCESS_VACANT, SIGINT);
    expect_event(scene, &event, ",\"signal\":\"SIGINT\"");
    event = event_of(EVENT_FORMATION_STOPPING, PROCESS_VACANT, 0);
    expect_event(scene, &event, "");
    event = event_of(EVENT_FORMATION_ENDED, PROCESS_VACANT, 3);
    expect_event(scene, &event, ",\"code\":3");
    event = event_of(EVENT_MANAGER_RESTARTED, PROCESS_VACANT, 2);
    event.manager.status = 71 << 8;
    expect_event(scene, &event, ",\"count\":2,\"exit\":{\"code\":71}");
    event.manager.status = SIGKILL | EXIT_OUT_OF_MEMORY;
    expect_event(scene, &event,
                 ",\"count\":2,\"exit\":{\"signal\":\"SIGKILL\",\"core\":false,"
                 "\"out_of_memory\":true}");
    event.manager.status = 0; // not known
    expect_event(scene, &event, ",\"count\":2");
}

static void describes_lines(void **state)
{
    struct scene *scene = *state;
    describe_line(&scene->out, NULL, &scene->description, 1, str_of("web.1"),
                  str_from("a\0\xff\x1b[1m\"", 8), false);
    expect_json(&scene->out, "{\"at\":1000.0,\"process\":\"web.1\","
                             "\"text\":\"a\\u0000\xef\xbf\xbd\\u001b[1m\\\"\"}");
    describe_line(&scene->out, NULL, &scene->description, 1, str_of("web.1"), str_of("a"), true);
    expect_json(&scene->out, "{\"at\":1000.0,\"process\":\"web.1\",\"text\":\"a\",\"cut\":true}");
}

static void describes_histories(void **state)
{
    struct scene *scene = *state;
    const struct str lines[] = {str_of("bad"), str_of("worse")};
    const struct process_life lives[] = {
        {.pid = 9,
         .exit_status = SIGKILL | EXIT_OUT_OF_MEMORY,
         .started = SECOND,
         .ended = (nsec_t)2 * SECOND,
         .last_lines = {lines, 2}},
        {.spawn_error = EACCES, .started = NSEC_NEVER, .ended = 0, .asked = true},
    };
    struct process_record record = record_of(PROCESS_FINISHED);
    const struct process_facts facts = {.record = &record};
    describe_history(&scene->out, NULL, &scene->description, &facts, lives, 2);
    const char *text = strstr(scene->out.bytes, "\"lives\":");
    assert_non_null(text);
    buffer_append_char(&scene->out, '\0');
    assert_string_equal(strstr(scene->out.bytes, "\"lives\":"),
                        "\"lives\":[{\"pid\":9,\"started\":1001.0,\"ended\":1002.0,"
                        "\"exit\":{\"signal\":\"SIGKILL\",\"core\":false,\"out_of_memory\":true},"
                        "\"asked\":false,"
                        "\"out_of_memory\":true,\"last_lines\":[\"bad\",\"worse\"]},"
                        "{\"ended\":1000.0,\"error\":\"Permission denied\",\"asked\":true,"
                        "\"out_of_memory\":false,\"last_lines\":[]}]}");
    buffer_clear(&scene->out);
}

static void describes_the_formation(void **state)
{
    struct scene *scene = *state;
    static const uint16_t after[] = {TYPE_WORKER};
    struct formation_record formation = {.phase = FORMATION_STOPPING};
    struct process_record processes[] = {record_of(PROCESS_READY), record_of(PROCESS_BACKOFF),
                                         record_of(PROCESS_VACANT)};
    const struct sink_facts sinks[] = {
        {str_of("journald"), SINK_DROP, SINK_SLOW, NSEC_NEVER, str_of(""), 1048576, 12},
        {str_of("file logs/a\"b"), SINK_BLOCK, SINK_FAILING, (nsec_t)2 * SECOND,
         str_of("Permission denied"), 10, 0},
    };
    const struct type_demand demands[TYPE_COUNT] = {
        {34500, "connections 34.5, 8 each", "has failed"}};
    scene->types[TYPE_WEB].scale = plan_default_scale(SCALE_CONNECTIONS);
    scene->types[TYPE_WEB].scale.max = 20;
    struct formation_status status = {&formation, 10, 11,    0, "0.1",  SECOND,
                                      processes,  3,  sinks, 2, demands};
    scene->types[TYPE_WEB].after = after;
    scene->types[TYPE_WEB].after_count = 1;
    for (int i = TYPE_WORKER; i < TYPE_COUNT; i++)
        scene->types[i].is_gone = true;
    json_put_object(&scene->out, NULL);
    describe_status(&scene->out, &scene->description, &status);
    json_put_object_end(&scene->out);
    expect_json(&scene->out,
                "{\"app\":\"shop\",\"root\":\"/srv/shop\",\"guard_pid\":10,\"manager_pid\":11,"
                "\"manager_restarts\":0,"
                "\"version\":\"0.1\",\"phase\":\"stopping\",\"since\":1001.0,\"types\":["
                "{\"name\":\"web\",\"command\":\"exec ./run \\\"it\\\"\",\"quantity\":2,"
                "\"declared\":1,\"processes\":2,\"ready\":1,\"port\":5000,"
                "\"after\":[\"worker\"],\"demand\":{\"auto\":true,\"min\":1,\"max\":20,"
                "\"signal\":\"connections\",\"value\":34.5,"
                "\"why\":\"connections 34.5, 8 each\",\"trouble\":\"has failed\"}}],\"sinks\":["
                "{\"name\":\"journald\",\"policy\":\"drop\",\"state\":\"slow\","
                "\"waiting_bytes\":1048576,\"dropped\":12},"
                "{\"name\":\"file logs/a\\\"b\",\"policy\":\"block\",\"state\":\"failing\","
                "\"since\":1002.0,\"why\":\"Permission denied\",\"waiting_bytes\":10,"
                "\"dropped\":0}]}");
    const struct change_of_type changes[TYPE_COUNT] = {
        {1, 1, true, true}, {2, 0, false, false}, {3, 3, false, true}, {4, 5, true, false}};
    json_put_object(&scene->out, NULL);
    describe_changes(&scene->out, &scene->plan, changes);
    json_put_object_end(&scene->out);
    expect_json(&scene->out, "{\"changes\":[{\"type\":\"worker\",\"from\":2,\"to\":0},"
                             "{\"type\":\"web-1\",\"from\":3,\"to\":3,\"auto\":true},"
                             "{\"type\":\"clock\",\"from\":4,\"to\":5,\"auto\":false}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(describes_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cuts_long_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_exits_that_were, set_up, tear_down),
        cmocka_unit_test_setup_teardown(describes_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(describes_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(describes_histories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(describes_the_formation, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
