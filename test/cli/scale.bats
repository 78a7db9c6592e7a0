#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation scale: more and fewer processes, all of a change or nothing, and remembered.
# shellcheck disable=SC2016,SC2034,SC2154 # bats sets stderr; PREFIX is for helpers.bash
load helpers
load control

two_types() {
    procfile "web: exec sleep 60" "worker: exec sleep 61"
    up
    wait_for "started with pid" 2
}

names() {
    "$FORMATION" ps --json | sed -n 's/.*"name": "\(.*\)",/\1/p' | xargs
}

@test "prints what changed; the others keep their pids and numbers" {
    two_types
    web=$(pid web.1)
    worker=$(pid worker.1)
    asks 0 scale web=3 worker+1
    [ "$output" = $'web: 1 → 3\nworker: 1 → 2' ]
    [ "$(names)" = "web.1 web.2 web.3 worker.1 worker.2" ]
    [ "$(pid web.1)" = "$web" ] && [ "$(pid worker.1)" = "$worker" ]
    third=$(pid web.3)
    asks 0 scale --json worker-2 web-1
    json 'data == {"changes": [{"type": "web", "from": 3, "to": 2},
                               {"type": "worker", "from": 2, "to": 0}]}'
    [ "$(names)" = "web.1 web.2" ]
    is_gone "$third" && is_gone "$worker"
    [ "$(pid web.1)" = "$web" ]
    asks 0 scale web=2
    [ "$output" = "nothing to change" ]
    asks 0 scale --json web=2
    json 'data == {"changes": []}'
    stop
}

@test "without a change it shows the quantities" {
    two_types
    asks 0 scale web=2
    asks 0 scale
    [ "$(tr -s ' ' <<<"$output")" = \
        $'TYPE QUANTITY DECLARED READY\nweb 2 1 2\nworker 1 1 1' ]
    asks 0 scale --json
    json '[(t["name"], t["quantity"], t["declared"]) for t in data["types"]] ==
        [("web", 2, 1), ("worker", 1, 1)]'
    stop
}

@test "what makes no sense changes nothing" {
    two_types
    while IFS='|' read -r change sentence; do
        asks 1 scale worker=2 "$change"
        [ "$output" = "" ] && [ "$stderr" = "formation: $sentence" ] ||
            { echo "$change: $stderr" && return 1; }
    done <<'END'
web=-1|web=-1: there cannot be fewer than 0 processes
web-2|web-2: there cannot be fewer than 0 processes; 'web' has 1
web=1000000000|web=1000000000: there can be at most 8192 processes
web=99999999999999999999|web=99999999999999999999: there can be at most 8192 processes
web=8192|more than 8192 processes are not possible
web=x|web=x: 'x' is no number
web=|web=: how many? Write web=1
web|web: how many? Write web=1
web=1.5|web=1.5: '1.5' is no number
web.1=2|web.1=2: 'web.1' is one process: how many there are is said of 'web'
wob=1|nothing is called 'wob': did you mean 'web'?
worker+1|worker+1: 'worker' is changed twice
END
    asks 2 scale $'web=\xff'
    [ "$(names)" = "web.1 worker.1" ]
    asks 1 scale --reset web=1
    stop
}

@test "--reset returns to what the files say" {
    two_types
    asks 0 scale web=3 worker=2
    asks 0 scale --reset worker
    [ "$output" = "worker: 2 → 1" ]
    asks 0 scale --reset
    [ "$output" = "web: 3 → 1" ]
    asks 0 scale --reset
    [ "$output" = "nothing to change" ]
    [ "$(names)" = "web.1 worker.1" ]
    stop
}

@test "it waits until all is done, unless --no-wait" {
    procfile "web: $APPS/leaver 0.3"
    up -m web=3
    wait_for "| leaver" 3
    third=$(pid web.3)
    asks 0 scale web=2
    is_gone "$third"
    second=$(pid web.2)
    asks 0 scale --no-wait web=1
    [ "$output" = "web: 2 → 1" ]
    kill -0 "$second"
    wait_until is_gone "$second"
    stop
}

@test "one that crashes before it is up is told" {
    procfile "web: exec sleep 60" 'worker: nosuchprogram'
    up -m web=1
    wait_for "started with pid"
    asks 1 scale worker=1
    [[ $stderr == "formation: worker.1 "*" before it was ready" ]]
    asks 0 scale worker=0
    stop
}

@test "many at once: each change is whole, none is lost" {
    two_types
    for i in {1..10}; do
        timeout -k 1 30 "$FORMATION" scale web+1 worker+1 >"changes.$i" 2>&1 &
    done
    wait_until the_count_is web 11
    wait_until the_count_is worker 11
    for i in {1..10}; do
        wait_until test -s "changes.$i"
    done
    # Every quantity from 1 to 10 was that of one of them, and of both types alike.
    [ "$(cat changes.* | sort | uniq -c | awk '$1 == 1' | wc -l)" -eq 20 ]
    for i in {1..10}; do
        [ "$(sed -n '1s/web//p' "changes.$i")" = "$(sed -n '2s/worker//p' "changes.$i")" ]
    done
    stop
}

@test "quantities outlive the formation" {
    two_types
    asks 0 scale web=3 worker=0
    asks 0 shutdown
    ended
    up
    wait_until the_count_is web 3
    [ "$(names)" = "web.1 web.2 web.3" ]
    asks 0 scale --reset
    asks 0 shutdown
    ended
    up
    wait_until the_count_is web 1
    [ "$(names)" = "web.1 worker.1" ]
    [ -z "$(find "$XDG_STATE_HOME" -type f)" ]
    stop
}

@test "a file of quantities that makes no sense is set aside" {
    two_types
    asks 0 scale web=3
    asks 0 shutdown
    ended
    file=$(find "$XDG_STATE_HOME" -name '*.quantities')
    echo "web 9999999" >>"$file"
    up
    wait_for "makes no sense: it is now $file.bad"
    wait_until the_count_is web 1
    grep -q 9999999 "$file.bad"
    [ ! -e "$file" ]
    stop
}

@test "a full disk: the change is refused, and nothing else happens" {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs the right to mount"
    mkdir -p "$XDG_STATE_HOME"
    PREFIX=(unshare -m sh -c '
        mount -t tmpfs -o size=16k tmpfs "$XDG_STATE_HOME" &&
        { cat /dev/zero >"$XDG_STATE_HOME/ballast"; exec "$@"; }' sh)
    two_types
    web=$(pid web.1)
    asks 1 scale web=2
    [[ $stderr == *"No space left on device" ]]
    [ "$output" = "" ]
    [ "$(names)" = "web.1 worker.1" ]
    [ "$(pid web.1)" = "$web" ]
    nsenter -t "$formation" -m rm "$XDG_STATE_HOME/ballast"
    asks 0 scale web=2
    [ "$output" = "web: 1 → 2" ]
    stop
}

@test "without a place for the file they are changed, and it is said that they are forgotten" {
    export XDG_STATE_HOME=/proc/nowhere
    two_types
    asks 0 scale web=2
    wait_for "quantities are not remembered: /proc/nowhere/"
    [ "$(names)" = "web.1 web.2 worker.1" ]
    stop
}

@test "1 to 200 to 1: every step right, the first one untouched" {
    procfile "web: exec sleep 60"
    up
    wait_for "started with pid"
    web=$(pid web.1)
    asks 0 scale web=200
    the_count_is web 200
    [ "$("$FORMATION" ps | grep -c ' ready ')" -eq 200 ]
    asks 0 scale web-199
    the_count_is web 1
    [ "$(pid web.1)" = "$web" ]
    asks 0 shutdown
    ended
    nothing_left
}
