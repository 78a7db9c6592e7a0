#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Faults of the supervisor itself: its parts are killed, stopped, out of memory; a pid comes back as
# somebody else's. What else can happen to it stands in test/FAULTS.md, with the test that shows it.
# shellcheck disable=SC2015,SC2016,SC2154 # `A && B || skip` is meant so; output belongs to bats
load helpers
load life
load control
load logs

# milliseconds_until COMMAND…: how long it takes until it succeeds.
milliseconds_until() {
    local began=$EPOCHREALTIME
    wait_until "$@" || return
    echo $(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
}

# identity PROCESS: its pid, and when it was started.
identity() {
    "$FORMATION" ps --json "$1" | python3 -c '
import json, sys
process, = json.load(sys.stdin)["processes"]
print(process["pid"], process["since"])'
}

@test "the manager is killed while all is quiet: the next one is there within 200 ms" {
    procfile 'web: i=0; while i=$((i + 1)) && echo "line $i"; do sleep 0.02; done'
    up
    wait_for "line 3"
    before=$(identity web.1)
    fastest=9999
    for _ in {1..5}; do
        wait_until manager_pid >manager
        kill -KILL "$(cat manager)"
        took=$(milliseconds_until another_manager "$(cat manager)")
        [ "$took" -ge "$fastest" ] || fastest=$took
        answers # waits for it in the socket's queue
    done
    echo "the next manager came after $fastest ms" >&3
    [ "$fastest" -lt 200 ]
    [ "$(identity web.1)" = "$before" ]
    stop
    text_of web.1 | grep '^line' >lines
    diff lines <(seq "$(wc -l <lines)" | sed 's/^/line /')
}

@test "the manager is killed within a rolling restart: never two are missing" {
    procfile 'web: echo "$PS is up"; exec sleep 60'
    printf 'processes:\n  web: {quantity: 4, ready: {log: is up}}\n' >formation.yaml
    up
    wait_until eval 'has_state web.1 ready && has_state web.4 ready'
    before=$("$FORMATION" ps --json | sed -n 's/ *"pid": //p')
    timeout -k 1 20 "$FORMATION" restart >restarted 2>&1 3>&- &
    restart=$!
    for count in 5 6 7; do
        wait_for "started with pid" $count
        kill_manager
    done
    wait "$restart" || true # it may have been told that it is not known
    wait_for "is up" 8
    wait_until eval 'has_state web.1 ready && has_state web.4 ready'
    for old in ${before//,/}; do
        is_gone "$old"
    done
    asks 0 events --json
    python3 - "$output" <<'PYTHON'
import json, sys
ready, least = set(), 4
for event in map(json.loads, sys.argv[1].splitlines()):
    name, state = event.get("process"), event.get("state")
    if state:
        was_whole = was_whole if "was_whole" in globals() else False
        (ready.add if state == "ready" else ready.discard)(name)
        was_whole = was_whole or len(ready) == 4
        least = min(least, len(ready)) if was_whole else 4
assert was_whole and least == 3, least
PYTHON
    stop
}

@test "the manager is out of memory and killed by the kernel: nobody notices" {
    group=/sys/fs/cgroup/memory/formation-test.$$
    [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] && mkdir "$group" 2>/dev/null ||
        skip "there is no memory controller (cgroup v1) for us"
    procfile "web: exec sleep 60"
    up
    wait_until has_state web.1 ready
    before=$(identity web.1)
    wait_until manager_pid >manager
    echo 64K >"$group/memory.limit_in_bytes"
    cat manager >"$group/cgroup.procs"
    socket '
waiting = []
for i in range(60):        # half a call each, which it has to keep
    t = connect()
    t.sendall(b"{" + b" " * 100_000)
    waiting.append(t)
' || true
    wait_until another_manager "$(cat manager)"
    wait_until answers
    killed=$(sed -n 's/^oom_kill //p' "$group/memory.oom_control")
    after=$(identity web.1)
    echo "before: $before, after: $after"
    [ "$after" = "$before" ]
    stop
    rmdir "$group"
    [ "$killed" -eq 1 ]
}

# everybody SIGNAL: to all of the formation, the supervisor first.
everybody() {
    kill -"$1" "$formation" "${supervisor[@]}" "${processes[@]}"
}

@test "all is suspended for seconds: no deadline, look or pause expires wrongly" {
    procfile "web: exec $APPS/responder answer" "job: exec $APPS/notifier say=READY=1 ping=0.1" \
        "slow: exec sleep 60" "off: exit 3" "other: echo up; exec sleep 60"
    cat >formation.yaml <<'YAML'
processes:
  web: {ready: {http: /}, alive: {http: /, interval: 100ms, timeout: 2s, failures: 2}}
  job: {ready: {notify: true}, watchdog: 3s}
  slow: {quantity: 0, ready: {log: never}, boot: 5s}
  off: {backoff: {base: 30s}}
YAML
    up -p "$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')"
    wait_until has_state web.1 ready
    wait_until has_state job.1 ready
    wait_until has_state off.1 backoff
    supervisor=("$(manager_pid)" "$(witness_pid)")
    processes=("$(pid_of web.1)" "$(pid_of job.1)" "$(pid_of other.1)")
    before="$(identity web.1) $(identity job.1) $(identity other.1)"
    asks 0 scale --no-wait slow=1
    wait_for "slow.1  | started with pid"
    processes+=("$(pid_of slow.1)")
    everybody STOP
    sleep 7 # each deadline, and several of most
    everybody CONT
    wait_for "slow.1  | not ready within 5s" # which it is when it has had its five seconds
    [ "$before" = "$(identity web.1) $(identity job.1) $(identity other.1)" ]
    has_state off.1 backoff
    asks 0 events --json
    python3 - "$output" <<'PYTHON'
import json, sys
at = {}
for event in map(json.loads, sys.argv[1].splitlines()):
    if event.get("process") == "slow.1":
        at.setdefault(event["kind"], event["at"])
print(at)
assert 11 < at["boot-expired"] - at["started"], at
PYTHON
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "suspended within a stop: who was to be killed meanwhile is, and all ends" {
    procfile "web: $APPS/stubborn"
    start -t 1
    wait_for "| stubborn"
    processes=("$(pid_of web.1)")
    kill -TERM "$formation"
    wait_for "sending SIGTERM"
    supervisor=("$(manager_pid)" "$(witness_pid)")
    everybody STOP
    sleep 2
    everybody CONT
    ended
    [ "$status" -eq 0 ]
    shows "terminated by SIGKILL"
    nothing_left
}

# --- pids that come back --------------------------------------------------------------------------

# in_a_pid_namespace CODE: Python, as the first process of a namespace, where `formation` runs a
# command, `begin` the formation, and `stranger(pid)` is somebody else, with that very pid, who
# leads a session and group of the same number and reports every signal that reaches it.
in_a_pid_namespace() {
    [ "$(id -u)" = 0 ] && unshare --pid --fork --mount-proc true 2>/dev/null ||
        skip "needs the right to make namespaces"
    timeout -k 1 60 "${PREFIX[@]}" unshare --pid --fork --mount-proc --kill-child \
        python3 - "$FORMATION" "$OUTPUT" "$1" <<'PYTHON'
import json, os, re, signal, subprocess, sys, time

program, output, code = sys.argv[1:]

def formation(*arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)

def until(condition):
    end = time.monotonic() + 10
    while not (result := condition()):
        assert time.monotonic() < end, "waited for too long:\n" + open(output).read()
        time.sleep(0.01)
    return result

def begin(*arguments):
    child = subprocess.Popen([program, "start", *arguments], stdin=subprocess.DEVNULL,
                             stdout=open(output, "w"), stderr=subprocess.STDOUT)
    until(lambda: formation("status").returncode == 0)
    return child

def says(text):
    return re.search(text, open(output).read(), re.M)

def stranger(pid):
    heard, ready = os.pipe()
    until(lambda: not os.path.exists(f"/proc/{pid}"))
    for attempt in range(100):          # somebody else may be forking in this moment
        with open("/proc/sys/kernel/ns_last_pid", "w") as last:
            last.write(str(pid - 1))
        child = os.fork()
        if child == 0:
            if os.getpid() != pid:
                os._exit(0)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            os.setsid()
            os.write(ready, b"ready\n")
            while True:
                os.write(ready, b"%d\n" % signal.sigwait(signal.valid_signals()))
        if child == pid:
            os.close(ready)
            assert os.read(heard, 6) == b"ready\n"
            return heard
        os.waitpid(child, 0)
    sys.exit("the pid could not be had")

def is_unharmed(pid, heard):
    os.set_blocking(heard, False)
    try:
        got = os.read(heard, 100)
    except BlockingIOError:
        got = None
    assert got is None, f"signals reached the stranger: {got}"
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)

exec(code)
PYTHON
}

# The pid of a process that has ended becomes a stranger's; whatever is asked of the formation.
pid_of_a_process_is_reused() {
    procfile 'web: [ -e second ] && exit 3; touch second; exec sleep 60' "other: exec sleep 60"
    printf 'processes:\n  web: {backoff: {base: 1h, max: 1h}}\n' >formation.yaml
    in_a_pid_namespace '
run = begin("-t", "0.3")
first = int(until(lambda: says(r"web.1 .*started with pid (\d+)"))[1])
other = int(until(lambda: says(r"other.1 .*started with pid (\d+)"))[1])
os.kill(first, signal.SIGKILL)
until(lambda: says("web.1 .*restarting in"))
formation("stop", "other")
pids = [first, other]
heard = {pid: stranger(pid) for pid in pids}
for command in (["signal", "USR1", "web", "other"], ["stop", "web"], ["restart", "--no-wait"],
                ["scale", "web=0", "other=0"], ["scale", "web=1"]):
    formation(*command)
manager = json.loads(formation("status", "--json").stdout)["manager_pid"]
os.kill(manager, signal.SIGKILL)
until(lambda: formation("status").returncode == 0)
os.kill(run.pid, signal.SIGTERM)
assert run.wait(20) == 0
for pid in pids:
    is_unharmed(pid, heard[pid])
'
}

@test "the pid of a process that has ended is used anew: no signal reaches the stranger" {
    pid_of_a_process_is_reused
}
@test "the pid of a process that has ended is used anew, without cgroups" {
    without_cgroups
    pid_of_a_process_is_reused
}

@test "the pids of a killed supervisor are used anew: the next start harms no stranger" {
    procfile "web: exec sleep 60"
    in_a_pid_namespace '
run = begin()
status = json.loads(formation("status", "--json").stdout)
web = int(until(lambda: says(r"web.1 .*started with pid (\d+)"))[1])
children = [int(pid) for pid in
            open(f"/proc/{run.pid}/task/{run.pid}/children").read().split()]
os.kill(run.pid, signal.SIGSTOP)                # or it would start others
for pid in [*children, run.pid]:
    os.kill(pid, signal.SIGKILL)
run.wait()
def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return not any(os.path.exists(f"/proc/{pid}") for pid in children)
until(reap)
pids = [run.pid, web, status["manager_pid"]]
heard = {pid: stranger(pid) for pid in pids}
run = begin()
until(lambda: says("web.1 .*started with pid"))
os.kill(run.pid, signal.SIGTERM)
assert run.wait(20) == 0
for pid in pids:
    is_unharmed(pid, heard[pid])
'
}
