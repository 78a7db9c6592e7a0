// SPDX-License-Identifier: MIT
// The tables of states and events are whole, and say what design and manual say.
#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is_a_name(const char *name)
{
    assert_non_null(name);
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
    assert_int_not_equal(strlen(name), 0);
}

static void every_name_is_its_own(void **state)
{
    (void)state;
    for (unsigned one = 0; one < PROCESS_STATE_COUNT; one++) {
        is_a_name(process_state_name(one));
        for (unsigned other = 0; other < one; other++)
            assert_string_not_equal(process_state_name(one), process_state_name(other));
    }
    for (unsigned one = 0; one < EVENT_KIND_COUNT; one++) {
        is_a_name(event_kind_name(one));
        for (unsigned other = 0; other < one; other++)
            assert_string_not_equal(event_kind_name(one), event_kind_name(other));
    }
    assert_string_equal(process_state_name(PROCESS_BACKOFF), "backoff");
    assert_string_equal(event_kind_name(EVENT_SPAWN_FAILED), "spawn-failed");
}

static void a_life_is_allowed(void **state)
{
    (void)state;
    static const enum process_state life[] = {
        PROCESS_VACANT,   PROCESS_WAITING, PROCESS_STARTING, PROCESS_RUNNING,  PROCESS_READY,
        PROCESS_RUNNING,  PROCESS_EXITED,  PROCESS_BACKOFF,  PROCESS_STARTING, PROCESS_RUNNING,
        PROCESS_STOPPING, PROCESS_EXITED,  PROCESS_FINISHED, PROCESS_VACANT,
    };
    for (size_t i = 1; i < sizeof(life) / sizeof(life[0]); i++)
        assert_true(process_state_allows(life[i - 1], life[i]));
}

static void what_must_not_happen_is_not_allowed(void **state)
{
    (void)state;
    for (unsigned to = 0; to < PROCESS_STATE_COUNT; to++) {
        assert_false(process_state_allows(to, to));
        // Only what was asked of the kernel can run, and nothing lives that has exited.
        assert_int_equal(process_state_allows(to, PROCESS_RUNNING),
                         to == PROCESS_STARTING || to == PROCESS_READY);
        assert_int_equal(process_state_allows(to, PROCESS_EXITED),
                         to == PROCESS_RUNNING || to == PROCESS_READY || to == PROCESS_STOPPING);
        // A place is free only when its process has finished.
        assert_int_equal(process_state_allows(to, PROCESS_VACANT), to == PROCESS_FINISHED);
    }
    assert_false(process_state_allows(PROCESS_STOPPING, PROCESS_STARTING));
}

static void every_state_can_be_reached_and_left(void **state)
{
    (void)state;
    bool is_reached[PROCESS_STATE_COUNT] = {[PROCESS_VACANT] = true};
    for (unsigned round = 0; round < PROCESS_STATE_COUNT; round++)
        for (unsigned from = 0; from < PROCESS_STATE_COUNT; from++)
            for (unsigned to = 0; to < PROCESS_STATE_COUNT; to++)
                is_reached[to] |= is_reached[from] && process_state_allows(from, to);
    for (unsigned from = 0; from < PROCESS_STATE_COUNT; from++) {
        bool is_left = false;
        for (unsigned to = 0; to < PROCESS_STATE_COUNT; to++)
            is_left |= process_state_allows(from, to);
        assert_true(is_reached[from] && is_left);
    }
}

static void events_are_of_a_process_a_sink_or_all(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        bool says_so = strncmp(event_kind_name(kind), "formation-", strlen("formation-")) == 0 ||
                       kind == EVENT_MANAGER_RESTARTED;
        bool is_of_sink = strncmp(event_kind_name(kind), "sink-", strlen("sink-")) == 0;
        assert_int_equal(event_is_of_formation(kind), says_so);
        assert_int_equal(event_is_of_sink(kind), is_of_sink);
        assert_int_equal(event_is_of_process(kind), !says_so && !is_of_sink);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_its_own),
        cmocka_unit_test(a_life_is_allowed),
        cmocka_unit_test(what_must_not_happen_is_not_allowed),
        cmocka_unit_test(every_state_can_be_reached_and_left),
        cmocka_unit_test(events_are_of_a_process_a_sink_or_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
