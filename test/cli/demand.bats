#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# `scale` in formation.yaml: the demand decides how many processes there are.
# shellcheck disable=SC2016,SC2034,SC2154 # bats sets stderr; PREFIX is for helpers.bash
load helpers
load control

# workers COMMAND [KEY]: the type worker; a process for each hundred that the command prints.
workers() {
    procfile "worker: exec sleep 60" "web: exec sleep 61"
    {
        echo "processes:"
        echo "  worker:"
        echo "    scale:"
        echo "      min: 1"
        echo "      max: 5"
        echo "      window: 1s"
        echo "      on: {command: '$1', every: 50ms, timeout: 500ms, target: 100}"
        [ -z "${2-}" ] || echo "      $2"
    } >formation.yaml
}

# is_why TEXT: whether ps says that of worker.
is_why() {
    "$FORMATION" ps | grep -qF -- "$1"
}

quantity() {
    "$FORMATION" scale --json | python3 -c '
import json, sys
print(*(t["quantity"] for t in json.load(sys.stdin)["types"] if t["name"] == "worker"))'
}

@test "as many processes as a command asks for, at once up and slowly down" {
    workers "cat depth"
    echo 150 >depth
    up
    wait_until is_why "worker: 2 wanted (auto, 1 to 5): command 150, 100 each"
    wait_until has_state worker.2 ready
    first=$(pid worker.1)
    echo 432.5 >depth
    wait_until is_why "worker: 5 wanted (auto, 1 to 5): command 432.5, 100 each"
    wait_until has_state worker.5 ready
    echo 99999 >depth
    wait_until is_why "worker: 5 wanted (auto, 1 to 5): max"
    echo 0 >depth
    wait_until is_why "worker: 1 wanted (auto, 1 to 5): min"
    wait_until the_count_is worker 1
    [ "$(pid worker.1)" = "$first" ]
    shows "worker: 5 wanted, not 2: command 432.5, 100 each"
    stop
    nothing_left
}

@test "none until there is work, and none again when there was none for a while" {
    workers "cat depth" "idle: 300ms"
    sed -i 's/min: 1/min: 0/' formation.yaml
    echo 0 >depth
    up
    wait_until is_why "worker: 0 wanted (auto, 0 to 5): idle 300ms"
    echo 1 >depth
    wait_until has_state worker.1 ready
    echo 0 >depth
    wait_until is_why "worker: 0 wanted (auto, 0 to 5): idle 300ms"
    stop
}

@test "a command that prints garbage, fails or hangs changes nothing, which is told once" {
    workers "./depth"
    put() {
        printf '#!/bin/sh\n%s\n' "$1" >depth.new
        chmod +x depth.new
        mv depth.new depth
    }
    put "echo 250"
    up
    wait_until is_why "worker: 3 wanted"
    while IFS='|' read -r script trouble; do
        put "$script"
        wait_until is_why "worker: 3 wanted (auto, 1 to 5): unknown: kept; the command $trouble"
        put "echo 250"
        wait_until is_why "worker: 3 wanted (auto, 1 to 5): command 250, 100 each"
    done <<'SCRIPTS'
echo many|has printed 'many', which is no number
echo -1|has printed '-1', which is no number
echo 5 apples|has printed '5 apples', which is no number
printf "\033[31m5"|has printed '.[31m5', which is no number
printf "1\n2\n"|has printed '1.2', which is no number
true|has printed no number
echo 5; exit 3|exited with code 3
echo 5; kill -9 $$|exited with code 137
sleep 61|has not ended within 500ms
trap "" TERM; while :; do sleep 61; done|has not ended within 500ms
yes; sleep 61|has not ended within 500ms
echo 5; exec /nothing/here|exited with code 127
SCRIPTS
    shows "worker: the demand is unknown, and 3 stay: the command './depth' has printed 'many'"
    put "echo many"
    wait_until is_why "unknown: kept"
    times=$(grep -c "demand is unknown" "$OUTPUT")
    put "echo >>runs; echo many"
    wait_until eval '[ "$(wc -l <runs)" -ge 5 ]'
    [ "$(grep -c "demand is unknown" "$OUTPUT")" = "$times" ]
    [ "$(quantity)" = 3 ]
    stop
    nothing_left
}

@test "a command has the environment and the folder of the type, and leaves no process behind" {
    workers 'pwd >where; echo $DEPTH; setsid sleep 62 >/dev/null & echo $! >left'
    mkdir sub
    printf '    directory: sub\n    env: {DEPTH: 234}\n' >>formation.yaml
    up
    wait_until is_why "command 234, 100 each"
    [ "$(cat sub/where)" = "$APP/sub" ]
    wait_until is_gone "$(cat sub/left)"
    stop
    nothing_left
}

@test "scale sets a number, which stays, until auto" {
    workers "cat depth"
    echo 150 >depth
    up
    wait_until is_why "worker: 2 wanted (auto"
    asks 0 scale worker=4
    [ "$output" = "worker: 2 → 4" ]
    is_why "worker: 4 wanted (fixed, 1 to 5): asked for"
    stop
    echo 350 >depth
    up # it is remembered
    wait_until is_why "worker: 4 wanted (fixed, 1 to 5): asked for"
    asks 0 scale worker=auto
    [ "$output" = "worker: 4 → auto" ]
    asks 0 scale worker=auto
    [ "$output" = "nothing to change" ]
    wait_until is_why "worker: 4 wanted (auto, 1 to 5): command 350, 100 each"
    asks 0 scale worker=1
    asks 0 scale --reset worker
    [ "$output" = "worker: 1 → auto" ]
    wait_until is_why "worker: 4 wanted (auto, 1 to 5)"
    asks 1 scale web=auto
    [ "$stderr" = "formation: web=auto: 'web' has no 'scale' in formation.yaml, so nothing says \
how many" ]
    stop
    up # …and forgotten
    wait_until is_why "worker: 4 wanted (auto, 1 to 5)"
    stop
}

@test "-m and a name with a number fix it, a name alone does not" {
    workers "cat depth"
    echo 350 >depth
    up -m worker=2
    is_why "worker: 2 wanted (fixed, 1 to 5): asked for"
    stop
    up worker=3
    is_why "worker: 3 wanted (fixed, 1 to 5): asked for"
    stop
    up worker
    wait_until is_why "worker: 4 wanted (auto, 1 to 5)"
    stop
}

@test "a manager that is killed costs no process; what it had begun is ended" {
    workers '[ ! -e slow ] || { echo $$ >running; sleep 63; }; cat depth'
    sed -i 's/500ms/20s/' formation.yaml
    echo 350 >depth
    up
    wait_until is_why "worker: 4 wanted (auto"
    wait_until has_state worker.4 ready
    pids=$(pid worker.1),$(pid worker.4)
    touch slow
    wait_until test -s running
    command=$(cat running)
    rm slow
    kill -KILL "$("$FORMATION" status --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["manager_pid"])')"
    wait_until is_gone "$command"
    wait_until is_why "worker: 4 wanted (auto, 1 to 5): command 350, 100 each"
    [ "$(pid worker.1),$(pid worker.4)" = "$pids" ]
    echo 450 >depth
    wait_until is_why "worker: 5 wanted (auto"
    stop
    nothing_left
}

@test "a reload changes what decides" {
    workers "cat depth"
    echo 350 >depth
    up
    wait_until is_why "worker: 4 wanted (auto, 1 to 5)"
    first=$(pid worker.1)
    sed -i 's/max: 5/max: 3/; s/target: 100/target: 10/' formation.yaml
    asks 0 reload
    wait_until is_why "worker: 3 wanted (auto, 1 to 3): max"
    wait_until the_count_is worker 3
    sed -i 's/max: 3/max: 8/; s/cat depth/echo 61/' formation.yaml
    asks 0 reload
    wait_until is_why "worker: 7 wanted (auto, 1 to 8): command 61, 10 each"
    printf 'processes:\n  worker: {quantity: 2}\n' >formation.yaml
    asks 0 reload
    wait_until the_count_is worker 2
    run ! is_why "worker:"
    [ "$(pid worker.1)" = "$first" ]
    stop
}

@test "the schedule alone decides: as many as it says now" {
    procfile "worker: exec sleep 60"
    printf 'processes:\n  worker: {scale: {min: 0, schedule: {%s: 3}}}\n' \
        "Mon-Sun 00:00-24:00" >formation.yaml
    up
    wait_until is_why "worker: 3 wanted (auto, 0 to 3): schedule"
    wait_until has_state worker.3 ready
    printf 'processes:\n  worker: {scale: {min: 0, schedule: {%s: 3}}}\n' \
        "$(LC_ALL=C date -d '3 days' +%a)" >formation.yaml
    asks 0 reload
    wait_until is_why "worker: 0 wanted (auto, 0 to 3): schedule"
    stop
}

@test "processors and memory in use decide" {
    procfile 'busy: while :; do :; done' 'large: exec sleep 60'
    cat >formation.yaml <<'END'
processes:
  busy: {scale: {max: 2, on: cpu, target: 1%}}
  large: {scale: {max: 2, on: memory, target: 1K}}
END
    up
    wait_until is_why "busy: 2 wanted (auto, 1 to 2): max"
    wait_until is_why "large: 2 wanted (auto, 1 to 2): max"
    asks 0 status --json
    json 'all(t["demand"]["value"] > 0 for t in data["types"])'
    stop
}
