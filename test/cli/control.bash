# SPDX-License-Identifier: MIT
# For the tests of commands that ask a formation that runs: `load control` behind `load helpers`.
#
# shellcheck shell=bash disable=SC2154 # OUTPUT, formation, … belong to helpers.bash, output to bats

# up [ARGUMENT…]: starts the formation and waits until it answers; the processes may not run yet.
up() {
    start "$@"
    wait_until answers
}

answers() {
    "$FORMATION" status >/dev/null 2>&1
}

# asks STATUS COMMAND…: the command ends with that status; bounded, since none of them may hang.
asks() {
    local wanted=$1
    shift
    run --separate-stderr -"$wanted" timeout -k 1 30 "$FORMATION" "$@"
}

# json EXPRESSION: of Python, true of the output; `data` is the value, or `rows` of one a line.
json() {
    python3 - "$1" "$output" <<'END'
import json, sys
text = sys.argv[2]
try:
    data = json.loads(text)
except ValueError:
    data = None
rows = []
for line in text.splitlines():
    try:
        rows.append(json.loads(line))
    except ValueError:
        break
if not eval(f"({sys.argv[1]})"):
    sys.exit(f"not so: {sys.argv[1]}\nof: {text}")
END
}

# pid PROCESS: by ps.
pid() {
    "$FORMATION" ps --json "$1" | python3 -c '
import json, sys
print(json.load(sys.stdin)["processes"][0].get("pid", ""))'
}

# has_state PROCESS STATE [TIMES]: whether ps says so; with TIMES, after so many crashes in a row.
has_state() {
    "$FORMATION" ps --json "$1" | python3 -c '
import json, sys
process, = json.load(sys.stdin)["processes"]
sys.exit(process["state"] != sys.argv[1] or process["crashes"] < int(sys.argv[2]))' \
        "$2" "${3:-0}"
}

# the_count_is TYPE N: whether ps lists so many of the type.
the_count_is() {
    [ "$("$FORMATION" ps --json "$1" | grep -c '"name"')" -eq "$2" ]
}

# socket STEPS: Python code with a connection `s` to the control socket, and `call` that sends a
# message and reads one reply.
socket() {
    timeout -k 1 30 python3 - "$1" <<'END'
import json, os, signal, socket, sys, time

unread = {}

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(".formation/control.sock")
    s.settimeout(20)
    return s

def receive(s):
    rest = unread.setdefault(s, bytearray())
    while (end := rest.find(b"\0")) < 0:
        piece = s.recv(65536)
        if not piece:
            raise EOFError(bytes(rest[:200]))
        rest += piece
    message = json.loads(rest[:end])
    del rest[:end + 1]
    return message

def call(s, method, **parameters):
    message = {"method": "org.formation.Manager." + method, "parameters": parameters}
    s.sendall(json.dumps(message).encode() + b"\0")
    return receive(s)

s = connect()
exec(sys.argv[1])
END
}
