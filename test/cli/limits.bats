#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Bad input, and a machine that gives less than is asked for: one clear sentence that names the file
# and line, the process or the resource; the right exit status; nothing hangs, nothing is left.
# shellcheck disable=SC2015,SC2016,SC2154 # `A && B || skip` is meant so
load helpers
load life

# says STATUS SENTENCE ARGUMENT…: `formation start` ends with that; nothing else is said or left.
says() {
    local wanted=$1 sentence=$2
    shift 2
    run --separate-stderr -"$wanted" timeout 20 "${PREFIX[@]}" "$FORMATION" start "$@"
    [ "$output" = "" ] && [ "$stderr" = "$sentence" ] || return
    wait_until nothing_left
}

# repeated COUNT TEXT
repeated() {
    head -c "$1" /dev/zero | tr '\0' "$2"
}

# numbered LAST FORMAT: a line for each number
numbered() {
    seq "$1" | xargs printf "$2\n"
}

# as_nobody: what is started from here on is not root's.
as_nobody() {
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$APP"
    PREFIX=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${PREFIX[@]}" test -x "$FORMATION" -a -x "$APP" || skip "nobody cannot reach the program"
}

# --- the command line -----------------------------------------------------------------------------

@test "a process type that is not there" {
    procfile "web: sleep 60" "worker: sleep 60"
    says 2 "formation: start: there is no process type 'wed': did you mean 'web'?" wed
    says 2 "formation: start: there is no process type 'xyzzy'" xyzzy
    says 2 "formation: -m: there is no process type 'xyzzy'" -m xyzzy=1
    says 2 "formation: --except: there is no process type 'xyzzy'" --except xyzzy
}

@test "a count that is none" {
    procfile "web: sleep 60"
    says 2 "formation: start: 'web' takes a number from 0 to 8192, not 'x'" web=x
    says 2 "formation: start: 'web' takes a number from 0 to 8192, not '-1'" web=-1
    says 2 "formation: start: 'web' takes a number from 0 to 8192, not '8193'" web=8193
    says 2 "formation: start: 'web' takes a number from 0 to 8192, not '99999999999999999999'" \
        web=99999999999999999999
    says 2 "formation: nothing to start: the quantity of every type is 0" web=0
}

@test "more processes than there may be" {
    procfile "a: sleep 60" "b: sleep 60"
    says 2 "formation: 10000 processes in all: at most 8192 are allowed" --no-port a=5000 b=5000
}

@test "a signal that is none" {
    procfile "web: sleep 60"
    printf 'processes:\n  web:\n    stop: {signal: FOO}\n' >formation.yaml
    says 2 "formation.yaml:3:20: error: 'FOO' is no signal: write TERM, INT, QUIT, HUP, USR1 or \
another of signal(7)"
}

@test "more arguments than anybody types" {
    procfile "web: sleep 60"
    mapfile -t arguments < <(numbered 5000 web=%s)
    says 2 "formation: more than 4096 arguments" "${arguments[@]}"
}

@test "no arguments at all, not even a name" {
    run -0 python3 -c '
import ctypes, sys
ctypes.CDLL(None).execve(sys.argv[1].encode(), (ctypes.c_char_p * 1)(None),
                         (ctypes.c_char_p * 1)(None))' "$(realpath "$FORMATION")"
    [[ $output == "Usage: formation COMMAND "* ]]
}

# --- files ----------------------------------------------------------------------------------------

@test "a Procfile that is missing, empty, a folder, a loop" {
    says 2 "formation: Procfile does not exist"
    says 2 "formation: no/Procfile does not exist" -f no/Procfile
    : >Procfile
    says 2 "Procfile: error: no processes defined"
    printf '\n# comment\n\n' >Procfile
    says 2 "Procfile: error: no processes defined"
    rm Procfile
    mkdir Procfile
    says 2 "formation: Procfile is a directory, not a file"
    rmdir Procfile
    ln -s Procfile Procfile
    says 2 "formation: Procfile cannot be read: Too many levels of symbolic links"
}

@test "files that may not be read" {
    as_nobody
    procfile "web: sleep 60"
    chmod 000 Procfile
    says 2 "formation: Procfile cannot be read: Permission denied"
    chmod 644 Procfile
    touch .env
    chmod 000 .env
    says 2 "formation: .env cannot be read: Permission denied"
    rm .env
    touch formation.yaml
    chmod 000 formation.yaml
    says 2 "formation: formation.yaml cannot be read: Permission denied"
}

@test "a folder in the place of .env" {
    procfile "web: true"
    printf 'processes:\n  web: {restart: never}\n' >formation.yaml
    mkdir .env
    run --separate-stderr -0 "$FORMATION" start
    [ "$stderr" = "formation: warning: .env is a directory and not read" ]
    says 2 "formation: .env is a directory, not a file" -e .env
}

@test "lines of 10 MB, files of 20" {
    { printf 'web: echo ' && repeated 10000000 a && echo; } >Procfile
    run --separate-stderr -2 "$FORMATION" start
    [ "${stderr_lines[0]}" = "Procfile:1:6: error: the command of 'web' has 10000005 bytes: \
the kernel takes fewer than 131072, put it into a script" ]
    repeated 20000000 a >Procfile
    says 2 "formation: Procfile is larger than 16 MiB"
    procfile "web: sleep 60"
    { printf 'A=' && repeated 10000000 a && echo; } >.env
    says 2 ".env:1:1: error: 'A' has 10000000 bytes: the kernel takes fewer than 131072 for a \
variable"
    repeated 20000000 a >.env
    says 2 "formation: .env is larger than 16 MiB"
    rm .env
    repeated 20000000 a >formation.yaml
    says 2 "formation: formation.yaml is larger than 16 MiB"
}

@test "NUL bytes" {
    printf 'web: sleep 60\nworker: echo a\0b\n' >Procfile
    says 2 "Procfile:2:15: error: a NUL byte: this is not a text file, or it is not in UTF-8"
    procfile "web: sleep 60"
    printf 'A=1\nB=a\0b\n' >.env
    says 2 ".env:2:4: error: a NUL byte: no variable can hold one"
}

@test "more types, longer names than there may be" {
    numbered 257 'w%s: sleep 60' >Procfile
    says 2 "Procfile:257:1: error: more than 256 process types"
    procfile "web: sleep 60" "$(repeated 101 a): sleep 60"
    says 2 "Procfile:2:1: error: a name of 101 bytes: at most 100 are allowed"
}

@test "as many types, as long names as there may be" {
    numbered 256 'w%s: true' >Procfile
    run -0 "$FORMATION" check
    procfile "$(repeated 100 a): true"
    printf 'processes:\n  %s: {restart: never}\n' "$(repeated 100 a)" >formation.yaml
    start
    ended
    [ "$status" -eq 0 ]
    shows "$(repeated 100 a).1 | exited with code 0"
}

@test "an environment that the kernel does not take" {
    procfile "web: sleep 60"
    for i in {1..20}; do
        printf 'A%s=' "$i" && repeated 120000 a && echo
    done >.env
    run --separate-stderr -2 "$FORMATION" start
    [[ $stderr =~ ^"Procfile:1:1: error: web.1: command and environment have 24"[0-9]+\
" bytes, the kernel takes 2097152"$ ]]
    numbered 16385 A%s=1 >.env
    says 2 ".env:16385:1: error: more than 16384 variables"
}

@test "more mistakes than anybody reads" {
    numbered 150 'no colon %s' >Procfile
    run --separate-stderr -2 "$FORMATION" start
    [ "${stderr_lines[99]}" = "Procfile:100:1: error: no colon in this line: write NAME: COMMAND, \
all in one line, or # in front of a comment" ]
    [[ ${stderr_lines[100]} =~ ^formation:\ and\ 5[01]\ more$ ]]
    [ "${#stderr_lines[@]}" -eq 101 ]
}

# --- commands -------------------------------------------------------------------------------------

@test "a command that is not there, or is no program" {
    touch plain
    printf '#!/usr/bin/nosuch\n' >script
    chmod +x script
    procfile "a: nosuch" "b: ./plain" "c: /" "d: ./script" "e: sleep 60"
    says 2 "Procfile:1:1: error: a: command not found: nosuch
Procfile:2:1: error: b: not executable: ./plain
Procfile:3:1: error: c: not executable: /
Procfile:4:1: error: d: the interpreter of ./script is not there: /usr/bin/nosuch"
}

@test "a folder that is not there" {
    procfile "web: sleep 60"
    printf 'processes:\n  web:\n    directory: nosuch\n' >formation.yaml
    says 2 "Procfile:1:1: error: web: cannot run in $APP/nosuch: No such file or directory"
    says 2 "formation: nosuch: no processes can run there: No such file or directory" -d nosuch
}

@test "a folder, a program that is gone at a restart: the rest goes on" {
    mkdir folder
    cp "$(command -v sleep)" program
    procfile "a: sleep 60" "b: ./program 60" "c: sleep 60"
    printf 'processes:\n  a: {directory: folder}\n' >formation.yaml
    start
    wait_for "started with pid" 3
    rmdir folder
    rm program
    kill -KILL "$(pid_of a.1)" "$(pid_of b.1)"
    wait_for "a.1    | directory gone: $APP/folder" 2 # and again
    wait_for "b.1    | unknown command: ./program 60" 2
    stop
    [ "$status" -eq 0 ]
    [ "$(grep -c "c.1" "$OUTPUT")" -eq 2 ] # started, terminated
    wait_until nothing_left
}

@test "where we are is gone" {
    mkdir gone
    cd gone
    rmdir "$APP/gone"
    says 2 "formation: .: no processes can run there: No such file or directory"
}

# --- the machine ----------------------------------------------------------------------------------

# Everything between "not even the loader works" and "enough": said and over, or refused and tried
# again. Never a crash, never a hang.
@test "too few descriptors" {
    without_sanitizers "they need some of their own at the end"
    procfile "web: sleep 60"
    for limit in 8 12 15; do
        run --separate-stderr -71 bash -c "ulimit -n $limit && exec \"\$1\" start" - "$FORMATION"
        [ "$stderr" = "formation: cannot start: Too many open files" ]
    done
    for limit in {16..26}; do
        run --separate-stderr -71 bash -c "ulimit -n $limit && exec \"\$1\" start" - "$FORMATION"
        [[ $stderr =~ ^"formation: cannot start"(" the manager")?": Too many open files"$ ]]
    done
    wait_until nothing_left
}

@test "descriptors for some of the processes: the others wait, and are told of" {
    procfile "web: sleep 60"
    PREFIX=(bash -c 'ulimit -n 50 && exec "$@"' -)
    start -m web=20
    wait_for "web.1  | started with pid"
    wait_for "web.20 | cannot open its output: too many files are open"
    stop
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

@test "descriptors come back: who was refused is started" {
    procfile "web: sleep 60"
    PREFIX=(prlimit --nofile=40:1000)
    start -m web=20
    wait_for "web.20 | started with pid" # the limit is raised as far as it may be
    stop
    wait_until nothing_left
}

@test "too little memory" {
    procfile "web: sleep 60"
    for kilobytes in 4000 6000 8000 9000 10000 12000; do
        run --separate-stderr -71 bash -c '
            ulimit -v "$1"
            "$2" start
            status=$?
            [ "$status" -ne 127 ] || exit 71 # it could not even be loaded
            exit "$status"' - "$kilobytes" "$FORMATION"
        [ "$output" = "" ]
        local ours='^formation: (cannot start|there is no memory)'
        [[ $stderr =~ $ours || $stderr == *"loading shared libraries"* ]]
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    wait_until nothing_left
}

@test "no memory for long lines: they come in pieces, and whole" {
    local wait="until [ -e go ]; do sleep 0.02; done"
    procfile "w: $wait; head -c 9999999 /dev/zero | tr '\\0' a; echo" \
        "x: $wait; head -c 9999999 /dev/zero | tr '\\0' b; echo"
    printf 'processes:\n  w: {restart: never}\n  x: {restart: never}\n' >formation.yaml
    start
    wait_for "started with pid" 2
    manager=$(manager_pid)
    size=$(sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$manager/status")
    prlimit --pid "$manager" --as=$((size * 1024))
    touch go
    ended
    [ "$status" -eq 0 ]
    shows "a line was cut: there is no memory for its rest"
    [ "$(sed -n 's/^..:..:.. w.1  *| \(a*\)$/\1/p' "$OUTPUT" | tr -d '\n' | wc -c)" -eq 9999999 ]
    [ "$(sed -n 's/^..:..:.. x.1  *| \(b*\)$/\1/p' "$OUTPUT" | tr -d '\n' | wc -c)" -eq 9999999 ]
}

@test "too few processes" {
    as_nobody
    PREFIX+=(prlimit --nproc=1)
    procfile "web: sleep 60"
    says 71 "formation: cannot start: too many processes or threads"
}

@test "processes for some: the others wait, are told of, and are started when there is room" {
    as_nobody
    procfile "web: read -r line <gate" # forks nothing itself
    mkfifo -m 666 gate
    exec 4<>gate
    printf 'processes:\n  web: {quantity: 8, restart: never}\n' >formation.yaml
    # Of that user's own, so that others of it do not count.
    PREFIX=(setpriv --reuid=$((100000 + $$)) --clear-groups prlimit --nproc=7)
    start
    wait_for "web.8  | cannot fork: too many processes or threads"
    numbered 8 %s >&4
    ended
    exec 4>&-
    shows "exited with code 0" 8
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

# --- strange places -------------------------------------------------------------------------------

@test "an empty environment" {
    procfile "web: printenv HOME PATH; printenv PS"
    printf 'processes:\n  web: {restart: never}\n' >formation.yaml
    PREFIX=(env -i "FORMATION_TEST=$FORMATION_TEST")
    start
    ended
    shows "web.1  | web.1"
    [ "$status" -eq 0 ]
}

# in_namespace COMMAND: start, where COMMAND has changed what is mounted.
in_namespace() {
    [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip "needs the right to mount"
    PREFIX=(unshare --mount bash -c "$1 && exec \"\${@:2}\"" - -)
}

@test "no /proc" {
    procfile "web: sleep 60"
    in_namespace "mount -t tmpfs none /proc"
    run --separate-stderr -71 "${PREFIX[@]}" "$FORMATION" start
    local why="/proc is not mounted: 'mount -t proc proc /proc' does it"
    [ "$stderr" = "formation: cannot start: $why" ]
}

@test "no /dev" {
    procfile "web: sleep 60"
    in_namespace "mount -t tmpfs none /dev"
    run --separate-stderr -71 "${PREFIX[@]}" "$FORMATION" start
    local why="there is no /dev/null: 'mknod -m 666 /dev/null c 1 3' makes it"
    [ "$stderr" = "formation: cannot start: $why" ]
}

@test "no /dev/shm, nothing that can be written to" {
    procfile "web: echo hello"
    printf 'processes:\n  web: {restart: never}\n' >formation.yaml
    in_namespace "mount -t tmpfs -o ro none /dev/shm && mount -o remount,bind,ro /"
    start
    ended
    [ "$status" -eq 0 ]
    shows "web.1  | hello"
    wait_until nothing_left
}
