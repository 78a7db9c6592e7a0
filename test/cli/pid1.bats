#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# `formation start` as the first process of a container: the kernel gives it all orphans, keeps
# signals from it that nobody handles, and kills everything with it.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # $PS in quotes is meant so
load helpers
load life
load control
load pid1

# A program that says which signals it gets, and ends by TERM with 0.
teller() {
    cat >teller <<'END'
import os, signal, sys
def tell(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(0)
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGHUP):
    signal.signal(number, tell)
print("pid", os.getpid(), "ready", flush=True)
while True:
    signal.pause()
END
    procfile "web: exec python3 teller"
}

@test "it runs, can be asked, and ends with 0 when it is told to" {
    teller
    in_container
    start
    wait_for "ready"
    wait_until answers
    asks 0 ps
    [[ $output == *"web.1"*"teller"* ]]
    asks 0 status
    [[ $output == *"guard 1,"* ]]
    tell TERM
    ended
    [ "$status" -eq 0 ]
    shows "got SIGTERM"
    nothing_left
}

@test "TERM, INT, HUP, QUIT end it in order; so do PWR and RTMIN+3, as machines send them" {
    teller
    in_container
    for signal in TERM INT HUP QUIT PWR RTMIN+3; do
        start
        wait_for ready
        tell "$signal"
        ended
        [ "$status" -eq 0 ]
        shows "got SIGTERM"
    done
    nothing_left
}

@test "a second INT kills: 130" {
    procfile 'web: trap "" TERM INT; echo deaf; while :; do sleep 1; done'
    in_container
    start -t 60
    wait_for "| deaf"
    tell INT
    wait_for "sending SIGTERM"
    wait_until interrupted
    ended
    [ "$status" -eq 130 ]
    nothing_left
}

@test "USR1 is forwarded, USR2 puts the program on disk in its place: still PID 1, same processes" {
    teller
    in_container
    start
    wait_for ready
    local pid
    wait_until answers
    pid=$(pid web.1)
    tell USR1
    wait_for "got SIGUSR1"
    tell USR2
    wait_for "upgraded"
    wait_until answers
    [ "$(pid web.1)" = "$pid" ]
    shows "got SIGUSR1"
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "no other signal harms it" {
    teller
    in_container
    start
    wait_for ready
    wait_until answers
    local pid number
    pid=$(pid web.1)
    for number in {1..64}; do
        case $number in
        # the ends (ABRT is one, a watchdog's), USR1, KILL, USR2, STOP, PWR, no signals, RTMIN+3
        1 | 2 | 3 | 6 | 10 | 9 | 12 | 15 | 19 | 30 | 32 | 33 | 37) ;;
        *) kill -"$number" "$(first)" ;;
        esac
    done
    wait_until answers
    [ "$(pid web.1)" = "$pid" ]
    run ! shows "shutdown"
    tell TERM
    ended
    [ "$status" -eq 0 ]
}

@test "it goes on after it was stopped and continued" {
    teller
    in_container
    start
    wait_for ready
    tell STOP
    tell USR1
    tell CONT
    wait_for "got SIGUSR1"
    tell TERM
    ended
    [ "$status" -eq 0 ]
}

@test "a storm of orphans: thousands are reaped, no zombie stays" {
    cat >storm <<'END'
import os, time
for i in range(2000):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os._exit(0)
        os._exit(0)
    os.wait()
print("storm over", flush=True)
time.sleep(600)
END
    procfile "storm: exec python3 storm"
    in_container
    start
    PATIENCE=120 wait_for "storm over"
    wait_until no_zombies
    tell TERM
    ended
    nothing_left
}

@test "orphans are reaped also behind a process of ours that cannot be buried yet" {
    cat >left <<'END'
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("left behind", flush=True)
    open("left.there", "w").close()
    time.sleep(600)
while not os.path.exists("left.there"):
    time.sleep(0.01)
END
    cat >orphans <<'END'
import os, time
while not os.path.exists("go"):
    time.sleep(0.01)
for i in range(200):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os._exit(0)
        os._exit(0)
    os.wait()
print("orphans made", flush=True)
time.sleep(600)
END
    procfile "left: exec python3 left" "orphans: exec python3 orphans"
    in_container
    start -t 60
    wait_for "left.1    | exited"
    touch go
    wait_for "orphans made"
    wait_until has_zombies 1 # the main process of left.1 keeps its pid until its tree is gone
    tell INT
    wait_for "starting shutdown"
    wait_until interrupted
    ended
    nothing_left
}

# interrupted: once more; whether that has killed all. (Twice within a moment counts once.)
interrupted() {
    tell INT
    sleep 0.05
    shows "sending SIGKILL" || is_gone "$formation"
}

has_zombies() {
    [ "$(zombies)" -eq "$1" ]
}

@test "what others started in the container is adopted, and ends with it" {
    teller
    in_container
    PREFIX+=(sh -c 'sleep 600 & exec "$@"' sh)
    start
    wait_for ready
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "the status is that of the process that ended the formation, or 128 and its signal" {
    in_container
    printf 'processes:\n  web: {restart: never}\n' >formation.yaml
    procfile 'web: exit 3'
    start
    ended
    [ "$status" -eq 3 ]
    procfile 'web: kill -KILL $$'
    start
    ended
    [ "$status" -eq 137 ]
    procfile 'web: exit 0'
    start
    ended
    [ "$status" -eq 0 ]
}

@test "the manager is killed: the next one goes on with the same processes" {
    teller
    in_container
    start
    wait_for ready
    wait_until answers
    local pid old
    pid=$(pid web.1)
    old=$(formation=$(first) manager_pid)
    kill -KILL "$old"
    wait_until is_gone "$old"
    wait_until answers
    [ "$(pid web.1)" = "$pid" ]
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "PID 1 is killed: the kernel kills all" {
    procfile 'web: trap "" TERM; (setsid sleep 600 &); echo up; sleep 600'
    in_container
    start
    wait_for "| up"
    local namespace
    namespace=$(readlink "/proc/$(first)/ns/pid")
    tell KILL
    ended
    [ "$status" -ne 0 ] # unshare(1) has its own idea of which
    wait_until nothing_left
    remove_folders "$(tr -cd 0-9 <<<"$namespace")"
}

@test "a user without rights, in a user namespace" {
    teller
    in_container --user --map-root-user
    as_nobody
    start
    wait_for ready
    tell TERM
    ended
    [ "$status" -eq 0 ]
    shows "got SIGTERM"
    nothing_left
}

@test "no cgroups: trees are found all the same" {
    procfile 'web: (setsid sleep 600 &); echo up; sleep 600'
    in_container
    without_cgroups
    PREFIX+=(unshare --pid --fork --mount-proc) # which is what `unshare -m` has become
    start
    wait_for "| up"
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "--no-port" {
    procfile 'web: echo "port <$PORT>"; exec sleep 600'
    in_container
    start --no-port
    wait_for "port <>"
    tell TERM
    ended
    [ "$status" -eq 0 ]
}

@test "nothing can be written to: it runs, and says that it cannot be asked" {
    teller
    in_container --mount
    PREFIX+=(sh -c 'mount -o remount,bind,ro / && cd . && exec "$@"' sh)
    "${PREFIX[@]}" true 2>/dev/null || skip "needs the right to mount"
    [ "$(stat -c %m "$APP")" = / ] || skip "the test's folder is on another file system"
    start
    wait_for ready
    wait_for "cannot be made for the control socket: Read-only file system"
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "without its own /proc it does not start, and says so" {
    teller
    in_container
    run --separate-stderr -71 unshare --pid --fork "$FORMATION" start
    [[ $stderr == *": /proc shows the processes of another pid namespace: mount that of this"* ]]
    run --separate-stderr -71 unshare --mount --pid --fork \
        sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$FORMATION" start
    [[ $stderr == *": /proc is not mounted: 'mount -t proc proc /proc' does it" ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a mistake in the Procfile is told, with 2" {
    echo "not a type" >Procfile
    in_container
    run --separate-stderr -2 "${PREFIX[@]}" "$FORMATION" start
    [[ $stderr == *"Procfile:1"* ]]
}
