#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Processes that end though nobody asked them to, or cannot be started at all.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so
load helpers
load life

# policy TYPE KEY…: formation.yaml says this of one type.
policy() {
    printf 'processes:\n  %s: {%s}\n' "$1" "$2" >formation.yaml
}

# pauses NAME: the milliseconds of its pauses, in order.
pauses() {
    text_of "$1" | sed -nE 's/^restarting in ([0-9.]+)(ms|s) .*/\1 \2/p' |
        awk '{ print $2 == "s" ? $1 * 1000 : $1 }'
}

@test "at once the first time, then after pauses that double up to a limit" {
    procfile "web: exit 3"
    policy web 'backoff: {base: 100ms, max: 300ms}'
    start
    wait_for "restarting in" 4
    stop
    [ "$status" -eq 0 ]
    [ "$(text_of web.1 | sed -n 2,3p | sed 's/[0-9]*$//')" = \
        $'exited with code \nstarted with pid ' ]
    text_of web.1 | grep -q "(crash 5 in a row)"
    # ± 10 %; they are shown rounded up
    run -0 pauses web.1
    [ "${lines[0]}" -ge 90 ] && [ "${lines[0]}" -le 111 ]
    [ "${lines[1]}" -ge 180 ] && [ "${lines[1]}" -le 221 ]
    [ "${lines[2]}" -ge 270 ] && [ "${lines[2]}" -le 331 ]
    [ "${lines[3]}" -ge 270 ] && [ "${lines[3]}" -le 331 ]
}

@test "crashes are forgotten once it has run well for a while" {
    echo 'runs=$(cat runs 2>/dev/null || echo 0); echo $((runs + 1)) >runs
        [ $runs != 2 ] || sleep 0.7; [ $runs = 3 ] || exit 1; exec sleep 60' >app
    procfile "web: sh app"
    policy web 'backoff: {base: 100ms, reset: 500ms}'
    start
    wait_for "started with pid" 4
    stop
    # Twice in a row, then it ran well, then once more: at once.
    [ "$(text_of web.1 | grep -c restarting)" -eq 1 ]
    text_of web.1 | grep -q "(crash 2 in a row)"
}

@test "an exit with 0 is a crash, too" {
    procfile "web: true"
    start
    wait_for "started with pid" 2
    stop
    [ "$status" -eq 0 ]
}

@test "on-failure: only if it failed" {
    procfile 'web: [ -e done ] && exit 0; touch done; exit 3' "worker: kill -9 \$\$"
    policy web 'restart: on-failure'
    start web
    ended
    [ "$status" -eq 0 ]
    text_is web.1 "started with pid N" "exited with code 3" "started with pid N" \
        "exited with code 0"
    policy worker 'restart: on-failure'
    start worker
    wait_for "terminated by SIGKILL" 2
    stop
}

@test "never: however it ends; the others run on" {
    procfile "web: exit 3" "worker: exec sleep 60"
    policy web 'restart: never'
    start
    wait_for "exited with code 3"
    worker=$(pid_of worker.1)
    kill -0 "$worker"
    stop
    [ "$status" -eq 0 ]
    [ "$(grep -c "started with" "$OUTPUT")" -eq 2 ]
    text_of worker.1 | grep -qx "terminated by SIGTERM"
}

@test "a crash touches nobody else" {
    procfile "web: $APPS/crasher SEGV 0.1" "worker: exec sleep 60"
    start
    wait_for "terminated by SIGSEGV" 3
    is_gone "$(pid_of web.1 1)"
    kill -0 "$(pid_of worker.1)"
    [ "$(text_of worker.1 | wc -l)" -eq 1 ]
    stop
}

@test "last words stand before the end, with a newline or without" {
    procfile 'web: printf "one\ntwo"; exit 3'
    policy web 'restart: never'
    start
    ended
    text_is web.1 "started with pid N" one two "exited with code 3"
}

@test "never two of one name, though what it left behind ends slowly" {
    procfile "web: $APPS/forker --exit 1 --double"
    start -t 0.3
    wait_for "started with pid" 3
    stop
    # Each child was gone before the next process was started.
    [ "$(text_of web.1 | sed -nE 's/^(started|child|exited|left).*/\1/p' | head -n 8 | xargs)" = \
        "started child exited left started child exited left" ]
    wait_until nothing_left
}

@test "a daemon is reported by name, with what to change, and is ended" {
    procfile "web: exec sleep 60" "queue: $APPS/daemonizer queue.pid"
    policy queue 'restart: never'
    start
    wait_for "daemon "
    daemon=$(text_of queue.1 | sed -n 's/^daemon //p')
    wait_for "left 1 process behind: let it run in the foreground (no daemon mode, no & in its"
    wait_until is_gone "$daemon"
    grep "left 1 process" "$OUTPUT" | grep -q "queue.1"
    stop
    [ "$status" -eq 0 ]
}

@test "what was left behind is asked to stop before it is killed" {
    procfile "web: $APPS/leaver 0.2 & sleep 0.2; exit 0"
    policy web 'restart: never'
    start -t 60
    ended
    text_of web.1 | grep -qx leaving
    text_of web.1 | grep -qx gone
    nothing_left
}

@test "a child that only holds the output open does not keep the process from its end" {
    procfile "web: $APPS/forker --exit 3 --setsid"
    policy web 'restart: never'
    start -t 0.2
    ended
    text_of web.1 | grep -qx "exited with code 3"
    [ "$status" -eq 3 ]
    nothing_left
}

@test "a program that is gone when it is to be started again" {
    printf '#!/bin/sh\nrm "$0"\nsleep 0.1\n' >app
    chmod +x app
    procfile "web: ./app" "worker: exec sleep 60"
    policy web 'backoff: {base: 100ms}'
    start
    wait_for "unknown command: ./app" 2
    text_of web.1 | grep -q "restarting in .* (crash 3 in a row)"
    printf '#!/bin/sh\necho back\nexec sleep 60\n' >new
    chmod +x new
    mv new app
    wait_for "| back"
    stop
    [ "$status" -eq 0 ]
}

@test "a program that is not executable any more, and is not to be started again" {
    printf '#!/bin/sh\n[ ! -x "$0" ] && exit 1; chmod -x "$0"; exit 1\n' >app
    chmod +x app
    procfile "web: ./app"
    policy web 'restart: on-failure, backoff: {base: 1h, max: 1h}'
    start
    wait_for "not executable: ./app"
    stop
    start --compat foreman
    ended
    [ "$status" -ne 0 ]
}

@test "a folder that is gone when it is to be started again" {
    mkdir place
    procfile "web: sleep 0.1; rmdir ../place; exit 1"
    policy web 'directory: place, backoff: {base: 100ms}'
    start
    wait_for "directory gone: $APP/place"
    mkdir place
    wait_for "started with pid" 2
    stop
    [ "$status" -eq 0 ]
}

@test "a script without #! and one of a missing interpreter" {
    echo 'echo plain; exec sleep 60' >plain
    printf '#!%s/nosuch\n' "$APP" >broken
    chmod +x plain broken
    procfile "plain: ./plain"
    start
    wait_for "| plain"
    stop
    procfile "broken: ./broken"
    run -2 "$FORMATION" start
    [[ $output == *"$APP/nosuch"* ]]
}

@test "many that crash at once come back, all of them" {
    procfile 'web: [ -e "$PS" ] && exec sleep 60; touch "$PS"; exit 1'
    start -m web=60
    wait_for "started with pid" 120
    stop
    [ "$(grep -c "exited with code 1" "$OUTPUT")" -eq 60 ]
    nothing_left
}
