#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Faults of whoever asks, and of ports: silent clients, halves of requests, other users, a port that
# is somebody else's. What else there is stands in test/FAULTS.md.
# shellcheck disable=SC2015,SC2016,SC2034,SC2154 # `A && B || skip` is meant so
load helpers
load life
load control

cpu_ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'
}

@test "clients that say nothing, half of a request, or leave within it: others are served" {
    procfile "web: exec sleep 60"
    up
    wait_until has_state web.1 ready
    manager=$(manager_pid)
    socket '
silent = [connect() for i in range(300)]
halves = [connect() for i in range(300)]
for t in halves:
    t.sendall(b"{\"method\":\"org.formation.Manager.Li")
for i in range(300):
    t = connect()
    t.sendall(b"{\"method\":\"org.formation.Manager.Lis"[:i % 38])
    t.close()
slowest = 0
for i in range(50):
    began = time.monotonic()
    assert call(s, "List")["parameters"]["processes"]
    slowest = max(slowest, time.monotonic() - began)
assert slowest < 2, slowest
for t in halves:                        # the other half is heard whenever it comes
    t.sendall(b"st\"}\0")
    assert receive(t)["parameters"]["processes"]
for t in silent:
    assert call(t, "List")["parameters"]["processes"]
'
    ticks=$(cpu_ticks "$manager")
    sleep 1
    [ $(($(cpu_ticks "$manager") - ticks)) -lt 20 ] # of 100
    asks 0 ps
    [ "$(manager_pid)" = "$manager" ]
    stop
    [ "$status" -eq 0 ]
}

@test "more clients than there may be: those that come later wait until one leaves" {
    procfile "web: exec sleep 60"
    PREFIX=(prlimit --nofile=256) # a quarter of them is for clients
    up
    wait_until has_state web.1 ready
    socket '
many = [connect() for i in range(100)]
late = connect()
message = {"method": "org.formation.Manager.List"}
late.sendall(json.dumps(message).encode() + b"\0")
late.settimeout(0.5)
try:
    receive(late)
    sys.exit("it was served though all places were taken")
except TimeoutError:
    pass
for t in many:
    t.close()
late.settimeout(20)
assert receive(late)["parameters"]["processes"]
'
    asks 0 ps
    stop
    [ "$status" -eq 0 ]
}

@test "another user asks: refused in one sentence, also where the socket lets him in" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    procfile "web: exec sleep 60"
    up
    wait_until has_state web.1 ready
    somebody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$APP"
    "${somebody[@]}" test -x "$FORMATION" -a -x "$APP" || skip "nobody cannot reach the program"
    for command in ps "stop web" shutdown; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr timeout -k 1 20 "${somebody[@]}" "$FORMATION" $command
        [ "$status" -ne 0 ]
        [ "$stderr" = "formation: the formation of $APP is another user's: only that user may ask \
it, or root" ]
    done
    chmod 755 .formation
    chmod 666 .formation/control.sock
    run --separate-stderr timeout -k 1 20 "${somebody[@]}" "$FORMATION" shutdown
    [ "$status" -ne 0 ]
    [ "$stderr" = "formation: the formation of $APP closed the connection before it answered" ]
    has_state web.1 ready
    stop
    [ "$status" -eq 0 ]
}

# a_port: one that nobody has.
a_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

@test "a port that somebody else has: the process's own words, back-off, and it comes when it can" {
    port=$(a_port)
    # A stranger who has the port, and does not serve anybody.
    python3 -c '
import os, socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen(1)
open("taken", "w").close()
while not os.path.exists("free"):
    time.sleep(0.02)' "$port" 3>&- &
    wait_until test -e taken
    procfile "web: exec $APPS/responder answer" "other: exec sleep 60"
    up -p "$port"
    wait_for "(crash 3 in a row)"
    asks 0 why web
    grep -q "Address already in use" <<<"$output"
    has_state other.1 ready
    touch free
    wait_for "listening on port $port"
    wait_until has_state web.1 ready
    stop
    [ "$status" -eq 0 ]
}

@test "a port that only root may have: the process's own words, and back-off" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] || skip "all ports are free"
    local user=$((100000 + $$))
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
    chown "$user" "$APP"
    PREFIX=(setpriv --reuid="$user" --regid="$user" --clear-groups)
    "${PREFIX[@]}" test -x "$FORMATION" || skip "it is in nobody's reach"
    XDG_STATE_HOME=$APP/state
    procfile "web: exec $APPS/responder answer"
    up -p 81
    wait_for "(crash 2 in a row)"
    asks 0 why web
    grep -q "Permission denied" <<<"$output"
    stop
    [ "$status" -eq 0 ]
}

@test "a port of the last life is still closing: the next life has it at once" {
    port=$(a_port)
    procfile "web: exec $APPS/responder answer"
    printf 'processes:\n  web: {ready: {http: /}}\n' >formation.yaml
    up -p "$port"
    for round in 1 2 3; do
        wait_until has_state web.1 ready
        python3 -c '
import sys, urllib.request
for i in range(20):
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/").read()' "$port"
        asks 0 restart web
    done
    run -1 grep -E "in use|crash" "$OUTPUT"
    stop
    [ "$status" -eq 0 ]
}

@test "files with mistakes at a reload: every line is named, and nothing is touched" {
    procfile "web: exec sleep 60"
    printf 'processes:\n  web: {quantity: 2}\n' >formation.yaml
    up
    wait_until has_state web.2 ready
    before="$(pid web.1) $(pid web.2)"
    procfile "web: exec sleep 61" "no colon" "again no colon"
    asks 1 reload
    grep -q "^Procfile:2:1: " <<<"$stderr"
    grep -q "^Procfile:3:1: " <<<"$stderr"
    procfile "web: exec sleep 61"
    printf 'processes:\n  web: {quantity: many}\n' >formation.yaml
    asks 1 reload
    grep -q "^formation.yaml:2:19: " <<<"$stderr"
    rm Procfile formation.yaml
    asks 1 reload
    [ "${stderr_lines[0]}" = "Procfile does not exist" ]
    [ "$before" = "$(pid web.1) $(pid web.2)" ]
    kill_it=$(pid web.1)
    kill -KILL "$kill_it" # and it is started by the old plan
    wait_for "started with pid" 3
    stop
    [ "$status" -eq 0 ]
}
