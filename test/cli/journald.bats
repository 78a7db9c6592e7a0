#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Lines in the journal of systemd: a real journald, with folders of its own, gets them.
# shellcheck disable=SC2016,SC2154 # $PS is for the processes; bats and helpers set the others
load helpers
load control
load syslog

JOURNALD=/lib/systemd/systemd-journald

# journal: a world in which /run/systemd and /run/log are this test's own; $world is a process in
# it.
journal() {
    [ -x $JOURNALD ] || skip "there is no journald"
    [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null || skip "mounts need root"
    # shellcheck disable=SC2016
    unshare -m sh -c '
        mount --make-rprivate / && mkdir -p /run/systemd /run/log &&
        mount -t tmpfs none /run/systemd && mount -t tmpfs none /run/log &&
        mount -t tmpfs none /etc/systemd && mkdir /run/systemd/journal &&
        printf "%s\n" "[Journal]" Storage=volatile RateLimitIntervalSec=0 ReadKMsg=no Audit=no \
            ForwardToSyslog=no ForwardToWall=no LineMax=1M >/etc/systemd/journald.conf &&
        : >world && exec sleep 600' 3>&- &
    world=$!
    wait_until [ -e world ]
    PREFIX=(nsenter -m -t "$world" --wd="$PWD")
}

journald() {
    nsenter -m -t "$world" $JOURNALD >journald.out 2>&1 3>&- &
    journald=$!
    wait_until there_is_a_journal
}

there_is_a_journal() {
    nsenter -m -t "$world" python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/socket")' 2>/dev/null
}

# entries: the fields of all that formations have written, an object a line, in `seen`.
entries() {
    nsenter -m -t "$world" journalctl -D /run/log/journal --no-pager -o json --all \
        FORMATION_APP=app >seen 2>/dev/null
}

# has_entries TEXT: whether one has it.
has_entry() {
    entries
    grep -qF -- "$1" seen
}

# rows: of Python, the entries, with messages as text.
rows='
def bytes_of(value):
    return value.encode() if isinstance(value, str) else bytes(value)
rows = [json.loads(line) for line in open("seen")]
lines = [(r["FORMATION_PROCESS"], bytes_of(r["MESSAGE"])) for r in rows]
'

@test "every line arrives once, with its fields" {
    journal
    journald
    cat >writes <<'SH'
for i in 1 2 3; do echo "<$PS $i>"; done
printf 'nul \0 here\n'
printf 'invalid \377\376 \303( utf-8\n'
printf 'MESSAGE=forged\n'
printf '\n'
head -c 300000 /dev/zero | tr '\0' x
echo
echo end
exec sleep 600
SH
    procfile 'web: sh writes' 'clock: echo tick; exec sleep 600'
    logs '{journald: true}'
    up -m web=2,clock=1
    wait_until has_entry '"end"'
    stop
    entries
    code "$rows"'
pids = {}
for r in rows:
    process, text = r["FORMATION_PROCESS"], bytes_of(r["MESSAGE"]).decode(errors="replace")
    if text.startswith("started with pid "):
        pids[process] = text.split()[-1]
for n in "1", "2":
    web = [r for r in rows if r["FORMATION_PROCESS"] == f"web.{n}"]
    its = [r for r in web if r["FORMATION_STREAM"] != "formation"]
    texts = [bytes_of(r["MESSAGE"]) for r in its]
    assert texts[:6] == [f"<web.{n} 1>".encode(), f"<web.{n} 2>".encode(), f"<web.{n} 3>".encode(),
                         b"nul \0 here", b"invalid \xff\xfe \xc3( utf-8", b"MESSAGE=forged"], texts
    assert b"".join(texts[6:-1]) == b"x" * 300000, [len(t) for t in texts]
    assert texts[-1] == b"end"
    for r in its:
        assert r["PRIORITY"] == "6" and r["SYSLOG_FACILITY"] == "1", r
        assert r["SYSLOG_IDENTIFIER"] == f"app/web.{n}", r
        assert r["FORMATION_TYPE"] == "web" and r["FORMATION_NUMBER"] == n, r
        assert r["FORMATION_PID"] == pids[f"web.{n}"] and r["FORMATION_STREAM"] == "stdout", r
        assert r["_TRANSPORT"] == "journal", r
    notes = [r for r in web if r["FORMATION_STREAM"] == "formation"]
    assert notes and {r["PRIORITY"] for r in notes} == {"5"}
assert ("clock.1", b"tick") in lines
assert [r for r in rows if r["FORMATION_PROCESS"] == "system"]
'
}

# flood: numbered lines, 6 MB.
flood() {
    procfile "web: $APPS/chatty 60000 --least 64 --most 120 --state written --stay"
}

has_written() {
    [ -e written ] && [ "$(od -An -tu8 written)" -ge "$1" ]
}

is_over() {
    sink_is journald waiting_bytes 0 &&
        [ "$("$FORMATION" events --json | grep -c '"sink-dropped"')" -ge 1 ]
}

@test "journald stops for a while: as many lines lack as are reported" {
    journal
    journald
    flood
    logs '{journald: true}' '{file: all.log, format: raw}'
    kill -STOP "$journald"
    PATIENCE=60
    up
    wait_until has_written 60000
    wait_until drops journald
    kill -CONT "$journald"
    wait_until is_over
    "$FORMATION" status --json >status.json
    entries
    code "$rows"'
every = Counter(line.rstrip("\n") for line in open("all.log") if line.startswith("<"))
got = Counter(text.decode() for _, text in lines if text.startswith(b"<web"))
assert not got - every
missing = sum((every - got).values())
said = told(text.decode() for _, text in lines)
sink, = [s for s in json.load(open("status.json"))["sinks"] if s["name"] == "journald"]
print(missing, said, sink["dropped"], file=sys.stderr)
assert 0 < missing == said == sink["dropped"]
'
}

@test "journald comes late and is started again: with policy block nothing is lost" {
    journal
    flood
    logs '{journald: true, policy: block}' '{file: all.log, format: raw}'
    PATIENCE=60
    up
    wait_until sink_is journald state failing
    journald
    wait_until has_written 60000
    wait_until sink_is journald waiting_bytes 0
    wait_until has_entry '<web.1 60000 '
    kill -TERM "$journald"
    wait_until is_gone "$journald"
    journald
    "$FORMATION" restart web.1
    wait_until has_entry 'terminated by SIGTERM'
    code "$rows"'
got = [int(text.split()[1]) for _, text in lines if text.startswith(b"<web")]
assert got[:60000] == list(range(1, 60001))
'
}
