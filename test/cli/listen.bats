#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One port, or path, for all processes of a type: `listen` and `share` of formation.yaml.
# shellcheck disable=SC2154 # helpers.bash sets formation
load helpers

# free_port: one that nobody has, and that the kernel gives to nobody who connects.
free_port() {
    python3 -c '
import random, socket
first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
while True:
    port = random.randrange(first // 2, first)
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::", port))
        except OSError:
            continue
    print(port)
    break'
}

# types LINE…: formation.yaml.
types() {
    printf '%s\n' "processes:" "$@" >formation.yaml
}

# ask TARGET: an answer, from a port or a path.
ask() {
    python3 -c '
import socket, sys
target = sys.argv[1]
s = socket.socket(socket.AF_UNIX if "/" in target else socket.AF_INET)
s.connect(target if "/" in target else ("127.0.0.1", int(target)))
s.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
answer = b"".join(iter(lambda: s.recv(4096), b""))
print(answer.decode().split("\r\n\r\n")[1].strip())' "$1"
}

# load_with TARGET CONNECTIONS keep|new: requests in the background, until `unload`.
load_with() {
    "$APPS/loader" "$@" >"$BATS_TEST_TMPDIR/load.$3" 2>&1 3>&- &
    loaders+=($!)
}

# unload: ends them; fails if any request has failed.
unload() {
    local pid result=0
    kill -TERM "${loaders[@]}"
    for pid in "${loaders[@]}"; do
        wait "$pid" || result=1
    done
    loaders=()
    tail -n 5 "$BATS_TEST_TMPDIR"/load.*
    return "$result"
}

manager_pid() {
    "$FORMATION" status --json | sed -n 's/.*"manager_pid": \([0-9]*\).*/\1/p'
}

# is_managed_anew PID: by another manager than that.
is_managed_anew() {
    local now
    now=$(manager_pid) && [ -n "$now" ] && [ "$now" != "$1" ]
}

kill_manager() {
    local old
    old=$(manager_pid)
    kill -KILL "$old"
    wait_until is_managed_anew "$old"
}

# refuses SENTENCE [STATUS]: the start fails with that.
refuses() {
    run -"${2:-2}" "$FORMATION" start
    [[ $output == *"$1"* ]] || {
        echo "$output" >&2
        false
    }
}

# hold PORT: somebody else listens there: $holder, $taken is what is said of that.
hold() {
    python3 -c "
import socket, time
s = socket.socket()
s.bind(('127.0.0.1', $1))
s.listen()
open('there', 'w')
time.sleep(60)" 3>&- &
    holder=$!
    taken="*:$1 is in use: process $holder (python3) listens there"
    wait_until test -e there
}

# connects PORT: whether somebody listens there, if nobody accepts.
connects() {
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $1))" 2>/dev/null
}

# server SHARE [QUANTITY]: formation.yaml, with a type of that; the port is $port.
server() {
    port=$(free_port)
    types "  web: {command: $APPS/server, quantity: ${2:-2}, listen: $port, share: $1," \
        "        ready: {log: serving}}"
}

@test "each process is given the socket, and nobody else is" {
    port=$(free_port)
    cat >show.py <<'END'
import os, socket, sys, time
names = sorted(k for k in os.environ if k.startswith("LISTEN_") or k == "HTTP_FD")
print(sys.argv[1], *(f"{k}={os.environ[k]}" for k in names if k != "LISTEN_PID"), flush=True)
is_ours = os.environ.get("LISTEN_PID") == str(os.getpid())
print(sys.argv[1], "pid", "right" if is_ours else "wrong", flush=True)
links = [f"/proc/self/fd/{n}" for n in (3, 4, 5)]
kinds = [os.readlink(link).split(":")[0] for link in links if os.path.exists(link)]
print(sys.argv[1], "has", *kinds, flush=True)
if "HTTP_FD" in os.environ:
    given = socket.socket(fileno=3)
    is_its_port = os.environ["PORT"] == str(given.getsockname()[1])
    print(sys.argv[1], "blocks", os.get_blocking(3), "port", is_its_port, flush=True)
time.sleep(60)
END
    types "  web: {command: exec python3 show.py web, quantity: 2, share: pass," \
        "        listen: [{address: $port, name: http, as: HTTP_FD}, 'unix:tmp/admin']}" \
        "  worker: {command: exec python3 show.py worker}"
    mkdir tmp
    start
    wait_for "web HTTP_FD=3 LISTEN_FDNAMES=http:web LISTEN_FDS=2" 2
    wait_for "web pid right" 2
    wait_for "web has socket socket" 2
    wait_for "web blocks True port True" 2
    wait_for "worker has"
    wait_for "worker pid wrong"
    run ! grep -q "worker.*\(socket\|LISTEN\)" "$OUTPUT"
    [ "$(stat -c %a%F tmp/admin)" = 660socket ]
    stop
    [ ! -e tmp/admin ]
}

@test "a socket outlives managers, upgrades and all of its processes" {
    server pass 1
    start
    wait_for "serving by a socket that was given"
    load_with "$port" 4 new
    load_with "$port" 4 keep
    kill_manager
    "$FORMATION" restart web
    "$FORMATION" upgrade
    "$FORMATION" restart web
    "$FORMATION" upgrade "$APPS/other_guard"
    "$FORMATION" restart web
    kill_manager
    "$FORMATION" stop web
    "$FORMATION" start web
    unload
    stop
    nothing_left
}

@test "no request is lost by restart, scale and reload: pass" {
    server pass
    start
    wait_for "serving" 2
    load_with "$port" 16 new
    load_with "$port" 16 keep
    "$FORMATION" restart web
    "$FORMATION" scale web=5
    "$FORMATION" scale web=1
    sed -i 's/ready:/env: {A: b}, ready:/' formation.yaml
    "$FORMATION" reload
    wait_for "serving" 9
    unload
    stop
}

@test "the example loses no request" {
    port=$(free_port)
    cp "$BATS_TEST_DIRNAME"/../../examples/port/{web.py,formation.yaml} .
    sed -i "s/8080/$port/" formation.yaml
    start
    wait_for "serving" 2
    load_with "$port" 4 new
    load_with "$port" 4 keep
    "$FORMATION" restart web
    "$FORMATION" scale web=3
    "$FORMATION" scale web=1
    sed -i "s/stop:/env: {A: b}\n    stop:/" formation.yaml
    "$FORMATION" reload
    unload
    stop
}

@test "no request is lost by a path: pass" {
    types "  web: {command: $APPS/server, quantity: 2, listen: 'unix:web.sock'," \
        "        ready: {log: serving}}"
    start
    wait_for "serving" 2
    load_with ./web.sock 16 new
    load_with ./web.sock 16 keep
    "$FORMATION" restart web
    "$FORMATION" scale web=1
    kill_manager
    "$FORMATION" scale web=3
    unload
    stop
    [ ! -e web.sock ]
}

@test "reload opens what is new, closes what is gone, and leaves alone what stays" {
    server pass
    other=$(free_port)
    start
    wait_for "serving" 2
    load_with "$port" 8 new
    sed -i "s/listen: $port/listen: [$port, $other, 'unix:a']/" formation.yaml
    "$FORMATION" reload
    [ -S a ]
    wait_for "serving" 4
    connects "$other"
    unload
    sed -i "s/listen: .*'unix:a'\]/listen: [$other, $port]/" formation.yaml
    "$FORMATION" reload
    [ ! -e a ]
    ask "$other" # which is descriptor 3 now
    sed -i "s/listen: \[$other, $port\]/listen: $other/" formation.yaml
    "$FORMATION" reload
    run -1 connects "$port"
    ask "$other"
    "$FORMATION" scale web=0
    run -1 connects "$other"
    "$FORMATION" scale web=1
    ask "$other"
    stop
}

@test "an address that cannot be had is an error, with its place and why" {
    port=$(free_port)
    types "  web: {command: $APPS/server, listen: $port, share: pass}"
    hold "$port"
    refuses "formation.yaml:2:$((35 + ${#APPS})): error: web: $taken"
    types "  web: {command: $APPS/server, listen: $port, share: reuseport}"
    refuses "web: $taken"
    types "  web: {command: $APPS/server, listen: '192.0.2.1:$port', share: pass}"
    refuses "web: 192.0.2.1:$port cannot be listened at: no interface of this machine has"
    types "  web: {command: $APPS/server, listen: 'unix:nowhere/socket'}"
    refuses "/nowhere/socket cannot be made: there is no folder "
    types "  web: {command: $APPS/server, listen: [{address: 'unix:a', user: no-such-user}]}"
    refuses "there is no user 'no-such-user' on this machine"
    path=$(printf 'x%.0s' {1..90})/a
    types "  web: {command: $APPS/server, listen: 'unix:$path'}"
    refuses "the path of a socket has 107 at most"
    kill "$holder"
}

@test "a reload or scale that needs a port of somebody else's changes nothing" {
    server pass 1
    other=$(free_port)
    start
    wait_for "serving"
    hold "$other"
    cp formation.yaml before.yaml
    sed -i "s/listen: $port/listen: ['unix:a', $other]/" formation.yaml
    run -1 "$FORMATION" reload
    [[ $output == *"formation.yaml:2:"*"web: $taken"* ]]
    [ ! -e a ]
    ask "$port"
    cp before.yaml formation.yaml
    echo "  api: {command: $APPS/server, listen: $other, share: pass, quantity: 0}" >>formation.yaml
    "$FORMATION" reload
    run -1 "$FORMATION" scale api=1
    [[ $output == *"api: $taken"* ]]
    kill "$holder"
    wait_until is_gone "$holder"
    "$FORMATION" scale api=1
    wait_until ask "$other"
    # What is a part of an address that processes still have cannot be had beside it.
    sed -i "s/listen: $port/listen: '127.0.0.1:$port'/" formation.yaml
    run -1 "$FORMATION" reload
    [[ $output == *"web: 127.0.0.1:$port cannot be opened while processes of the formation have"* ]]
    ask "$port"
    stop
}

@test "who may not have a port below 1024 is told what to do" {
    [ "$(id -u)" = 0 ] || skip "needs root, to give up a right"
    local first
    first=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
    [ "$first" -gt 7 ] || skip "every port is free here"
    types "  web: {command: sleep 60, listen: '127.0.0.1:7', share: pass}"
    local without=(--bounding-set=-net_bind_service --inh-caps=-net_bind_service)
    run -2 setpriv "${without[@]}" "$FORMATION" start
    [[ $output == *"web: 127.0.0.1:7 needs more rights than the formation has: ports below "* ]]
}

@test "exec becomes a process that has the socket" {
    server pass
    "$FORMATION" exec web >"$OUTPUT" 2>&1 3>&- &
    local pid=$!
    wait_for "serving by a socket that was given"
    [ "$(ask "$port")" = "$pid" ]
    run -126 "$FORMATION" exec web
    [[ $output == *"web: *:$port is in use: process $pid (server) listens there"* ]]
    kill "$pid"
    wait "$pid"
}

@test "a path is only taken from who listens there no more" {
    types "  web: {command: $APPS/server, listen: 'unix:web.sock', ready: {log: serving}}"
    start
    wait_for "serving"
    mkdir other
    pushd other >/dev/null
    types "  web: {command: $APPS/server, listen: 'unix:../web.sock'}"
    refuses "/web.sock is in use: process "
    popd >/dev/null
    ask ./web.sock
    manager=$(manager_pid)
    kill -STOP "$manager" # or it would end in order, once the guard is gone
    kill -KILL "$formation" "$manager"
    ended
    wait_until nothing_left
    [ -S web.sock ] # stale
    start
    wait_for "serving"
    ask ./web.sock
    stop
}

@test "processes that open the same PORT lose no request where the kernel migrates" {
    server reuseport
    run unshare -rn sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_migrate_req'
    [ "$status" = 0 ] || skip "cannot change net.ipv4.tcp_migrate_req in a network namespace"
    cat >inside.sh <<'END'
ip link set lo up 2>/dev/null || python3 -c '
import fcntl, socket, struct
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1))'
echo 1 >/proc/sys/net/ipv4/tcp_migrate_req
exec "$@"
END
    PREFIX=(unshare -rn sh inside.sh)
    start
    wait_for "serving by a port of its own" 2
    loaders=()
    for kind in new keep; do
        nsenter --preserve-credentials -U -n -t "$formation" "$APPS/loader" "$port" 8 "$kind" \
            >"$BATS_TEST_TMPDIR/load.$kind" 2>&1 3>&- &
        loaders+=($!)
    done
    "$FORMATION" restart web
    "$FORMATION" scale web=4
    "$FORMATION" scale web=1
    unload
    stop
}

@test "one that hangs, or does not accept, holds up nobody but those whom it has accepted" {
    port=$(free_port)
    types "  web: {command: $APPS/server, share: pass, listen: {address: $port, backlog: 1}}" \
        "  other: {command: exec sleep 60}"
    sed -i "s|server,|server hang,|" formation.yaml
    start
    wait_for "serving"
    python3 -c "
import socket
a = [socket.create_connection(('127.0.0.1', $port)) for i in range(8)]"
    "$FORMATION" restart other
    "$FORMATION" stop web
    stop
}
