#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Faults of the kernel's resources: no processes, descriptors or system calls, no time on the
# processor, storms of forks. What else there is stands in test/FAULTS.md.
# shellcheck disable=SC2015,SC2016,SC2034,SC2154 # `A && B || skip` is meant so
load helpers
load life
load control

# as_somebody LIMIT…: what is started from here on is a user's who has nothing else, under limits as
# prlimit(1) takes them.
as_somebody() {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    somebody=$((100000 + $$))
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
    chown "$somebody" "$APP"
    export XDG_STATE_HOME=$APP/state
    PREFIX=(setpriv --reuid="$somebody" --regid="$somebody" --clear-groups prlimit "$@")
    "${PREFIX[@]}" test -x "$FORMATION" -a -x "$APPS/forbidder" || skip "it is in nobody's reach"
}

# limit_is PID LIMIT: as its user, since root may not without CAP_SYS_RESOURCE.
limit_is() {
    setpriv --reuid="$somebody" --regid="$somebody" --clear-groups prlimit --pid "$1" "$2"
}

crashes_of() {
    "$FORMATION" ps --json "$1" | sed -n 's/.*"crashes": \([0-9]*\).*/\1/p'
}

# cpu_ticks PID: that it has used.
cpu_ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'
}

@test "clone is refused for 6 s: control answers, nothing counts as a crash, then all is back" {
    as_somebody --nproc=20
    procfile "web: read -r line <gate" # forks nothing itself
    mkfifo -m 666 gate
    exec 4<>gate
    up
    wait_until has_state web.1 ready
    limit_is "$formation" --nproc=1:20
    kill -KILL "$(pid web.1)"
    wait_for "cannot fork: too many processes or threads"
    before=$(crashes_of web.1)
    for _ in {1..6}; do # what is asked for meanwhile, too
        asks 0 ps
        asks 0 status
        sleep 1
    done
    asks 0 scale --no-wait web=3
    [ "$(crashes_of web.1)" = "$before" ]
    limit_is "$formation" --nproc=20:20
    began=$EPOCHREALTIME
    wait_for "started with pid" 4
    took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
    echo "all were back after $took ms" >&3
    [ "$took" -lt 8000 ] # 2 s, and what a busy machine takes
    [ "$(crashes_of web.1)" = "$before" ]
    stop
    exec 4>&-
    [ "$status" -eq 0 ]
    nothing_left
}

@test "the manager is killed while clone is refused: the next one comes when it can" {
    as_somebody --nproc=20
    procfile "web: read -r line <gate"
    mkfifo -m 666 gate
    exec 4<>gate
    up
    wait_until has_state web.1 ready
    before=$(pid web.1)
    limit_is "$formation" --nproc=1:20
    kill -KILL "$(manager_pid)"
    sleep 2
    run -1 manager_pid
    limit_is "$formation" --nproc=20:20
    wait_until answers
    [ "$(pid web.1)" = "$before" ]
    stop
    exec 4>&-
    [ "$status" -eq 0 ]
}

@test "no descriptor for a client: it waits, nobody spins, and control is usable again" {
    procfile "web: exec sleep 60"
    up
    wait_until has_state web.1 ready
    manager=$(manager_pid)
    for ((free = 0; ; free++)); do
        [ -e "/proc/$manager/fd/$free" ] || break
    done
    prlimit --pid "$manager" --nofile=$free:
    "$FORMATION" status >waiting 2>&1 3>&- &
    waiting=$!
    sleep 0.3
    ticks=$(cpu_ticks "$manager")
    sleep 2
    [ $(($(cpu_ticks "$manager") - ticks)) -lt 20 ] # of 200
    kill -0 "$waiting"
    prlimit --pid "$manager" --nofile=1000:
    wait "$waiting"
    grep -q "running for" waiting
    asks 0 ps
    stop
    [ "$status" -eq 0 ]
}

# --- system calls ---------------------------------------------------------------------------------

# lives_and_dies: with children that hide and ones that have to be killed.
lives_and_dies() {
    procfile "web: $APPS/stubborn" "worker: $APPS/forker --double --setsid" "job: exit 3"
    printf 'processes:\n  job: {restart: never}\n' >formation.yaml
    up -t 0.3
    wait_for "| stubborn"
    wait_for "| child"
    wait_for "exited with code 3"
    kill -KILL "$(pid worker.1)" # and its child is to be found
    wait_for "| child" 2
    asks 0 shutdown
    ended
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

@test "clone3 and pidfd_open are refused, as by an old container: all the same" {
    for error in ENOSYS EPERM; do
        PREFIX=("$APPS/forbidder" "clone3,pidfd_open" "$error")
        lives_and_dies
    done
}
@test "clone3 and pidfd_open are refused, without cgroups" {
    without_cgroups
    PREFIX+=("$APPS/forbidder" "clone3,pidfd_open" ENOSYS)
    lives_and_dies
}

@test "pidfd_open is refused, and the witness is killed: there is another" {
    procfile "web: exec sleep 60"
    PREFIX=("$APPS/forbidder" pidfd_open ENOSYS)
    start
    wait_for "web.1  | started with pid"
    for _ in 1 2 3; do
        wait_until witness_pid >witness
        kill -KILL "$(cat witness)"
        wait_until another_witness "$(cat witness)"
    done
    kill -KILL "$formation" "$(manager_pid)"
    wait_until nothing_left
}

# another_witness PID: whether another one than this is there.
another_witness() {
    local now
    now=$(witness_pid) && [ "$now" != "$1" ]
}

@test "close_range or memfd_create is refused: said at the start, and nothing runs" {
    procfile "web: touch started; exec sleep 60"
    for call in close_range memfd_create; do
        for error in ENOSYS EPERM; do
            run --separate-stderr -71 timeout -k 1 10 "$APPS/forbidder" $call $error \
                "$FORMATION" start
            [ "$stderr" = "formation: cannot start: the kernel, or a filter of its system calls, \
refuses what is needed: close_range and memfd_create, as in Linux 5.14" ]
            [ ! -e started ]
        done
    done
    nothing_left
}

# --- time on the processor, many processes --------------------------------------------------------

@test "64 busy loops want the processor: control answers, and deaths are noticed" {
    procfile "loop: while :; do :; done" "web: exec sleep 60"
    up -m loop=64,web=1
    wait_for "started with pid" 65
    asks 0 ps
    socket '
answers, notices = [], []
for i in range(20):
    began = time.monotonic()
    web = [p for p in call(s, "List")["parameters"]["processes"] if p["name"] == "web.1"][0]
    answers.append(time.monotonic() - began)
    if "pid" not in web or i % 5:
        continue
    os.kill(web["pid"], signal.SIGKILL)
    began = time.monotonic()
    while True:
        now = [p for p in call(s, "List")["parameters"]["processes"] if p["name"] == "web.1"][0]
        if now.get("pid") != web["pid"]:
            break
    notices.append(time.monotonic() - began)
answers.sort()
print(f"an answer took {answers[10] * 1000:.0f} ms, {answers[-1] * 1000:.0f} at most; "
      f"a death was known after {max(notices) * 1000:.0f} ms at most")
assert answers[10] < 2 and max(notices) < 10, (answers, notices)
' >figures
    cat figures >&3
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

# bomb: a program that forks without end; each of it does, and none of them heeds TERM.
bomb() {
    cat >bomb <<'PYTHON'
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) > 1:
    open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
os.write(1, b"armed\n")
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        if not os.path.exists("full"):
            open("full", "w").close()
PYTHON
}

# the_bomb_is_cleared: once it is full; the neighbour lives, control answers, and the stop is quick.
the_bomb_is_cleared() {
    wait_until test -e full
    asks 0 ps
    has_state web.1 ready
    began=$EPOCHREALTIME
    asks 0 stop bomb
    echo "ended after $(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) ms, of which 100 ms grace" >&3
    [ "$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))" -lt 20000 ] # a second in quiet times
    has_state web.1 ready
    asks 0 shutdown
    ended
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

@test "a fork bomb under a limit of processes: contained, and gone with its process" {
    group=/sys/fs/cgroup/pids/formation-test.$$
    [ -e /sys/fs/cgroup/pids/cgroup.procs ] && mkdir "$group" 2>/dev/null ||
        skip "there is no pids controller (cgroup v1) for us"
    echo 100 >"$group/pids.max"
    bomb
    procfile "bomb: exec python3 bomb $group" "web: exec sleep 60"
    printf 'processes:\n  bomb: {stop: {grace: 100ms}}\n' >formation.yaml
    up
    the_bomb_is_cleared
    rmdir "$group"
}

@test "a fork bomb under RLIMIT_NPROC, without cgroups" {
    without_cgroups
    hidden=("${PREFIX[@]}")
    as_somebody --nproc=100
    PREFIX=("${hidden[@]}" "${PREFIX[@]}")
    bomb
    procfile "bomb: exec python3 bomb" "web: exec sleep 60"
    printf 'processes:\n  bomb: {stop: {grace: 100ms}}\n' >formation.yaml
    up
    the_bomb_is_cleared
}

# took: milliseconds since $began.
took() {
    echo $(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
}

# asked_manager: the manager's pid by its own word; to look through so many children takes a minute.
asked_manager() {
    timeout -k 1 30 "$FORMATION" status --json | sed -n 's/.*"manager_pid": \([0-9]*\).*/\1/p'
}

@test "5000 processes at once within 20000 descriptors: ps and stop are still quick" {
    [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 20000 ] ||
        skip "needs 20000 descriptors"
    [ "$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)" -gt 6000000 ] || skip "needs 6 GB"
    PREFIX=(prlimit --nofile=20000)
    PATIENCE=120
    procfile "web: $APPS/idler"
    up --no-port -m web=5000
    began=$EPOCHREALTIME
    wait_for "started with pid" 5000
    starting=$(took)
    began=$EPOCHREALTIME
    timeout -k 1 30 "$FORMATION" ps --json >listing
    listing=$(took)
    [ "$(grep -c '"state": "ready"' listing)" -eq 5000 ]
    began=$EPOCHREALTIME
    asks 0 stop web.2500
    one=$(took)
    run -0 timeout 60 find "/proc/$formation/fd" -mindepth 1
    guard_has=${#lines[@]}
    asked_manager >manager
    run -0 timeout 60 find "/proc/$(cat manager)/fd" -mindepth 1
    manager_has=${#lines[@]}
    began=$EPOCHREALTIME
    kill -KILL "$(cat manager)"
    wait_until eval '[ "$(asked_manager)" != "$(cat manager)" ]'
    next=$(took)
    began=$EPOCHREALTIME
    stop
    echo "started in $starting ms, ps $listing ms, stop of one $one ms, next manager $next ms," \
        "stop of all $(took) ms; descriptors: guard $guard_has, manager $manager_has" >&3
    [ "$status" -eq 0 ]
    [ "$listing" -lt 5000 ] && [ "$one" -lt 5000 ] # a tenth of it in quiet times
    wait_until nothing_left
}
