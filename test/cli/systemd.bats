#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A real systemd runs the unit that `export systemd` prints.
# shellcheck disable=SC2016,SC2154 # bats sets BATS_FILE_TMPDIR
load helpers

LAB=$BATS_TEST_DIRNAME/../labs/systemd

setup_file() {
    local why
    why=$(timeout 30 "$LAB" up "$BATS_FILE_TMPDIR" 2>&1) || skip "${why##*$'\n'}"
}

teardown_file() {
    timeout 30 "$LAB" down "$BATS_FILE_TMPDIR"
}

teardown() {
    lab systemctl stop "$unit" 2>/dev/null || true
}

lab() {
    timeout 60 "$LAB" run "$BATS_FILE_TMPDIR" "$@"
}

# app [LINE…]: the app of this test in the lab, with these lines as formation.yaml; $unit is its
# name.
app() {
    unit=app$BATS_TEST_NUMBER
    APP=$BATS_FILE_TMPDIR/$unit
    OUTPUT=$APP/output
    mkdir "$APP"
    cd "$APP" || return
    [ $# -eq 0 ] || printf '%s\n' "$@" >formation.yaml
}

# install [LINE…]: the unit, with these lines in its section [Service].
install() {
    local units=$BATS_FILE_TMPDIR/units
    "$FORMATION" export systemd --output "$units" >/dev/null
    mkdir -p "$units/$unit.service.d"
    printf '%s\n' "[Service]" "StandardOutput=append:$OUTPUT" "StandardError=inherit" "$@" \
        >"$units/$unit.service.d/test.conf"
    lab systemctl daemon-reload
}

# property NAME
property() {
    lab systemctl show --property "$1" --value "$unit"
}

# has NAME VALUE: whether the property has that value.
has() {
    [ "$(property "$1")" = "$2" ]
}

# members: the service's processes, each with its cgroup and its command.
members() {
    lab bash -c 'cd /sys/fs/cgroup/system.slice/$1.service 2>/dev/null || exit 0
        find . -name cgroup.procs | while read -r file; do
            while read -r pid; do
                echo "$pid ${file%/*} $(tr "\0" " " </proc/$pid/cmdline)"
            done <"$file"
        done' sh "$unit"
}

# pids_of COMMAND: of those that run it, as they are in the lab.
pids_of() {
    members | sed -n "s/^\([0-9]*\) [^ ]* $1.*/\1/p"
}

manager() {
    pids_of '[^ ]*formation manager' | grep .
}

@test "start waits until all are ready; reload and stop tell how they went" {
    app "processes:" "  web: {ready: {exec: 'test -e go', interval: 20ms}}"
    procfile "web: exec sleep 60" "worker: exec sleep 61"
    install
    lab systemctl start --no-block "$unit"
    wait_until has StatusText "1 of 2 processes ready, web.1 not ready"
    has ActiveState activating
    touch go
    wait_until has ActiveState active
    wait_until has StatusText "2 of 2 processes ready"
    members | grep -Eq '^[0-9]+ \./formation\.[0-9.]+/web\.1 sleep 60'
    members | grep -Eq '^[0-9]+ \./formation\.[0-9.]+/worker\.1 sleep 61'
    main=$(property MainPID)

    sed -i 's/61/62/' Procfile
    lab systemctl reload "$unit"
    wait_until pids_of 'sleep 62'
    echo "no line of a Procfile" >>Procfile
    run -1 lab systemctl reload "$unit"
    wait_until has ActiveState active # our answer and our READY=1 race with each other
    has MainPID "$main"

    lab systemctl stop "$unit"
    has ActiveState inactive
    has Result success
    [ -z "$(members)" ]
}

@test "a manager that is killed, or hangs, is no business of systemd's" {
    app
    procfile "web: exec sleep 60"
    install WatchdogSec=2s
    lab systemctl start "$unit"
    main=$(property MainPID)
    web=$(pids_of 'sleep 60')
    for signal in KILL STOP; do
        manager=$(manager)
        lab kill -"$signal" "$manager"
        wait_until is_another "$manager"
    done
    sleep 2.5 # the watchdog's time, and more
    has ActiveState active
    has NRestarts 0
    has MainPID "$main"
    [ "$(pids_of 'sleep 60')" = "$web" ]
}

# is_another PID: whether there is a manager, and not this one.
is_another() {
    local pid
    pid=$(manager) && [ "$pid" != "$1" ]
}

@test "a guard that is killed is started again, and nothing of the old formation is left" {
    app
    procfile "web: setsid sleep 60 & exec sleep 61"
    install RestartSec=100ms
    lab systemctl start "$unit"
    main=$(property MainPID)
    lab kill -KILL "$main"
    wait_until has NRestarts 1
    wait_until has ActiveState active
    run ! has MainPID "$main"
    wait_until counts 'sleep 60' 1
    wait_until counts 'sleep 61' 1
}

# counts COMMAND N: whether so many run it.
counts() {
    [ "$(pids_of "$1" | grep -c .)" -eq "$2" ]
}

@test "the watchdog ends a formation that hangs, guard and all, and begins a new one" {
    app
    procfile "web: exec sleep 60"
    install WatchdogSec=1s RestartSec=100ms TimeoutAbortSec=1s
    lab systemctl start "$unit"
    main=$(property MainPID)
    lab kill -STOP "$main" "$(manager)"
    wait_until has NRestarts 1
    wait_until has ActiveState active
    run ! has MainPID "$main"
    wait_until counts 'sleep 60' 1
}

@test "a boot that may take long is waited for, one that never ends is not" {
    app "processes:" "  web: {boot: 3s, ready: {exec: 'test -e go', interval: 20ms}}"
    procfile "web: exec sleep 60"
    install TimeoutStartSec=500ms Restart=no
    lab systemctl start --no-block "$unit"
    sleep 1
    has ActiveState activating
    touch go
    wait_until has ActiveState active
    lab systemctl stop "$unit"
    rm go
    sed -i 's/3s/200ms/' formation.yaml
    run -1 lab systemctl start "$unit"
    has Result timeout
    wait_until has ActiveState failed
    [ -z "$(members)" ]
}

@test "files that are wrong are a failure at once, said in the log" {
    app
    procfile "web: exec sleep 60"
    install Restart=no
    echo "no line of a Procfile" >>Procfile
    run -1 lab systemctl start "$unit"
    has Result exit-code
    has ExecMainStatus 2
    shows "Procfile:2:1: error: no colon in this line"
}

@test "the sockets of a socket unit, over restarts of the service" {
    app "processes:" "  web: {sockets: [http]}"
    procfile "web: cd / && python3 $BATS_TEST_DIRNAME/activated.py"
    install
    printf '%s\n' "[Socket]" "ListenStream=$APP/socket" "FileDescriptorName=http" \
        >"$BATS_FILE_TMPDIR/units/$unit.socket"
    lab systemctl daemon-reload
    lab systemctl start "$unit.socket"
    has ActiveState inactive
    [ "$(answer socket)" = "web.1 http" ]
    wait_until has ActiveState active
    lab systemctl restart "$unit"
    [ "$(answer socket)" = "web.1 http" ]
    lab systemctl stop "$unit.socket" "$unit"
}

# answer SOCKET: what who serves it says.
answer() {
    python3 -c '
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(10)
peer.connect(sys.argv[1])
print(peer.recv(100).decode().strip())' "$1"
}
