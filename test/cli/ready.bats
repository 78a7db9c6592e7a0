#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# When processes are ready, in which order they start, and how it is found out that one no longer
# does its work. `next` comes after `web` and says so; that it came in time is told by files.
# shellcheck disable=SC2016,SC2154,SC2317 # $PORT in quotes is meant so
load helpers
load life

# web COMMAND KEY…: a type `web` of that command and these keys of formation.yaml, and `next` that
# starts once it is ready, if the file `due` is there by then.
web() {
    procfile "web: $1" 'next: [ -e due ] && echo in time || echo too early; exec sleep 60'
    printf 'processes:\n  web: {%s}\n  next: {after: web}\n' "$2" >formation.yaml
    PORT_BASE=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
}

# begin: starts it, at a port that nobody has.
begin() {
    start -p "$PORT_BASE"
}

# in_order: waits until `next` has started, and tells whether it was in time.
in_order() {
    wait_for "| in time"
}

# kill_manager: and waits for the next one.
kill_manager() {
    local old
    old=$(manager_pid)
    kill -KILL "$old"
    wait_until is_gone "$old"
    wait_until manager_pid >/dev/null
}

# while_it_is_deaf COMMAND…: the manager is stopped, the command run, the manager killed.
while_it_is_deaf() {
    local old
    old=$(manager_pid)
    kill -STOP "$old"
    "$@"
    kill -KILL "$old"
}

# state_of PROCESS
state_of() {
    "$FORMATION" ps --json | python3 -c 'import json, sys
print(*[p["state"] for p in json.load(sys.stdin)["processes"] if p["name"] == sys.argv[1]])' "$1"
}

is_in_state() {
    [ "$(state_of "$1")" = "$2" ]
}

@test "tcp: once a connection is accepted" {
    web "$APPS/notifier wait=0.3 touch=due exit=0; exec $APPS/responder x" 'ready: {tcp: true}'
    begin
    in_order
    stop
    [ "$status" -eq 0 ]
}

@test "tcp: also at ::1" {
    [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip "there is no ::1"
    touch due
    web "$APPS/responder -6 x" 'ready: {tcp: true}'
    begin
    in_order
    stop
}

@test "http: once it is answered with 200 to 399" {
    echo 503 >answer
    web "$APPS/responder answer" 'ready: {http: /health, interval: 20ms}'
    begin
    wait_for "listening on"
    touch due
    echo 302 >new
    mv new answer
    in_order
    stop
}

@test "exec: in its directory and environment, once the command ends with 0" {
    mkdir place
    web "touch up; exec $APPS/notifier" 'directory: place, ready: {interval: 20ms,
        exec: "[ $PS = web.1 ] && [ $PORT = $WANTED ] && [ -e up ] && [ -e ../due ]"}'
    export WANTED=$PORT_BASE
    begin
    wait_until [ -e place/up ]
    touch due
    in_order
    stop
    wait_until nothing_left
}

@test "log: once a line matches" {
    web "$APPS/notifier line='not listening yet' until=due line='listening on [::]:80'" \
        'ready: {log: "^listening on .*:[0-9]+$"}'
    begin
    wait_for "not listening yet"
    touch due
    in_order
    stop
}

@test "log: what is far behind in a line does not count, bytes that are no text do no harm" {
    printf '#!/bin/sh\n%s\n' 'printf "%05000dready\n" 0; printf "a\0\377 ready\n"; exec sleep 60' \
        >app
    chmod +x app
    touch due
    web ./app 'ready: {log: "[^0]ready"}'
    begin
    in_order
    stop
}

@test "notify: once it says so, or a child that has ended since" {
    web "$APPS/notifier 'say=STATUS=almost' touch=due 'child=READY=1|STATUS=up'" \
        'ready: {notify: true}'
    begin
    in_order
    stop
    without_cgroups
    begin
    in_order
    stop
    wait_until nothing_left
}

@test "notify: descendants that have fled into a session of their own belong to it" {
    web "setsid -w setsid -w $APPS/notifier touch=due say=READY=1 barrier" 'ready: {notify: true}'
    begin
    in_order
    stop
    without_cgroups
    begin
    in_order
    stop
    wait_until nothing_left
}

@test "notify: of strangers nothing is taken" {
    web 'echo "socket $NOTIFY_SOCKET"; exec sleep 60' 'ready: {notify: true}, boot: 2s'
    begin
    wait_for "socket @"
    socket=$(text_of web.1 | sed -n 's/^socket //p')
    NOTIFY_SOCKET=$socket "$APPS/notifier" say=READY=1 barrier exit=0
    wait_for "was ignored: pid"
    wait_for "not ready within 2s: it has not sent READY=1 to NOTIFY_SOCKET; stopping it"
    stop
    [ "$(text_of web.1 | grep -c "was ignored")" -eq 1 ]
    [ -z "$(text_of next.1)" ]
}

@test "notify: MAINPID is refused with a reason, once; its own pid is no news" {
    touch due
    web "exec $APPS/notifier say=MAINPID=1 'say=MAINPID=2|READY=1'" 'ready: {notify: true}'
    begin
    in_order
    stop
    pid=$(pid_of web.1)
    [ "$(text_of web.1 | grep MAINPID)" = \
        "MAINPID=1 was refused: its main process is pid $pid, which formation has started" ]
    web 'exec python3 -c "$NOTE"' 'ready: {notify: true}'
    export NOTE='import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
s.send(b"MAINPID=%d\nREADY=1\n" % os.getpid())
time.sleep(60)'
    begin
    in_order
    stop
    run ! grep MAINPID <(text_of web.1)
}

@test "notify: what is unknown is ignored, descriptors are closed at once" {
    touch due
    web "$APPS/notifier say=X_FOO=1 say= say=READY=0 'say=|||' barrier line=closed say=READY=1" \
        'ready: {notify: true}'
    begin
    wait_for "| closed"
    in_order
    stop
}

@test "notify: a flood does not keep others waiting" {
    touch due
    procfile "web: $APPS/notifier flood=5000 say=READY=1" \
        'next: cat due; echo in time; exec sleep 60' \
        "loud: while :; do $APPS/notifier flood=1000 exit=0; done"
    cat >formation.yaml <<'END'
processes:
  web: {ready: {notify: true}}
  loud: {ready: {notify: true}, boot: 1h}
  next: {after: web}
END
    start
    in_order
    stop
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

@test "notify: reloading, it is not ready; then it is again" {
    web "$APPS/notifier say=READY=1 until=go wait=1.1 say=RELOADING=1 until=over say=READY=1" \
        'ready: {notify: true}'
    touch due go
    begin
    in_order
    wait_until is_in_state web.1 running
    touch over
    wait_until is_in_state web.1 ready
    stop
}

@test "notify: one that is leaving is not ready, and not looked at" {
    touch due
    web "$APPS/notifier say=READY=1 until=go say=STOPPING=1" \
        'ready: {notify: true}, alive: {exec: "! [ -e go ]", interval: 20ms}'
    begin
    in_order
    wait_until is_in_state web.1 ready
    sed -i 's/alive.*/alive: {exec: "true"}}/' formation.yaml
    "$FORMATION" reload
    touch go
    wait_until is_in_state web.1 running
    stop
    run ! grep stopping <(text_of web.1)
}

@test "the environment has a NOTIFY_SOCKET where it is used, and ours nowhere" {
    export NOTIFY_SOCKET=/nowhere WATCHDOG_USEC=1 WATCHDOG_PID=1
    touch due
    web "$APPS/notifier say=READY=1" 'ready: {notify: true}, watchdog: 90s'
    procfile 'web: echo "$WATCHDOG_USEC ${WATCHDOG_PID-none}"; exec '"$APPS/notifier say=READY=1" \
        'next: echo "in time [$NOTIFY_SOCKET$WATCHDOG_USEC$WATCHDOG_PID]"; exec sleep 60'
    begin
    in_order
    text_of web.1 | grep -qx "90000000 none"
    text_of next.1 | grep -qx "in time \[\]"
    stop
}

@test "boot: it is stopped, told why, and counts as a crash" {
    web "sleep 60" 'ready: {tcp: true, interval: 20ms}, boot: 200ms, backoff: {base: 100ms}'
    begin
    wait_for "not ready within 200ms: connection to port $PORT_BASE refused; stopping it"
    wait_for "(crash 2 in a row)"
    stop
    [ -z "$(text_of next.1)" ]
}

# told KEYS REASON: of a process that does not become ready
told() {
    web "${3-sleep 60}" "$1, boot: 300ms"
    begin
    wait_for "not ready within 300ms: ${2//PORT/$PORT_BASE}; stopping it"
    stop
}

@test "boot: why it is not ready is told for each kind" {
    told 'ready: {http: /health}' "GET /health at port PORT: connection refused"
    echo 503 >answer
    told 'ready: {http: /health}' "GET /health at port PORT: answered 503" \
        "exec $APPS/responder answer"
    echo hang >answer
    told 'ready: {http: /, timeout: 50ms}' "GET / at port PORT: no answer within 50ms" \
        "exec $APPS/responder answer"
    echo close >answer
    told 'ready: {http: /}' "GET / at port PORT: closed without an answer" \
        "exec $APPS/responder answer"
    told 'ready: {exec: exit 7}' "'exit 7' exited with code 7"
    told 'ready: {exec: kill -9 $$}' "'kill -9 \$\$' terminated by SIGKILL"
    told 'ready: {exec: sleep 60, timeout: 50ms}' "'sleep 60' has not ended within 50ms"
    told 'ready: {log: up}' "no line of its output matched 'up'"
    told 'ready: {notify: true}' "it has not sent READY=1 to NOTIFY_SOCKET"
}

@test "boot: it may ask for more time" {
    web "$APPS/notifier say=EXTEND_TIMEOUT_USEC=600000000 wait=1.5 touch=due say=READY=1" \
        'ready: {notify: true}, boot: 1s'
    begin
    in_order
    kill_manager
    stop
    run ! grep "not ready" "$OUTPUT"
}

@test "alive: after so many failures in a row it is stopped, and started again" {
    touch due
    web "exec $APPS/responder answer" \
        'ready: {tcp: true}, alive: {http: /health, interval: 20ms, failures: 3}'
    begin
    in_order
    echo 500 >new
    mv new answer
    wait_for "GET /health at port $PORT_BASE: answered 500, 3 times in a row; stopping it"
    rm answer
    wait_for "web.1  | started with pid" 2
    wait_until is_in_state web.1 ready
    stop
}

@test "alive: a hanging one is found out, without anybody waiting for it" {
    touch due
    web "exec $APPS/responder answer" \
        'ready: {tcp: true}, alive: {http: /, interval: 20ms, timeout: 50ms, failures: 2}'
    begin
    in_order
    echo hang >new
    mv new answer
    wait_for "GET / at port $PORT_BASE: no answer within 50ms, 2 times in a row; stopping it"
    stop
}

@test "alive: by a command; without ready it is looked at from the start" {
    procfile "web: touch ok; exec sleep 60"
    echo 'processes: {web: {alive: {exec: "[ -e ok ]", interval: 20ms, failures: 1}}}' \
        >formation.yaml
    start
    wait_until [ -e ok ]
    rm ok
    wait_for "'[ -e ok ]' exited with code 1; stopping it"
    wait_until [ -e ok ]
    stop
}

@test "watchdog: who gives no sign of life is stopped" {
    touch due
    web "rm -f quiet; exec $APPS/notifier say=READY=1 ping=0.05" \
        'ready: {notify: true}, watchdog: 500ms'
    begin
    in_order
    kill_manager
    wait_until is_in_state web.1 ready
    touch quiet
    wait_for "no WATCHDOG=1 within 500ms; stopping it"
    wait_for "web.1  | started with pid" 2
    stop
    [ "$(text_of web.1 | grep -c 'no WATCHDOG')" -eq 1 ]
}

@test "watchdog: it may be triggered, and needs no ready" {
    procfile "web: $APPS/notifier until=go say=WATCHDOG=trigger"
    echo 'processes: {web: {watchdog: 1h, restart: never}}' >formation.yaml
    touch go
    start
    wait_for "it has asked for it by WATCHDOG=trigger; stopping it"
    ended
    wait_until nothing_left
}

@test "watchdog: a manager that was stopped for long blames nobody" {
    touch due
    web "exec $APPS/notifier say=READY=1 ping=0.02" 'ready: {notify: true}, watchdog: 200ms'
    begin
    in_order
    manager=$(manager_pid)
    kill -STOP "$manager"
    sleep 0.5 # longer than the watchdog
    kill -CONT "$manager"
    "$FORMATION" ps >/dev/null
    wait_until is_in_state web.1 ready
    stop
    run ! grep WATCHDOG <(text_of web.1)
}

@test "what is said while there is no manager is heard by the next one" {
    web "$APPS/notifier until=go say=READY=1 touch=said" 'ready: {notify: true}'
    touch due
    begin
    wait_for "web.1  | started"
    say_it() {
        touch go
        wait_until [ -e said ]
    }
    while_it_is_deaf say_it
    in_order
    stop
}

@test "a line that is written while there is no manager is heard by the next one" {
    web "$APPS/notifier line=up until=go 'line=ready now' touch=said" 'ready: {log: ^ready}'
    touch due
    begin
    wait_for "| up"
    say_it() {
        touch go
        wait_until [ -e said ]
    }
    while_it_is_deaf say_it
    in_order
    stop
}

@test "a new manager goes on looking, by each kind" {
    procfile "web: exec $APPS/responder answer" \
        "tcp: until [ -e go ]; do sleep 0.05; done; exec $APPS/responder x" \
        "exec: exec sleep 60" "log: $APPS/notifier until=go line=ready" \
        "notify: $APPS/notifier until=go say=READY=1" \
        'next: [ -e go ] && echo in time; exec sleep 60'
    cat >formation.yaml <<'END'
processes:
  web: {ready: {http: /, interval: 20ms}}
  tcp: {ready: {tcp: true, interval: 20ms}}
  exec: {ready: {exec: "[ -e go ]", interval: 20ms}}
  log: {ready: {log: ready}}
  notify: {ready: {notify: true}}
  next: {after: [web, tcp, exec, log, notify]}
END
    PORT_BASE=$(python3 -c 'import random; print(random.randrange(10000, 30000))')
    echo 503 >answer
    begin
    wait_for "started with pid" 5
    kill_manager
    echo 200 >new
    mv new answer
    touch go
    in_order
    kill_manager
    wait_until is_in_state next.1 ready
    is_in_state web.1 ready
    stop
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 6 ]
    wait_until nothing_left
}

@test "a restarted process has to become ready anew" {
    web "rm -f up; echo born; exec $APPS/notifier until=up say=READY=1" 'ready: {notify: true}'
    touch due
    begin
    wait_for "| born"
    touch up
    in_order
    wait_until is_in_state web.1 ready
    "$FORMATION" restart --no-wait web.1
    wait_for "| born" 2
    is_in_state web.1 running
    touch up
    wait_until is_in_state web.1 ready
    stop
}

# none TEXT: whether no process of this test has that argument
none() {
    local pid
    for pid in $(pids_left); do
        ! tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qx -- "$1" || return 1
    done
}

some() {
    ! none "$1"
}

@test "a command that hangs is ended, with all that it has started" {
    web "exec sleep 60" 'ready: {exec: "setsid -f sleep 1001; touch up; sleep 1002; true",
        timeout: 500ms, interval: 1h}'
    begin
    wait_until [ -e up ]
    wait_until none 1002
    wait_until none 1001
    kill -0 "$(pid_of web.1)"
    stop
    wait_until nothing_left
}

@test "a command that runs while its process or the manager ends is ended" {
    web "$APPS/notifier until=go exit=3" \
        'ready: {exec: "sleep 1003; true", timeout: 1h}, backoff: {base: 1h, max: 1h}'
    begin
    wait_until some 1003
    touch go
    wait_for "exited with code 3" 2
    wait_until none 1003
    run ! grep "behind" "$OUTPUT"
    stop
    rm go
    begin
    wait_until some 1003
    first=$(manager_pid)
    kill -KILL "$first"
    wait_until manager_pid
    wait_until some 1003
    stop
    wait_until nothing_left
}

# descriptors PID
descriptors() {
    local all=(/proc/"$1"/fd/*)
    echo ${#all[@]}
}

lines_of() {
    [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

@test "hundreds of looks, messages and restarts leave no descriptor and no process" {
    procfile "web: exec $APPS/responder answer" \
        "exec: exec $APPS/notifier say=READY=1 ping=0.01" \
        "crash: $APPS/notifier say=READY=1 barrier exit=1"
    cat >formation.yaml <<'END'
processes:
  web: {ready: {http: /}, alive: {http: /, interval: 10ms}}
  exec:
    ready: {notify: true}
    alive: {exec: "echo x >>looks; sleep 1004 & :", interval: 10ms}
    watchdog: 1m
  crash: {ready: {notify: true}, backoff: {base: 1ms, max: 1ms}}
END
    PORT_BASE=$(python3 -c 'import random; print(random.randrange(10000, 30000))')
    begin
    wait_until lines_of looks 30
    guard_before=$(descriptors "$formation")
    before=$(descriptors "$(manager_pid)")
    wait_until lines_of looks 330
    # one of each kind may be under way in either moment
    [ "$(descriptors "$(manager_pid)")" -le $((before + 6)) ]
    [ "$(descriptors "$formation")" -le $((guard_before + 4)) ]
    [ "$(children "$(manager_pid)" | wc -w)" -le 1 ]
    wait_for "crash.1 | exited" 20
    stop
    wait_until nothing_left
}

@test "a reload changes how processes are looked at, and touches none" {
    touch due
    web "echo one; exec $APPS/notifier until=go line=two" 'ready: {log: never}'
    begin
    wait_for "| one"
    sed -i 's/never/two/' formation.yaml
    "$FORMATION" reload --no-wait
    touch go
    in_order
    stop
    [ "$(text_of web.1 | grep -c started)" -eq 1 ]
}
