#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Readers that are slow, paused, gone or full: the processes wait, nothing is lost or it is counted,
# and everything else goes on.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # $PS in quotes is meant so; bats sets output
load helpers
load life
load control

# on_terminal: `formation start --no-color` on a terminal, of which what it gets is in $OUTPUT.
# Ctrl-S and Ctrl-Q are typed by `types s` and `types q`.
on_terminal() {
    mkfifo keys
    TERM=xterm python3 - "$FORMATION" keys >"$OUTPUT" 3>&- <<'END' &
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "start", "--no-color"])
print(pid, file=open("terminal.pid", "w"))
keys = os.open(sys.argv[2], os.O_RDWR)
while True:
    ready, _, _ = select.select([terminal, keys], [], [])
    if keys in ready:
        key = os.read(keys, 1)
        os.write(terminal, {b"s": b"\x13", b"q": b"\x11"}[key])
        open("typed." + key.decode(), "w").close()
    if terminal in ready:
        try:
            os.write(1, os.read(terminal, 65536))
        except OSError:
            break
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    terminal=$!
    wait_until answers
    formation=$(cat terminal.pid)
}

types() {
    printf '%s' "$1" >keys
    wait_until test -e "typed.$1"
}

# end_at_terminal: Ctrl-C, in other words; the exit status is in $status.
end_at_terminal() {
    kill -INT "$formation"
    wait_until is_gone "$terminal"
    status=0
    wait "$terminal" || status=$?
}

# stalls FILE: whether chatty, which writes its number there, has come to a stop.
stalls() {
    local before
    [ -s "$1" ] || return
    before=$(od -An -tu8 "$1")
    sleep 0.3
    [ "$(od -An -tu8 "$1")" = "$before" ]
}

has_written() {
    [ -s "$1" ] && [ "$(od -An -tu8 "$1")" -ge "$2" ]
}

# memory PID: what it has for itself, in KiB.
memory() {
    awk '/^RssAnon|^RssShmem/ {sum += $2} END {print sum}' "/proc/$1/status"
}

# manager: its pid, by the control socket.
manager() {
    "$FORMATION" status --json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["manager_pid"])'
}

# goes_on: the formation whose output nobody takes does all that it is asked for. `crasher` has
# crashed by now, or will; `quiet` and `log` are there.
goes_on() {
    touch crash
    wait_until has_restarted crasher.1
    asks 0 ps
    grep -q '^quiet.1 .* ready' <<<"$output"
    asks 0 why crasher
    grep -q 'terminated by SIGKILL after' <<<"$output"
    grep -qx '    last words' <<<"$output"
    grep -qx '    unended' <<<"$output"
    asks 0 logs crasher
    grep -q 'crasher.1 .*| unended$' <<<"$output"
    asks 0 scale quiet=3
    asks 0 restart quiet.2
    asks 0 restart log # ready once it has written so
    wait_until has_state log.1 ready
    asks 0 stop quiet.1
    has_state quiet.1 finished
    asks 0 signal USR1 quiet.3
    wait_until test -e signalled.3
}

has_restarted() {
    "$FORMATION" ps --json "$1" | python3 -c '
import json, sys
process, = json.load(sys.stdin)["processes"]
sys.exit(process["restarts"] < 1)'
}

# app LINES: one that floods, and others.
app() {
    cat >crasher <<'END'
until [ -e crash ]; do sleep 0.02; done
[ ! -e crashed ] || exec sleep 60
touch crashed
echo last words
printf unended
kill -KILL $$
END
    cat >quiet <<'END'
trap 'touch signalled.${PS#*.}; echo signalled' USR1
echo I am
while :; do sleep 0.1; done
END
    local flood="exec $APPS/chatty $1 --least 200 --state written --stay"
    procfile "flood: until [ -e flood ]; do sleep 0.02; done; $flood" \
        "crasher: exec sh crasher" "quiet: exec sh quiet" "log: echo here I am; exec sleep 60"
    printf 'processes:\n  log: {ready: {log: here}}\n' >formation.yaml
}

# flood_is_whole LINES: of the output, the lines of the flood.
flood_is_whole() {
    tr -d '\r' <"$OUTPUT" | grep -a ' flood.1   | ' >flood.lines
    run -0 "$APPS/checker" 1 "$1" --least 200 --screen <flood.lines
}

# others_are_there: what the others wrote while nobody took it, each once and in order.
others_are_there() {
    [ "$(text_of crasher.1 | tr -d '\r' | sed 's/pid .*/pid N/' | head -n 5)" = "started with pid N
last words
unended
terminated by SIGKILL
started with pid N" ]
    [ "$(text_of log.1 | grep -c 'here I am')" -eq 2 ]
    [ "$(text_of quiet.2 | grep -c 'I am')" -eq 2 ]
}

@test "a terminal that is paused: all goes on, and nothing is lost when it is resumed" {
    app 20000
    on_terminal
    wait_until has_state log.1 ready
    types s
    touch flood
    wait_until stalls written
    run ! has_written written 20000
    size=$(stat -c %s "$OUTPUT")
    goes_on
    [ "$(stat -c %s "$OUTPUT")" -eq "$size" ]
    types q
    wait_until has_written written 20000
    wait_until has_text "signalled"
    end_at_terminal
    [ "$status" -eq 0 ]
    flood_is_whole 20000
    others_are_there
    nothing_left
}

has_text() {
    grep -qaF "$1" "$OUTPUT"
}

@test "…one that is never resumed is no obstacle to the end" {
    app 1000000
    on_terminal
    wait_until has_state log.1 ready
    types s
    touch flood
    wait_until stalls written
    kill -INT "$formation"
    wait_until no_process
    types q # what was read is shown, as it would have been
    wait_until is_gone "$terminal"
    wait_until has_text "sending SIGTERM to all processes"
    nothing_left
}

no_process() {
    local pid
    for pid in $(children "$formation"); do
        grep -qs ^formation "/proc/$pid/comm" || is_gone "$pid" || return
    done
}

@test "a manager that is killed while the terminal is paused: nothing is lost" {
    app 20000
    on_terminal
    wait_until has_state log.1 ready
    types s
    touch flood
    wait_until stalls written
    goes_on
    old=$(manager)
    kill -KILL "$old"
    wait_until another_manager "$old"
    asks 0 why crasher
    grep -qx '    unended' <<<"$output"
    types q
    wait_until has_written written 20000
    wait_until has_text "signalled"
    end_at_terminal
    [ "$status" -eq 0 ]
    flood_is_whole 20000
    others_are_there
}

another_manager() {
    local pid
    pid=$(manager 2>/dev/null) && [ "$pid" != "$1" ]
}

@test "crashes without end while nobody takes the output: memory has an end" {
    cat >crasher <<'END'
head -c 60000 /dev/zero | tr '\0' x | fold -w 1000
exit 3
END
    procfile "crasher: exec sh crasher"
    printf 'processes:\n  crasher: {quantity: 8, backoff: {base: 1ms, max: 1ms}}\n' >formation.yaml
    mkfifo pipe
    exec 4<>pipe
    "$FORMATION" start >&4 2>"$BATS_TEST_TMPDIR/errors" 3>&- 4>&- &
    formation=$!
    wait_until answers
    # Until the crashes come to a stop, since what waits has reached its limit.
    wait_until crashes_stop
    [ "$(memory "$(manager)")" -lt 40000 ]
    asks 0 ps
    # Then it is taken, and all goes on. The reader may write to the pipe as little as we may, so
    # that it has an end.
    cat <pipe >"$OUTPUT" 4>&- &
    reader=$!
    exec 4>&-
    before=$(crashes)
    wait_until crashes_go_on "$before"
    kill -TERM "$formation"
    ended
    wait "$reader"
    [ "$(grep -ac '| x\{1000\}$' "$OUTPUT")" -ge 10000 ]
    lines_are_whole
}

# A line is shorter only where the end of the formation came within it: nothing is after it.
lines_are_whole() {
    awk '/ \| x+$/ { if (torn[$2]) exit 1; torn[$2] = length($4) != 1000 }' "$OUTPUT"
}

crashes() {
    "$FORMATION" ps --json | python3 -c '
import json, sys
print(sum(p["restarts"] for p in json.load(sys.stdin)["processes"]))'
}

crashes_stop() {
    local before
    before=$(crashes)
    sleep 1
    [ "$before" -gt 8 ] && [ "$(crashes)" = "$before" ]
}

crashes_go_on() {
    [ "$(crashes)" -gt "$1" ]
}

@test "a pager that quits while it shows the first page ends the formation, in order" {
    procfile "w: trap 'touch ended.w; exit' TERM; touch up.w; while :; do echo line; done" \
        "x: trap 'touch ended.x; exit' TERM; touch up.x; while :; do sleep 0.02; done"
    mkfifo pipe
    "$FORMATION" start >pipe 2>"$OUTPUT" 3>&- &
    formation=$!
    exec 4<pipe
    read -r _ <&4
    wait_until test -e up.w
    wait_until test -e up.x
    asks 0 ps
    exec 4<&-
    ended
    [ "$status" -eq 141 ]
    [ -e ended.w ]
    [ -e ended.x ]
    [ ! -s "$OUTPUT" ]
    nothing_left
}

@test "a disk that is full: all goes on, and nothing is lost when there is room" {
    unshare --mount true 2>/dev/null || skip "cannot mount a disk"
    mkdir disk
    app 20000
    # The reader of the disk is in the same private namespace.
    mkfifo asked answered
    exec 5<>asked 6<>answered
    unshare --mount bash -ec '
        mount -t tmpfs -o size=4m none disk
        head -c 3500000 /dev/zero >disk/other
        "$1" start >disk/output 2>errors 3>&- &
        echo $! >&6
        while read -r word <&5; do
            case $word in
            free) stat -f -c %a disk >&6 ;;
            room) rm disk/other; mount -o remount,size=400m disk; echo done >&6 ;;
            end) cp disk/output "$2"; echo done >&6; exit ;;
            esac
        done
    ' - "$FORMATION" "$OUTPUT" 3>&- &
    helper=$!
    read -r formation <&6
    wait_until answers
    touch flood
    wait_until disk_is_full
    wait_until stalls written
    goes_on
    echo room >&5
    read -r _ <&6
    wait_until has_written written 20000
    "$FORMATION" shutdown
    wait_until is_gone "$formation"
    echo end >&5
    read -r _ <&6
    wait "$helper" || true
    flood_is_whole 20000
    others_are_there
}

disk_is_full() {
    local free
    echo free >&5
    read -r free <&6
    [ "$free" -eq 0 ]
}

# --- logs -f --------------------------------------------------------------------------------------

# numbers_are LAST: every number from 1 to LAST is in the JSON lines of `logs`, or counted as
# missing at its place.
numbers_are() {
    python3 - "$OUTPUT" "$1" <<'END'
import json, sys
wanted, shown, lost = 1, 0, 0
for row in open(sys.argv[1]):
    line = json.loads(row)
    missing = line.get("lost", 0)
    wanted += missing
    lost += missing
    if "text" not in line or not line["text"].isdigit():
        continue
    if int(line["text"]) != wanted:
        sys.exit(f"{wanted} was expected, not {line}")
    wanted += 1
    shown += 1
print(shown, "shown", lost, "missing")
sys.exit(wanted != int(sys.argv[2]) + 1)
END
}

# listens [ARGUMENT…]: `logs -f w` in the background, pid $listener; it has heard something.
listens() {
    "$FORMATION" logs -f -n 0 "$@" w >"$OUTPUT" 2>&1 3>&- &
    listener=$!
    wait_until grep -q here "$OUTPUT"
}

# counter LAST: w says that it is here until `go` is there, and then counts.
counter() {
    cat >counter <<'END'
until [ -e go ]; do echo here; sleep 0.05; done
seq 1 "$1"
touch counted
exec sleep 60
END
    procfile "w: exec sh counter $1"
    "$FORMATION" start >/dev/null 2>&1 3>&- &
    formation=$!
    wait_until answers
}

@test "a listener that is stopped holds nothing up, and is told exactly how much it has missed" {
    counter 300000
    listens --json
    kill -STOP "$listener"
    before=$(memory "$(manager)")
    touch go
    wait_until test -e counted
    after=$(memory "$(manager)")
    echo "memory $before $after"
    [ $((after - before)) -lt 4000 ]
    asks 0 ps
    has_state w.1 ready
    kill -CONT "$listener"
    PATIENCE=30 wait_until numbers_are 300000 2>/dev/null
    stop
    run -0 numbers_are 300000
    [[ $output =~ ^[0-9]+\ shown\ [1-9][0-9]+\ missing$ ]]
}

@test "…and one on a slow link at each place where lines are missing" {
    counter 300000
    { "$FORMATION" logs -f -n 0 --json w 2>&1 3>&- | "$APPS/slow_reader" 4096 1 >"$OUTPUT"; } &
    wait_until grep -q here "$OUTPUT"
    touch go
    wait_until test -e counted
    PATIENCE=30 wait_until numbers_are 300000 2>/dev/null
    stop
    run -0 numbers_are 300000
    [[ $output =~ ^[0-9]+\ shown\ [1-9][0-9]+\ missing$ ]]
}

# people_have_counted LAST: of what people are shown, the lines and those that are missing.
people_have_counted() {
    local missing sentence='lines are missing here: this reader was too slow'
    missing=$(sed -n "s/.* system *| \([0-9]*\) $sentence\$/\1/p" "$OUTPUT" | paste -sd+)
    [ "$missing" ] && [ $((missing + $(grep -cE 'w\.1 *\| [0-9]+$' "$OUTPUT"))) -eq "$1" ]
}

@test "people are told in a sentence" {
    counter 300000
    listens
    kill -STOP "$listener"
    touch go
    wait_until test -e counted
    kill -CONT "$listener"
    PATIENCE=30 wait_until people_have_counted 300000
    stop
}

@test "many stopped listeners cost what each may have, and no more" {
    without_sanitizers "they take memory of their own"
    counter 300000
    pids=()
    for i in {1..20}; do
        "$FORMATION" logs -f -n 0 --json w >"listener.$i" 2>&1 3>&- &
        pids+=($!)
    done
    for i in {1..20}; do
        wait_until grep -q here "listener.$i"
    done
    kill -STOP "${pids[@]}"
    touch go
    wait_until test -e counted
    [ "$(memory "$(manager)")" -lt 20000 ]
    asks 0 ps
    kill -KILL "${pids[@]}"
    asks 0 ps
    stop
    [ "$status" -eq 0 ]
}
