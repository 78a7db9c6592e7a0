#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation doctor: what it says of a machine is so, and where it says that a formation runs, one
# does.
# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2034,SC2154 # bats sets output
load helpers
load life
load control
load pid1

# diagnoses STATUS [OPTION…]: doctor in the changed world of PREFIX, bounded; as text and as JSON.
diagnoses() {
    local wanted=$1
    shift
    run --separate-stderr -"$wanted" timeout -k 1 30 "${PREFIX[@]}" "$FORMATION" doctor "$@"
    [ -z "$stderr" ]
}

# finds STATE NAME TEXT: in the output.
finds() {
    grep -qE "^$1 +$2 +.*$3" <<<"$output" || { echo "no '$1 $2 … $3' in: $output" && return 1; }
}

# in_world COMMAND: what is started from here on, where COMMAND has changed what is mounted.
in_world() {
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "needs the right to mount"
    PREFIX=(unshare --mount bash -c "$1 && exec \"\${@:2}\"" - -)
}

# without_calls ERRNO NUMBER…: these system calls fail so, as by the seccomp filter of a container.
without_calls() {
    cat >filter <<'END'
import ctypes, os, struct, sys
error, calls = int(sys.argv[1]), [int(n) for n in sys.argv[2].split(",")]
code = [(0x20, 0, 0, 0)]                                # load the number
for i, call in enumerate(calls):
    code.append((0x15, len(calls) - i, 0, call))        # jump if equal
code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | error)]
program = b"".join(struct.pack("HBBI", *line) for line in code)
memory = ctypes.create_string_buffer(program)
header = struct.pack("HP", len(code), ctypes.addressof(memory))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header, 0, 0):
    sys.exit(77)
os.execvp(sys.argv[3], sys.argv[3:])
END
    PREFIX=(python3 filter "$1" "$2")
    run "${PREFIX[@]}" true
    [ "$status" -ne 77 ] || skip "no seccomp here"
}

runs_a_process() {
    start
    wait_for "started with pid"
    stop
    [ "$status" -eq 0 ]
}

@test "text and JSON say the same; nothing is left behind" {
    procfile "web: sleep 60"
    local before
    before=$(find /sys/fs/cgroup -maxdepth 4 -name 'formation-doctor*' 2>/dev/null)
    diagnoses 0
    local text=$output
    diagnoses 0 --json
    json 'data["suffices"] is True and
        {"kernel", "pidfd", "clone3", "/proc", "cgroup", "memory limit", "cpu limit", "pids limit",
         "pressure", "descriptors", "pids", "pipes", "user", "first process", "control socket",
         "init", "journald", "syslog", "zstd", "terminal", "files"} <=
        {f["name"] for f in data["findings"]}'
    json 'all(f["state"] in ("ok", "warn") and ("remedy" in f) == (f["state"] != "ok") and
        ("consequence" in f) == (f["state"] != "ok") for f in data["findings"])'
    python3 - "$text" "$output" <<'END'
import json, sys
for finding in json.loads(sys.argv[2])["findings"]:
    line = f"{finding['state']:6}{finding['name']:16}{finding['found']}"
    assert line in sys.argv[1].splitlines(), line
END
    [ "$(find /sys/fs/cgroup -maxdepth 4 -name 'formation-doctor*' 2>/dev/null)" = "$before" ]
    nothing_left
    [ ! -e .formation ]
}

@test "files: none, valid ones, wrong ones, of another folder" {
    diagnoses 0
    finds warn files "has no Procfile and no formation.yaml"
    mkdir sub
    echo "not a type" >sub/Procfile
    diagnoses 1 -d sub
    finds lack files "2 mistakes, the first: sub/Procfile:1:1: "
    procfile "web: nosuch" "job: sleep 1"
    diagnoses 1
    finds lack files "nosuch"
    procfile "web: sleep 1" "job: sleep 1"
    diagnoses 0
    finds ok files "valid: 2 process types, 2 processes"
    run -2 "$FORMATION" doctor web
    run -2 "$FORMATION" doctor --app x
}

@test "no cgroup: a warning, with what to do; a formation runs" {
    procfile "web: exec sleep 60"
    without_cgroups
    diagnoses 0
    finds warn cgroup "no cgroup v2 is mounted"
    [[ $output == *"do: mount -t cgroup2"* ]]
    runs_a_process
}

@test "a cgroup that cannot be written to: a warning, with Delegate= and what containers need" {
    procfile "web: exec sleep 60"
    local mount
    mount=$(cgroup_mount)
    [ "$mount" ] || skip "no cgroup v2 here"
    in_world "mount -o remount,bind,ro '$mount'"
    diagnoses 0
    finds warn cgroup "Read-only file system"
    [[ $output == *"Delegate=yes"*"--cgroupns=private"* ]]
    runs_a_process
}

@test "/proc of another pid namespace, none, and no /dev/null: no formation, and so it says" {
    without_sanitizers "they need /proc"
    procfile "web: exec sleep 60"
    in_container
    PREFIX=(unshare --pid --fork)
    diagnoses 1
    finds lack /proc "shows the processes of another pid namespace"
    run -71 "${PREFIX[@]}" "$FORMATION" start
    in_world "mount -t tmpfs none /proc"
    diagnoses 1
    finds lack /proc "is not mounted"
    run -71 "${PREFIX[@]}" "$FORMATION" start
    in_world "mount -t tmpfs none /dev"
    diagnoses 1
    finds lack /dev/null "No such file"
    run -71 "${PREFIX[@]}" "$FORMATION" start
}

@test "limits that the files ask for and nobody can keep: lacking; exec refuses, too" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    procfile "web: exec sleep 60"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$APP"
    PREFIX=(setpriv --reuid=54321 --regid=54321 --clear-groups)
    "${PREFIX[@]}" test -x "$FORMATION" -a -x "$APP" || skip "nobody cannot reach the program"
    diagnoses 0
    finds warn "memory limit" ""
    echo 'processes: {web: {limits: {memory: 100M, cpu: 0.5, processes: 9}}}' >formation.yaml
    diagnoses 1
    finds lack "memory limit" ""
    finds lack "cpu limit" ""
    finds lack "pids limit" ""
    run -126 "${PREFIX[@]}" "$FORMATION" exec web
}

@test "processes that are hidden" {
    procfile "web: exec sleep 60"
    in_world "mount -t proc -o hidepid=2 proc /proc && mount -o remount,bind,ro '$(cgroup_mount)'"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
    PREFIX+=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${PREFIX[@]}" test -x "$FORMATION" -a -x "$APP" || skip "nobody cannot reach the program"
    diagnoses 0
    finds warn /proc "processes of other users are hidden"
    finds ok user "not root \(uid 65534\), 0 capabilities"
    finds warn "control socket" "/.formation/control.sock: Permission denied"
}

@test "clone3 forbidden: all is well, and a formation runs" {
    [ "$(uname -m)" = x86_64 ] || skip "numbers of another processor"
    procfile "web: exec sleep 60"
    local errno
    for errno in 1 38; do
        without_calls $errno 435
        diagnoses 0
        finds ok clone3 "not to be had"
        finds ok user "under seccomp"
        runs_a_process
    done
}

@test "pidfd_open, close_range, memfd_create forbidden: lacking, and no formation" {
    [ "$(uname -m)" = x86_64 ] || skip "numbers of another processor"
    procfile "web: exec sleep 60"
    without_calls 38 434
    diagnoses 1
    finds lack pidfd "cannot be had: Function not implemented"
    without_calls 38 436
    diagnoses 1
    finds lack close_range "cannot be had"
    without_calls 1 319
    diagnoses 1
    finds lack memfd "cannot be had: Operation not permitted"
    run -71 timeout -k 1 20 "${PREFIX[@]}" "$FORMATION" start
}

@test "descriptors: so many processes do run" {
    procfile "web: exec sleep 60"
    ulimit -n 128
    diagnoses 0
    finds warn descriptors "raised to the hard one, 128: room for 21 processes"
    start web=21
    wait_for "started with pid" 21
    stop
    [ "$status" -eq 0 ]
    printf 'processes:\n  web: {quantity: 50}\n' >formation.yaml
    diagnoses 1
    finds lack descriptors "room for 21 processes"
    [[ $output == *"LimitNOFILE="* ]]
}

@test "pids: the lowest limit counts" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    procfile "web: exec sleep 60"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
    PREFIX=(setpriv --reuid=54321 --regid=54321 --clear-groups bash -c 'ulimit -u 50; exec "$@"' -)
    "${PREFIX[@]}" test -x "$FORMATION" -a -x "$APP" || skip "nobody cannot reach the program"
    diagnoses 0
    finds warn pids "50 at most, of the user"
    printf 'processes:\n  web: {quantity: 60}\n' >formation.yaml
    diagnoses 1
    finds lack pids "50 at most, of the user"
}

@test "the control socket is where it is said to be" {
    procfile "web: exec sleep 60"
    diagnoses 0
    finds ok "control socket" "$APP/.formation/control.sock"
    [ ! -e .formation ]
    start
    wait_until test -S .formation/control.sock
    stop
    mkdir -m 700 runtime
    export XDG_RUNTIME_DIR=$APP/runtime
    diagnoses 0
    local path
    path=$(sed -nE 's/^ok +control socket +//p' <<<"$output")
    [[ $path == "$APP/runtime/formation/app-"*.sock ]]
    start
    wait_until test -S "$path"
    stop
    diagnoses 0 --json
    json '[f for f in data["findings"] if f["name"] == "control socket"][0]["state"] == "ok"'
}

@test "nothing can be written to" {
    procfile "web: exec sleep 60"
    [ "$(stat -c %m "$APP")" = / ] || skip "the test's folder is on another file system"
    in_world "mount -o remount,bind,ro / && cd ."
    diagnoses 0
    finds warn "control socket" "Read-only file system"
    [[ $output == *"XDG_RUNTIME_DIR set to"* ]]
}

@test "PID 1 or not; root without rights" {
    procfile "web: exec sleep 60"
    diagnoses 0
    finds ok "first process" "somebody else is PID 1"
    in_container
    diagnoses 0
    finds ok "first process" "PID 1: orphans come to us"
    in_container --user --map-root-user
    diagnoses 0
    finds ok user "in a user namespace"
    [ "$(id -u)" = 0 ] || return 0
    PREFIX=(setpriv "--bounding-set=-setuid,-setgid,-kill")
    diagnoses 0
    finds warn user "root"
    [[ $output == *"CAP_SETUID"* ]]
}

@test "an init that wants to be told: reachable or not" {
    procfile "web: exec sleep 60"
    python3 -c '
import socket, time
socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
socket.bind("notify")
socket.recv(100)' 3>&- &
    wait_until test -S notify
    export NOTIFY_SOCKET=$APP/notify
    diagnoses 0
    finds ok init "it wants to be told at $APP/notify"
    NOTIFY_SOCKET=$APP/nobody
    diagnoses 0
    finds warn init "$APP/nobody: No such file"
    NOTIFY_SOCKET=$(printf '%0200d' 1)
    diagnoses 0
    finds warn init "too long"
}

@test "logs that go where nobody is, compression without a library" {
    procfile "web: exec sleep 60"
    [ ! -e /run/systemd/journal/socket ] || skip "journald runs here"
    printf 'logs:\n  - {journald: true}\n' >formation.yaml
    diagnoses 1
    finds lack journald "not here: No such file"
    rm formation.yaml
    diagnoses 0
    finds ok journald "not here"
    finds ok zstd "can be compressed"
    local library
    library=$(ldconfig -p | sed -n 's/.*libzstd.so.1 .* => //p' | head -n 1)
    in_world "mount --bind /dev/null '$(realpath "$library")'"
    diagnoses 0
    finds warn zstd "there is no libzstd.so.1"
}

@test "a terminal is told, and its width is kept" {
    procfile "web: exec sleep 60"
    run -0 timeout -k 1 30 python3 - "$FORMATION" doctor <<'END'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
try:
    while piece := os.read(fd, 4096):
        seen += piece
except OSError:
    pass
os.waitpid(pid, 0)
lines = seen.decode().replace("\r", "").splitlines()
assert any("standard output, 70 columns" in line for line in lines), lines
# A word that is longer than the place for it stands as it is.
assert all(len(line) <= 70 or " " not in line[22:] for line in lines), lines
END
}

@test "a full disk is told" {
    [ -c /dev/full ] || skip "no /dev/full"
    status=0
    "$FORMATION" doctor >/dev/full 2>"$OUTPUT" || status=$?
    [ "$status" -eq 2 ]
    shows "No space left"
}
