#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation exec: one process of the formation in the foreground; in place, but as PID 1 of a
# container, where it stays in front of it as tini and dumb-init do.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # $PS in quotes is meant so
load helpers
load life
load pid1

# --- in place ------------------------------------------------------------------------------------

@test "a process has the environment, PORT, PS and directory that start would give it" {
    echo "A=file" >.env
    procfile 'web: true' 'job: echo $PS $PORT $A $B $PWD'
    mkdir sub
    printf 'processes:\n  job: {env: {B: own}, directory: sub}\n' >formation.yaml
    run -0 "$FORMATION" exec job
    [ "$output" = "job.1 5100 file own $APP/sub" ]
    run -0 "$FORMATION" exec -p 3000 job.3
    [ "$output" = "job.3 3102 file own $APP/sub" ]
    PORT=8000 run -0 "$FORMATION" exec web
    PORT='' run -0 "$FORMATION" exec --no-port job
    [ "$output" = "job.1 file own $APP/sub" ]
    echo "A=other" >other
    run -0 "$FORMATION" -d "$APP" exec -e other job
    [ "$output" = "job.1 5100 other own $APP/sub" ]
}

@test "it is the program itself: its pid, its signals, its exit status" {
    procfile 'web: python3 -c "import os; print(os.getpid(), flush=True); os.kill(os.getpid(), 9)"'
    "$FORMATION" exec web >"$OUTPUT" 3>&- &
    formation=$!
    ended
    [ "$status" -eq 137 ]
    [ "$(cat "$OUTPUT")" = "$formation" ]
    procfile 'web: exit 42'
    run -42 "$FORMATION" exec web
}

@test "a process type that is not there, a name that is none, a word too many" {
    procfile 'web: true'
    run --separate-stderr -2 "$FORMATION" exec wab
    [ "$stderr" = "formation: there is no process type 'wab': did you mean 'web'?" ]
    run --separate-stderr -2 "$FORMATION" exec web.0
    [[ $stderr == "formation: there is no process type 'web.0'"* ]]
    run --separate-stderr -2 "$FORMATION" exec web.99999
    run --separate-stderr -2 "$FORMATION" exec web.
    run -0 "$FORMATION" exec web.8192
    run -2 "$FORMATION" exec web web
    run -2 "$FORMATION" exec
    run -2 "$FORMATION" exec --json web
    rm Procfile
    run --separate-stderr -2 "$FORMATION" exec web
    [[ $stderr == *Procfile* ]]
}

@test "what cannot be executed: 127, 126, each with a sentence" {
    procfile 'none: nosuch' 'folder: ./sub' 'gone: true'
    mkdir sub
    printf 'processes:\n  gone: {directory: nosuch}\n' >formation.yaml
    run --separate-stderr -127 "$FORMATION" exec none
    [ "$stderr" = "formation: command not found: nosuch" ]
    run --separate-stderr -126 "$FORMATION" exec folder
    [ "$stderr" = "formation: not executable: ./sub" ]
    run --separate-stderr -126 "$FORMATION" exec gone
    [[ $stderr == "formation: gone: cannot run in $APP/nosuch: No such file or directory" ]]
}

@test "only 0, 1 and 2 and what was given are open in it" {
    procfile 'web: ls /proc/self/fd'
    run -0 python3 -c 'import subprocess, sys
print(subprocess.run(sys.argv[1:], close_fds=True, stdout=subprocess.PIPE).stdout)' \
        "$FORMATION" exec web
    [ "$output" = "b'0\\n1\\n2\\n3\\n'" ] # 3 is that of ls
}

# seer: tells who it is, what it may do, and in which folder that is said.
seer() {
    cat >seer <<'END'
import os
with open("/proc/self/mountinfo") as file:
    mounts = [line.split() for line in file]
for line in open("/proc/self/cgroup"):
    _, names, path = line.strip().split(":", 2)
    for mount in mounts:
        kind = mount[mount.index("-") + 1]
        is_pids = "pids" in mount[-1].split(",") and "pids" in names.split(",")
        file = f"{mount[4]}{path}/pids.max"
        is_ours = kind == "cgroup" and is_pids or kind == "cgroup2" and not names
        if is_ours and os.path.exists(file):
            print("pids", open(file).read().strip(), f"{mount[4]}{path}")
umask = os.umask(0)
print("uid", os.getuid(), "nice", os.nice(0), "umask", oct(umask), flush=True)
END
    procfile "web: exec python3 seer" "idle: exec sleep 600"
    printf 'processes:\n  web: {user: nobody, nice: 5, umask: "077"%s}\n' "$1" >formation.yaml
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$APP"
}

@test "it has the user, the priority and the umask of its type, also as PID 1" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    seer ""
    run -0 "$FORMATION" exec web
    [ "${lines[-1]}" = "uid 65534 nice 5 umask 0o77" ]
    in_container
    run -0 "${PREFIX[@]}" "$FORMATION" exec web
    [ "${lines[-1]}" = "uid 65534 nice 5 umask 0o77" ]
    run --separate-stderr -2 setpriv --reuid=54321 --regid=54321 --clear-groups \
        "$FORMATION" exec web
    [[ $stderr == *"formation.yaml:"*"error: "* ]]
}

# has_folder: whether a cgroup folder of that formation's is there.
has_folder() {
    find /sys/fs/cgroup -type d -name "$(basename "${1%/web.1}")*" 2>/dev/null | grep -q .
}

@test "its tree is limited as by start; the next formation removes the folder, PID 1 its own" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    "$FORMATION" doctor | grep -q "^ok *pids limit" || skip "no controller"
    seer ", limits: {processes: 7}"
    run -0 "$FORMATION" exec web
    [[ $output == *"pids 7 "* ]]
    local folder
    folder=$(sed -n 's/^pids 7 //p' <<<"$output")
    [[ $folder == */formation.*/web.1 ]]
    sed -i 's/, limits.*/}/' formation.yaml
    start idle
    wait_for "idle.1 | started"
    stop
    [ ! -e "${folder%/web.1}" ]
    sed -i 's/077"}/077", limits: {processes: 7}}/' formation.yaml
    in_container
    run -0 "${PREFIX[@]}" "$FORMATION" exec web
    folder=$(sed -n 's/^pids 7 //p' <<<"$output")
    [[ $folder == */formation.*/web.1 ]]
    run ! has_folder "$folder"
    procfile "web: cat /proc/self/cgroup; setsid sleep 60 & sleep 0.1" # who is left in it is ended
    sed -i 's/limits:/stop: {grace: 50ms}, limits:/' formation.yaml
    run -0 "${PREFIX[@]}" "$FORMATION" exec web
    folder=$(sed -n 's/^.*pids:\(.*web.1\)$/\1/p; s/^0::\(.*web.1\)$/\1/p' <<<"$output" | head -n 1)
    [ "$folder" ]
    run ! has_folder "$folder"
}

@test "what cannot be limited does not run: 126" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    procfile "web: true"
    echo 'processes: {web: {limits: {processes: 7}}}' >formation.yaml
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$APP"
    run --separate-stderr -126 setpriv --reuid=54321 --regid=54321 --clear-groups \
        "$FORMATION" exec web
    [[ $stderr == "formation: the processes of 'web' cannot be limited: "* ]]
}

# --- as PID 1 -------------------------------------------------------------------------------------

# program: ends as its first line of commands says; tells of every signal.
teller() {
    cat >teller <<'END'
import os, signal, sys
def tell(number, frame):
    print("got", int(number), flush=True)
    if number == signal.SIGTERM:
        sys.exit(7)
for number in range(1, 65):
    try:
        signal.signal(number, tell)
    except (OSError, ValueError):
        pass
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
print("pid", os.getpid(), "session", os.getsid(0), "ready", flush=True)
while True:
    signal.pause()
END
    procfile "web: exec python3 teller"
}

# become COMMAND…: in the background, as PID 1.
become() {
    "${PREFIX[@]}" "$@" >"$OUTPUT" 2>&1 </dev/null 3>&- &
    formation=$!
}

@test "PID 1: exit codes and ends by signals as those of tini and dumb-init" {
    in_container
    local init wanted code
    for code in 'exit 0' 'exit 3' 'exit 255' 'kill -KILL $$' 'kill -TERM $$' 'kill -SEGV $$' \
        'kill -PIPE $$'; do
        procfile "web: $code"
        status=0
        timeout 20 "${PREFIX[@]}" "$FORMATION" exec web || status=$?
        wanted=$status
        for init in tini dumb-init; do
            command -v $init >/dev/null || continue
            status=0
            timeout 20 "${PREFIX[@]}" $init -- sh -c "$code" || status=$?
            echo "$code: $init $status, formation $wanted"
            [ "$status" -eq "$wanted" ]
        done
    done
    procfile 'web: kill -KILL $$'
    run -137 "${PREFIX[@]}" "$FORMATION" exec web
}

@test "PID 1: every signal reaches the program" {
    teller
    in_container
    become "$FORMATION" exec web
    wait_for "pid 2 session 2 ready"
    local number
    for number in {1..64}; do
        case $number in
        # KILL, TERM, CHLD, STOP, TTIN, TTOU, the C library's own
        9 | 15 | 17 | 19 | 21 | 22 | 32 | 33) continue ;;
        esac
        tell "$number"
        wait_for "got $number"
    done
    tell TERM
    ended
    [ "$status" -eq 7 ]
    nothing_left
}

@test "PID 1: a program without a handler ends by TERM, 143; as PID 1 itself it would not" {
    procfile 'web: exec sleep 600'
    in_container
    become "$FORMATION" exec web
    wait_until has_child
    tell TERM
    ended
    [ "$status" -eq 143 ]
    nothing_left
}

# has_child: whether PID 1 has one that has become the program.
has_child() {
    local pid
    pid=$(children "$(first)")
    [ "${pid% }" ] && grep -qsx sleep "/proc/${pid% }/comm"
}

@test "PID 1: the whole process group of the program is told, as by start" {
    procfile 'web: sleep 600 & echo up; wait; echo "after $?"; exit 9'
    in_container
    become "$FORMATION" exec web
    wait_for up
    tell TERM
    ended
    [ "$status" -eq 143 ]
    nothing_left
}

@test "PID 1: thousands of orphans are reaped" {
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
    become "$FORMATION" exec storm
    PATIENCE=120 wait_for "storm over"
    wait_until no_zombies
    tell TERM
    ended
    [ "$status" -eq 143 ]
}

@test "PID 1: what the program leaves is asked to end, and has the time for it" {
    cat >left <<'END'
import os, signal, sys, time
def end(number, frame):
    time.sleep(0.2)
    open("ended.in.order", "w").close()
    sys.exit()
signal.signal(signal.SIGTERM, end)
if os.fork() == 0:
    os.setsid()
    open("there", "w").close()
    time.sleep(600)
while not os.path.exists("there"):
    time.sleep(0.01)
os._exit(5)
END
    procfile "web: exec python3 left"
    in_container
    become "$FORMATION" exec web
    ended
    [ "$status" -eq 5 ]
    [ -e ended.in.order ]
    nothing_left
}

@test "PID 1: …and is killed after the type's grace, stopped ones too" {
    cat >left <<'END'
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open("there", "w").close()
    time.sleep(600)
if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
while not os.path.exists("there"):
    time.sleep(0.01)
os._exit(5)
END
    procfile "web: exec python3 left"
    printf 'processes:\n  web: {stop: {grace: 300ms}}\n' >formation.yaml
    in_container
    become "$FORMATION" exec web
    ended
    [ "$status" -eq 5 ]
    nothing_left
}

@test "PID 1: whoever asks again meanwhile does not wait for the grace" {
    procfile 'web: (trap "" TERM; setsid sleep 600 & echo up); exit 6'
    printf 'processes:\n  web: {stop: {grace: 600s}}\n' >formation.yaml
    in_container
    become "$FORMATION" exec web
    wait_for up
    wait_until told_again
    ended
    [ "$status" -eq 6 ]
    nothing_left
}

told_again() {
    tell TERM || true
    sleep 0.05
    is_gone "$formation"
}

@test "PID 1: killed, the kernel kills all" {
    procfile 'web: trap "" TERM; (setsid sleep 600 &); echo up; sleep 600'
    in_container
    become "$FORMATION" exec web
    wait_for up
    tell KILL
    ended
    wait_until nothing_left
}

@test "PID 1: what cannot be executed: 127 and 126" {
    procfile 'none: nosuch' 'folder: ./sub'
    mkdir sub
    in_container
    run --separate-stderr -127 "${PREFIX[@]}" "$FORMATION" exec none
    [ "$stderr" = "formation: command not found: nosuch" ]
    run --separate-stderr -126 "${PREFIX[@]}" "$FORMATION" exec folder
    [ "$stderr" = "formation: not executable: ./sub" ]
}

@test "PID 1: no /proc, no /dev, nothing that can be written to" {
    procfile 'web: echo "$PS here"; exit 4'
    in_container --mount
    run -4 unshare --mount --pid --fork sh -c '
        mount -t tmpfs none /proc && mount -t tmpfs none /dev && mount -o remount,bind,ro / &&
        exec "$@"' sh "$FORMATION" exec web
    [ "$output" = "web.1 here" ]
}

@test "PID 1: a user without rights, in a user namespace" {
    teller
    in_container --user --map-root-user
    as_nobody
    become "$FORMATION" exec web
    wait_for ready
    tell TERM
    ended
    [ "$status" -eq 7 ]
    nothing_left
}

@test "PID 1: at a terminal, Ctrl-C reaches the program, Ctrl-Z stops nothing, job control works" {
    [ "$(id -u)" = 0 ] || skip "needs root, to give the terminal to another session"
    in_container
    cat >asker <<'END'
import os, signal, sys
def tell(number, frame):
    print("got", signal.Signals(number).name, flush=True)
signal.signal(signal.SIGINT, tell)
signal.signal(signal.SIGWINCH, tell)
print("foreground", os.tcgetpgrp(0) == os.getpid() == os.getsid(0), "pid", os.getpid(), flush=True)
for line in sys.stdin:
    print("read", line.strip(), flush=True)
    if line.strip() == "end":
        sys.exit(8)
END
    procfile "web: exec python3 asker"
    run -0 timeout -k 1 30 python3 - "${PREFIX[@]}" setsid -c "$FORMATION" exec web <<'END'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
def wait_for(text):
    global seen
    while text not in seen:
        seen += os.read(fd, 4096)
    seen = seen.split(text, 1)[1]
wait_for(b"foreground True pid 2")
os.write(fd, b"\x03")
wait_for(b"got SIGINT")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
wait_for(b"got SIGWINCH")
os.write(fd, b"\x1a")
os.write(fd, b"after\n")
wait_for(b"read after")
os.write(fd, b"end\n")
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 8, status
END
}

@test "PID 1: run stays in front, too" {
    in_container
    run -3 "${PREFIX[@]}" "$FORMATION" run 'exit 3'
    run -0 "${PREFIX[@]}" "$FORMATION" run sh -c 'echo $$'
    [ "$output" = 2 ]
    procfile 'web: echo'
    run -0 "${PREFIX[@]}" "$FORMATION" run web hello
    [ "$output" = hello ]
}
