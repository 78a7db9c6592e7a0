#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Commands whose manager dies while they wait or listen: the next one is asked, or what can be known
# is told.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life
load control

# is_managed_anew PID: whether another manager than this one is there, and answers.
is_managed_anew() {
    local now
    now=$(manager_pid) && [ "$now" != "$1" ] && answers
}

kill_manager() {
    local old
    old=$(manager_pid)
    kill -KILL "$old"
    wait_until is_managed_anew "$old"
}

# begins COMMAND…: asks in the background; what it says is in the file said.
begins() {
    "$FORMATION" "$@" >said 2>&1 3>&- &
    asking=$!
}

# ends STATUS
ends() {
    wait_until is_gone "$asking"
    told=0
    wait "$asking" || told=$?
    [ "$told" -eq "$1" ]
}

@test "events -f: every event once and in order, over the lives of many managers" {
    procfile "web: exec sleep 60"
    up
    begins events -f --json
    for count in 3 1 4 2 6 1; do
        asks 0 scale --no-wait "web=$count"
        kill_manager
    done
    asks 0 scale web=1
    stop
    ends 0
    python3 - <<'END'
import json
numbers = [json.loads(line)["sequence"] for line in open("said")]
assert numbers == list(range(1, len(numbers) + 1)), numbers
END
    [ "$(tail -n 1 said | grep -c formation-ended)" -eq 1 ]
    nothing_left
}

# follows LINES: whether the follower has seen so many.
has_seen() {
    [ "$(grep -c "^line " said)" -ge "$1" ]
}

@test "logs -f: goes on where the last manager left off" {
    procfile 'web: i=0; while :; do i=$((i + 1)); echo line $i; sleep 0.02; done'
    up
    begins logs -f --no-prefix web
    for round in 1 2 3 4 5 6; do
        wait_until has_seen $((round * 10))
        kill_manager
    done
    wait_until has_seen 80
    stop
    ends 0
    diff <(grep "^line " said) <(seq -f "line %g" "$(grep -c "^line " said)")
    nothing_left
}

@test "scale: whether the quantities are there by now" {
    printf 'processes:\n  web: {ready: {exec: "[ -e ready ]", interval: 50ms}}\n' >formation.yaml
    procfile "web: exec sleep 60"
    up
    begins scale web=2
    wait_until the_count_is web 2
    kill_manager
    ends 0
    grep -q "the manager was replaced before it answered; the quantities are those" said
    begins scale web+1
    wait_until the_count_is web 3
    kill_manager
    ends 1
    grep -q "replaced before it answered; 'formation scale' shows whether it was done" said
    stop
    nothing_left
}

# is_new PID: whether web.1 is another one by now.
is_new() {
    local now
    now=$(pid web.1) && [ -n "$now" ] && [ "$now" != "$1" ]
}

@test "restart and reload: that it is not known, and where to look" {
    printf 'processes:\n  web: {ready: {exec: "[ -e ready ]", interval: 50ms}}\n' >formation.yaml
    procfile "web: exec sleep 60"
    touch ready
    up
    wait_until has_state web.1 ready
    for command in "restart web" reload; do
        rm -f ready
        procfile "web: exec sleep 61"
        before=$(pid web.1)
        # shellcheck disable=SC2086 # several words
        begins $command
        wait_until is_new "$before"
        kill_manager
        ends 1
        grep -q "the manager was replaced before it answered; 'formation ps' shows" said
        touch ready
        wait_until has_state web.1 ready
    done
    stop
    nothing_left
}
