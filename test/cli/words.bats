#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The last words of a process that dies at once are complete: in the output every byte, in `logs`
# the last 8 KiB, in `why` the last ten lines.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # $PS is meant so; bats sets output
load helpers
load life
load control

LINES_WRITTEN=2000 # of 50 bytes: more than 64 KiB

# speaker END: the file `speaker`, a program that writes that many numbered lines at once and one
# without an end, says so by the file `said`, and does END, in Python. It is started once.
speaker() {
    cat >speaker <<END
import os, resource, signal, time
text = "".join(f"{i:05} {'x' * 43}\n" for i in range(1, $LINES_WRITTEN + 1)) + "and then"
view = memoryview(text.encode())
while view:
    view = view[os.write(1, view):]
open("said", "w").close()
$1
END
    procfile "w: exec python3 speaker" "other: exec sleep 60"
    echo 'processes: {w: {restart: never}}' >formation.yaml
}

# words_are_complete [END]: in the output all, in logs and why what they keep; END is how it ended.
words_are_complete() {
    output_is_whole
    asks 0 logs w
    logs_are_the_last
    asks 0 why --json w
    json 'data["histories"][0]["lives"][0]["last_lines"] ==
        [f"{i:05} " + "x" * 43 for i in range('"$((LINES_WRITTEN - 8)), $((LINES_WRITTEN + 1))"')] +
        ["and then"]'
    asks 0 why w
    [[ $output == *"${1-terminated by SIGKILL}"*"the last that it wrote:"* ]]
    [ "${lines[-1]}" = "    and then" ]
}

output_is_whole() {
    text_of w.1 | grep -avE '^(started with|terminated by|exited with)' |
        cmp - <(for ((i = 1; i <= LINES_WRITTEN; i++)); do
            printf '%05d %s\n' $i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        done
        echo "and then")
}

# What `logs` has said is an end of what was written, without a gap, some 8 KiB of it.
logs_are_the_last() {
    python3 - "$LINES_WRITTEN" "$output" <<'END'
import re, sys
last = int(sys.argv[1])
texts = [line.split(" | ", 1)[1] for line in sys.argv[2].splitlines()]
texts = [text for text in texts if re.match(r"\d{5} x|and then", text)]
wanted = [f"{i:05} " + "x" * 43 for i in range(1, last + 1)] + ["and then"]
if texts != wanted[-len(texts):] or len(texts) < 90:
    sys.exit(f"{len(texts)} lines, the last: {texts[-3:]}")
END
}

# is_shown_dead: whether the end of the process is in the output.
is_shown_dead() {
    shows "terminated by" || shows "exited with"
}

# while_stopped: the process says its words and dies while the manager is stopped.
while_stopped() {
    rm -f go
    speaker "while not os.path.exists('go'): time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)"
    sed -i '1a while not os.path.exists("begin"): time.sleep(0.01)' speaker
    up
    wait_until has_state w.1 ready
    manager=$(manager_pid)
    process=$(pid w.1)
    kill -STOP "$manager"
    touch begin
    wait_until test -e said
    touch go
    wait_until is_gone "$process"
}

@test "SIGKILL with all of it unread in the pipe" {
    while_stopped
    run ! shows "and then"
    kill -CONT "$manager"
    wait_until is_shown_dead
    words_are_complete
    stop
}

@test "…and the manager is killed before it reads it" {
    while_stopped
    kill -KILL "$manager"
    wait_until is_shown_dead
    words_are_complete
    stop
    nothing_left
}

@test "…or while it does, at any moment" {
    speaker "os.kill(os.getpid(), signal.SIGKILL)"
    sed -i '1a while not os.path.exists("begin"): time.sleep(0.001)' speaker
    for round in {1..12}; do
        rm -f begin said
        up
        wait_until has_state w.1 ready
        manager=$(manager_pid)
        touch begin
        python3 -c 'import sys, time; time.sleep(int(sys.argv[1]) * 0.002)' "$round"
        kill -KILL "$manager"
        wait_until is_shown_dead
        wait_until answers
        words_are_complete
        stop
    done
}

@test "a core dump" {
    ulimit -c unlimited
    for end in "os.abort()" "os.kill(os.getpid(), signal.SIGSEGV)"; do
        rm -f said core*
        speaker "$end"
        up
        wait_until is_shown_dead
        case $(cat /proc/sys/kernel/core_pattern) in
        core) shows "core dumped" ;;
        esac
        [[ $end == *SEGV* ]] && signal=SIGSEGV || signal=SIGABRT
        words_are_complete "terminated by $signal"
        stop
    done
}

@test "out of memory, by the kernel itself" {
    group=/sys/fs/cgroup/memory/formation-test.$$
    [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] && mkdir "$group" 2>/dev/null ||
        skip "there is no memory controller (cgroup v1) for us"
    echo 48M >"$group/memory.limit_in_bytes"
    [ ! -e "$group/memory.memsw.limit_in_bytes" ] || echo 48M >"$group/memory.memsw.limit_in_bytes"
    speaker "open('$group/cgroup.procs', 'w').write(str(os.getpid()))
hog = []
while True:
    hog.append(b'x' * 1000000)"
    up
    wait_until is_shown_dead
    killed=$(sed -n 's/^oom_kill //p' "$group/memory.oom_control")
    rmdir "$group"
    [ "$killed" -eq 1 ]
    words_are_complete
    stop
}

@test "while nobody takes the output" {
    speaker "while not os.path.exists('go'): time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)"
    sed -i '1a while not os.path.exists("begin"): time.sleep(0.001)' speaker
    echo "flood: exec $APPS/chatty 1000000 --state written" >>Procfile
    mkfifo pipe
    exec 4<>pipe
    "$FORMATION" start >&4 2>"$BATS_TEST_TMPDIR/errors" 3>&- 4>&- &
    formation=$!
    wait_until answers
    wait_until has_state w.1 ready
    process=$(pid w.1)
    wait_until stalls
    touch begin
    wait_until test -e said
    touch go
    wait_until has_state w.1 finished
    asks 0 logs w
    logs_are_the_last
    asks 0 why w
    [ "${lines[-1]}" = "    and then" ]
    cat <&4 >"$OUTPUT" &
    exec 4>&-
    wait_for "terminated by SIGKILL"
    output_is_whole
    stop
}

# stalls: whether the one that floods has come to a stop.
stalls() {
    local before
    [ -s written ] || return
    before=$(od -An -tu8 written)
    sleep 0.3
    [ "$(od -An -tu8 written)" = "$before" ]
}

@test "a line that is too long to be kept says so; the output has it whole" {
    cat >long <<'END'
many() { head -c "$1" /dev/zero | tr '\0' "$2"; }
many 5000 a
printf '\nshort\n'
many 1024 b
echo
many 1025 c
exit 3
END
    procfile "w: exec sh long" "other: exec sleep 60"
    echo 'processes: {w: {restart: never}}' >formation.yaml
    up
    wait_for "exited with code 3"
    [ "$(grep -ao 'a*' "$OUTPUT" | awk 'length == 5000' | wc -l)" -eq 1 ]
    asks 0 logs w
    a=$(printf '%01024d' 0)
    [[ ${lines[1]} == *"| ${a//0/a} … (cut)" ]]
    [[ ${lines[2]} == *"| short" ]]
    [[ ${lines[3]} == *"| ${a//0/b}" ]]
    [[ ${lines[4]} == *"| ${a//0/c} … (cut)" ]]
    asks 0 logs --json w
    json '[r.get("cut") for r in rows][1:5] == [True, None, None, True]'
    asks 0 why w
    grep -qx "    ${a//0/a} …" <<<"$output"
    grep -qx "    ${a//0/b}" <<<"$output"
    stop
}
