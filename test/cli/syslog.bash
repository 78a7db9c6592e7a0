# SPDX-License-Identifier: MIT
# For the tests of syslog and journald: `load syslog` behind `load helpers` and `load control`.
#
# shellcheck shell=bash disable=SC2154 # formation, … belong to others

export PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1

# receive NAME KIND [PLACE] [OPTION…]: a server whose messages are in the file NAME; its pid is
# $receiver, its port $port.
receive() {
    local name=$1 kind=$2 place=${3:-0}
    shift 2
    [ $# -eq 0 ] || shift
    rm -f "$name.port"
    python3 "$BATS_TEST_DIRNAME/receiver.py" "$kind" "$place" "$PWD/$name" "$@" 3>&- &
    receiver=$!
    wait_until [ -e "$name.port" ]
    port=$(cat "$name.port")
}

# dismiss PID: a server takes what was sent to it, and ends.
dismiss() {
    kill -TERM "$1"
    wait_until is_gone "$1"
}

# free_port: one that nobody has.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# logs LINE…: formation.yaml, with processes that are not started again and these sinks.
logs() {
    {
        printf 'processes:\n'
        sed -n 's/^\([a-z]*\):.*/  \1: {restart: never}/p' Procfile
        printf 'logs:\n'
        printf '  - %s\n' "$@"
    } >formation.yaml
}

# has FILE TEXT: whether a message has it; has_lines FILE N: so many, at least.
has() {
    grep -qsF -- "$2" "$1"
}

has_lines() {
    [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

manager_pid() {
    "$FORMATION" status --json | sed -n 's/.*"manager_pid": \([0-9]*\).*/\1/p'
}

# sink NAME FIELD: of the sink whose name has NAME, by status.
sink() {
    "$FORMATION" status --json | python3 -c '
import json, sys
sink, = [s for s in json.load(sys.stdin)["sinks"] if sys.argv[1] in s["name"]]
print(sink.get(sys.argv[2], ""))' "$1" "$2"
}

# sink_is NAME FIELD VALUE
sink_is() {
    [ "$(sink "$1" "$2")" = "$3" ]
}

# drops NAME: whether the sink has left out lines.
drops() {
    [ "$(sink "$1" dropped)" -gt 0 ]
}

# code CODE [WORD…]: of Python, with all of messages.py.
code() {
    local code=$1
    shift
    timeout -k 1 60 python3 -c "
import sys
from collections import Counter
from messages import *
$code" "$@"
}
