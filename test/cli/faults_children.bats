#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Faults of the processes that are supervised: they cannot be executed, cannot be killed, hang in
# the kernel, flood. What else they do stands in test/FAULTS.md, with the test that shows it.
# shellcheck disable=SC2015,SC2016,SC2034,SC2154 # `A && B || skip` is meant so
load helpers
load life
load control

crashes_of() {
    "$FORMATION" ps --json "$1" | sed -n 's/.*"crashes": \([0-9]*\).*/\1/p'
}

@test "the program is being written: tried again, no crash, and started once it is whole" {
    cp "$(command -v sleep)" program
    procfile "web: ./program 60" "other: exec sleep 60"
    exec 5>>program
    up
    wait_for "web.1   | cannot execute: ./program 60"
    grep -q "Text file busy" "$OUTPUT"
    sleep 0.5 # several tries
    [ "$(crashes_of web.1)" -eq 0 ]
    has_state other.1 ready
    exec 5>&-
    wait_for "web.1   | started with pid"
    wait_until has_state web.1 ready
    [ "$(crashes_of web.1)" -eq 0 ]
    stop
    [ "$status" -eq 0 ]
}

@test "an environment that only execve refuses: told at the first attempt, and a crash" {
    for i in {1..4}; do
        printf 'A%s=' "$i" && head -c 100000 /dev/zero | tr '\0' a && echo
    done >.env
    procfile "web: exec sleep 60"
    PREFIX=(bash -c 'ulimit -s 1024 && exec "$@"' -) # a quarter of it is for arguments
    up
    wait_for "web.1  | too long, with its arguments and environment"
    wait_for "(crash 2 in a row)"
    asks 0 why web
    grep -q "could not be started: Argument list too long" <<<"$output"
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "a process that reads its input finds the end of it, and no terminal" {
    procfile 'web: cat; echo "read to the end"; tty; exec sleep 60'
    run -0 terminal '| not a tty=\x03' -- "$FORMATION" start --no-color
    [[ $output == *"web.1  | read to the end"* ]]
}

# freezer: a cgroup in which even SIGKILL waits; $group is its folder.
freezer() {
    group=/sys/fs/cgroup/freezer/formation-test.$$
    [ -e /sys/fs/cgroup/freezer/cgroup.procs ] && mkdir "$group" 2>/dev/null ||
        skip "there is no freezer (cgroup v1) for us"
}

frozen() {
    echo "$1" >"$group/cgroup.procs"
    echo FROZEN >"$group/freezer.state"
    wait_until grep -qx FROZEN "$group/freezer.state"
}

thaw() {
    echo THAWED >"$group/freezer.state"
    wait_until rmdir "$group"
}

@test "a process that not even SIGKILL ends: it is named, others go on, its place stays taken" {
    freezer
    procfile "web: exec sleep 60" "other: exec sleep 60"
    up -t 0.3
    wait_until has_state other.1 ready
    wait_until has_state web.1 ready
    stuck=$(pid web.1)
    frozen "$stuck"
    timeout -k 1 60 "$FORMATION" restart web.1 >restarted 2>&1 3>&- &
    restart=$!
    wait_until has_state web.1 stopping
    wait_for "web.1   | has not ended 1s after SIGKILL: it hangs in the kernel, or is frozen"
    asks 0 ps
    grep -q "^web.1 .* stopping " <<<"$output"
    [ "$(pid web.1)" = "$stuck" ]
    asks 0 restart other
    asks 0 scale other=3
    has_state other.3 ready
    [ "$(grep -c "web.1 .*started with pid" "$OUTPUT")" -eq 1 ]
    thaw
    wait "$restart"
    wait_until has_state web.1 ready
    [ "$(pid web.1)" != "$stuck" ]
    shows "web.1   | terminated by SIG"
    stop
    [ "$status" -eq 0 ]
}

@test "a process that not even SIGKILL ends, at the end of all: named, waited for, given up" {
    freezer
    procfile "web: exec sleep 60" "other: exec sleep 60"
    up -t 0.3
    wait_until has_state web.1 ready
    stuck=$(pid web.1)
    frozen "$stuck"
    kill -TERM "$formation"
    wait_for "other.1 | terminated by SIGTERM"
    wait_for "waiting for web.1"
    asks 0 ps
    PATIENCE=30 ended
    [ "$status" -eq 0 ]
    shows "web.1   | pid $stuck does not end, even by SIGKILL; giving up on it"
    thaw # and the kernel ends it
    wait_until nothing_left
}

@test "a process that may not be signalled: told, no loop, and the others end" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    somebody=$((100000 + $$))
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
    chown "$somebody" "$APP"
    cp "$APPS/unreachable" .
    chmod 4755 unreachable
    mkfifo enough
    PREFIX=(setpriv --reuid="$somebody" --regid="$somebody" --clear-groups)
    "${PREFIX[@]}" test -x "$FORMATION" || skip "it is in nobody's reach"
    XDG_STATE_HOME=$APP/state
    procfile "web: exec ./unreachable" "other: exec sleep 60"
    up -t 0.3
    wait_for "web.1   | unreachable"
    wait_until has_state web.1 ready
    asks 0 restart other
    timeout -k 1 60 "$FORMATION" stop web.1 >stopped 2>&1 3>&- &
    stopping=$!
    wait_for "web.1   | may not be signalled: it has become another user's"
    asks 0 ps
    grep -q "^web.1 .* stopping " <<<"$output"
    ticks=$(sed 's/.*) //' "/proc/$formation/stat" | awk '{print $12 + $13}')
    sleep 1.5
    [ $(($(sed 's/.*) //' "/proc/$formation/stat" | awk '{print $12 + $13}') - ticks)) -lt 20 ]
    : >enough # it ends by itself
    wait "$stopping"
    has_state web.1 finished
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "one process floods: the lines of the others and answers come in time" {
    cat >ticker <<'PYTHON'
import time
while True:
    print(time.time(), flush=True)
    time.sleep(0.02)
PYTHON
    procfile "flood: exec yes $(printf '%080d' 0)" "ticker: exec python3 ticker"
    "$FORMATION" start >/dev/null 2>"$OUTPUT" 3>&- &
    formation=$!
    wait_until answers
    wait_until has_state ticker.1 ready
    run -0 timeout -k 1 60 python3 - "$FORMATION" <<'PYTHON'
import subprocess, sys, time
follow = subprocess.Popen([sys.argv[1], "logs", "-f", "ticker"], stdout=subprocess.PIPE)
late = []
for line in follow.stdout:
    try:
        sent = float(line.split(b"| ")[1])
    except (IndexError, ValueError):
        continue
    late.append(time.time() - sent)
    if len(late) == 200:
        break
follow.kill()
late = sorted(late[50:])     # the first ones were there before
answers = []
for i in range(20):
    began = time.monotonic()
    subprocess.run([sys.argv[1], "ps"], check=True, capture_output=True)
    answers.append(time.monotonic() - began)
print(f"a line of the other came after {late[75] * 1000:.0f} ms, {late[-1] * 1000:.0f} at most;"
      f" ps took {sorted(answers)[10] * 1000:.0f} ms, {max(answers) * 1000:.0f} at most")
assert late[75] < 2 and sorted(answers)[10] < 2, (late, answers)  # milliseconds, in quiet times
PYTHON
    echo "$output" >&3
    stop
    [ "$status" -eq 0 ]
}
