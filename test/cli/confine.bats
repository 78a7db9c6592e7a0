#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a process is allowed: user, group, umask, nice, limits, capabilities, a /tmp of its own; and
# that it gets nothing else of the supervisor's.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life
load control

# machine [USER]: what is started from here on sees this folder as /srv, where every user may go,
# and some users of its own; with USER it is started by that one.
machine() {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs root, and the right to mount"
    printf '%s\n' root:x:0:0:root:/root:/bin/bash app:x:4711:4712:App:/home/app:/bin/dash \
        other:x:4721:4722::/home/other:/usr/sbin/nologin >passwd
    printf '%s\n' root:x:0: app:x:4712: extra:x:4713:root,app more:x:4714:app other:x:4722: >group
    PREFIX=(unshare -m bash -c '
        mount --bind "$PWD" /srv && mount --bind passwd /etc/passwd &&
            mount --bind group /etc/group && cd /srv && user=$1 && shift || exit
        [ "$user" ] || exec "$@"
        exec setpriv --reuid="$user" --regid="$user" --init-groups "$@"' sh "${1-}")
    export XDG_STATE_HOME=/srv/state
    [ ! "${1-}" ] || chown 4711:4712 .
}

# type KEY…: the Procfile's type web with these keys.
type() {
    printf 'processes:\n  web:\n' >formation.yaml
    printf '    %s\n' "$@" >>formation.yaml
}

# status PROCESS LINE: of /proc/PID/status.
status_line() {
    sed -n "s/^$2:[[:blank:]]*//p" "/proc/$(pid "$1")/status" | xargs
}

# in_machine COMMAND…
in_machine() {
    "${PREFIX[@]}" timeout -k 1 30 "$@"
}

# fails_to_start TEXT…: the errors, and nothing runs.
fails_to_start() {
    run --separate-stderr -2 in_machine "$FORMATION" start
    diff <(printf '%s\n' "$@") <(echo "$stderr")
    nothing_left
}

@test "a user, with its groups, and what login sets" {
    machine
    procfile 'web: env; exec sleep 60' 'root: exec sleep 60'
    type 'user: app'
    SUDO_USER=me XDG_RUNTIME_DIR=/run/user/0 MAIL=/var/mail/root up
    wait_until has_state web.1 ready
    [ "$(status_line web.1 Uid)" = "4711 4711 4711 4711" ]
    [ "$(status_line web.1 Gid)" = "4712 4712 4712 4712" ]
    [ "$(status_line web.1 Groups)" = "4712 4713 4714" ]
    [ "$(status_line web.1 NoNewPrivs)" = 1 ]
    [ "$(status_line web.1 CapEff)" = 0000000000000000 ]
    wait_for "HOME=/home/app"
    wait_for "USER=app"
    wait_for "LOGNAME=app"
    wait_for "SHELL=/bin/dash"
    [[ $(text_of web.1) != *XDG_* && $(text_of web.1) != *SUDO_* && $(text_of web.1) != *MAIL* ]]
    [ "$(status_line root.1 Uid)" = "0 0 0 0" ] # who says nothing is as the formation
    [ "$(status_line root.1 NoNewPrivs)" = 0 ]
    stop
    [ "$status" -eq 0 ]
    nothing_left
}

@test "numbers, another group, no group, the user's files" {
    machine
    procfile 'web: exec sleep 60' 'number: exec sleep 60' 'group: exec sleep 60' \
        'stranger: echo "$HOME $USER $SHELL"; exec sleep 60' 'own: echo "$HOME $SHELL"; sleep 60'
    cat >formation.yaml <<'YAML'
processes:
  web: {user: 4711, group: extra}
  number: {user: app, group: "9999", no_new_privs: false}
  group: {group: extra}
  stranger: {user: 7777, group: 8888}
  own: {user: other, env: {HOME: /elsewhere}}
YAML
    up
    wait_until has_state own.1 ready
    [ "$(status_line web.1 Uid)" = "4711 4711 4711 4711" ]
    [ "$(status_line web.1 Gid)" = "4713 4713 4713 4713" ]
    [ "$(status_line web.1 Groups)" = "4713 4714" ]
    [ "$(status_line number.1 Gid)" = "9999 9999 9999 9999" ]
    [ "$(status_line number.1 NoNewPrivs)" = 0 ]
    [ "$(status_line group.1 Uid)" = "0 0 0 0" ]
    [ "$(status_line group.1 Gid)" = "4713 4713 4713 4713" ]
    [ "$(status_line stranger.1 Uid)" = "7777 7777 7777 7777" ]
    [ "$(status_line stranger.1 Groups)" = 8888 ]
    wait_for "stranger.1 | / 7777 /bin/sh"
    wait_for "own.1      | /elsewhere /bin/sh" # of a nologin nothing could be run
    stop
}

@test "umask, nice and limits" {
    machine
    echo 'umask; nice; for limit in n Hn c s l f; do ulimit -$limit; done; touch f' >script
    procfile 'web: . ./script; exec sleep 60'
    type 'umask: 0077' 'nice: 7' \
        'limits: {files: 123, core: 0, stack: 1M, locked_memory: 64K, file_size: 1M}'
    up
    wait_until test -e f
    wait_until has_state web.1 ready
    text_is web.1 "started with pid N" 0077 7 123 123 0 1024 64 2048
    [ "$(stat -c %a f)" = 600 ]
    stop
}

@test "another user can open /dev/stdout and /dev/stderr: in a pipe, a terminal, apart" {
    machine
    procfile 'web: echo a >/dev/stdout; echo b >/dev/stderr; exec sleep 60' \
        'tty: echo c >/dev/stdout; echo d >/dev/stderr; echo e >/dev/tty; exec sleep 60'
    cat >formation.yaml <<'YAML'
processes:
  web: {user: app}
  tty: {user: app, tty: true}
logs:
  - file: errors
    stream: stderr
YAML
    up
    for letter in "web.1  | a" "web.1  | b" "tty.1  | c" "tty.1  | d" "tty.1  | e"; do
        wait_for "$letter"
    done
    wait_until grep -q "| b" errors
    # Another user in the same pipe.
    sed -i 's/web: {user: app}/web: {user: other}/' formation.yaml
    asks 0 reload
    [ "$(status_line web.1 Uid)" = "4721 4721 4721 4721" ]
    wait_for "web.1  | b" 2
    run ! grep "Permission denied" "$OUTPUT"
    stop
}

@test "a capability is kept by a user, and lost without it" {
    machine
    cat >bind.py <<'PYTHON'
import socket, time
try:
    socket.socket().bind(("127.0.0.1", 81))
    print("bound", flush=True)
except PermissionError as error:
    print(error.strerror, flush=True)
time.sleep(60)
PYTHON
    procfile 'web: exec python3 bind.py' 'none: exec python3 bind.py' \
        'drop: exec sleep 60' 'root: exec sleep 60'
    cat >formation.yaml <<'YAML'
processes:
  web: {user: app, capabilities: [net_bind_service]}
  none: {capabilities: []}
  drop: {capabilities: {drop: [sys_admin, CAP_NET_RAW]}}
  root: {user: root, capabilities: {keep: chown}}
YAML
    PREFIX+=(unshare -n bash -c
        'echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start; ip link set lo up; exec "$@"' sh)
    up
    wait_for "web.1  | bound"
    wait_for "none.1 | Permission denied"
    for set in CapEff CapPrm CapBnd CapAmb CapInh; do
        [ "$(status_line web.1 $set)" = 0000000000000400 ]
        [ "$(status_line none.1 $set)" = 0000000000000000 ]
    done
    [ "$(status_line root.1 CapEff)" = 0000000000000001 ]
    dropped=$(((1 << 21) | (1 << 13)))
    [ $((0x$(status_line drop.1 CapBnd) & dropped)) -eq 0 ]
    [ "$(status_line drop.1 CapEff)" = "$(status_line drop.1 CapBnd)" ]
    stop
}

@test "a /tmp of its own, which its probe sees and nobody else, and which leaves nothing" {
    machine
    procfile 'web: ls -A /tmp /var/tmp; echo $PS >/tmp/own; echo $PS >/var/tmp/own; exec sleep 60'
    type 'private_tmp: true' 'user: app' 'quantity: 2' \
        'ready: {exec: "test $(cat /tmp/own) = $PS && test $(cat /var/tmp/own) = $PS"}'
    up
    wait_until has_state web.1 ready
    wait_until has_state web.2 ready
    text_is web.1 "started with pid N" /tmp: "" /var/tmp:
    [ ! -e /tmp/own ]
    [ ! -e /var/tmp/own ]
    [ "$(cat "/proc/$(pid web.1)/root/tmp/own")" = web.1 ]
    [ "$(stat -c %a "/proc/$(pid web.1)/root/tmp")" = 1777 ]
    # Not even of who is killed with all that could clear away.
    kill -KILL "$formation" "$(manager_pid)" "$(witness_pid)"
    ended
    wait_until eval '[ -z "$(pids_left)" ]'
    run ! grep -q " /tmp tmpfs" /proc/self/mountinfo
    up
    wait_until has_state web.2 ready
    text_is web.2 "started with pid N" /tmp: "" /var/tmp:
    stop
    nothing_left
}

@test "who is not there, or cannot be had, is an error at the start" {
    machine
    procfile 'web: sleep 60'
    type 'user: nosuch'
    fails_to_start "formation.yaml:3:11: error: there is no user 'nosuch' on this machine"
    run -2 in_machine "$FORMATION" check
    type 'user: app' 'group: nosuch'
    fails_to_start "formation.yaml:4:12: error: there is no group 'nosuch' on this machine"
    type 'user: 7777'
    fails_to_start "formation.yaml:3:11: error: there is no user 7777 on this machine: write \
'group', too, to run as that number all the same"
    most=$(($(cat /proc/sys/fs/nr_open) + 1))
    type "limits: {files: $most}"
    run --separate-stderr -2 in_machine "$FORMATION" start
    [[ $stderr == "formation.yaml:3:21: error: 'files' is more than the formation itself may \
have: "*" at most" ]]
    type 'directory: /tmp' 'private_tmp: true'
    fails_to_start \
        "formation.yaml:4:18: error: 'private_tmp' would hide /tmp, where the processes run"
    PREFIX+=(setpriv '--bounding-set=-net_raw,-sys_admin,-sys_nice' --inh-caps=-all)
    type 'capabilities: [net_raw]' 'private_tmp: true' 'nice: -20'
    fails_to_start \
        "formation.yaml:5:11: error: only root can give processes a 'nice' below the \
formation's own, 0" \
        "formation.yaml:3:19: error: the formation itself does not have the capability 'net_raw'" \
        "formation.yaml:4:18: error: only root can give processes a /tmp of their own"
}

@test "without root: another user is an error at the start, oneself is not" {
    machine app
    procfile 'web: exec sleep 60'
    type 'user: other' 'capabilities: []' 'private_tmp: true'
    fails_to_start \
        "formation.yaml:3:11: error: only root can run processes as 'other': the formation is \
started by the user 4711" \
        "formation.yaml:4:19: error: only root can say which capabilities processes have" \
        "formation.yaml:5:18: error: only root can give processes a /tmp of their own"
    type 'group: other'
    fails_to_start "formation.yaml:3:12: error: only root can run processes of the group 4722: \
the formation is started with the group 4712"
    type 'user: app' 'group: app' 'umask: 0027' 'nice: 3' 'no_new_privs: true' 'limits: {core: 0}'
    up
    wait_until has_state web.1 ready
    [ "$(status_line web.1 Uid)" = "4711 4711 4711 4711" ]
    [ "$(status_line web.1 NoNewPrivs)" = 1 ]
    [ "$(status_line web.1 Umask)" = 0027 ]
    stop
    nothing_left
}

@test "a change is rolled by reload, what is wrong changes nothing" {
    machine
    procfile 'web: exec sleep 60' 'worker: exec sleep 61'
    type 'user: app'
    up
    wait_until has_state worker.1 ready
    before=$(pid worker.1)
    asks 0 reload
    [ "$(pid_of web.1)" = "$(pid web.1)" ]
    type 'user: nosuch'
    asks 1 reload
    [[ $stderr == *"there is no user 'nosuch' on this machine"* ]]
    type 'user: app' 'umask: 0077'
    asks 0 reload
    [ "$(status_line web.1 Umask)" = 0077 ]
    [ "$(status_line web.1 Uid)" = "4711 4711 4711 4711" ]
    [ "$(pid_of web.1 1)" != "$(pid web.1)" ]
    [ "$(pid worker.1)" = "$before" ]
    type 'nice: 1'
    asks 0 reload
    [ "$(status_line web.1 Uid)" = "0 0 0 0" ]
    stop
}

@test "the next manager and another guard start it in the same way" {
    machine
    procfile 'web: exec sleep 60'
    type 'user: app' 'umask: 0077' 'private_tmp: true'
    up
    wait_until has_state web.1 ready
    is_confined() {
        wait_until has_state web.1 ready
        [ "$(status_line web.1 Uid)" = "4711 4711 4711 4711" ]
        [ "$(status_line web.1 Umask)" = 0077 ]
        [ "$(status_line web.1 Groups)" = "4712 4713 4714" ]
        [ "$(readlink "/proc/$(pid web.1)/ns/mnt")" != "$(readlink "/proc/$formation/ns/mnt")" ]
    }
    is_confined
    echo 'root:x:0:0:root:/root:/bin/bash' >passwd # who it is was looked up at the start
    kill -KILL "$(manager_pid)"
    wait_until answers
    asks 0 restart web.1
    is_confined
    asks 0 upgrade "$APPS/other_guard"
    asks 0 restart web.1
    is_confined
    asks 0 upgrade "$FORMATION"
    asks 0 restart web.1
    is_confined
    stop
    nothing_left
}

@test "the guard's death is its death, whoever it has become" {
    machine
    procfile 'web: exec sleep 60' 'cap: exec sleep 61'
    printf 'processes:\n  web: {user: app}\n  cap: {user: other, capabilities: [chown]}\n' \
        >formation.yaml
    up
    wait_until has_state cap.1 ready
    kill -STOP "$(manager_pid)" "$(witness_pid)" # so that it is the kernel
    main=$(pid_of web.1)
    cap=$(pid_of cap.1)
    stopped=$(children "$formation")
    kill -KILL "$formation"
    wait_until is_gone "$main"
    wait_until is_gone "$cap"
    for process in $stopped; do
        is_gone "$process" || kill -CONT "$process"
    done
    ended
    wait_until nothing_left
}

@test "run is confined as the type is" {
    machine
    procfile 'web: sh -c "id -u; umask; nice; echo \$HOME; ls -A /tmp"'
    type 'user: app' 'umask: 0011' 'nice: 5' 'private_tmp: true'
    run -0 in_machine "$FORMATION" run web
    [ "$output" = $'4711\n0011\n5\n/home/app' ]
    run -0 in_machine "$FORMATION" run id -u # no type, so nobody has said who
    [ "$output" = 0 ]
    type 'user: nosuch'
    run --separate-stderr -2 in_machine "$FORMATION" run web
    [ "$stderr" = "formation.yaml:3:11: error: there is no user 'nosuch' on this machine" ]
    machine app
    type 'user: other'
    run --separate-stderr -2 in_machine "$FORMATION" run web
    [[ $stderr == *"only root can run processes as 'other'"* ]]
}

@test "who may not go where it is to run, or not execute its command, is told so" {
    machine
    mkdir -m 700 closed
    cp "$(command -v sleep)" closed/program
    procfile 'web: exec sleep 60' 'program: closed/program 60'
    printf 'processes:\n  web: {user: app, directory: closed}\n  program: {user: app}\n' \
        >formation.yaml
    up
    wait_for "web.1     | no permission to enter directory: /srv/closed"
    wait_for "program.1 | not executable: closed/program"
    stop
}

@test "what an init says to the supervisor, no process hears" {
    procfile 'web: env; exec sleep 60' 'one: env'
    printf 'processes:\n  one: {quantity: 0}\n' >formation.yaml
    variables=(NOTIFY_SOCKET=@x LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=a WATCHDOG_USEC=1
        WATCHDOG_PID=1 INVOCATION_ID=1 JOURNAL_STREAM=1:2 MANAGERPID=1 SYSTEMD_EXEC_PID=1
        MAINPID=1 FDSTORE=1 MEMORY_PRESSURE_WATCH=/x MEMORY_PRESSURE_WRITE=x)
    PREFIX=(env "${variables[@]}" OTHER=1)
    up
    wait_for "OTHER=1"
    wait_until has_state web.1 ready
    for variable in "${variables[@]}"; do
        run ! grep "| ${variable%%=*}=" "$OUTPUT"
    done
    stop
    # Who becomes the process itself is in nobody's place.
    run -0 "${PREFIX[@]}" "$FORMATION" run one
    [[ $output == *NOTIFY_SOCKET=@x* && $output == *LISTEN_FDS=1* ]]
}

@test "descriptors: 0, 1 and 2, whatever the supervisor was born with" {
    procfile 'web: exec python3 see.py'
    echo 'import os, time
print("open:", *sorted(int(fd) for fd in os.listdir("/proc/self/fd")), flush=True)
time.sleep(60)' >see.py
    PREFIX=(python3 -c '
import os, sys
for number in range(50):
    os.set_inheritable(os.dup(1), True)
os.dup2(1, 900)
os.execvp(sys.argv[1], sys.argv[1:])')
    up
    wait_for "web.1  | open: 0 1 2 3" # 3 is the folder that is listed
    kill -KILL "$(manager_pid)"
    wait_until answers
    asks 0 restart web.1
    wait_for "web.1  | open: 0 1 2 3" 2
    [ "$(grep -c "open:" "$OUTPUT")" -eq "$(grep -c 'open: 0 1 2 3$' "$OUTPUT")" ]
    stop
}

@test "signals: none blocked, none ignored, whatever the supervisor was born with" {
    procfile 'web: exec sleep 60' 'shell: sleep 60; true'
    printf 'processes:\n  web: {alive: {exec: "cat /proc/self/status >probe; test ! -e ill"}}\n' \
        >formation.yaml
    PREFIX=(python3 -c '
import os, signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
os.execvp(sys.argv[1], sys.argv[1:])')
    up
    wait_until has_state web.1 ready
    for set in SigBlk SigIgn SigCgt; do
        [ "$(status_line web.1 $set)" = 0000000000000000 ]
    done
    [ "$(status_line shell.1 SigIgn)" = 0000000000000000 ]
    stop
    [ "$status" -eq 0 ] # and it hears us
    nothing_left
}

@test "one that may not be signalled is told of, and holds up nothing for ever" {
    machine app
    mount="$(findmnt -n -o OPTIONS -T .)"
    [[ $mount != *nosuid* ]] || skip "needs set-user-ID programs"
    cp "$APPS/privileged" privileged
    chmod 4755 privileged
    procfile 'web: ./privileged' 'worker: exec sleep 60'
    type 'stop: {grace: 100ms}'
    up
    wait_for "privileged"
    process=$(pid web.1)
    asks 0 restart worker
    "$FORMATION" stop web.1 >stopped 2>&1 &
    client=$!
    wait_for "pid $process has become another user, whom a formation of the user 4711 may not \
signal: it has to be ended by root, or to end by itself"
    asks 0 restart worker # all else goes on
    run ! is_gone "$process"
    touch end
    wait_until is_gone "$client"
    [ "$(pid web.1)" = "" ]
    rm end
    asks 0 start web.1
    process=$(pid web.1)
    PATIENCE=30 # five times a second, and the guard's own five seconds
    stop
    wait_for "has become another user" 2
    wait_for "pid $process does not end, even by SIGKILL; giving up on it"
    run ! is_gone "$process" # nobody could
    touch end
    wait_until is_gone "$process"
    nothing_left
}
