#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Another program takes the place of the one that runs: no process and no client notices.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life
load control

# app: two types; $before are their pids.
app() {
    procfile "web: exec sleep 60" "worker: exec sleep 61"
    up
    wait_for "started with pid" 2
    before=$(pids)
}

pids() {
    "$FORMATION" ps --json | sed -n 's/.*"pid": //p' | xargs
}

# goes_on: whether all is as it was: the same processes under the same guard, and it can be changed.
goes_on() {
    diff <(pids) <(echo "$before")
    [ "$(grep -cE "(web|worker)\.1 .* started with pid" "$OUTPUT")" -eq 2 ]
    asks 0 scale web=2
    asks 0 scale web=1
    diff <(pids) <(echo "$before")
}

# impostor NAME: a program that behaves as its name says.
impostor() {
    cp "$APPS/impostor" "$1"
}

# program_of PID
program_of() {
    readlink "/proc/$1/exe"
}

# is_tried NAME: whether that impostor runs.
is_tried() {
    local pid
    for pid in $(pids_left); do
        [ "$(program_of "$pid")" != "$PWD/$1" ] || return 0
    done
    return 1
}

# descriptors PID: how many it has.
descriptors() {
    find "/proc/$1/fd" -mindepth 1 | wc -l
}

# writer: a program that writes the lines 1 to N as $PS, torn anywhere, and stays. When it is done
# there is a file written/$PS.
writer() {
    mkdir written
    cat >writer <<'END'
import os, random, sys, time
count, name = int(sys.argv[1]), os.environ["PS"]
line = "{} line {} {}\n"
text = "".join(line.format(name, i, "x" * (i % 200)) for i in range(1, count + 1)).encode()
at = 0
while os.path.exists("wait"):
    time.sleep(0.01)
while at < len(text):
    size = random.randrange(1, 400)
    os.write(1, text[at:at + size])
    at += size
    time.sleep(0.0005)
open(f"written/{name}", "w").close()
time.sleep(600)
END
}

# is_whole FILE N NAME…: whether the lines 1 to N of each are there: once, in order, uncut.
is_whole() {
    python3 - "$@" <<'END'
import re, sys
path, count, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
next_line = dict.fromkeys(names, 1)
for line in open(path, errors="replace"):
    found = re.search(r"(\S+) line (\d+) (x*)$", line)
    if not found:
        assert " line " not in line, f"torn: {line}"
        continue
    name, number = found[1], int(found[2])
    assert number == next_line[name], f"{next_line[name]} is due: {line}"
    assert len(found[3]) == number % 200, f"cut: {line}"
    next_line[name] += 1
assert all(number == count + 1 for number in next_line.values()), next_line
END
}

@test "under load: every line once and in order, in the output and for who follows" {
    writer
    count=6000
    procfile "web: exec python3 writer $count"
    touch wait # the last lines are kept, not the first: they must not come before the follower
    up -m web=3
    wait_for "started with pid" 3
    before=$(pids)
    "$FORMATION" logs -f --no-prefix >followed &
    follower=$!
    wait_until grep -q "started with pid" followed
    rm wait
    upgrades=0
    until [ -e written/web.1 ] && [ -e written/web.2 ] && [ -e written/web.3 ]; do
        asks 0 upgrade
        upgrades=$((upgrades + 1))
    done
    [ "$upgrades" -gt 5 ]
    diff <(pids) <(echo "$before")
    stop
    wait "$follower"
    is_whole "$OUTPUT" "$count" web.1 web.2 web.3
    is_whole followed "$count" web.1 web.2 web.3
    run ! grep -q "lost" followed
    [ "$(grep -c "upgraded to version" "$OUTPUT")" -eq "$upgrades" ]
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 3 ]
    nothing_left
}

@test "while nobody takes the output" {
    writer
    mkfifo fifo
    procfile "web: exec python3 writer 4000"
    { exec 4<fifo && wait_until test -e go && cat <&4 >"$OUTPUT"; } 3>&- &
    "$FORMATION" start -m web=2 >fifo 2>&1 </dev/null 3>&- &
    formation=$!
    wait_until answers
    wait_until has_state web.2 ready
    for _ in 1 2 3; do
        asks 0 upgrade
    done
    touch go
    wait_until test -e written/web.1
    wait_until test -e written/web.2
    stop
    is_whole "$OUTPUT" 4000 web.1 web.2
}

@test "unfinished lines of pipes and terminals go along" {
    mkfifo pipe_fifo tty_fifo
    echo 'printf "first half,"; read -r rest <$1; echo "$rest"; exec sleep 60' >halves
    procfile "web: exec sh halves pipe_fifo" "worker: exec sh halves tty_fifo"
    printf 'processes:\n  worker: {tty: true}\n' >formation.yaml
    up
    wait_for "started with pid" 2
    for _ in 1 2 3; do
        asks 0 upgrade
    done
    echo "second half" >pipe_fifo
    echo "other half" >tty_fifo
    wait_for "web.1    | first half,second half"
    wait_for "worker.1 | first half,other half"
    [ "$(grep -c half "$OUTPUT")" -eq 2 ]
    stop
}

@test "to a program with another guard: it becomes that one, with its pid" {
    app
    cp "$APPS/other_guard" other
    asks 0 upgrade other
    [ "$output" = "upgraded" ]
    [ "$(program_of "$formation")" = "$PWD/other" ]
    [ "$(program_of "$(manager_pid)")" = "$PWD/other" ]
    goes_on
    # Whatever it has to do, it can still do: spawn, hear of deaths, start managers, end.
    kill -KILL "$(pid web.1)"
    wait_for "web.1    | terminated by SIGKILL"
    wait_for "web.1    | started with pid" 2
    manager=$(manager_pid)
    kill -KILL "$manager"
    wait_until answers
    wait_until has_state web.1 ready
    [ "$(program_of "$(manager_pid)")" = "$PWD/other" ]
    asks 0 upgrade "$FORMATION" # and back
    [ "$(program_of "$formation")" = "$(realpath "$FORMATION")" ]
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "a hundred times: no descriptor is left over, with and without another guard" {
    app
    asks 0 upgrade "$APPS/other_guard"
    asks 0 upgrade "$FORMATION"
    of_manager=$(descriptors "$(manager_pid)")
    of_guard=$(descriptors "$formation")
    for ((round = 0; round < 25; round++)); do
        asks 0 upgrade "$APPS/other_guard"
        asks 0 upgrade
        asks 0 upgrade "$FORMATION"
        asks 0 upgrade
    done
    [ "$(descriptors "$(manager_pid)")" -eq "$of_manager" ]
    [ "$(descriptors "$formation")" -eq "$of_guard" ]
    [ -z "$(children "$(manager_pid)")" ] # no zombie, either
    goes_on
    stop
    nothing_left
}

@test "the program that is installed meanwhile, by SIGUSR2" {
    cp "$FORMATION" installed
    FORMATION=$PWD/installed
    app
    cp "$APPS/other_guard" new
    mv new installed # as a package manager does
    kill -USR2 "$formation"
    wait_for "upgraded to version"
    wait_until manager_pid
    [ "$(program_of "$(manager_pid)")" = "$PWD/installed" ]
    [ "$(program_of "$formation")" = "$PWD/installed" ]
    goes_on
    rm installed
    FORMATION=$APPS/other_guard
    asks 1 upgrade
    [ "$stderr" = "formation: the program that is installed: No such file or directory" ]
    kill -USR2 "$formation"
    wait_for "system   | not upgraded: the program that is installed: No such file or directory"
    goes_on
    stop
}

@test "a program that is no formation is refused, and nothing changes" {
    app
    asks 2 upgrade none
    [ "$stderr" = "formation: none: No such file or directory" ]
    asks 1 upgrade /bin/true
    [ "$stderr" = "formation: the program is not fit to go on: it cannot start" ]
    asks 1 upgrade /bin/ls
    [[ $stderr == "formation: the program is not fit to go on: "*"trial"* ]]
    echo "no program" >text
    asks 1 upgrade text
    chmod +x text
    asks 1 upgrade text
    mkfifo fifo
    chmod +x fifo
    asks 1 upgrade fifo
    asks 1 upgrade .
    [[ $stderr == *"Permission denied" ]]
    for name in fails talks; do
        impostor $name
        asks 1 upgrade $name
    done
    goes_on
    stop
    nothing_left
}

@test "a program that does not understand this formation is refused, and says what" {
    app
    asks 1 upgrade "$APPS/other_journal"
    [ "$stderr" = "formation: the program is not fit to go on: it does not understand the \
formation's journal" ]
    asks 1 upgrade "$APPS/other_handover"
    [ "$stderr" = "formation: the program is not fit to go on: it does not understand what the \
guard hands over" ]
    goes_on
    stop
}

@test "a program that does not end in its trial is ended, with all that it has started" {
    app
    impostor waits
    SECONDS=0
    asks 1 upgrade waits
    [ "$SECONDS" -lt 9 ]
    [ "$stderr" = "formation: the program does not answer" ]
    wait_until eval '! is_tried waits'
    # Meanwhile all goes on; a second one has to wait, and who leaves takes nothing along.
    "$FORMATION" upgrade waits 2>/dev/null &
    client=$!
    wait_until is_tried waits
    asks 0 scale web=2
    asks 0 scale web=1
    asks 1 upgrade
    [ "$stderr" = "formation: an upgrade is under way" ]
    kill "$client"
    wait_for "not upgraded: the program does not answer"
    asks 0 upgrade
    goes_on
    # …and the end of the formation does not wait for it.
    "$FORMATION" upgrade waits 2>/dev/null &
    wait_until is_tried waits
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "a program that ends or hangs once it has taken over is replaced by the old one" {
    app
    impostor crashes
    asks 1 upgrade crashes
    [[ $stderr == *"closed the connection before it answered" ]]
    wait_for "not upgraded: the program ended, or hung, before it was up"
    wait_until answers
    goes_on
    impostor hangs
    asks 1 upgrade hangs
    wait_for "not upgraded: the program ended, or hung, before it was up" 2
    wait_until answers
    goes_on
    [ "$(program_of "$(manager_pid)")" = "$(realpath "$FORMATION")" ]
    [ "$(program_of "$formation")" = "$(realpath "$FORMATION")" ]
    asks 0 upgrade
    goes_on
    stop
    nothing_left
}

@test "who waits for something gets the answer from the new one" {
    mkdir ready
    procfile 'web: while [ ! -e "ready/$PS" ]; do sleep 0.02; done; echo it is; exec sleep 60' \
        'worker: trap "" TERM; echo here; while [ ! -e gone ]; do sleep 0.02; done' \
        "clock: exec sleep 62"
    printf 'processes:\n  web: {ready: {log: it is}}\n  worker: {stop: {grace: 60s}}\n' \
        >formation.yaml
    touch ready/web.1
    up
    wait_until has_state web.1 ready
    wait_for "here"
    socket '
def send(s, method, more=False, **parameters):
    message = {"method": "org.formation.Manager." + method, "parameters": parameters, "more": more}
    s.sendall(json.dumps(message).encode() + b"\0")

def replies(s):
    while True:
        reply = receive(s)
        yield reply["parameters"]
        if not reply.get("continues"):
            return

asked = call(s, "List", select=["web", "worker", "clock"])["parameters"]["processes"]
scale, stop, events, logs, gone_logs, half, ended = [connect() for _ in range(7)]
send(scale, "Scale", changes=["web=3"], wait=True)
send(stop, "Stop", more=True, select=["worker", "clock"], wait=True)
assert receive(stop) == {"parameters": {"processes": ["clock.1"]}, "continues": True}
send(events, "Events", more=True, follow=True, after=0)
send(logs, "Logs", more=True, follow=True, lines=0)
# Of one that is removed in between, and may come again.
send(gone_logs, "Logs", more=True, follow=True, lines=0, select=["web.3"])
half.sendall(b"{\"method\":\"org.varlink.serv")
# This one sends nothing more, but still waits.
send(ended, "Restart", select=["web.1"], wait=True)
ended.shutdown(socket.SHUT_WR)
for _ in range(3):
    assert call(s, "Upgrade") == {"parameters": {}}
open("ready/web.2", "w").close()
open("ready/web.3", "w").close()
assert list(replies(scale)) == [{"changes": [{"type": "web", "from": 1, "to": 3}]}]
open("gone", "w").close()
assert list(replies(stop)) == [{"processes": ["worker.1"]}, {"processes": ["worker.1", "clock.1"]}]
assert list(replies(ended)) == [{"processes": ["web.1"]}]
assert ended.recv(1) == b""
half.sendall(b"ice.GetInfo\"}\0")
assert "vendor" in receive(half)["parameters"]
assert call(s, "Scale", changes=["web=2"], wait=True)["parameters"]["changes"]
assert call(s, "Upgrade") == {"parameters": {}}
assert call(s, "Scale", changes=["web=3"], wait=True)["parameters"]["changes"]
send(s, "Shutdown", wait=True)
sequences = [reply["event"]["sequence"] for reply in replies(events) if "event" in reply]
assert sequences == list(range(1, len(sequences) + 1)), sequences
lines = [reply["line"]["text"] for reply in replies(logs) if "line" in reply]
assert lines.count("upgraded to version 0.1.0") == 4, lines
assert lines.count("it is") == 4, lines # web.1 again, web.2, web.3, web.3 again
lines = [reply["line"]["text"] for reply in replies(gone_logs) if "line" in reply]
assert lines.count("it is") == 2, lines
'
    ended
    [ "$status" -eq 0 ]
}

@test "without cgroups" {
    without_cgroups
    app
    asks 0 upgrade "$APPS/other_guard"
    asks 0 upgrade "$FORMATION"
    goes_on
    stop
    nothing_left
}

@test "whoever follows the events misses none of those that the successor decides on first" {
    local follower
    procfile "crash: exit 1"
    echo "processes: {crash: {quantity: 4, backoff: {base: 10ms, max: 10ms}}}" >formation.yaml
    up
    "$FORMATION" events -f --json >followed 2>errors 3>&- &
    follower=$!
    wait_until [ -s followed ]
    for _ in 1 2 3 4 5; do
        asks 0 upgrade
    done
    kill "$follower"
    wait "$follower" || true
    sed -E 's/^\{"sequence":([0-9]+),.*/\1/;t;d' followed >numbers
    # Those that it was too slow for it was told of.
    [ -s errors ] || diff numbers <(seq "$(head -n 1 numbers)" "$(tail -n 1 numbers)")
    stop
    nothing_left
}
