#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation ps: what runs, as a table, as JSON, again and again.
# shellcheck disable=SC2016,SC2086,SC2154 # $PORT in quotes is meant so; bats sets stderr
load helpers
load control

two_types() {
    procfile "web: exec sleep 60" "worker: exec sleep 61"
    up -m web=2,worker=1 -p 7000
    wait_for "started with pid" 3
}

@test "a table: one row a process, in the order of the Procfile" {
    two_types
    asks 0 ps
    [ "${#lines[@]}" -eq 4 ]
    [[ ${lines[0]} =~ ^PROCESS\ +PID\ +STATE\ +SINCE\ +RESTARTS\ +PORT\ +CPU\ +MEM\ +COMMAND$ ]]
    [[ ${lines[1]} =~ ^web\.1\ +[0-9]+\ +ready\ +[0-9]+s\ +0\ +7000\ .*\ exec\ sleep\ 60$ ]]
    [[ ${lines[2]} =~ ^web\.2\ .*\ 7001\ .*\ exec\ sleep\ 60$ ]]
    [[ ${lines[3]} =~ ^worker\.1\ .*\ 7100\ .*\ exec\ sleep\ 61$ ]]
    stop
}

@test "--json has the fields that the manual describes" {
    two_types
    asks 0 ps --json
    json 'list(data) == ["processes"]'
    json '[p["name"] for p in data["processes"]] == ["web.1", "web.2", "worker.1"]'
    json '{**data["processes"][1], "pid": 0, "since": 0, "cpu_seconds": 0, "memory_bytes": 0} == {
        "name": "web.2", "type": "web", "number": 2, "state": "ready", "pid": 0, "port": 7001,
        "since": 0, "restarts": 0, "crashes": 0, "cpu_seconds": 0, "memory_bytes": 0, "tasks": 1,
        "command": "exec sleep 60", "quantity_of_type": 2, "declared": 2,
        "dropped": 0}'
    json '0 <= __import__("time").time() - data["processes"][0]["since"] < 60'
    json 'data["processes"][0]["memory_bytes"] > 10000'
    [ "$(cat "/proc/$(pid worker.1)/comm")" = sleep ]
    stop
}

@test "names and patterns; one that nothing has is answered with the nearest" {
    two_types
    asks 0 ps --json 'w*.1'
    json '[p["name"] for p in data["processes"]] == ["web.1", "worker.1"]'
    asks 0 ps --json worker web.2
    json '[p["name"] for p in data["processes"]] == ["web.2", "worker.1"]'
    asks 1 ps wob
    [ "$output$stderr" = "formation: nothing is called 'wob': did you mean 'web'?" ]
    asks 1 ps web.3
    [[ $stderr == "formation: nothing is called 'web.3'"* ]]
    asks 1 ps 'x*'
    [[ $stderr == "formation: nothing is called 'x*'"* ]]
    asks 2 ps $'\xff'
    [ "$stderr" = "formation: what is asked for cannot be said in UTF-8" ]
    stop
}

@test "none runs: status 3, and how to start one" {
    asks 3 ps
    [ "$stderr" = "formation: the formation of $PWD does not run: 'formation start' starts it" ]
    asks 3 ps --json
    [ "$output" = "" ]
    mkdir sub
    asks 3 ps -d sub
    [ "$stderr" = \
        "formation: the formation of $PWD/sub does not run: 'formation start -d sub' starts it" ]
    asks 3 --app nosuch ps
    asks 2 ps -d nosuch
    [ "$stderr" = "formation: $PWD/nosuch does not exist" ]
}

@test "the formation of another folder, or of a name" {
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/runtime
    mkdir -m 700 "$XDG_RUNTIME_DIR" shop
    echo "web: exec sleep 60" >shop/Procfile
    start -f shop/Procfile
    wait_for "started with pid"
    asks 0 ps --json -d shop
    json 'data["processes"][0]["name"] == "web.1"'
    same=$(pid_of_output)
    asks 0 ps --json --app shop
    [ "$(pid_of_output)" = "$same" ]
    cd shop
    asks 0 ps --json
    [ "$(pid_of_output)" = "$same" ]
    cd "$APP"
    echo "procfile: shop/Procfile" >.foreman
    asks 0 ps --json
    [ "$(pid_of_output)" = "$same" ]
    stop
}

pid_of_output() {
    sed -n 's/.*"pid": //p' <<<"$output"
}

@test "what is not as the files say is said" {
    two_types
    asks 0 scale web=1 worker=0
    asks 0 ps
    [ "${lines[*]: -2}" = "web: 1 wanted, 2 declared worker: 0 wanted, 1 declared" ]
    asks 0 ps web
    [ "${lines[*]: -1}" = "web: 1 wanted, 2 declared" ]
    [[ $output != *worker* ]]
    stop
}

@test "who waits for a restart, why, and until when" {
    procfile "web: exit 3" "worker: exec sleep 60"
    printf 'processes:\n  web: {backoff: {base: 20s}}\n' >formation.yaml
    up
    wait_until has_state web.1 backoff 2
    asks 0 ps
    grep -Eq '^web\.1 +backoff' <<<"$output"
    grep -Eq '^web.1 exited with code 3, restarting in [0-9.]+s \(crash 2 in a row\)$' <<<"$output"
    asks 0 ps --json web
    json 'data["processes"][0]["exit"] == {"code": 3}'
    json '5 < data["processes"][0]["next_start"] - data["processes"][0]["since"] < 30'
    json '"pid" not in data["processes"][0]'
    stop
}

@test "a command is cut to the width of the terminal, and cannot steer it" {
    printf 'processes:\n  web: {command: "exec sleep 60 # \\e[31mred\\e[2J %s"}\n' \
        "$(printf 'long%.0s' {1..50})" >formation.yaml
    up
    wait_for "started with pid"
    run -0 python3 "$BATS_TEST_DIRNAME/terminal.py" -- \
        sh -c 'stty cols 75; exec "$1" ps' sh "$FORMATION"
    [ -z "$(grep -E '^.{76}' <<<"${output//$'\r'/}" || true)" ]
    grep -q 'exec sleep.*…' <<<"$output"
    [[ $output != *$'\e'* ]]
    asks 0 ps # a pipe has no width
    grep -q 'longlong$' <<<"$output"
    stop
}

@test "--watch draws in place until Ctrl-C, which is no failure" {
    two_types
    run -0 python3 "$BATS_TEST_DIRNAME/terminal.py" 'PROCESS=' 'PROCESS=' 'PROCESS=\x03' -- \
        "$FORMATION" ps --watch 0.2
    [[ $output == *$'\e[4A'*PROCESS*$'\e[K'*web.2* ]]
    [[ $output == *%* ]] # of a processor, from the second time on
    stop
}

@test "--watch off a terminal: one table after the other; --json: one line each" {
    two_types
    timeout -k 1 20 "$FORMATION" ps --watch=0.1 web >watched &
    watcher=$!
    is_watched() { [ "$(grep -c '^PROCESS' watched)" -ge 3 ]; }
    wait_until is_watched
    kill -TERM $!
    wait "$watcher" || [ $? -eq 143 ] # of timeout
    [[ $(<watched) != *$'\e'* ]]
    [ "$(sed -n 4p watched)" = "" ]
    [[ $(sed -n 5p watched) == PROCESS* ]]
    run bash -c 'timeout -k 1 20 "$1" ps --json -w 0.1 | head -n 2' - "$FORMATION"
    output=$(sed 1q <<<"$output")
    json 'len(data["processes"]) == 3'
    stop
}

@test "--watch ends with the formation" {
    two_types
    timeout -k 1 20 "$FORMATION" ps -w 0.1 >watched 2>&1 &
    watcher=$!
    wait_until test -s watched
    stop
    status=0
    wait "$watcher" || status=$?
    [ "$status" -eq 3 ]
    grep -q "^formation: the formation of .* does not run" watched
}

@test "intervals that make no sense" {
    asks 2 ps --watch=x
    [ "$stderr" = \
        "formation: --watch takes a number of seconds or a duration of 100ms at least, not 'x'" ]
    asks 2 ps --watch 0
    asks 2 ps -w 1e3
}

@test "standard output that is full or closed" {
    procfile "web: exec sleep 60"
    up
    for command in ps "ps --json" "ps -w 0.1" status scale "logs -f" events "why web"; do
        run -2 bash -c 'timeout -k 1 20 "$@" >/dev/full' - "$FORMATION" $command
        [ "$output" = "formation: standard output cannot be written to: No space left on device" ]
        run -2 bash -c 'timeout -k 1 20 "$@" >&-' - "$FORMATION" $command
        [[ $output == "formation: standard output cannot be written to"* ]]
    done
    stop
}

# follow ARGUMENT…: the command in the background, as $follower, once it has shown something; what
# stands in the array AS decides of what it inherits.
follow() {
    : >followed # now, and not at a time of its own in the background
    "${AS[@]}" "$FORMATION" "$@" >followed 3>&- &
    follower=$!
    wait_until test -s followed
}

# ended_by SIGNAL…: the status that the follower ends with, once it got them.
ended_by() {
    local signal
    for signal; do
        kill -"$signal" "$follower"
    done
    wait_until is_gone "$follower"
    status=0
    wait "$follower" || status=$?
}

@test "who follows ends by INT and TERM; INT that is ignored from the start stays so" {
    procfile "web: while echo line; do sleep 0.1; done"
    up
    for command in "logs -f" "events -f" "ps --watch"; do
        read -ra words <<<"$command"
        AS=("${INTERRUPTIBLE[@]}")
        follow "${words[@]}"
        ended_by INT
        [[ $command == ps* && $status -eq 0 || $status -eq 130 ]]
        AS=(env --ignore-signal=INT --ignore-signal=TERM)
        follow "${words[@]}"
        [ $((0x$(sed -n 's/^SigIgn:[[:blank:]]*//p' "/proc/$follower/status") & 0x4002)) -eq 2 ]
        ended_by INT TERM
        [[ $command == ps* && $status -eq 0 || $status -eq 143 ]]
    done
    stop
}
