#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Ways to hide × ways to end. Each column of the matrix is a test: in it run processes that hide in
# every way at once (test/apps/hider.c), and none of them is there when the formation is over. Each
# is tried twice, with cgroups where they can be had and without. Whoever hides so has a name of its
# own to be found by (/proc/PID/comm); of the test's own mark nothing may be left.
# shellcheck disable=SC2016,SC2046,SC2154
load helpers
load life

ROWS=("" clear uid move stop freeze "clear uid" "clear move" "clear stop" "move stop"
    "move freeze" "clear uid move" "clear uid move stop" "clear freeze" "storm" "move storm")

setup_file() {
    export COMM=hid-$$
}

hiders() {
    local row i=0
    rm -f Procfile
    for row in "${ROWS[@]}"; do
        echo "row$((++i)): exec $APPS/hider $COMM $row" >>Procfile
    done
}

# survivors: the pids of those that hide and live.
survivors() {
    local file pid
    grep -lsx "$COMM" /proc/[0-9]*/comm | while read -r file; do
        pid=${file#/proc/}
        pid=${pid%/comm}
        is_gone "$pid" || echo "$pid"
    done
}

none_survives() {
    [ -z "$(survivors)" ]
}

# all_are_hidden: and live, all that are not to fork.
all_are_hidden() {
    shows "| hidden" "${#ROWS[@]}" && [ "$(survivors | wc -l)" -ge $((${#ROWS[@]} - 2)) ]
}

start_hiders() {
    hiders
    start -t 0.3 "$@"
    wait_until all_are_hidden
}

nothing_survives() {
    wait_until none_survives || {
        grep -H . $(survivors | sed 's,.*,/proc/&/status,') | grep -E 'State|PPid|Uid' >&2
        grep -F "| hidden" "$OUTPUT" >&2
        return 1
    }
    wait_until nothing_left
}

teardown() {
    local pid
    for pid in $(survivors) $(pids_left); do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# column NAME: a test with cgroups, and one without.
column_stop() {
    start_hiders
    stop
    [ "$status" -eq 0 ]
    none_survives # the guard does not end before they have
    nothing_survives
}

column_interrupt() {
    start_hiders -t 60
    kill -INT "$formation"
    wait_for "SIGINT received"
    interrupt_again
    [ "$status" -eq 130 ]
    none_survives
    nothing_survives
}

column_exit() {
    hiders
    printf 'last: until [ -e go ]; do sleep 0.05; done; exec ./nosuch\n' >>Procfile
    start -t 0.3 --compat foreman
    wait_until all_are_hidden
    touch go
    ended
    [ "$status" -ne 0 ]
    none_survives
    nothing_survives
}

column_guard() {
    start_hiders
    kill -KILL "$formation"
    nothing_survives
}

column_both() {
    start_hiders
    kill -KILL "$formation" "$(manager_pid)"
    nothing_survives
}

column_manager() {
    start_hiders
    kill -KILL "$(manager_pid)"
    kill -KILL "$formation"
    nothing_survives
}

# Nobody is left to end them but the next start.
column_all() {
    start_hiders
    local witness guard=$formation manager
    witness=$(witness_pid)
    manager=$(manager_pid)
    kill -STOP "$witness"
    kill -KILL "$guard" "$manager"
    kill -KILL "$witness"
    wait_until is_gone "$(pid_of row1.1)"
    ! none_survives # else this tests nothing
    procfile "web: exec sleep 60"
    start
    wait_for "started with pid"
    none_survives # nothing was started before they had ended
    stop
    [ "$status" -eq 0 ]
    nothing_survives
}

@test "a stop" { column_stop; }
@test "a stop, without cgroups" {
    without_cgroups
    column_stop
}
@test "a second Ctrl-C" { column_interrupt; }
@test "a second Ctrl-C, without cgroups" {
    without_cgroups
    column_interrupt
}
@test "the exit of one that cannot be run" { column_exit; }
@test "the exit of one that cannot be run, without cgroups" {
    without_cgroups
    column_exit
}
@test "SIGKILL of the guard" { column_guard; }
@test "SIGKILL of the guard, without cgroups" {
    without_cgroups
    column_guard
}
@test "SIGKILL of guard and manager" { column_both; }
@test "SIGKILL of guard and manager, without cgroups" {
    without_cgroups
    column_both
}
@test "SIGKILL of the manager, then of the guard" { column_manager; }
@test "SIGKILL of the manager, then of the guard, without cgroups" {
    without_cgroups
    column_manager
}
@test "SIGKILL of guard, manager and witness, then a start" { column_all; }
@test "SIGKILL of guard, manager and witness, then a start, without cgroups" {
    without_cgroups
    column_all
}
