#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A manager that is killed in the middle of a request leaves all of its effect or none.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life
load control

ROUNDS=30

COUNT=24

# up_with COMMAND: so many of web, all restarted at once in a roll, each ready at once.
up_with() {
    printf 'processes:\n  web: {ready: {log: up}, roll: {max_unavailable: %d}}\n' "$COUNT" \
        >formation.yaml
    procfile "web: $1"
    up -m "web=$COUNT"
    wait_until all_are ready
}

# cuts METHOD PARAMETERS ROUND: asks for it and kills the manager a moment later, mostly while it
# decides; in $told is what was answered until then.
cuts() {
    told=$(timeout -k 1 30 python3 - "$(manager_pid)" "$@" <<'END'
import json, os, random, signal, socket, sys, time
manager, method, parameters, turn = sys.argv[1:]
message = {"method": "org.formation.Manager." + method, "parameters": json.loads(parameters)}
s = socket.socket(socket.AF_UNIX)
s.connect(".formation/control.sock")
pause = random.uniform(0, (0.0005, 0.001, 0.002, 0.004)[int(turn) % 4])
s.sendall(json.dumps(message).encode() + b"\0")
until = time.monotonic() + pause
while time.monotonic() < until:
    pass
os.kill(int(manager), signal.SIGKILL)
answer = b""
try:
    while not answer.endswith(b"\0") and (piece := s.recv(65536)):
        answer += piece
except ConnectionResetError:
    pass
sys.stdout.write(answer.decode().rstrip("\0"))
END
    )
}

# processes EXPRESSION [WORD…]: of Python, true of the processes of web, `all`; `argument` of one is
# that of its command.
processes() {
    "$FORMATION" ps --json web 2>/dev/null | python3 -c '
import json, sys
all = json.load(sys.stdin)["processes"]
words = sys.argv[2:]
def argument(process):
    return open("/proc/{}/cmdline".format(process["pid"])).read().split("\0")[1]
sys.exit(not eval(sys.argv[1]))' "$@" 2>/dev/null
}

# all_are STATE
all_are() {
    processes "[p['state'] for p in all] == words[:1] * int(words[1])" "$1" "$COUNT"
}

# run_by WORD: whether all are ready and run with that word as their argument.
run_by() {
    all_are ready && processes "{argument(p) for p in all} == {*words}" "$1"
}

# one_command OLD NEW: whether all run by the same of both; it is in $word.
one_command() {
    for word in "$@"; do
        ! run_by "$word" || return 0
    done
    return 1
}

@test "reload: all run the new command in the end, or none does" {
    up_with "echo up; exec sleep 1000"
    taken=0 old=1000
    for round in $(seq 1 "$ROUNDS"); do
        new=$((1000 + round))
        procfile "web: echo up; exec sleep $new"
        cuts Reload '{"wait": false}' "$round"
        wait_until one_command "$old" "$new"
        [ -z "$told" ] || [ "$word" = "$new" ] # what was answered is done
        [ "$word" = "$old" ] || taken=$((taken + 1))
        old=$word
    done
    [ "$taken" -gt 0 ]
    # None of those that were lost comes back.
    asks 0 reload
    run_by "$new"
    stop
    nothing_left
}

# pids: of web, once all are ready.
pids() {
    all_are ready && "$FORMATION" ps --json web | sed -n 's/.*"pid": \([0-9]*\).*/\1/p' | sort
}

# all_or_none: whether all were replaced since $before, or none; the pids are in $now.
all_or_none() {
    now=$(pids) || return
    common=$(comm -12 <(echo "$before") <(echo "$now") | wc -l)
    [ "$common" -eq 0 ] || [ "$common" -eq "$COUNT" ]
}

@test "restart: each of a type has a new process in the end, or none has" {
    up_with "echo up; exec sleep 60"
    taken=0
    now=$(pids)
    for round in $(seq 1 "$ROUNDS"); do
        before=$now
        cuts Restart '{"select": ["web"], "wait": false}' "$round"
        wait_until all_or_none
        [ -z "$told" ] || [ "$now" != "$before" ]
        [ "$now" = "$before" ] || taken=$((taken + 1))
    done
    [ "$taken" -gt 0 ]
    stop
    nothing_left
}

# stopped_or_not: whether all of web are stopped, or none is.
stopped_or_not() {
    all_are ready || all_are finished
}

@test "stop and start: all of a type, or none" {
    up_with "echo up; exec sleep 60"
    for round in $(seq 1 "$ROUNDS"); do
        cuts Stop '{"select": ["web"], "wait": false}' "$round"
        wait_until stopped_or_not
        [ -z "$told" ] || all_are finished
        cuts Start '{"select": ["web"], "wait": false}' "$round"
        wait_until stopped_or_not
        asks 0 start web
    done
    stop
    nothing_left
}

@test "scale: what is remembered is what is in force" {
    procfile "web: exec sleep 60" "worker: exec sleep 60"
    up
    for round in $(seq 1 "$ROUNDS"); do
        count=$((round % 3 + 2))
        cuts Scale "{\"changes\": [\"web=$count\", \"worker=$count\"], \"wait\": false}" "$round"
        wait_until answers
        wanted=$("$FORMATION" scale --json | sed -n 's/.*"quantity": \([0-9]*\).*/\1/p' | xargs)
        remembered=$(cat "$XDG_STATE_HOME"/formation/*.quantities 2>/dev/null) || remembered=
        remembered=$(sed -n 's/^\(web\|worker\) //p' <<<"$remembered" | xargs)
        [ "${remembered:-1 1}" = "$wanted" ]
        [ -z "$told" ] || [ "$wanted" = "$count $count" ]
        wait_until the_count_is web "${wanted% *}"
    done
    stop
    nothing_left
}
