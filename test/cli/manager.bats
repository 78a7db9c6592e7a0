#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manager may be killed at any moment: the guard starts another, which goes on with the same
# processes, and nobody notices.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so
load helpers
load life

# is_managed_anew PID: whether another manager than this one is there.
is_managed_anew() {
    local now
    now=$(manager_pid) && [ "$now" != "$1" ]
}

# kill_manager: and wait for the next one.
kill_manager() {
    local old
    old=$(manager_pid)
    kill -KILL "$old"
    wait_until is_managed_anew "$old"
}

# has_written FILE LINES: whether a chatty with that state has come so far.
has_written() {
    [ -s "$1" ] && [ "$(od -An -tu8 "$1")" -ge "$2" ]
}

# grows: whether there is more output than a moment ago.
grows() {
    local size
    size=$(stat -c %s "$OUTPUT")
    sleep 0.01
    [ "$(stat -c %s "$OUTPUT")" -gt "$size" ]
}

@test "the processes run on, and are stopped in order later" {
    procfile "web: $APPS/leaver" "worker: $APPS/stubborn"
    start -t 0.3
    wait_for "| leaver"
    wait_for "| stubborn"
    web=$(pid_of web.1)
    kill_manager
    kill -0 "$web"
    stop
    [ "$status" -eq 0 ]
    text_is system "SIGTERM received, starting shutdown" "sending SIGTERM to all processes" \
        "sending SIGKILL to worker.1"
    [ "$(text_of web.1 | tail -n 3)" = $'leaving\ngone\nexited with code 0' ]
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 2 ]
    nothing_left
}

@test "what happens while there is no manager is found out later" {
    echo 'echo $$ up; read -r go <fifo; echo $go; exit 3' >app
    mkfifo fifo
    procfile "web: exec sh app" "worker: exec sleep 60"
    start
    wait_for " up"
    web=$(pid_of web.1)
    kill -STOP "$formation" # so that the guard starts no other for now
    kill -KILL "$(manager_pid)"
    echo "last words" >fifo
    wait_until is_gone "$web"
    kill -USR1 "$formation"
    kill -CONT "$formation"
    wait_for " up" 2
    stop KILL || true
    [ "$(text_of web.1 | sed -n 3,5p | sed 's/[0-9]*$//')" = \
        $'last words\nexited with code \nstarted with pid ' ]
    text_of system | grep -q "USR1 received"
}

@test "crashes are counted on, pauses end when they were to" {
    procfile "web: exit 3"
    printf 'processes:\n  web: {backoff: {base: 500ms}}\n' >formation.yaml
    start
    wait_for "(crash 2 in a row)"
    kill_manager
    wait_for "(crash 3 in a row)"
    stop
    text_is web.1 "started with pid N" "exited with code 3" "started with pid N" \
        "exited with code 3" "$(text_of web.1 | sed -n 5p)" \
        "started with pid N" "exited with code 3" "$(text_of web.1 | sed -n 8p)"
}

@test "the Procfile may be gone meanwhile, or broken" {
    procfile 'web: echo $PORT; exec sleep 60'
    echo "PORT=7000" >.env
    start
    wait_for "| 7000"
    rm Procfile .env
    kill_manager
    kill -KILL "$(pid_of web.1)"
    wait_for "| 7000" 2
    procfile "this is none"
    kill_manager
    kill -KILL "$(pid_of web.1)"
    wait_for "| 7000" 3
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "a stop goes on, with the grace that is left" {
    procfile "web: $APPS/leaver 0.6" "worker: $APPS/stubborn"
    start -t 3
    wait_for "| leaver"
    wait_for "| stubborn"
    began=$EPOCHREALTIME
    kill -TERM "$formation"
    wait_for "| leaving"
    kill -KILL "$(manager_pid)" # the next one is gone, too, before a busy machine has seen it
    ended
    [ "$status" -eq 0 ]
    took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
    [ "$took" -ge 3000 ]
    text_of web.1 | grep -qx "gone"
    text_of worker.1 | grep -qx "terminated by SIGKILL"
    [ "$(grep -c "SIGTERM received" "$OUTPUT")" -eq 1 ]
    nothing_left
}

@test "a second interrupt counts, also if a manager died in between" {
    procfile "web: $APPS/stubborn"
    start -t 60
    wait_for "| stubborn"
    kill -INT "$formation"
    wait_for "sending SIGTERM"
    kill_manager
    interrupt_again
    [ "$status" -eq 130 ]
    nothing_left
}

@test "a manager that dies while it starts what is to run" {
    procfile "web: exec sleep 60"
    for pause in 0 2 4 6 8 10; do
        start -m web=40
        wait_until manager_pid >/dev/null
        sleep 0.0"$pause"
        manager=$(manager_pid) && kill -KILL "$manager"
        if wait_until eval 'is_gone "$formation" || shows "started with pid" 40'; then
            is_gone "$formation" || kill -TERM "$formation"
        fi
        ended
        # Before it was up, there was no formation yet.
        [ "$status" -eq 0 ] || grep -q "^formation: the manager was killed before" "$OUTPUT"
        [ "$(grep -c "started with pid" "$OUTPUT")" -le 40 ]
        nothing_left
    done
}

@test "a hundred deaths: the same processes, every line once and in order" {
    mkdir state
    count=300000
    options="--state state/\$PS --crash 30000 --unfinished --pause 5000 --stay"
    procfile "web: exec $APPS/chatty $count $options" \
        "worker: while echo tick; do sleep 0.02; done" # so that there is always output
    printf 'processes:\n  web: {backoff: {base: 1ms, max: 1ms}}\n' >formation.yaml
    start -m web=2,worker=1
    wait_for "started with pid" 3
    worker=$(pid_of worker.1)
    for ((deaths = 0; deaths < 100; deaths++)); do
        wait_until manager_pid >manager
        kill -KILL "$(cat manager)" || true
        sleep 0.0$((RANDOM % 6))$((RANDOM % 10))
        ((deaths % 4)) || wait_until grows # now and then one comes up for certain
    done
    wait_until has_written state/web.1 "$count"
    wait_until has_written state/web.2 "$count"
    kill -0 "$worker"
    stop
    [ "$status" -eq 0 ]
    "$APPS/checker" 2 "$count" <"$OUTPUT"
    # As many starts as ends, of pids that are all different; none that was not due.
    for name in web.1 web.2; do
        [ "$(text_of $name | grep -c "^started")" -eq \
            "$(text_of $name | grep -cE "^(exited with|terminated by)")" ]
        [ -z "$(text_of $name | grep "^started" | sort | uniq -d)" ]
    done
    [ "$(text_of worker.1 | grep -c started)" -eq 1 ]
    nothing_left
}

# without_manager: one that ignores no signal and one that hides run, and no manager comes up.
without_manager() {
    procfile "web: $APPS/leaver 0.1" "worker: $APPS/forker --double --setsid"
    start -t 0.2
    wait_for "| leaver"
    wait_for "| child"
    # Whatever the guard starts from now on has no memory.
    prlimit --pid "$formation" --data=4096:
    kill -KILL "$(manager_pid)"
    PATIENCE=30 wait_until grep -qx "formation: the manager ended at once each time that it was \
started; the processes run on, and it is tried again" "$OUTPUT"
    kill -0 "$(pid_of web.1)"
    kill -0 "$(pid_of worker.1)"
}

@test "none comes up again: it is said, and the processes run on until they are to end" {
    without_sanitizers "they get no memory at the end"
    without_manager
    stop
    [ "$status" -eq 71 ]
    grep -qx "formation: the manager ended at once each time that it was started: all .* ended" \
        "$OUTPUT"
    nothing_left
}

@test "none comes up for a while: the one that does goes on with the same processes" {
    without_manager
    web=$(pid_of web.1)
    prlimit --pid "$formation" --data=unlimited:
    PATIENCE=30 wait_until "$FORMATION" status >said
    grep -qE "manager [0-9]+, which was restarted [0-9]+ times" said
    run -0 "$FORMATION" events
    [[ $output == *"the manager was restarted, as "*" have died, the last one "*"; the"* ]]
    [ "$(pid_of web.1)" = "$web" ]
    kill -0 "$web"
    stop
    [ "$status" -eq 0 ]
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 2 ]
    nothing_left
}

# answers PID: whether another manager than this one answers.
answers() {
    is_managed_anew "$1" && "$FORMATION" ps >said 2>&1
}

@test "five in a row within a second or so: each time the next one answers at once" {
    procfile "web: exec sleep 60" "flood: while :; do seq 1000; sleep 0.01; done"
    start -m web=10,flood=1
    wait_for "started with pid" 11
    wait_until "$FORMATION" ps >said
    pids=$(grep -o "started with pid .*" "$OUTPUT" | sort)
    for _ in 1 2 3 4 5; do
        manager=$(manager_pid)
        began=${EPOCHREALTIME/./}
        kill -KILL "$manager"
        wait_until answers "$manager"
        # test/revival measures; a machine that does other things, too, is given its time
        [ $((${EPOCHREALTIME/./} - began)) -lt 3000000 ]
    done
    grep -qF web.10 said
    run -0 "$FORMATION" events --json
    how='"count":[1-5],"exit":{"signal":"SIGKILL","core":false}'
    [ "$(grep -c "\"kind\":\"manager-restarted\",$how" <<<"$output")" -eq 5 ]
    stop
    [ "$status" -eq 0 ]
    [ "$(grep -o "started with pid .*" "$OUTPUT" | sort)" = "$pids" ]
    nothing_left
}
