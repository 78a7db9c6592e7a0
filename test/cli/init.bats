#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Under an init: what it is told by sd_notify(3), its watchdog, its sockets, and the unit for it.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life
load control

# by_init [OPTION…]: what is started from here on is started by init.py; its messages are in $told.
by_init() {
    told=$BATS_TEST_TMPDIR/told
    PREFIX=(python3 "$BATS_TEST_DIRNAME/init.py" "$told" "$@" --)
}

# begin: starts the formation under it; $formation is the guard as everywhere.
begin() {
    start
    init=$formation
    wait_until test -s "$told.pid"
    formation=$(cat "$told.pid")
}

# over: waits for the end of both; the formation's exit status is in $status.
over() {
    wait_until is_gone "$init"
    status=0
    wait "$init" || status=$?
}

# says TEXT [TIMES]: whether so many messages, or more, have TEXT in them.
says_to_init() {
    [ "$(grep -cF -- "$1" "$told")" -ge "${2:-1}" ]
}

told() {
    wait_until says_to_init "$@"
}

# in_order TEXT…: whether the first messages that have these texts come in this order.
in_order() {
    local text last=0 at
    for text; do
        at=$(grep -nF -m 1 -- "$text" "$told" | cut -d: -f1)
        [ "${at:-0}" -gt "$last" ] || return 1
        last=$at
    done
}

# all_by_main: whether the init's service has sent all of them itself, as NotifyAccess=main wants.
all_by_main() {
    [ -s "$told" ]
    run ! grep -v " main " "$told"
}

# declare_ready: two web that are ready once a file `go` is there.
declare_ready() {
    procfile "web: exec sleep 60" "worker: exec sleep 61"
    printf '%s\n' "processes:" "  web:" "    quantity: 2" \
        "    ready: {exec: 'test -e go', interval: 20ms}" "    boot: ${1-2m}" >formation.yaml
}

@test "an init hears that all are ready once they are, and how many are until then" {
    declare_ready
    by_init
    begin
    told "STATUS=1 of 3 processes ready, web.1 not ready and 1 other not ready"
    run ! grep READY "$told"
    grep -m 1 STATUS "$told" | grep -Eq 'EXTEND_TIMEOUT_USEC=12[45][0-9]{6}\|' # boot, and some more
    touch go
    told "READY=1|STATUS=3 of 3 processes ready"
    kill "$formation"
    over
    [ "$status" -eq 0 ]
    in_order "STATUS=1 of 3" READY=1 "STOPPING=1|EXTEND_TIMEOUT_USEC=25000000|STATUS=stopping, 3"
    [ "$(grep -c READY=1 "$told")" -eq 1 ]
    all_by_main
    nothing_left
}

@test "who is never ready keeps the formation from being it" {
    declare_ready 300ms
    by_init
    begin
    told "web.1 in backoff"
    wait_for "crash 3 in a row" 2
    run ! grep READY "$told"
    kill "$formation"
    over
    all_by_main
}

@test "who has done its work or was stopped does not keep it; who has failed does" {
    procfile "migrate: true" "web: exec sleep 60" "once: exit 3"
    printf '%s\n' "processes:" "  migrate: {restart: on-failure}" \
        "  once: {restart: never, ready: {exec: 'false'}}" \
        >formation.yaml
    by_init
    begin
    told "STATUS=2 of 3 processes ready, once.1 failed"
    run ! grep READY "$told"
    "$FORMATION" scale once=0
    told "READY=1|STATUS=2 of 2 processes ready"
    kill "$formation"
    over
}

@test "a crash after that is in the status only" {
    procfile "web: exec sleep 60" 'worker: while [ ! -e fail ]; do sleep 0.02; done; exit 1'
    by_init
    begin
    told "READY=1|STATUS=2 of 2"
    touch fail
    told "STATUS=1 of 2 processes ready, worker.1 in backoff"
    rm fail
    told "STATUS=2 of 2 processes ready" 2
    [ "$(grep -c READY=1 "$told")" -eq 1 ]
    kill "$formation"
    over
}

@test "a manager that is killed before is followed by one that tells it" {
    declare_ready
    by_init
    begin
    told "STATUS=1 of 3"
    for _ in 1 2 3; do
        manager=$(manager_pid)
        kill -KILL "$manager"
        wait_until is_gone "$manager"
        wait_until manager_pid
    done
    touch go
    told "READY=1|STATUS=3 of 3"
    manager=$(manager_pid)
    kill -KILL "$manager"
    wait_until is_gone "$manager"
    wait_until asks 0 status
    kill "$formation"
    over
    [ "$status" -eq 0 ]
    # Once more where a manager was killed before it knew that it has arrived.
    [ "$(grep -c READY=1 "$told")" -le 2 ]
    in_order READY=1 STOPPING=1
    all_by_main
    nothing_left
}

@test "each reload is told, with its time, by command or SIGHUP, good or not" {
    procfile "web: exec sleep 60"
    by_init
    begin
    told "READY=1|STATUS=1 of 1"
    asks 0 reload
    told "READY=1|STATUS=1 of 1" 2
    echo "worker: exec sleep 61" >>Procfile
    kill -HUP "$formation"
    wait_for "the files were read again"
    wait_for "started with pid" 2
    told "READY=1|" 3
    echo "no line of a Procfile" >>Procfile
    kill -HUP "$formation"
    wait_for "not reloaded: the files have errors"
    shows "Procfile:3"
    told "READY=1|" 4
    in_order READY=1 "RELOADING=1|MONOTONIC_USEC="
    [ "$(grep -c RELOADING=1 "$told")" -eq 3 ]
    sed -n 's/.*MONOTONIC_USEC=\([0-9]*\).*/\1/p' "$told" >"$told.times"
    sort -nc "$told.times"
    [ "$(tail -n 1 "$told.times")" -le "$(sed 's/\..*//' /proc/uptime)999999" ]
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 2 ]
    kill "$formation"
    over
    [ "$status" -eq 0 ]
}

@test "SIGHUP ends it where there is no init, or a terminal that can hang up" {
    procfile "web: exec sleep 60"
    start
    wait_for "started with pid"
    stop HUP
    by_init
    terminal 'started with pid=hangup' -- "${PREFIX[@]}" "$FORMATION" start >"$OUTPUT" 2>&1 \
        </dev/null 3>&- &
    init=$!
    wait_until is_gone "$init"
    told STOPPING=1
    run ! grep RELOADING "$told"
}

@test "an init that takes nothing for a while hears it afterwards, and holds nobody up" {
    procfile "web: exec sleep 60" 'worker: while [ ! -e fail ]; do sleep 0.02; done; exit 1'
    printf '%s\n' "processes:" "  worker:" "    backoff: {max: 100ms}" >formation.yaml
    by_init deaf
    touch fail
    begin
    wait_for "crash 20 in a row" # more than its socket has room for
    rm fail
    wait_until ready_is 2
    touch "$told.hear"
    told "READY=1|STATUS=2 of 2"
    kill "$formation"
    over
    in_order READY=1 STOPPING=1
    all_by_main
}

# ready_is N: whether so many processes are ready.
ready_is() {
    [ "$("$FORMATION" ps --json | grep -c '"state": "ready"')" -eq "$1" ]
}

@test "an abstract socket, and one that is none" {
    procfile "web: exec sleep 60"
    by_init @
    begin
    told "READY=1"
    kill "$formation"
    over
    PREFIX=()
    for socket in vsock:2:1234 /nowhere/notify relative @ ""; do
        NOTIFY_SOCKET=$socket start
        wait_for "started with pid"
        stop
        [ "$status" -eq 0 ]
        [ "$(grep -c "" "$OUTPUT")" -eq 4 ]
    done
}

@test "what is the supervisor's own reaches neither a process nor a probe" {
    procfile 'web: env >web.env; exec sleep 60'
    printf '%s\n' "processes:" "  web:" "    ready: {exec: 'env >probe.env', interval: 20ms}" \
        >formation.yaml
    by_init watchdog=60000 LISTEN_PID=PID LISTEN_FDS=0 LISTEN_FDNAMES=x JOURNAL_STREAM=1:2 \
        SYSTEMD_EXEC_PID=PID MAINPID=PID FORMATION_GUARD=3000 FORMATION_HANDOVER=3000 OTHER=x
    begin
    told READY=1
    for file in web.env probe.env; do
        grep -q ^OTHER=x "$file"
        run ! grep -E "^(LISTEN_|NOTIFY_|WATCHDOG_|JOURNAL_STREAM|SYSTEMD_|MAINPID)" "$file"
        run ! grep -E "^FORMATION_(GUARD|HANDOVER)" "$file"
    done
    kill "$formation"
    over
}

@test "run leaves to the command what its init has said to it" {
    procfile 'web: echo "$NOTIFY_SOCKET $WATCHDOG_USEC"'
    NOTIFY_SOCKET=/run/x WATCHDOG_USEC=7 run -0 "$FORMATION" run web
    [ "$output" = "/run/x 7" ]
}

@test "the watchdog is fed by a manager that works, and by no other" {
    procfile "web: exec sleep 60"
    by_init watchdog=2000
    begin
    told READY=1
    told WATCHDOG=1 3
    manager=$(manager_pid)
    kill -STOP "$manager"
    wait_until is_gone "$manager" # it was ended by the guard, within 3/4 of the time
    wait_until manager_pid
    count=$(grep -c WATCHDOG=1 "$told")
    told WATCHDOG=1 $((count + 2))
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 1 ]
    kill "$formation"
    over
    [ "$status" -eq 0 ]
    all_by_main
}

@test "who was stopped together with the guard is not blamed" {
    procfile "web: exec sleep 60"
    by_init watchdog=1000
    begin
    told WATCHDOG=1 2
    manager=$(manager_pid)
    kill -STOP "$formation" "$manager"
    sleep 2 # longer than the watchdog's time
    kill -CONT "$formation" "$manager"
    count=$(grep -c WATCHDOG=1 "$told")
    told WATCHDOG=1 $((count + 3))
    [ "$(manager_pid)" = "$manager" ]
    kill "$formation"
    over
}

@test "a watchdog of somebody else is not ours" {
    procfile "web: exec sleep 60"
    by_init WATCHDOG_USEC=100000 WATCHDOG_PID=1
    begin
    told READY=1
    sleep 0.3
    run ! grep WATCHDOG "$told"
    kill "$formation"
    over
}

@test "an init that is tired of waiting ends it by SIGABRT, in order" {
    procfile "web: exec sleep 60"
    by_init
    begin
    told READY=1
    kill -ABRT "$formation"
    over
    says_to_init STOPPING=1
    text_of web.1 | grep -qx "terminated by SIGTERM"
    nothing_left
}

# --- sockets

# activate NAMES COUNT ARGUMENT…: starts the formation with so many listening sockets, as systemd
# does: unix sockets 1, 2, … in the app's folder.
activate() {
    local names=$1 count=$2 listen=() i
    command -v systemd-socket-activate >/dev/null || skip "systemd-socket-activate is not installed"
    shift 2
    for ((i = 1; i <= count; i++)); do
        listen+=(-l "$APP/$i")
    done
    PREFIX=(systemd-socket-activate "${listen[@]}" ${names:+--fdname=$names})
    start "$@"
    wait_until test -S "$count"
    knock 1 # the program is started by that
}

# knock SOCKET: connects to it, and waits for no answer.
knock() {
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1"
}

# answer SOCKET: what who serves it says.
answer() {
    python3 -c '
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(10)
peer.connect(sys.argv[1])
print(peer.recv(100).decode().strip())' "$1"
}

# declare_sockets SOCKETS [COMMAND]: two web that ask for them, and a worker that does not.
declare_sockets() {
    server="python3 $BATS_TEST_DIRNAME/activated.py"
    procfile "web: ${2-$server}" "worker: $server"
    printf '%s\n' "processes:" "  web: {sockets: $1, quantity: ${3-2}}" >formation.yaml
}

@test "the sockets of an init reach those who ask for them by name, and nobody else" {
    declare_sockets "[admin, web]"
    activate web:other:admin 3
    wait_for "given 2: web admin; open: 3 4" 2
    wait_for "given none: no LISTEN_PID"
    [[ $(answer 1) = web.?" web" ]]
    [[ $(answer 3) = web.?" admin" ]]
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "all of them, also those without a name" {
    declare_sockets true
    activate "" 2
    wait_for "given 2: unknown unknown; open: 3 4" 2
    [[ $(answer 2) = web.* ]]
    stop
}

@test "they are a process's own behind a shell, whatever stands before the command" {
    server="python3 $BATS_TEST_DIRNAME/activated.py"
    declare_sockets inherited "cd / && export A=b; $server" 1
    activate "" 1
    wait_for "given 1: unknown; open: 3"
    stop
    declare_sockets inherited "A=b $server" 1
    rm 1
    activate "" 1
    wait_for "given 1: unknown; open: 3"
    stop
    declare_sockets inherited "($server)" 1
    rm 1
    activate "" 1
    wait_for "given none: "
    shows "web may not take its sockets for its own, since a shell stays between: write 'exec'"
    stop
}

@test "they outlive managers, restarts, scaling and another guard" {
    declare_sockets web
    activate web:other 2
    wait_for "given 1: web; open: 3" 2
    manager=$(manager_pid)
    kill -KILL "$manager"
    wait_until is_gone "$manager"
    wait_until asks 0 restart web
    wait_for "given 1: web; open: 3" 4
    asks 0 upgrade "$APPS/other_guard"
    [[ $(readlink "/proc/$formation/exe") = */other_guard ]]
    asks 0 scale web=3
    asks 0 restart web.1
    wait_for "given 1: web; open: 3" 6
    [[ $(answer 1) = web.?" web" ]]
    asks 0 scale web=0
    knock 1 # waits for the next one, and is not refused
    asks 0 scale web=1
    wait_for "given 1: web; open: 3" 7
    stop
    nothing_left
}

# refuses SENTENCE: whether a start is refused so.
refuses() {
    ended
    [ "$status" -eq 1 ]
    diff "$OUTPUT" <(echo "formation: $1")
    nothing_left
}

@test "sockets that were asked for and not given are named, and nothing is started" {
    declare_sockets "[http, https]"
    start
    refuses "web asks for sockets, and none were passed to formation: a socket unit does that, or, \
to try, systemd-socket-activate -l 8080 formation start"
    PREFIX=(env LISTEN_FDS=1 LISTEN_PID=1)
    start
    refuses "web asks for sockets, and those that were passed are for pid 1, not for ours, \
$formation: what starts formation has to become it, by exec"
    PREFIX=(bash -c 'export LISTEN_FDS=2 LISTEN_PID=$$; exec "$@" 3</dev/null' sh)
    start
    refuses "web asks for sockets, and LISTEN_FDS says that there are 2, but not all of the \
descriptors from 3 on are sockets"
    activate http:admin 2
    ended
    [ "$status" -eq 1 ]
    shows "web asks for sockets, and none of that name was passed to formation: 'https' (there is \
'http', 'admin')"
    nothing_left
}

@test "so many that they cannot all be passed on" {
    declare_sockets true
    activate "" 17
    ended
    [ "$status" -eq 1 ]
    shows "web asks for sockets, and LISTEN_FDS says that there are 17: at most 16 can be passed on"
    rm [0-9]*
    activate "" 16
    wait_for "open: 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18" 2
    [[ $(answer 16) = web.* ]]
    stop
}

@test "what is not run needs none; to scale or reload without them is refused" {
    declare_sockets http
    start worker
    wait_for "given none"
    asks 1 scale web=1
    [[ $stderr = *"web asks for a socket, and none were passed to formation"* ]]
    sed -i 's/web: {/worker: {/' formation.yaml
    asks 1 reload
    [[ $stderr = *"worker asks for a socket, and none were passed to formation"* ]]
    [ "$(grep -c "started with pid" "$OUTPUT")" -eq 1 ]
    stop
}

@test "a reload that changes who gets which rolls them" {
    declare_sockets a
    activate a:b 2
    wait_for "given 1: a; open: 3" 2
    sed -i 's/sockets: a/sockets: [b]/' formation.yaml
    asks 0 reload
    wait_for "given 1: b; open: 3" 2
    asks 0 reload
    [ "$(grep -c "given 1: b" "$OUTPUT")" -eq 2 ]
    stop
}

@test "names that no socket can have" {
    declare_sockets '["a:b"]'
    run -2 --separate-stderr "$FORMATION" check
    [ "$stderr" = "formation.yaml:2:19: error: a socket's name has 1 to 255 characters, none of \
them ':' or a blank: 'a:b' cannot be one" ]
}

# --- the unit

@test "export prints a unit that systemd takes" {
    mkdir "my shop% \$x"
    cd "my shop% \$x"
    procfile "web: sleep 60"
    printf '%s\n' "processes:" "  web: {stop: {grace: 2m}}" >formation.yaml
    run -0 --separate-stderr "$FORMATION" export systemd
    grep -qxF 'TimeoutStopSec=145s' <<<"$output"
    grep -qF 'start -d "'"$BATS_TEST_TMPDIR"'/app/my shop%% $$x"' <<<"$output"
    grep -qxF "WorkingDirectory=$APP/my shop%% \$x" <<<"$output"
    run -0 "$FORMATION" export systemd --output ..
    [ "$output" = '../my\x20shop\x25\x20\x24x.service' ]
    ! command -v systemd-analyze >/dev/null ||
        systemd-analyze verify "$APP/"'my\x20shop\x25\x20\x24x.service'
    run -0 "$FORMATION" export systemd --user -p 6000 -m web=3 -f Procfile --no-port
    grep -qx "WantedBy=default.target" <<<"$output"
    grep -qF 'Procfile" -m web=3 -p 6000 --no-port' <<<"$output"
    run ! grep -q "^User=" <<<"$output"
}

@test "export tells what it cannot do" {
    procfile "web: sleep 60"
    run -2 "$FORMATION" export upstart
    [ "$output" = "formation: there is no format 'upstart' to export to: systemd is one" ]
    run -2 "$FORMATION" export systemd --output nowhere
    [ "$output" = "formation: nowhere/app.service cannot be written: No such file or directory" ]
    mkdir "ends with "
    mv Procfile "ends with "
    run -2 "$FORMATION" export systemd -d "ends with "
    [[ $output = "formation: a unit cannot name '"*"/ends with ': it has a control character, or \
ends with a blank or a backslash" ]]
    run -2 "$FORMATION" export systemd
    [[ $output = *"Procfile does not exist" ]]
}

@test "the app's owner is whom the unit runs it as, for root" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    procfile "web: sleep 60"
    run -0 "$FORMATION" export systemd
    run ! grep -q "^User=" <<<"$output"
    chown daemon "$APP"
    run -0 "$FORMATION" export systemd
    grep -qx "User=daemon" <<<"$output"
}

@test "whoever wants a daemon is told how to have one" {
    for option in --daemon --daemonize -D --pidfile=x; do
        run -2 "$FORMATION" start "$option"
        [ "$output" = "formation: there is no option ${option%=*}: formation stays in the \
foreground and writes no PID file; 'formation export systemd' prints a unit that runs it" ]
    done
}
