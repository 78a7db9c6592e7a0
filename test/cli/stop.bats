#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# How a formation ends when it is asked to, and with which status.
# shellcheck disable=SC2016,SC2034,SC2154 # PREFIX belongs to helpers.bash
load helpers
load life

# since MOMENT: milliseconds that passed since $EPOCHREALTIME was MOMENT.
since() {
    echo $(((${EPOCHREALTIME/./} - ${1/./}) / 1000))
}

@test "each signal that asks for the end is told, and the stop is orderly" {
    procfile "web: exec sleep 60" "worker: exec sleep 60"
    for signal in TERM INT HUP QUIT; do
        start
        wait_for "started with pid" 2
        stop $signal
        [ "$status" -eq 0 ]
        text_is system "SIG$signal received, starting shutdown" "sending SIGTERM to all processes"
        text_is web.1 "started with pid N" "terminated by SIGTERM"
        text_is worker.1 "started with pid N" "terminated by SIGTERM"
        nothing_left
    done
}

@test "who needs a moment has it, and its last words are shown" {
    procfile "web: $APPS/leaver 0.4"
    start
    wait_for "| leaver"
    stop
    [ "$status" -eq 0 ]
    [ "$(text_of web.1 | tail -n 3)" = $'leaving\ngone\nexited with code 0' ]
}

@test "a second interrupt kills at once" {
    procfile "web: $APPS/stubborn" "worker: $APPS/forker --setsid"
    start -t 60
    wait_for "| stubborn"
    wait_for "| child"
    kill -INT "$formation"
    wait_for "SIGINT received, starting shutdown"
    interrupt_again
    [ "$status" -eq 130 ]
    text_of system | grep -qx "sending SIGKILL to all processes"
    text_of web.1 | grep -qx "terminated by SIGKILL"
    nothing_left
}

@test "a key that comes twice, by way of a parent once more, is one" {
    procfile "web: $APPS/leaver 0.5"
    start -t 60
    wait_for "| leaver"
    kill -INT "$formation"
    wait_for "SIGINT received, starting shutdown"
    stop INT
    [ "$status" -eq 0 ]
    text_of web.1 | grep -qx gone
}

@test "a second TERM does not make it impatient" {
    procfile "web: $APPS/leaver 0.5"
    start -t 60
    wait_for "| leaver"
    kill -TERM "$formation"
    wait_for "leaving"
    stop TERM
    [ "$status" -eq 0 ]
    [ "$(text_of web.1 | tail -n 2)" = $'gone\nexited with code 0' ]
}

@test "Ctrl-C on a terminal reaches the processes once, through us" {
    echo 'trap "echo interrupted" INT; trap "echo asked; exit 0" TERM; echo up
        while :; do sleep 0.05; done' >app
    procfile "web: sh app"
    run -0 terminal '| up=\x03' -- "$FORMATION" start --no-color
    [[ $output == *"SIGINT received, starting shutdown"* ]]
    [[ $output == *"| asked"* && $output != *interrupted* ]]
}

@test "Ctrl-C twice on a terminal kills" {
    procfile "web: $APPS/stubborn"
    # The second one at the notice that comes after a second.
    run -130 terminal '| stubborn=\x03' 'waiting for web.1=\x03' -- \
        "$FORMATION" start --no-color -t 60
    [[ $output == *"terminated by SIGKILL"* ]]
    nothing_left
}

@test "SIGKILL comes after the grace, not before, and to the whole tree" {
    procfile "web: $APPS/stubborn" "worker: $APPS/forker --double --setsid"
    start -t 0.5
    wait_for "| stubborn"
    wait_for "| child"
    asked=$EPOCHREALTIME
    stop
    [ "$(since "$asked")" -ge 500 ]
    [ "$status" -eq 0 ]
    text_of web.1 | grep -qx "terminated by SIGKILL"
    text_of worker.1 | grep -qx "terminated by SIGTERM"
    text_of system | grep -qxE "sending SIGKILL to (web.1|worker.1|web.1, worker.1)"
    nothing_left
}

@test "each type has its own stop signal and grace" {
    echo 'trap "echo got $1; exit 0" $1; echo up; while :; do sleep 0.05; done' >app
    procfile "web: sh app INT" "worker: sh app USR2" "job: $APPS/stubborn"
    cat >formation.yaml <<'END'
processes:
  web: {stop: {signal: INT}}
  worker: {stop: {signal: USR2}}
  job: {stop: {signal: KILL, grace: 60s}}
END
    start
    wait_for "| up" 2
    wait_for "| stubborn"
    stop
    [ "$status" -eq 0 ]
    text_of web.1 | grep -qx "got INT"
    text_of worker.1 | grep -qx "got USR2"
    text_of job.1 | grep -qx "terminated by SIGKILL"
}

@test "who blocks the end is named" {
    procfile "web: exec sleep 60" "worker: $APPS/stubborn"
    start -t 1.5
    wait_for "| stubborn"
    stop
    [ "$(text_of system | tail -n 2)" = $'waiting for worker.1\nsending SIGKILL to worker.1' ]
}

@test "a stop does not wait for a pause between crashes" {
    procfile "web: $APPS/crasher 1" "worker: exec sleep 60"
    printf 'processes:\n  web: {backoff: {base: 1h, max: 1h}}\n' >formation.yaml
    start
    wait_for "restarting in"
    stop
    [ "$status" -eq 0 ]
    [ "$(text_of web.1 | grep -c started)" -eq 2 ]
}

@test "a stop in the middle of the start" {
    procfile "web: exec sleep 60" "worker: exec sleep 60"
    start -m all=100
    wait_for "started with pid"
    stop
    [ "$status" -eq 0 ]
    [ "$(grep -c 'started with' "$OUTPUT")" -eq "$(grep -c 'terminated by' "$OUTPUT")" ]
    nothing_left
}

@test "a stop at any moment of the very beginning" {
    procfile "web: exec sleep 60" "worker: $APPS/forker"
    for pause in 0 1 2 3 4 5 6 8 10 15; do
        start -t 0.2
        sleep 0.0"$pause"
        stop
        # Before it is the guard, the signal does what it does to any program.
        [ "$status" -eq 0 ] || [ "$status" -eq 143 ]
        wait_until nothing_left
    done
}

@test "a stopped process is stopped" {
    procfile "web: $APPS/leaver 0" "worker: exec sleep 60"
    start -t 60
    wait_for "| leaver"
    wait_for "started with pid" 2
    kill -STOP "$(pid_of web.1)" "$(pid_of worker.1)"
    stop
    [ "$status" -eq 0 ]
    text_of web.1 | grep -qx "exited with code 0"
    text_of worker.1 | grep -qx "terminated by SIGTERM"
}

@test "a stopped process is killed, with what it started" {
    procfile "web: $APPS/forker --setsid"
    start -t 60
    wait_for "| child"
    kill -STOP "$(pid_of web.1)" "$(text_of web.1 | sed -n 's/child //p')"
    kill -INT "$formation"
    wait_for "SIGINT received"
    interrupt_again
    [ "$status" -eq 130 ]
    nothing_left
}

@test "a stop while a process is being stopped for what it left behind" {
    procfile "web: $APPS/forker --exit 0 --setsid"
    start -t 0.5
    wait_for "left 1 process behind"
    stop
    [ "$status" -eq 0 ]
    [ "$(text_of web.1 | grep -c started)" -eq 1 ]
    nothing_left
}

@test "when all have ended by themselves, the first failure is the exit status" {
    procfile "web: true" "worker: sleep 0.1; exit 4" "job: sleep 0.4; exit 5"
    printf 'processes:\n  web: {restart: never}\n  worker: {restart: never}\n' >formation.yaml
    echo '  job: {restart: on-failure}' >>formation.yaml
    start --except job
    ended
    [ "$status" -eq 4 ]
    start web
    ended
    [ "$status" -eq 0 ]
    procfile "web: kill -KILL \$\$"
    rm formation.yaml
    start --compat foreman
    ended
    [ "$status" -eq 137 ]
}

@test "a process that ends as one is stopped does not count" {
    procfile "web: $APPS/leaver 0 7" "worker: exec sleep 60"
    start
    wait_for "| leaver"
    stop
    text_of web.1 | grep -qx "exited with code 7"
    [ "$status" -eq 0 ]
}

@test "nothing was started: 2, as Foreman 1" {
    run -2 "$FORMATION" start
    run -1 "$FORMATION" start --compat foreman
    [ "$output" = "ERROR: Procfile does not exist." ]
    procfile "web: exec sleep 60"
    run -2 "$FORMATION" start nosuch
    run -2 "$FORMATION" start web=x
    run -2 "$FORMATION" start -m web=0
    run -1 "$FORMATION" start --compat foreman nosuch
}

@test "USR1 is forwarded, as Foreman USR2 too" {
    echo 'trap "echo got USR1" USR1; trap "echo got USR2" USR2; echo up
        while :; do sleep 0.05; done' >app
    procfile "web: sh app"
    start --compat foreman
    wait_for "| up"
    kill -USR1 "$formation"
    wait_for "| got USR1"
    kill -USR2 "$formation"
    wait_for "| got USR2"
    stop
    text_of system | grep -qx "USR1 received, forwarding it to children"
    start
    wait_for "| up"
    kill -USR1 "$formation"
    wait_for "| got USR1"
    stop
}

@test "Ctrl-Z stops the supervisor, and fg goes on" {
    procfile "web: exec sleep 60"
    set -m # a job of its own: the kernel stops none whose group has no parent in the session
    start
    set +m
    wait_for "started with pid"
    kill -TSTP "$formation"
    wait_until grep -q '^State:.T' "/proc/$formation/status"
    kill -CONT "$formation"
    stop
    [ "$status" -eq 0 ]
}

@test "nohup keeps it running when the terminal goes" {
    procfile "web: exec sleep 60"
    PREFIX=(nohup)
    start
    wait_for "started with pid"
    kill -HUP "$formation"
    kill -USR1 "$formation" # comes later than the other
    wait_for "USR1 received"
    [ -z "$(text_of system | grep SIGHUP || true)" ]
    stop
    [ "$status" -eq 0 ]
}
