#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Lines that go to syslog, by datagrams and connections: each arrives, once, as it is to be; what
# does not arrive is counted, whatever happens to the server.
# shellcheck disable=SC2016,SC2154 # $PS is for the processes; bats and helpers set the others
load helpers
load control
load syslog

@test "every line arrives once, with its fields, by each of the three ways" {
    procfile 'web: for i in 1 2 3; do echo "line $i"; done; exec sleep 600' \
        'clock: echo tick; exec sleep 600'
    receive local unix "$PWD/log.sock"
    receive udp udp
    local udp=$port
    receive tcp tcp
    logs "syslog: unix:$PWD/log.sock" "{syslog: 'udp://127.0.0.1:$udp', facility: daemon}" \
        "{syslog: 'tcp://localhost:$port', facility: local3, processes: web}"
    up -m web=2,clock=1
    for name in local udp; do
        wait_until has_lines $name 10 # 3 of each web, 1 of clock, and that each was started
    done
    wait_until has_lines tcp 8
    stop
    [ "$status" -eq 0 ]
    code '
for name, facility in ("udp", 3), ("tcp", 19):
    parsed = [rfc5424(m) for m in messages(name)]
    assert {p[0][0] for p in parsed} == {facility}, parsed
    assert {p[3] for p in parsed} == {"app"}
    web = [p for p in parsed if p[6].startswith("line")]
    assert Counter((p[4], p[5], p[6]) for p in web) == Counter(
        (f"web.{n}", "web", f"line {i}") for n in (1, 2) for i in (1, 2, 3)), web
    assert {p[0][1] for p in web} == {6}
    notes = [p for p in parsed if p[6].startswith("started with pid")]
    assert {p[0][1] for p in notes} == {5}
    assert ("clock.1" in {p[4] for p in parsed}) == (name == "udp")
parsed = [local(m) for m in messages("local")]
pids = {p[2]: p[4].split()[-1] for p in parsed if p[4].startswith("started with pid")}
for facility, app, process, pid, line in parsed:
    assert facility[0] == 1 and app == "app"
    assert not line.startswith("line") or pid == pids[process], (pid, pids)
'
}

@test "bytes that are no text cannot break a message or forge one" {
    cat >writes <<'END'
printf 'nul \0 here\n'
printf 'invalid \377\376 \303( utf-8\n'
printf 'escape \033[2J\033]0;title\007\r over\n'
printf '<14>1 2026-01-01T00:00:00Z forged app web.9 web - forged\n'
printf 'tab\there, and caf\303\251\n'
printf '\n'
printf 'end\n'
exec sleep 600
END
    procfile 'web: sh writes'
    receive local unix "$PWD/log.sock"
    receive udp udp
    local udp=$port
    receive tcp tcp
    logs "syslog: unix:$PWD/log.sock" "syslog: udp://127.0.0.1:$udp" "syslog: tcp://127.0.0.1:$port"
    up
    for name in local udp tcp; do
        wait_until has $name ' end"' || wait_until has $name ': end"'
    done
    code '
for name in "local", "udp", "tcp":
    lines = [text(m) for m in messages(name)]
    lines = [l for l in lines if not l.startswith("started with pid")]
    assert lines[:7] == [
        "nul #000 here",
        "invalid \xff\xfe \xc3( utf-8",
        "escape #033[2J#033]0;title#007#015 over",
        "<14>1 2026-01-01T00:00:00Z forged app web.9 web - forged",
        "tab\there, and caf\xc3\xa9",
        "",
        "end"], lines
'
}

@test "100 MB without a newline arrive in messages of 8 KiB, all of them" {
    procfile 'web: head -c 100000000 /dev/zero | tr "\0" x; echo; echo end; exec sleep 600'
    receive tcp tcp 0
    logs "{syslog: 'tcp://127.0.0.1:$port', policy: block}"
    PATIENCE=60
    up
    wait_until has tcp ' end"'
    code '
lines = [rfc5424(m) for m in messages("tcp")]
assert max(map(len, messages("tcp"))) <= 8192
assert sum(len(l[6]) for l in lines if set(l[6]) == {"x"}) == 100000000
'
}

# flood: the Procfile, whose process writes 200,000 numbered lines, some 20 MB.
flood() {
    procfile "web: $APPS/chatty 200000 --least 64 --most 120 --state written --stay"
}

# has_written N: whether so many lines of the flood were written.
has_written() {
    [ -e written ] && [ "$(od -An -tu8 written)" -ge "$1" ]
}

# agrees NAME SINK FORMAT: what is missing in NAME of what the file has is what was reported, in
# NAME itself, by status, ps and events.
agrees() {
    "$FORMATION" status --json >status.json
    "$FORMATION" ps --json >ps.json
    "$FORMATION" events --json >events.json
    code '
name, sink = sys.argv[1:]
every = Counter(line.rstrip("\n") for line in open("all.log") if line.startswith("<"))
lines = [text(m) for m in messages(name)]
got = Counter(line for line in lines if line.startswith("<web"))
assert not got - every, "strange or twice"
missing = sum((every - got).values())
sink, = [s for s in json.load(open("status.json"))["sinks"] if sink in s["name"]]
events = [json.loads(line) for line in open("events.json")]
events = [e for e in events if e["kind"].startswith("sink-")]
process, = json.load(open("ps.json"))["processes"]
print(missing, told(lines), sink, process["dropped"], events)
assert missing > 0
assert told(lines) == missing
assert sink["dropped"] == missing
assert process["dropped"] == missing
assert events[0]["kind"] == "sink-dropping"
assert [e["kind"] for e in events] == ["sink-dropping", "sink-dropped"] * (len(events) // 2)
assert sum(e.get("count", 0) for e in events) == missing
assert events[-1]["total"] == missing
' "$@"
}

# is_over SINK: all is written, and what was dropped was told as an event.
is_over() {
    sink_is "$1" waiting_bytes 0 &&
        [ "$("$FORMATION" events --json | grep -c '"sink-dropped"')" -ge 1 ]
}

@test "a server on a socket of this machine stops for a while: as many lines lack as are reported" {
    flood
    receive local unix "$PWD/log.sock"
    logs "syslog: unix:$PWD/log.sock" '{file: all.log, format: raw}'
    kill -STOP "$receiver"
    PATIENCE=30
    up
    wait_until has_written 200000
    wait_until drops log.sock
    kill -CONT "$receiver"
    wait_until is_over log.sock
    dismiss "$receiver"
    agrees local log.sock
}

@test "what was dropped of a process is counted for both of its streams" {
    procfile "web: $APPS/chatty 100000 --name out; $APPS/chatty 100000 --name err >&2; sleep 600"
    receive local unix "$PWD/log.sock"
    logs "syslog: unix:$PWD/log.sock" '{file: out.log, stream: stdout, format: raw}' \
        '{file: err.log, stream: stderr, format: raw}'
    kill -STOP "$receiver"
    PATIENCE=30
    up
    wait_until grep -qs '<err 100000 ' err.log
    [ "$(sink log.sock dropped)" -gt 100000 ]
    [ "$(sink log.sock dropped)" = "$("$FORMATION" ps --json | code '
print(json.load(sys.stdin)["processes"][0]["dropped"])')" ]
}

@test "of two sinks, of whose names one begins with the other, the right one is spoken of" {
    local short other first
    short=$(mktemp -d /tmp/XXXXXX) # a name that events have room for
    flood
    receive other unix "$short/s2"
    other=$receiver
    receive first unix "$short/s"
    first=$receiver
    logs "syslog: unix:$short/s" "{syslog: 'unix:$short/s2', policy: block}"
    kill -STOP "$first"
    PATIENCE=30
    up
    wait_until shows "lines are dropped: syslog at $short/s is too slow"
    wait_until has other "lines are dropped: syslog at $short/s is"
    kill -CONT "$first"
    dismiss "$first"
    dismiss "$other"
    rm -r "$short"
}

@test "a server by TCP stops for a while: as many lines lack as are reported" {
    flood
    receive tcp tcp
    logs "syslog: tcp://127.0.0.1:$port" '{file: all.log, format: raw}'
    kill -STOP "$receiver"
    PATIENCE=30
    up
    wait_until has_written 200000
    wait_until drops tcp:
    kill -CONT "$receiver"
    wait_until is_over tcp:
    dismiss "$receiver"
    agrees tcp tcp:
}

@test "a server by UDP comes late: as many lines lack as are reported" {
    flood
    port=$(free_port)
    logs "syslog: udp://127.0.0.1:$port" '{file: all.log, format: raw}'
    PATIENCE=30
    up
    wait_until has_written 200000
    wait_until drops udp:
    [ "$(sink udp: state)" = failing ]
    asks 0 status
    [[ $output == *"syslog at udp://127.0.0.1:$port: Connection refused, for "* ]]
    receive udp udp "$port"
    wait_until is_over udp:
    dismiss "$receiver"
    agrees udp udp:
}

@test "a slow server: as many lines lack as are reported, with few gaps" {
    flood
    receive local unix "$PWD/log.sock" slow=0.0002
    logs "syslog: unix:$PWD/log.sock" '{file: all.log, format: raw}'
    PATIENCE=60
    up
    wait_until has_written 200000
    wait_until is_over log.sock
    dismiss "$receiver"
    agrees local log.sock
    [ "$(grep -c 'dropped here: syslog at' local)" -lt 40 ]
    asks 0 ps
    [[ $output == *"web.1: "*" lines were not logged"* ]]
    asks 0 why
    [[ $output == *" of its lines were not logged"* ]]
    asks 0 events
    [[ $output == *" lines were dropped: syslog at "*" was too slow"* ]]
}

@test "what was dropped is known to the next manager" {
    flood
    receive local unix "$PWD/log.sock"
    logs "syslog: unix:$PWD/log.sock" '{file: all.log, format: raw}'
    kill -STOP "$receiver"
    PATIENCE=30
    up
    for _ in 1 2 3 4 5 6 7 8; do
        wait_until drops log.sock
        kill -KILL "$(manager_pid)"
        wait_until answers
    done
    wait_until has_written 200000
    kill -CONT "$receiver"
    wait_until is_over log.sock
    dismiss "$receiver"
    agrees local log.sock
}
