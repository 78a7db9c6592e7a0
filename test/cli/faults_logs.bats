#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Faults of disks and of whoever takes the lines: a disk that hangs or may not be written to, a
# program behind a pipe that hangs. What else there is stands in test/FAULTS.md.
# shellcheck disable=SC2015,SC2016,SC2034,SC2154 # `A && B || skip` is meant so
load helpers
load life
load control
load logs

# on_own_disk FOLDER: what is started from here on has a file system of its own there, on a loop
# device, which disk_hangs and disk_works control.
on_own_disk() {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs the right to mount"
    for program in mkfs.ext4 losetup fsfreeze; do
        command -v $program >/dev/null || skip "needs $program"
    done
    truncate -s 64M disk
    mkfs.ext4 -q disk
    loop=$(losetup --find --show "$APP/disk") || skip "needs a loop device"
    mkdir -p "$1"
    own_disk=$APP/$1
    PREFIX=(unshare -m --propagation private sh -c
        'mount "$1" "$2" && shift 2 && exec "$@"' sh "$loop" "$own_disk")
}

disk_hangs() {
    nsenter -t "$formation" -m fsfreeze --freeze "$own_disk"
    exec 6<"/proc/$formation/root$own_disk" # for later, when there may be no formation
    hangs=yes
}

disk_works() {
    fsfreeze --unfreeze /proc/self/fd/6
    exec 6<&-
    hangs=
}

teardown() {
    [ -z "${hangs-}" ] || disk_works || true
    for pid in $(pids_left); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    [ -z "${loop-}" ] || losetup --detach "$loop"
}

@test "a disk may not be written to: told once, the processes run, and it is used once it may be" {
    procfile 'web: i=0; while i=$((i + 1)) && echo "line $i"; do sleep 0.05; done'
    settings "logs:" "  - file: logs/all.log"
    on_disk 10M ro
    up
    wait_for "line 3"
    wait_for "logs/all.log"
    [ "$(grep -c "logs/all.log" "$OUTPUT")" -eq 1 ]
    shows "Read-only file system"
    asks 0 ps
    has_state web.1 ready
    disk_is rw
    wait_until test -s "$(seen logs/all.log)"
    asks 0 restart web
    stop
    [ "$status" -eq 0 ]
}

@test "the disk of a log hangs: the processes live on, nothing is lost once it works again" {
    writer
    procfile "w: exec python3 writer 0 0.05" "other: exec sleep 60"
    settings "logs:" "  - file: logs/all.log"
    on_own_disk logs
    up
    wait_until test -s "$(seen logs/all.log)"
    web=$(pid w.1)
    other=$(pid other.1)
    disk_hangs
    sleep 2
    kill -0 "$web"
    kill -0 "$other"
    disk_works
    asks 0 ps
    [ "$(pid w.1)" = "$web" ]
    ends_writing w.1
    asks 0 restart other
    wait_until eval 'has_all w.1 <"$(seen logs/all.log)"'
    stop
    [ "$status" -eq 0 ]
}

@test "the disk of a log hangs, and the end is asked for: all processes end" {
    procfile 'w: while echo line; do sleep 0.01; done' "web: $APPS/stubborn" \
        "fork: $APPS/forker --double --setsid"
    settings "logs:" "  - file: logs/all.log"
    on_own_disk logs
    up -t 0.3
    wait_until test -s "$(seen logs/all.log)"
    wait_for "| stubborn"
    wait_for "| child"
    processes="$(pid w.1) $(pid web.1) $(pid fork.1)"
    disk_hangs
    kill -TERM "$formation"
    PATIENCE=30
    for process in $processes; do
        wait_until is_gone "$process"
    done
    ended # within 15 s
    [ "$status" -eq 143 ]
    disk_works # what hung in it is gone with its next step
    wait_until nothing_left
}

@test "a core dump that hangs: its place waits, the others go on, and its end is told" {
    [ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip "core dumps go elsewhere"
    ulimit -c unlimited
    procfile "web: exec sleep 60" "other: exec sleep 60"
    printf 'processes:\n  web: {directory: %s/dumps}\n' "$APP" >formation.yaml
    on_own_disk dumps
    up
    wait_until has_state web.1 ready
    web=$(pid web.1)
    disk_hangs
    kill -SEGV "$web"
    wait_until grep -q "^State:.D" "/proc/$web/status"
    asks 0 restart other
    asks 0 ps
    [ "$(pid web.1)" = "$web" ]
    [ "$(grep -c "web.1 .*started with pid" "$OUTPUT")" -eq 1 ]
    disk_works
    wait_for "web.1   | terminated by SIGSEGV (core dumped)"
    wait_for "web.1   | started with pid" 2
    stop
    [ "$status" -eq 0 ]
}

@test "a program behind the output hangs, and dies: nothing is lost of what it took, all ends" {
    writer
    procfile "w: exec python3 writer 20000"
    mkfifo pipe
    "$FORMATION" start >pipe 2>errors </dev/null 3>&- &
    formation=$!
    python3 -c '
import sys, time
with open("pipe", "rb") as taken, open("taken", "wb") as out:
    while True:
        piece = taken.read1(65536)
        if not piece:
            break
        out.write(piece)
        out.flush()
        time.sleep(0.05)' 3>&- &
    reader=$!
    wait_until test -s taken
    kill -STOP "$reader"
    asks 0 ps
    kill -CONT "$reader"
    wait_until test -e written/w.1
    wait_until eval 'has_all w.1 <taken'
    kill -KILL "$reader"
    kill -TERM "$formation"
    ended
    wait_until nothing_left
}

# next_manager_lacks_memory: for half of the last tray (stream/desk.h) that it is to open, and ends;
# what waits for a reader is not lost.
next_manager_lacks_memory() {
    local size
    writer
    procfile "w: exec python3 writer 5000"
    mkfifo pipe
    "$FORMATION" start >pipe 2>"$OUTPUT" </dev/null 3>&- &
    formation=$!
    exec 5<pipe # and reads nothing
    wait_until answers
    manager=$(manager_pid)
    have_written w.1 # much more than two pipes hold
    size=$(sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$manager/status")
    prlimit --pid "$formation" --as=$(((size - (512 << 10)) << 10)):
    kill -KILL "$manager"
    wait_for "formation: the manager cannot go on: Cannot allocate memory"
    prlimit --pid "$formation" --as=unlimited:
    wait_until answers
    cat <&5 >taken 3>&- &
    exec 5<&-
    wait_until eval 'has_all w.1 <taken'
    stop
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

@test "the next manager has no memory for the lines that wait: another one has, nothing is lost" {
    next_manager_lacks_memory
}

@test "…or for those that wait for a log" {
    echo "logs: [{file: logs/all}]" >formation.yaml
    next_manager_lacks_memory
    has_all w.1 <logs/all
}
