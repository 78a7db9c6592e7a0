#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The terminal of a process in the place of one's own.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life
load control

# app: a type `web` with a terminal, which runs a dialogue.
app() {
    cat >dialogue <<'END'
import os, signal, sys
def size(name):
    columns, rows = os.get_terminal_size(0)
    os.write(1, f"{name} {rows} {columns}\n".encode())
signal.signal(signal.SIGWINCH, lambda *_: size("now"))
for line in sys.stdin:
    line = line.strip()
    if line == "size":
        size("size")
    elif line == "end":
        sys.exit(3)
    elif line == "flood":
        for i in range(20000):
            os.write(1, f"flood {i}\n".encode())
    else:
        os.write(1, f"heard {line}\n".encode())
END
    procfile "web: exec python3 dialogue" "worker: exec sleep 60"
    printf 'processes:\n  web: {tty: true}\n' >formation.yaml
    up
    wait_until has_state web.1 ready
}

# attach STEP… [-- OPTION…]: at a terminal, as terminal.py does it; the mode of that is looked at
# before and after.
attach() {
    local steps=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    shift || true
    timeout -k 1 30 python3 "$BATS_TEST_DIRNAME/terminal.py" "${steps[@]}" -- bash -c '
        stty rows 33 columns 77
        before=$(stty -g)
        echo go
        "$@"
        echo "status $?"
        [ "$before" = "$(stty -g)" ] && echo "as before"' sh "$FORMATION" attach "$@"
}

@test "what is typed is heard, what is said is seen, and the keys lead back" {
    app
    run -0 attach "go=one\r" "heard one=size\r" "size 33 77=\x10\x11" -- web.1
    [[ $output == *"heard one"*"33 77"*"detached from web.1"*"status 0"*"as before"* ]]
    wait_for "heard one" # in the log as well
    has_state web.1 ready
    run -0 attach "go=two\r" "heard two=q" -- --detach-keys q web
    [[ $output == *"heard two"*"detached from web"*"as before"* ]]
    stop
}

@test "the size of the window is followed, and is that of before afterwards" {
    app
    python3 - "$FORMATION" <<'END'
import fcntl, os, pty, signal, struct, sys, termios
signal.alarm(20)
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "attach", "web.1"])
seen = b""
def wait(text):
    global seen
    while text not in seen:
        seen += os.read(terminal, 4096)
    seen = seen.partition(text)[2]
os.write(terminal, b"hello\r")
wait(b"heard hello")
for rows, columns in (20, 50), (40, 140):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    wait(b"now %d %d" % (rows, columns))
os.write(terminal, b"\x10\x11")
try:
    wait(b"detached")
except OSError:
    sys.exit("not detached")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    wait_for "now 24 80"
    stop
}

# attach_pid: of the one who sits at the terminal.
attach_pid() {
    local pid
    for pid in $(pids_left); do
        ! grep -qsx formation "/proc/$pid/comm" ||
            ! grep -qsz '^attach$' "/proc/$pid/cmdline" || echo "$pid"
    done | grep .
}

# once_shown TEXT COMMAND…: runs the command in the background as soon as the output has the text.
once_shown() {
    local text=$1
    shift
    { wait_for "$text" && "$@"; } &
}

end_attach() {
    kill -TERM "$(attach_pid)"
}

@test "the terminal gets its mode back when the process ends, or the formation, or by a signal" {
    app
    run -0 attach "go=end\r" -- web.1
    [[ $output == *"web.1 has ended"*"status 0"*"as before"* ]]
    wait_until has_state web.1 ready
    run -0 attach "go=where\r" "heard where=\x03" -- web.1 # Ctrl-C is for the process
    [[ $output == *"web.1 has ended"*"status 0"*"as before"* ]]
    wait_until has_state web.1 ready
    once_shown "heard signal" end_attach
    run -0 attach "go=signal\r" -- web.1
    [[ $output == *"heard signal"*"status 143"*"as before"* ]]
    has_state web.1 ready
    once_shown "heard last" kill -TERM "$formation"
    run -0 attach "go=last\r" -- web.1
    [[ $output == *"heard last"*"as before"* ]]
    ended
    nothing_left
}

@test "who is refused is told why, and has its mode, too" {
    app
    asks 1 attach worker.1
    [ "$stderr" = "formation: worker.1 has no terminal: write 'tty: true' for it into \
formation.yaml" ]
    asks 1 attach wob
    [ "$stderr" = "formation: nothing is called 'wob': did you mean 'web'?" ]
    asks 1 attach 'w*'
    [ "$stderr" = "formation: 'w*' means 2 processes, and it takes one" ]
    asks 2 attach --detach-keys ctrl-1 web
    [[ $stderr == "formation: --detach-keys takes keys with commas between them"* ]]
    asks 2 attach
    socket '
def attach(s, **more):
    call = {"method": "org.formation.Manager.Attach", "parameters": {"process": "web.1"}}
    s.sendall(json.dumps(call | more).encode() + b"\0")
    return receive(s)
assert "upgrade" in str(attach(s))
assert attach(s, upgrade=True) == {"parameters": {}}
other = connect()
refused = attach(other, upgrade=True)
assert f"already: process {os.getpid()}" in refused["parameters"]["reason"], refused
# Whoever was refused still speaks Varlink; whoever is connected types what looks like it.
assert call(other, "Resize", process="web.1", columns=71, rows=17) == {"parameters": {}}
assert "error" in call(other, "Resize", process="web.1", columns=0, rows=17)
assert "error" in call(other, "Resize", process="web.1", columns=70000, rows=17)
def read_until(s, text):
    seen = bytes(unread.setdefault(s, bytearray()))
    while text not in seen:
        piece = s.recv(65536)
        assert piece, seen[-200:]
        seen += piece
    return seen
read_until(s, b"now 17 71")
s.sendall(b"{}\n")
read_until(s, b"heard {}")
s.close()
while "error" in attach(other, upgrade=True): # until it is noticed
    pass
other.sendall(b"mine\n")
read_until(other, b"heard mine")
'
    stop
}

@test "who reads slowly is told what was lost, and keeps nobody waiting" {
    app
    socket '
message = {"method": "org.formation.Manager.Attach", "upgrade": True,
           "parameters": {"process": "web.1"}}
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.sendall(json.dumps(message).encode() + b"\0flood\nflood\nflood\nlast\n")
output = "../output"
while "heard last" not in open(output).read():
    time.sleep(0.02)
seen = bytes()
while b"bytes were lost" not in seen:
    piece = s.recv(65536)
    assert piece
    seen += piece
s.sendall(b"again\n")
while b"heard again" not in seen:
    seen += s.recv(65536)
assert len(seen) < 2e6
'
    [ "$(grep -c "flood 19999" "$OUTPUT")" -eq 3 ]
    stop
}

@test "the terminal is kept over an upgrade, and what is typed while the process is stopped" {
    app
    socket '
message = {"method": "org.formation.Manager.Attach", "upgrade": True,
           "parameters": {"process": "web"}}
s.sendall(json.dumps(message).encode() + b"\0before\n")
def read_until(text):
    seen = bytes()
    while text not in seen:
        piece = s.recv(65536)
        assert piece, seen[-200:]
        seen += piece
read_until(b"heard before")
other = connect()
web, = call(other, "List", select=["web"])["parameters"]["processes"]
os.kill(web["pid"], signal.SIGSTOP)
s.sendall(b"".join(b"typed %d\n" % i for i in range(400)))
for _ in range(3):
    assert call(other, "Upgrade") == {"parameters": {}}
s.sendall(b"after\n")
os.kill(web["pid"], signal.SIGCONT)
read_until(b"heard after")
s.sendall(b"end\n")
while s.recv(65536):
    pass
'
    [ "$(grep -c "heard typed" "$OUTPUT")" -eq 400 ]
    stop
}
