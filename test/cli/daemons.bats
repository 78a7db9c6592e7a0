#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A main process that exits while its tree lives on: it is told by name what it has left behind and
# what to change, and that is ended with it.
# shellcheck disable=SC2154
load helpers
load life

# once TYPE…: these are not started again.
once() {
    printf 'processes:\n' >formation.yaml
    printf '  %s: {restart: never}\n' "$@" >>formation.yaml
}

a_double_forker() {
    procfile "web: exec sleep 60" "queue: exec $APPS/daemonizer"
    once queue
    start
    wait_for "left 1 process behind"
    daemon=$(text_of queue.1 | sed -n 's/^daemon //p')
    text_of queue.1 | grep -qx "left 1 process behind: let it run in the foreground (no daemon \
mode, no & in its command), so that it can be managed; it is daemonizer (pid $daemon)"
    wait_until is_gone "$daemon"
    run -0 "$FORMATION" why queue
    [[ $output == *"exited with code 0 after "*"; it left 1 process behind: "*"(pid $daemon)"* ]]
    run -0 "$FORMATION" events --json
    [[ $output == *'"kind":"left","process":"queue.1"'*'"count":1'* ]]
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "a program that forks twice" { a_double_forker; }
@test "a program that forks twice, without cgroups" {
    without_cgroups
    a_double_forker
}

a_shell_with_jobs() {
    procfile "web: exec sleep 60" "jobs: sleep 1000 & sleep 1001 & exit 3"
    once jobs
    start
    wait_for "left 2 processes behind: let it run in the foreground"
    text_of jobs.1 | grep -qE "; they are (sh|sleep) \(pid [0-9]+\), (sh|sleep) \(pid [0-9]+\)$"
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "a shell that leaves jobs behind" { a_shell_with_jobs; }
@test "a shell that leaves jobs behind, without cgroups" {
    without_cgroups
    a_shell_with_jobs
}

# It overwrites its environment with its title.
a_redis() {
    command -v redis-server >/dev/null || skip "there is no redis-server"
    procfile "web: exec sleep 60" \
        "cache: exec redis-server --daemonize yes --port 0 --unixsocket $APP/sock --save ''"
    once cache
    start
    wait_for "left 1 process behind: let it run in the foreground (redis-server … --daemonize no)"
    daemon=$(text_of cache.1 | sed -nE 's/.*; it is redis-server \(pid ([0-9]+)\)$/\1/p')
    wait_until is_gone "$daemon"
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "redis-server as a daemon" { a_redis; }
@test "redis-server as a daemon, without cgroups" {
    without_cgroups
    a_redis
}

# Who has cleared its environment is known by its brand.
@test "a daemon without an environment, without cgroups" {
    without_cgroups
    procfile "web: exec sleep 60" "queue: exec env -i $APPS/daemonizer"
    once queue
    start
    wait_for "left 1 process behind"
    daemon=$(text_of queue.1 | sed -n 's/^daemon //p')
    wait_until is_gone "$daemon"
    stop
    [ "$status" -eq 0 ]
}

@test "started again each time, each time told, never two" {
    procfile "queue: exec $APPS/daemonizer"
    start
    wait_for "(crash 3 in a row)"
    stop
    [ "$status" -eq 0 ]
    text_of queue.1 | grep -vE "^daemon |restarting" | sed 's/ [0-9].*//; s/ behind.*//' |
        head -n 6 | paste -sd, | grep -qx "started with pid,exited with code,left,started with pid,\
exited with code,left"
    nothing_left
}
