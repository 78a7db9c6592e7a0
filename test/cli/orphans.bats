#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# However a formation ends, nothing of it is left: neither who ignores SIGTERM, nor who forked twice
# or called setsid, nor who holds the output open. Each way is tried twice: with cgroups where they
# can be had, and without, where the mark in the environment is all there is.
# shellcheck disable=SC2016,SC2034,SC2154 # PREFIX belongs to helpers.bash
load helpers
load life

# One type for each way to hide. What the descendants print tells their pids.
hiders() {
    procfile "ignores: $APPS/stubborn" \
        "child: $APPS/forker" \
        "double: $APPS/forker --double" \
        "session: $APPS/forker --setsid" \
        "both: $APPS/forker --double --setsid" \
        "silent: $APPS/forker --double --setsid --silent" \
        "shell: $APPS/stubborn & $APPS/stubborn; true"
}

# start_hiders [ARGUMENT…]: the formation runs, with all that is hard to end.
start_hiders() {
    hiders
    start -t 0.3 "$@"
    wait_for "started with pid" 7
    wait_for "| stubborn" 3
    wait_for "| child" 5
}

# nothing_survives: of all that was started; what was ended by the kernel's or another's hand may
# take a moment.
nothing_survives() {
    wait_until nothing_left
    local pid
    sed -nE 's/^.*\| (stubborn|child|started with pid) ([0-9]+)$/\2/p' "$OUTPUT" >pids
    while read -r pid; do
        is_gone "$pid"
    done <pids
}

after_a_stop() {
    start_hiders
    stop
    [ "$status" -eq 0 ]
    nothing_left
    nothing_survives
}

@test "after a stop" { after_a_stop; }
@test "after a stop, without cgroups" {
    without_cgroups
    after_a_stop
}

after_a_second_interrupt() {
    start_hiders -t 60
    kill -INT "$formation"
    wait_for "SIGINT received"
    interrupt_again
    [ "$status" -eq 130 ]
    nothing_left
    nothing_survives
}

@test "after a second Ctrl-C" { after_a_second_interrupt; }
@test "after a second Ctrl-C, without cgroups" {
    without_cgroups
    after_a_second_interrupt
}

after_the_guards_death() {
    start_hiders
    manager=$(manager_pid)
    kill -KILL "$formation"
    nothing_survives
    is_gone "$manager"
    grep -q "the guard was killed; all processes were ended" "$OUTPUT"
}

@test "when the guard is killed" { after_the_guards_death; }
@test "when the guard is killed, without cgroups" {
    without_cgroups
    after_the_guards_death
}

after_the_managers_death() {
    start_hiders
    kill -KILL "$(manager_pid)"
    stop
    [ "$status" -eq 0 ]
    nothing_left
    nothing_survives
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 7 ]
}

@test "when the manager is killed, then a stop" { after_the_managers_death; }
@test "when the manager is killed, then a stop, without cgroups" {
    without_cgroups
    after_the_managers_death
}

after_both_deaths() {
    for order in "guard first" "manager first"; do
        start_hiders
        manager=$(manager_pid)
        if [ "$order" = "guard first" ]; then
            kill -KILL "$formation" "$manager"
        else
            kill -KILL "$manager" "$formation"
        fi
        nothing_survives
    done
}

@test "when guard and manager are killed at once" { after_both_deaths; }
@test "when guard and manager are killed at once, without cgroups" {
    without_cgroups
    after_both_deaths
}

# Nobody is left who could end the trees; the next formation in the same place does.
after_all_deaths() {
    start_hiders
    witness=$(witness_pid)
    kill -STOP "$witness" # it would begin at once
    kill -KILL "$formation" "$(manager_pid)"
    kill -KILL "$witness"
    wait_until is_gone "$(pid_of double.1)"
    survivor=$(text_of double.1 | sed -n 's/^child //p')
    ! is_gone "$survivor" # else this tests nothing
    cp "$OUTPUT" before
    procfile "web: exec sleep 60"
    start
    wait_for "started with pid"
    stop
    [ "$status" -eq 0 ]
    nothing_left
    cp before "$OUTPUT"
    nothing_survives
}

@test "when guard, manager and witness are killed, then the next start" { after_all_deaths; }
@test "when guard, manager and witness are killed, then the next start, without cgroups" {
    without_cgroups
    after_all_deaths
}

beside_another() {
    procfile "web: $APPS/forker --double"
    start
    wait_for "| child"
    first=$formation
    mkdir other
    echo "web: exec sleep 60" >other/Procfile
    OUTPUT=$OUTPUT.other start -d other
    wait_until grep -qs "started with pid" "$OUTPUT.other"
    stop
    formation=$first
    child=$(text_of web.1 | sed -n 's/^child //p')
    kill -0 "$child"
    stop
    [ "$(text_of web.1 | grep -c started)" -eq 1 ]
}

@test "the next start leaves a formation alone that runs" {
    beside_another
}
@test "the next start leaves a formation alone that runs, without cgroups" {
    without_cgroups
    beside_another
}

after_the_witness_death() {
    start_hiders
    witness=$(witness_pid)
    kill -KILL "$witness"
    wait_until eval '[ "$(witness_pid)" ] && [ "$(witness_pid)" != "$witness" ]'
    kill -KILL "$formation" "$(manager_pid)"
    nothing_survives
}

@test "when the witness is killed there is another" { after_the_witness_death; }
@test "when the witness is killed there is another, without cgroups" {
    without_cgroups
    after_the_witness_death
}

# The reader of our output goes away; what is written next ends the formation.
after_the_output_is_closed() {
    hiders
    echo "ticker: while echo tick; do sleep 0.05; done" >>Procfile
    mkfifo pipe
    "${PREFIX[@]}" "$FORMATION" start -t 0.3 >pipe 2>errors </dev/null 3>&- &
    formation=$!
    exec 7<pipe
    while read -r line <&7; do
        echo "$line" >>"$OUTPUT"
        ! shows "| stubborn" 3 || ! shows "| child" 5 || break
    done
    exec 7<&-
    ended
    [ "$status" -eq 141 ]
    nothing_left
    nothing_survives
}

@test "when nobody reads the output any more" { after_the_output_is_closed; }
@test "when nobody reads the output any more, without cgroups" {
    without_cgroups
    after_the_output_is_closed
}

after_the_terminal_is_gone() {
    hiders
    echo "last: sleep 0.3; echo all are up; exec sleep 60" >>Procfile
    # It ends by itself: whoever holds the terminal waits for it.
    terminal '| all are up=hangup' -- "${PREFIX[@]}" "$FORMATION" start --no-color -t 0.3 \
        >"$OUTPUT" 2>&1 </dev/null 3>&- || true
    shows "all are up"
    nothing_left
    nothing_survives
}

@test "when the terminal is gone" { after_the_terminal_is_gone; }
@test "when the terminal is gone, without cgroups" {
    without_cgroups
    after_the_terminal_is_gone
}

@test "each on a terminal of its own" {
    start_hiders --tty
    stop
    [ "$status" -eq 0 ]
    nothing_left
    start_hiders --tty
    kill -KILL "$formation" "$(manager_pid)"
    nothing_survives
}

@test "something else stands where the cgroups were" {
    without_cgroups
    mount=$(cgroup_mount)
    [ "$mount" ] || skip "there are no cgroups here"
    PREFIX=(unshare -m sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$mount")
    after_a_stop
}

@test "the cgroups cannot be written to" {
    without_cgroups
    mount=$(cgroup_mount)
    [ "$mount" ] || skip "there are no cgroups here"
    PREFIX=(unshare -m sh -c 'mount -o remount,bind,ro "$0" && exec "$@"' "$mount")
    after_a_stop
}

@test "a formation within a formation" {
    mkdir inner
    (
        cd inner
        hiders
    )
    procfile "outer: cd inner && exec $FORMATION start -t 0.2"
    start -t 5
    wait_for "| stubborn" 3
    wait_for "| child" 5
    stop
    [ "$status" -eq 0 ]
    nothing_survives
    start -t 5
    wait_for "| stubborn" 3
    wait_for "| child" 5
    kill -KILL "$formation" "$(manager_pid)"
    nothing_survives
}

@test "no folder is left behind" {
    folder=$(cgroup_mount)
    [ "$folder" ] || skip "there are no cgroups here"
    folder=$folder$(sed -n 's/^0:://p' /proc/self/cgroup)
    for end in TERM KILL; do
        start_hiders
        ours=$(find "$folder" -maxdepth 1 -name "formation.*.$formation.*")
        [ "$ours" ] || skip "no folders can be made here"
        kill -$end "$formation"
        nothing_survives
        wait_until [ ! -d "$ours" ]
    done
}
