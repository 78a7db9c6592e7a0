#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The other commands that ask a formation that runs, and clients that behave badly.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load control

app() {
    procfile 'web: echo "$PS is up"; exec sleep 60' "worker: exec sleep 61"
    up -m web=2,worker=1
    wait_for "started with pid" 3
    wait_for "is up" 2
}

# has_lines FILE N
has_lines() {
    [ "$(wc -l <"$1")" -ge "$2" ]
}

@test "restart: one after the other, each told when it is done" {
    app
    before="$(pid web.1) $(pid web.2)"
    worker=$(pid worker.1)
    asks 0 restart web
    [ "$output" = $'web.1 restarted (1 of 2)\nweb.2 restarted (2 of 2)' ]
    for old in $before; do
        is_gone "$old"
    done
    [ "$(pid worker.1)" = "$worker" ]
    asks 0 restart --json worker.1
    json 'data == {"processes": ["worker.1"]}'
    asks 0 restart --no-wait worker
    [ "$output" = "restarting worker.1" ]
    asks 1 restart wob
    stop
}

@test "restart is halted by one that does not come up again; the rest serves on" {
    procfile 'web: [ ! -e broken ] || exit 3; exec sleep 60'
    up -m web=3
    wait_for "started with pid" 3
    before="$(pid web.2) $(pid web.3)"
    touch broken
    asks 1 restart
    [ "$stderr" = "formation: the restart was halted at web.1: exited with code 3" ]
    [ "$before" = "$(pid web.2) $(pid web.3)" ]
    stop
}

@test "stop and start: it stays stopped until it is asked for" {
    app
    asks 2 stop
    [ "$stderr" = "formation: 'stop' needs the names of processes; 'formation shutdown' ends the \
whole formation" ]
    asks 0 stop 'w*.1'
    [[ ${lines[0]} == *" stopped (1 of 2)" ]] && [[ ${lines[1]} == *" stopped (2 of 2)" ]]
    [ "$(cut -d ' ' -f 1 <<<"$output" | sort | xargs)" = "web.1 worker.1" ]
    asks 0 ps --json web.1
    json 'data["processes"][0]["state"] == "finished" and data["processes"][0]["stopped"]'
    json '"pid" not in data["processes"][0]'
    asks 0 start web.1
    [ "$output" = "web.1 started" ]
    has_state web.1 ready
    has_state worker.1 finished
    asks 0 start --json worker
    json 'data == {"processes": ["worker.1"]}'
    asks 0 start web # runs already
    stop
}

@test "start in the folder of a formation that runs" {
    app
    asks 1 start
    [ "$stderr" = "formation: a formation of $PWD runs already: process $formation" ]
    asks 1 start web=3
    [[ $stderr == *"'formation scale web=3' changes how many processes it has" ]]
    asks 1 start wob
    [ "$stderr" = "formation: nothing is called 'wob': did you mean 'web'?" ]
    asks 0 scale worker=0
    asks 1 start worker
    [[ $stderr == *"'formation scale TYPE=1' makes one" ]]
    asks 2 start --json
    stop
    asks 3 start --no-wait web # which none can do any more
}

@test "signal" {
    procfile "web: trap 'echo got it' USR1; while :; do sleep 0.05; done" "worker: exit 0"
    printf 'processes:\n  worker: {restart: never}\n' >formation.yaml
    up
    wait_until has_state worker.1 finished
    wait_until has_state web.1 ready
    wait_until grep -q "SigCgt:.*[2-9a-f]..$" "/proc/$(pid web.1)/status"
    asks 0 signal usr1 web.1
    [ "$output" = "web.1 was sent SIGUSR1" ]
    wait_for "got it"
    asks 0 signal --json SIGUSR1 web
    json 'data == {"processes": ["web.1"]}'
    asks 1 signal HUP worker
    [ "$stderr" = "formation: none of them runs" ]
    asks 2 signal FOO web
    [[ $stderr == "formation: 'FOO' is no signal: write TERM"* ]]
    asks 2 signal HUP
    asks 1 signal HUP wob
    stop
}

@test "logs: the last lines, of some, as JSON, since" {
    procfile 'web: for i in 1 2 3; do echo "line $i"; done; exec sleep 60' \
        "worker: echo other; exec sleep 61"
    up
    wait_for "line 3"
    wait_for "other"
    asks 0 logs
    [ "$(cut -c 10- <<<"$output" | sed -n 's/pid [0-9]*/pid N/; /web/p')" = \
        $'web.1    | started with pid N\nweb.1    | line 1\nweb.1    | line 2\nweb.1    | line 3' ]
    [[ ${lines[0]} =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}\  ]]
    grep -q "worker.1 | other" <<<"$output"
    asks 0 logs -n 2 --no-timestamp web
    [ "$output" = $'web.1    | line 2\nweb.1    | line 3' ]
    asks 0 logs -n 1 --no-prefix web.1
    [ "$output" = "line 3" ]
    asks 0 logs -n 0
    [ "$output" = "" ]
    asks 0 logs --json -n 1 web
    json 'rows[0]["process"] == "web.1" and rows[0]["text"] == "line 3" and rows[0]["at"] > 1e9'
    asks 0 logs --since 1h --json
    json 'len(rows) == 6'
    asks 0 logs --since 0
    [ "$output" = "" ]
    asks 2 logs -n -1
    asks 2 logs --since yesterday
    asks 1 logs wob
    run -0 "$FORMATION" logs -c -n 1 --no-timestamp web
    [ "$output" = $'\e[36mweb.1    | \e[0mline 3' ]
    stop
}

@test "logs -f goes on with what comes, and ends with the formation" {
    mkfifo fifo
    procfile "web: exec cat fifo"
    up
    timeout -k 1 20 "$FORMATION" logs -f --no-prefix >followed &
    follower=$!
    wait_until grep -q started followed
    exec {written}<>fifo # open for the whole test, or cat would see its end
    echo first >&"$written"
    wait_until grep -qx first followed
    echo second >&"$written"
    wait_until grep -qx second followed
    stop
    exec {written}>&-
    wait "$follower"
    [ "$(grep -cxE 'first|second' followed)" -eq 2 ]
    grep -q "sending SIGTERM" followed
}

@test "Ctrl-C ends logs -f" {
    app
    # By the signal, -2 there, so that a script that called it ends too; for a shell it is 130.
    run -254 python3 "$BATS_TEST_DIRNAME/terminal.py" 'is up=\x03' -- "$FORMATION" logs -f
    stop
}

@test "events: one readable line each, or one object" {
    app
    asks 0 events --no-timestamp
    [ "$(sed 's/pid [0-9]*/pid N/; s/  *|/ |/' <<<"$output" | grep worker)" = \
        $'worker.1 | is wanted\nworker.1 | is being started\nworker.1 | started with pid N' ]
    asks 0 events --json
    json '[row["sequence"] for row in rows] == list(range(1, len(rows) + 1))'
    json '{"placed", "starting", "started"} <= {row["kind"] for row in rows}'
    timeout -k 1 20 "$FORMATION" events -f >followed &
    follower=$!
    wait_until has_lines followed 9
    kill -KILL "$(pid worker.1)"
    wait_until grep -q "worker.1 | terminated by SIGKILL" followed
    stop
    wait "$follower"
    grep -q "system   | SIGTERM received, starting shutdown" followed
    grep -q "system   | the formation has ended with status 0" followed
}

@test "why: how it ended, its last words, how often, when it tries again" {
    procfile "web: echo; echo almost; echo boom; exit 3" "worker: exec sleep 61"
    printf 'processes:\n  web: {backoff: {base: 20s}}\n' >formation.yaml
    up
    wait_until has_state web.1 backoff 2
    wait_until has_state worker.1 ready
    asks 0 why web.1
    [[ ${lines[0]} =~ ^web\.1\ has\ crashed\ twice\ in\ a\ row\ and\ starts\ again\ in\ [0-9]+s$ ]]
    [[ ${lines[1]} =~ ^\ \ [0-9:]{8},\ [0-9]+s\ ago:\ exited\ with\ code\ 3\ after\ [0-9]+ms ]]
    [[ $output == *$'; the last that it wrote:\n    \n    almost\n    boom\n  '* ]]
    [ "$(grep -c "exited with code 3" <<<"$output")" -eq 2 ]
    asks 0 why worker
    [[ $output =~ ^worker\.1\ is\ ready\ for\ [0-9]+s\ and\ was\ never\ restarted$ ]]
    asks 0 stop worker
    asks 0 why worker
    [ "${lines[0]}" = \
        "worker.1 was stopped by request: 'formation start worker.1' starts it" ]
    [[ ${lines[1]} == *"terminated by SIGTERM after "*", as it was asked to" ]]
    asks 0 why --json web
    json 'data["histories"][0]["lives"][0]["exit"] == {"code": 3}'
    json 'data["histories"][0]["lives"][0]["last_lines"] == ["", "almost", "boom"]'
    json 'not data["histories"][0]["lives"][0]["asked"]'
    asks 0 stop web # which waits for its next start
    asks 0 why web
    [ "${lines[0]}" = "web.1 was stopped by request: 'formation start web.1' starts it" ]
    asks 0 ps web
    [ "${#lines[@]}" -eq 2 ]
    asks 0 why
    [ "$(grep -c '^w' <<<"$output")" -eq 2 ]
    asks 1 why wob
    stop
}

@test "reload: only what changed is started anew; a mistake changes nothing" {
    procfile 'web: echo "$PS is up"; exec sleep 60' "worker: exec sleep 61"
    up
    wait_for "started with pid" 2
    web=$(pid web.1)
    worker=$(pid worker.1)
    asks 0 reload
    [ "$output" = "nothing has changed" ]
    procfile 'web: echo "$PS is up"; exec sleep 60' "worker: exec sleep 62" "clock: exec sleep 63"
    asks 0 reload
    [ "$output" = $'worker changed\nclock changed' ]
    [ "$(pid web.1)" = "$web" ]
    is_gone "$worker"
    [ "$(tr '\0' ' ' <"/proc/$(pid worker.1)/cmdline")" = "sleep 62 " ]
    [ "$(tr '\0' ' ' <"/proc/$(pid clock.1)/cmdline")" = "sleep 63 " ]
    procfile "web: x" "no colon" "again no colon"
    asks 1 reload
    grep -q "^Procfile:2:1: " <<<"$stderr"
    grep -q "^Procfile:3:1: " <<<"$stderr"
    [ "$(tail -n 1 <<<"$stderr")" = "formation: the files have mistakes: nothing was changed" ]
    [ "$(pid web.1)" = "$web" ]
    procfile 'web: echo "$PS is up"; exec sleep 60' "worker: exec sleep 62"
    asks 0 reload --json
    json 'data == {"changed": ["clock"], "logs": False, "warnings": []}'
    asks 1 ps clock
    stop
}

@test "status" {
    app
    asks 0 status
    [[ ${lines[0]} =~ ^app\ in\ $PWD:\ running\ for\ [0-9]+s$ ]]
    grep -Eq "^web +2 +2 +2 +5000 " <<<"$output"
    asks 0 status --json
    json "data['guard_pid'] == $formation and data['phase'] == 'running'"
    json "data['root'] == '$PWD' and [t['name'] for t in data['types']] == ['web', 'worker']"
    stop
    asks 3 status
}

@test "shutdown waits until nothing is left" {
    procfile "web: $APPS/leaver 0.4" "worker: $APPS/forker --double --setsid"
    up -t 0.6
    wait_for "| leaver"
    asks 0 shutdown
    [ "$output" = "app has ended" ]
    is_gone "$formation"
    nothing_left
    ended
    [ "$status" -eq 0 ]
    asks 3 shutdown
}

@test "shutdown --no-wait; changes are refused from then on, questions are answered" {
    procfile "web: $APPS/stubborn"
    up -t 60
    wait_for "| stubborn"
    asks 0 shutdown --no-wait
    [ "$output" = "app is being shut down" ]
    asks 1 scale web=2
    [ "$stderr" = "formation: the formation ends and takes no more changes" ]
    asks 0 ps
    grep -q "^web.1 .* stopping " <<<"$output"
    wait_for "waiting for web.1"
    kill -INT "$formation" # a second time somebody wants the end
    ended
    nothing_left
}

@test "who waits for a change is told when the formation ends instead" {
    procfile "web: $APPS/stubborn"
    up -t 60
    wait_for "| stubborn"
    timeout -k 1 20 "$FORMATION" stop web >out 2>&1 &
    waiter=$!
    wait_until has_state web.1 stopping
    asks 0 shutdown --no-wait
    wait_for "waiting for web.1"
    kill -INT "$formation"
    ended
    status=0
    wait "$waiter" || status=$?
    # Whichever came first: that web.1 is gone, or that all is.
    [ "$status" -eq 0 ] || [ "$(<out)" = \
        "formation: the formation ends and takes no more changes" ]
}

@test "a manager that is killed meanwhile is asked again" {
    app
    for _ in {1..10}; do
        asks 0 status --json
        manager=$(sed -n 's/.*"manager_pid": \([0-9]*\),/\1/p' <<<"$output")
        kill -KILL "$manager"
        asks 0 ps --json
        json 'len(data["processes"]) == 3'
    done
    stop
}

@test "garbage, half and huge messages, unknown methods, wrong types" {
    app
    socket '
s.sendall(b"garbage\0")
assert receive(s)["error"].endswith("InvalidMessage")
assert s.recv(1) == b""
s = connect()
s.sendall(b"{\"method\":\"org.formation.Mana")     # and nothing more
t = connect()
try:
    t.sendall(b"x" * 10_000_000)
    assert t.recv(1) == b""
except (BrokenPipeError, ConnectionResetError):
    pass
u = connect()
assert call(u, "Nosuch")["error"] == "org.varlink.service.MethodNotFound"
assert call(u, "Scale", changes="web=2")["error"] == "org.varlink.service.InvalidParameter"
assert call(u, "Scale", changes=[])["error"] == "org.varlink.service.InvalidParameter"
assert call(u, "List", wait=True)["error"] == "org.varlink.service.InvalidParameter"
assert call(u, "Logs")["error"] == "org.varlink.service.ExpectedMore"
assert len(call(u, "List")["parameters"]["processes"]) == 3
'
    asks 0 ps
    [ "${#lines[@]}" -eq 4 ]
    stop
}

@test "clients that stop reading miss lines; nobody else is kept waiting" {
    procfile "web: exec sleep 60" \
        "worker: exec $APPS/chatty 3000 --least 100 --state written --stay"
    up -m web=1
    socket '
import struct
slow = [connect() for i in range(20)]
for t in slow:
    message = {"method": "org.formation.Manager.Logs", "more": True, "parameters": {"follow": True}}
    t.sendall(json.dumps(message).encode() + b"\0")
assert call(s, "Scale", changes=["worker=1"], wait=True)["parameters"]["changes"]
def written():
    text = open("written", "rb").read() if os.path.exists("written") else b""
    return struct.unpack("=Q", text)[0] if len(text) == 8 else 0
longest = 0
while written() < 3000:
    began = time.monotonic()
    assert call(s, "List")["parameters"]["processes"]
    longest = max(longest, time.monotonic() - began)
assert longest < 1, longest
for t in slow:
    lines = lost = 0
    while lost == 0:
        reply = receive(t)["parameters"]
        lines += "line" in reply
        lost += reply.get("lost", 0)
    assert 0 < lines < 3000, lines
'
    stop
    [ "$status" -eq 0 ]
}

@test "upgrade: the program that is installed now, or that one" {
    app
    web=$(pid web.1)
    asks 0 upgrade
    [ "$output" = "upgraded" ]
    [ "$(pid web.1)" = "$web" ]
    asks 2 upgrade nosuch
    [ "$stderr" = "formation: nosuch: No such file or directory" ]
    asks 1 upgrade /bin/true
    [ -n "$stderr" ]
    [ "$(pid web.1)" = "$web" ]
    asks 0 upgrade --json "$FORMATION"
    json 'data == {}'
    stop
}
