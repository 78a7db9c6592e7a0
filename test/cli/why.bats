#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation why, and what else tells of the same: what a process says of itself, ends for want of
# memory, lives that began long ago.
# shellcheck disable=SC2016,SC2154 # $$ in quotes is meant so; bats sets output
load helpers
load control

# yaml LINE…: formation.yaml with these below `processes`.
yaml() {
    echo "processes:" >formation.yaml
    printf '  %s\n' "$@" >>formation.yaml
}

says() {
    "$FORMATION" ps --json "$1" | grep -qF "\"status_text\": \"$2\""
}

@test "what a process says of itself, by STATUS=" {
    procfile \
        "web: exec $APPS/notifier 'say=STATUS=loading 3 of 7'" \
        "worker: exec sleep 60"
    yaml 'web: {ready: {notify: true}}'
    up
    wait_until says web.1 "loading 3 of 7"
    asks 0 why web
    expected='^web\.1 is [a-z]+ for [0-9]+s and was never restarted; it says: loading 3 of 7$'
    [[ ${lines[0]} =~ $expected ]]
    asks 0 why --json web
    json 'data["histories"][0]["process"]["status_text"] == "loading 3 of 7"'
    asks 0 ps --json worker
    json '"status_text" not in data["processes"][0]'
    kill -KILL "$(pid web.1)"
    wait_for "terminated by SIGKILL"
    asks 0 stop web # what it said is over with it
    asks 0 ps --json web
    json '"status_text" not in data["processes"][0]'
    asks 0 why web
    [[ $output != *"it says"* ]]
    stop
}

@test "what it says cannot steer the terminal" {
    procfile "web: exec $APPS/notifier say=STATUS=\$(printf '\\033')[2Jred"
    yaml 'web: {ready: {notify: true}}'
    up
    wait_until says web.1 '\u001B[2Jred'
    run -0 python3 "$BATS_TEST_DIRNAME/terminal.py" -- "$FORMATION" why web
    [[ $output == *"it says: "*red* ]]
    [[ $output != *$'\e'* ]]
    stop
}

# A kernel that counts in these files what it kills for want of memory.
starve() {
    FORMATION=$APPS/starved
    count web.1 0
}

count() {
    printf 'low 0\nhigh 0\nmax 9\noom 9\noom_kill %d\noom_group_kill 0\n' "$2" >"$1.events"
}

# killed SHELL: something that the kernel has counted, then this.
killed() {
    printf 'sed -i "s/oom_kill 0/oom_kill 1/" web.1.events; %s' "$1"
}

needs_cgroups() {
    asks 0 ps
    mark=$(tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^FORMATION_ID=//p')
    grep -q "formation.$mark" "/proc/$1/cgroup" || skip "there are no cgroups"
}

@test "out of memory: said where the kernel counts it, and of nobody else" {
    starve
    printf '#!/bin/sh\n%s\n' "$(killed 'kill -KILL $$')" >app
    chmod +x app
    procfile "web: [ -e second ] && exec sleep 60; touch second; exec ./app" "other: exec sleep 60"
    yaml 'web: {backoff: {base: 50ms}}'
    up
    wait_for "started with pid" 3
    needs_cgroups "$(pid other.1)"
    grep -q 'web.1 .*| terminated by SIGKILL (out of memory)$' "$OUTPUT"
    asks 0 why web
    [[ $output =~ ago:\ terminated\ by\ SIGKILL\ \(out\ of\ memory\)\ after ]]
    asks 0 why --json web
    json 'data["histories"][0]["lives"][0]["out_of_memory"]'
    asks 0 ps --json web
    json 'data["processes"][0]["exit"] == {
        "signal": "SIGKILL", "core": False, "out_of_memory": True}'
    asks 0 events
    grep -q 'web.1 .*terminated by SIGKILL (out of memory)$' <<<"$output"

    # The count was for the life before; and the other's is none of its own.
    kill -KILL "$(pid web.1)"
    wait_for "terminated by SIGKILL" 2
    kill -KILL "$(pid other.1)"
    wait_for "terminated by SIGKILL" 3
    [ "$(grep -c 'out of memory' "$OUTPUT")" -eq 1 ]
    asks 0 why --json web other
    json '[[l["out_of_memory"] for l in h["lives"]] for h in data["histories"]] == [
        [False, True], [False]]'
    stop
}

@test "out of memory: of what it ran, which a shell tells by code 137; no other end is one" {
    starve
    procfile "web: $(killed 'exit 137')" "code: exec sleep 60"
    yaml 'web: {restart: never}'
    up
    wait_for "exited with code 137"
    needs_cgroups "$(pid code.1)"
    grep -q 'exited with code 137 (out of memory)$' "$OUTPUT"
    stop
    count web.1 0
    procfile "web: $(killed 'exit 3')"
    start
    wait_for "exited with code 3"
    ended
    count web.1 0
    procfile "web: $(killed 'trap "" TERM; echo deaf; while :; do sleep 1; done')"
    yaml 'web: {stop: {grace: 100ms}}'
    up
    wait_for deaf
    asks 0 stop web # killed by us
    run ! grep -q 'out of memory' "$OUTPUT"
    asks 0 why --json web
    json 'data["histories"][0]["lives"][0]["exit"] == {"signal": "SIGKILL", "core": False}'
    stop
}

@test "a life that began longer ago than the events are kept" {
    # The one is known by the record of a process that needs no time to be ready, the other by what
    # was noted among its lines.
    procfile "web: seq 5000; exec sleep 60" "db: echo up; exec sleep 60" "worker: exec sleep 60"
    yaml 'db: {ready: {log: up}}' 'worker: {quantity: 0}'
    up
    wait_until has_state db.1 ready
    wait_until has_state web.1 ready
    wait_for 5000
    asks 0 ps --json
    json 'len(data["processes"]) == 2'
    began=$(date +%s)
    for _ in {1..6}; do # eight events each and round
        asks 0 scale worker=100
        asks 0 scale worker=0
    done
    asks 0 events
    [ "$(grep -c 'worker.*started with pid' <<<"$output")" -gt 300 ]
    ! grep -E '(web|db).*started with pid' <<<"$output" || return # they are kept still
    kill -KILL "$(pid web.1)" "$(pid db.1)"
    wait_for "terminated by SIGKILL" 2
    asks 0 why --json web db
    json 'all(0 <= '"$began"' + 1 - h["lives"][0]["started"] < 30 for h in data["histories"])'
    asks 0 why web db
    [ "$(grep -c 'terminated by SIGKILL after ' <<<"$output")" -eq 2 ]
    stop
}
