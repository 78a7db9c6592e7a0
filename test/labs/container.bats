#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation as the first process of a container: its pids and its cgroups are its own.
# shellcheck disable=SC2016,SC2034,SC2154 # $ in quotes is the inner shell's; bats sets output
load ../cli/helpers
load ../cli/life
load ../cli/control
load ../cli/controllers

teardown() {
    local pid
    for pid in $(pids_left); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    remove_folder
}

# in_container: what is started from here on is PID 1 of one, in $FOLDER.
in_container() {
    PREFIX=(unshare --pid --fork --kill-child --mount sh -c '
        mount -t proc proc /proc && echo 0 >"$0/cgroup.procs" && exec unshare --cgroup sh -c "
            umount -l /sys/fs/cgroup && mount -t cgroup2 cgroup /sys/fs/cgroup && exec \"\$@\"
        " sh "$@"' "$FOLDER")
}

@test "limits in a container whose first process is the supervisor" {
    needs_controllers
    [ "$KIND" = 2 ] || skip "there is no cgroup v2 controller here"
    in_container
    procfile 'eat: echo hungry; exec python3 -c "food = b\"x\" * (200 << 20)"' \
        "web: sleep 60 & exec sleep 60"
    printf 'processes:\n  eat: {limits: {memory: 32M, cpu: 1.5}, restart: never}\n  %s\n' \
        "web: {limits: {processes: 9}}" >formation.yaml
    up
    wait_for "eat.1  | terminated by SIGKILL (out of memory: its limit is 32M)"
    wait_for "web.1  | started with pid"
    grep -qw memory "$FOLDER/cgroup.subtree_control"
    [ -z "$(cat "$FOLDER/cgroup.procs")" ]
    [ "$(cat "$FOLDER"/formation.*[0-9]/web.1/pids.max)" = 9 ]
    [ "$(cat "$FOLDER"/formation.*[0-9]/eat.1/cpu.max)" = "150000 100000" ]
    asks 0 why eat
    [[ $output == *"(out of memory: its limit is 32M)"* ]]
    asks 0 shutdown
    ended
    [ "$status" -eq 0 ]
    nothing_left
    wait_until no_folders
}

@test "a container that is killed leaves nothing that lives" {
    needs_controllers
    [ "$KIND" = 2 ] || skip "there is no cgroup v2 controller here"
    in_container
    procfile "web: setsid sleep 60 & exec sleep 60"
    printf 'processes:\n  web: {limits: {processes: 9}}\n' >formation.yaml
    up
    wait_for "web.1  | started with pid"
    kill -KILL "$formation"
    ended
    wait_until nothing_left
    for folder in "$FOLDER"/formation.*[0-9]/*/ "$FOLDER"/formation.*/; do
        rmdir "$folder"
    done
}
