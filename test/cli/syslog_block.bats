#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Syslog servers that stop, leave, return or break a connection, and managers that are killed: with
# `policy: block` no line is lost, and nothing has to be started again.
# shellcheck disable=SC2016,SC2154 # $PS is for the processes; bats and helpers set the others
load helpers
load control
load syslog

# flood [LINES]: the Procfile, whose process writes so many numbered lines of some 100 bytes.
flood() {
    procfile "web: $APPS/chatty ${1:-200000} --least 64 --most 120 --state written --stay"
}

written() {
    if [ -e written ]; then od -An -tu8 written | tr -d ' '; else echo 0; fi
}

has_written() {
    [ "$(written)" -ge "$1" ]
}

# waits: whether the process has not written anything for a while.
waits() {
    local before
    before=$(written)
    sleep 0.3
    [ "$before" -gt 0 ] && [ "$(written)" -eq "$before" ]
}

# complete NAME TIMES: whether every line that the file has is in NAME too, at most so often.
complete() {
    code '
name, times = sys.argv[1], int(sys.argv[2])
every = [line.rstrip("\n") for line in open("all.log") if line.startswith("<")]
got = Counter(line for line in map(text, messages(name)) if line.startswith("<web"))
assert len(every) == len(set(every))
lacking = [line for line in every if not got[line]]
assert not lacking, (len(lacking), lacking[0], lacking[-1])
twice = sum(count - 1 for count in got.values())
print(len(every), "lines, and", twice, "of them again", file=sys.stderr)
assert max(got.values()) <= times
' "$@"
}

all_arrived() {
    grep -qs "<web.1 $1 " all.log && sink_is "$2" waiting_bytes 0
}

@test "a server on a socket of this machine stops for a while: the process waits" {
    flood
    receive local unix "$PWD/log.sock"
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}" '{file: all.log, format: raw}'
    kill -STOP "$receiver"
    PATIENCE=30
    up
    local pid
    pid=$(pid web.1)
    wait_until waits
    [ "$(sink log.sock state)" = slow ]
    kill -CONT "$receiver"
    wait_until has_written 200000
    wait_until all_arrived 200000 log.sock
    dismiss "$receiver"
    complete local 1
    [ "$(pid web.1)" = "$pid" ]
    [ "$(sink log.sock dropped)" = 0 ]
}

@test "a server by TCP stops for a while: the process waits" {
    flood
    receive tcp tcp
    logs "{syslog: 'tcp://127.0.0.1:$port', policy: block}" '{file: all.log, format: raw}'
    kill -STOP "$receiver"
    PATIENCE=30
    up
    wait_until waits
    kill -CONT "$receiver"
    wait_until has_written 200000
    wait_until all_arrived 200000 tcp:
    dismiss "$receiver"
    complete tcp 1
}

@test "room that is first found when another process ends is for the one that waits, too" {
    flood
    procfile "$(cat Procfile)" 'ends: echo ended'
    receive local unix "$PWD/log.sock"
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}" \
        '{file: all.log, processes: [web], format: raw}'
    sed -i 's/ends: .*/ends: {quantity: 8, restart: always, backoff: {base: 1ms, max: 20ms}}/' \
        formation.yaml
    PATIENCE=30
    up
    wait_until has_written 200000
    wait_until all_arrived 200000 log.sock
    dismiss "$receiver"
    complete local 1
}

# is_interrupted: by Ctrl-C, once more.
is_interrupted() {
    kill -INT "$formation" 2>/dev/null || true
    is_gone "$formation"
}

@test "a server that takes nothing is waited for at the end, but not against Ctrl-C" {
    flood
    receive local unix "$PWD/log.sock"
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}"
    kill -STOP "$receiver"
    up
    wait_until waits
    local pid
    pid=$(pid web.1)
    kill -INT "$formation"
    wait_until is_gone "$pid"
    PATIENCE=6
    wait_until is_interrupted
    grep -q 'nobody took the last [0-9]* bytes of the logs' "$OUTPUT"
}

# is_over: whether the formation says of itself that nothing runs any more.
is_over() {
    "$FORMATION" status --json | grep -q '"phase": "ended"'
}

@test "who asks while a server is waited for at the end gets an answer" {
    flood
    receive local unix "$PWD/log.sock"
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}"
    kill -STOP "$receiver"
    up
    wait_until waits
    kill -TERM "$formation"
    wait_until is_over
    asks 0 status
    [[ $output == *": ended for"*"log.sock"*"slow"* ]]
    asks 0 ps --json
    json 'data["processes"][0]["state"] == "finished"'
    asks 0 why web.1
    asks 0 logs web
    [[ $output == *"<web.1 "* ]]
    asks 0 logs -f web # there is nothing to wait for
    asks 1 restart web
    [ "$stderr" = "formation: the formation ends and takes no more changes" ]
    asks 1 start # two of them would write to the same places
    is_over
    kill -CONT "$receiver"
    asks 0 shutdown
    ended
    [ ! -e .formation/control.sock ]
    run ! grep -q 'nobody took' "$OUTPUT"
}

@test "who asks while nobody reads the output at the end gets an answer" {
    procfile "web: $APPS/chatty 200000 --state written --stay"
    mkfifo pipe
    exec 5<>pipe
    "$FORMATION" start >pipe 2>"$OUTPUT" </dev/null 3>&- 5>&- &
    formation=$!
    wait_until waits
    kill -TERM "$formation"
    wait_until is_over
    asks 0 ps
    asks 0 status
    kill -INT "$formation"
    ended
    exec 5>&-
    grep -q 'nobody took the last [0-9]* bytes of the output' "$OUTPUT"
}

# all_have_written LINES: each of the four.
all_have_written() {
    local number
    for number in 1 2 3 4; do
        [ -s "written.web.$number" ] || return
        [ "$(od -An -tu8 "written.web.$number")" -ge "$1" ] || return
    done
}

@test "processes that flood take turns where a server is slow" {
    procfile "web: $APPS/chatty 100000000 --least 64 --most 120 --state written.\$PS"
    receive local unix "$PWD/log.sock" slow=0.00001 sizes
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}"
    sed -i 's/web: .*/web: {quantity: 4, stop: {grace: 100ms}}/' formation.yaml
    PATIENCE=60
    up
    wait_until all_have_written 16000 # at first there is room for some 12000
    kill -KILL "$receiver" # for the end
}

# leaves_and_returns WAY PLACE SINK: three times, in the middle of the flood.
leaves_and_returns() {
    local round
    PATIENCE=30
    receive got "$1" "$2" slow=0.00001
    for round in 1 2 3; do
        wait_until has_lines got $((20000 * round))
        dismiss "$receiver"
        if [ $round = 2 ]; then
            wait_until sink_is "$3" state failing
            wait_until waits
        fi
        receive got "$1" "$2"
    done
    wait_until has_written 200000
    wait_until all_arrived 200000 "$3"
    dismiss "$receiver"
}

@test "a server on a socket of this machine leaves and returns: nothing is lost" {
    flood
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}" '{file: all.log, format: raw}'
    up
    leaves_and_returns unix "$PWD/log.sock" log.sock
    complete got 1
}

@test "a server by UDP comes late, and nothing is lost of what had not been sent" {
    flood 2000
    port=$(free_port)
    logs "{syslog: 'udp://127.0.0.1:$port', policy: block}" '{file: all.log, format: raw}'
    PATIENCE=30
    up
    wait_until has_written 2000
    wait_until sink_is udp: state failing
    receive udp udp "$port"
    wait_until all_arrived 2000 udp:
    dismiss "$receiver"
    complete udp 1
}

# With the manager stopped nothing is on its way when the connection is closed: all that was sent
# has arrived, and the last message as far as there was room for it.
@test "a connection breaks in the middle of a message: the next one gets it whole" {
    local round manager
    flood
    receive tcp tcp
    logs "{syslog: 'tcp://127.0.0.1:$port', policy: block}" '{file: all.log, format: raw}'
    kill -STOP "$receiver"
    PATIENCE=30
    up
    for round in 1 2 3; do
        wait_until sink_is tcp: state slow # it is connected again
        wait_until waits
        manager=$(manager_pid)
        kill -STOP "$manager"
        rm -f tcp.broken
        kill -USR1 "$receiver"
        kill -CONT "$receiver"
        wait_until [ -e tcp.broken ]
        echo "the connection was closed $(cat tcp.broken) bytes behind the begin of a message" >&2
        [ $round = 3 ] || kill -STOP "$receiver"
        kill -CONT "$manager"
    done
    wait_until has_written 200000
    wait_until all_arrived 200000 tcp:
    dismiss "$receiver"
    complete tcp 1
}

@test "a server by TCP that is started again while nobody writes costs no line" {
    procfile 'web: while read -r line; do echo "<web.1 $line>"; done <go'
    mkfifo go
    exec 9<>go
    receive tcp tcp
    logs "syslog: tcp://127.0.0.1:$port" '{file: all.log, format: raw}'
    up
    local i
    for i in 1 2 3 4 5; do
        echo "$i" >&9
        wait_until has tcp "<web.1 $i>"
        kill -KILL "$receiver"
        wait_until is_gone "$receiver"
        receive tcp tcp "$port"
    done
    complete tcp 1
    exec 9>&-
}

@test "a server that is not there holds up nothing but the lines of its processes" {
    procfile "web: $APPS/chatty 200000 --least 64 --most 120 --stay" \
        'clock: while :; do echo tick; sleep 0.05; done'
    logs "{syslog: 'unix:$PWD/nobody', policy: block, processes: web}" \
        "{syslog: 'tcp://127.0.0.1:$(free_port)'}" "{syslog: true}" '{file: "{type}.log"}'
    up
    wait_until has_lines clock.log 20
    asks 0 ps
    wait_until sink_is nobody state failing
    wait_until sink_is tcp: state failing
    wait_until sink_is /dev/log state failing
    asks 0 status
    [[ $output == *"syslog at $PWD/nobody: No such file or directory, for "* ]]
    has_lines clock.log 21 || wait_until has_lines clock.log 21
    [ "$(grep -c "No such file or directory" "$OUTPUT")" -le 2 ] # once, of each
    PATIENCE=30 # the end waits 10 s for who takes nothing
    stop
    [ "$status" -eq 0 ]
}

# killed_managers WAY PLACE SINK TIMES: under load, and nothing is lost.
killed_managers() {
    local manager round
    PATIENCE=60
    receive got "$1" "$2"
    [ "$1" != tcp ] || logs "{syslog: 'tcp://127.0.0.1:$port', policy: block}" \
        '{file: all.log, format: raw}'
    up
    for round in 1 2 3 4 5 6 7 8 9 10; do
        wait_until has_written $((round * 30000))
        manager=$(manager_pid)
        kill -KILL "$manager"
        wait_until answers
    done
    wait_until has_written 400000
    wait_until all_arrived 400000 "$3"
    dismiss "$receiver"
}

@test "ten managers are killed, and a socket of this machine gets every line" {
    flood 400000
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}" '{file: all.log, format: raw}'
    killed_managers unix "$PWD/log.sock" log.sock
    complete got 11
}

@test "ten managers are killed, and a server by TCP gets every line" {
    flood 400000
    killed_managers tcp 0 tcp:
    complete got 11
}
