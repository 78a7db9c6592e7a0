#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation start: what it shows, what its options do, and that Foreman does the same.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # $PORT in quotes is meant so
load helpers
load life

# Every process of these tests writes something and ends, and none is started again.
once() {
    local name
    echo "processes:" >formation.yaml
    for name; do
        echo "  $name: {restart: never}" >>formation.yaml
    done
}

# masked: the output with its times as T and its pids as N, sorted by process.
masked() {
    sed -E 's/[0-9]{2}:[0-9]{2}:[0-9]{2}/T/; s/with pid [0-9]+/with pid N/' | sort -s -t'|' -k1,1
}

@test "the format is Foreman's" {
    procfile "web: echo hello" "worker: echo oops >&2"
    once web worker
    run -0 "$FORMATION" start
    run -0 masked <<<"$output"
    [ "$output" = "$(
        cat <<'END'
T web.1    | started with pid N
T web.1    | hello
T web.1    | exited with code 0
T worker.1 | started with pid N
T worker.1 | oops
T worker.1 | exited with code 0
END
    )" ]
}

@test "the pid is that of the app itself, which leads a session of its own" {
    procfile "web: $APPS/marker"
    once web
    start
    ended
    pid=$(pid_of web.1)
    text_of web.1 | grep -qx "pid $pid"
    text_of web.1 | grep -qx "session $pid"
}

@test "nothing is handed on to a process but what it is to have" {
    procfile "web: $APPS/marker one 'two  words'"
    once web
    (
        trap '' HUP PIPE # as nohup does, and as Python does
        exec 7</dev/null
        exec "$FORMATION" start 3>&-
    ) >"$OUTPUT" </dev/null 2>&1
    run -0 text_of web.1
    [[ $output == *$'\nargv 2 two  words\n'* ]]
    [[ $output == *$'\nSigBlk 0000000000000000\nSigIgn 0000000000000000\n'* ]]
    [ "$(grep -c '^fd ' <<<"$output")" -eq 3 ]
    [[ $output == *$'\nfd 0 /dev/null\n'* ]]
}

@test "the width is that of the longest name, whether it runs or not" {
    procfile "a: echo hi" "longer-name: true"
    once a
    run -0 "$FORMATION" start a
    [[ $output == *" a.1           | hi"* ]]
    run -0 "$FORMATION" start -m a=10
    [[ $output == *" a.10           | hi"* ]]
}

@test "each line has its time, in the format that is wanted" {
    procfile "web: echo hi"
    once web
    run -0 "$FORMATION" start
    [[ ${lines[1]} =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}\ web\.1\ \ \|\ hi$ ]]
    run -0 "$FORMATION" start --timestamp '<%Y>'
    [[ ${lines[1]} =~ ^\<[0-9]{4}\>\ web\.1\ \ \|\ hi$ ]]
    run -0 "$FORMATION" start --no-timestamp
    [ "${lines[1]}" = "web.1  | hi" ]
}

@test "without a prefix the lines are the processes' own" {
    procfile 'web: printf "one\n\ttwo | \033[1mthree\033[0m\n"'
    once web
    run -0 "$FORMATION" start --no-prefix
    [ "${lines[1]}" = "one" ]
    [ "${lines[2]}" = $'\ttwo | \033[1mthree\033[0m' ]
}

@test "colours go by the type, around the prefix only" {
    procfile "a: echo 1" "b: echo 2" "c: echo 3" "d: echo 4" "e: echo 5" "f: echo 6" "g: echo 7"
    once a b c d e f g
    run -0 "$FORMATION" start -c --no-timestamp
    number=0
    for color in 36 33 32 35 31 34 36; do
        number=$((number + 1))
        name=$(cut -c $number <<<abcdefg)
        grep -qxF $'\033['"${color}m$name.1    | "$'\033[0m'"$number" <<<"$output"
    done
    run -0 "$FORMATION" start --no-timestamp a
    [[ $output != *$'\033'* ]]
    FORCE_COLOR=1 run -0 "$FORMATION" start a
    [[ $output == *$'\033[36m'* ]]
    FORCE_COLOR=1 NO_COLOR=1 run -0 "$FORMATION" start a
    [[ $output != *$'\033'* ]]
}

@test "on a terminal there is colour, and none with NO_COLOR" {
    procfile "web: echo hi"
    once web
    TERM=xterm run -0 terminal -- "$FORMATION" start --no-timestamp
    [[ $output == *$'\033[36mweb.1  | \033[0mhi\r'* ]]
    NO_COLOR=1 TERM=xterm run -0 terminal -- "$FORMATION" start --no-timestamp
    [[ $output != *$'\033[36m'* ]]
    TERM=dumb run -0 terminal -- "$FORMATION" start --no-timestamp
    [[ $output != *$'\033[36m'* ]]
}

@test "only what is named runs, and as many as is said" {
    procfile 'web: echo $PS $PORT' 'worker: echo $PS $PORT' 'clock: echo $PS $PORT'
    once web worker clock
    run -0 "$FORMATION" start --no-prefix worker=2 clock
    run -0 grep '\.[0-9] ' <<<"$output"
    [ "$(sort <<<"$output")" = $'clock.1 5200\nworker.1 5100\nworker.2 5101' ]
}

@test "--except leaves out" {
    procfile 'web: echo $PS' 'worker: echo $PS' 'clock: echo $PS'
    once web worker clock
    run -0 "$FORMATION" start --no-prefix --except web,clock
    [ "$(grep '\.[0-9]' <<<"$output")" = worker.1 ]
}

@test "-m says how many of each, and all= of the others" {
    procfile 'web: echo $PS' 'worker: echo $PS' 'clock: echo $PS'
    once web worker clock
    run -0 "$FORMATION" start --no-prefix -m web=2,worker=1
    [ "$(grep '\.[0-9]' <<<"$output" | sort | xargs)" = "web.1 web.2 worker.1" ]
    run -0 "$FORMATION" start --no-prefix -m all=2,web=1
    [ "$(grep '\.[0-9]' <<<"$output" | sort | xargs)" = \
        "clock.1 clock.2 web.1 worker.1 worker.2" ]
}

@test "release runs only if it is named" {
    procfile 'release: echo $PS' 'web: echo $PS'
    once web release
    run -0 "$FORMATION" start --no-prefix
    [ "$(grep '\.[0-9]' <<<"$output")" = web.1 ]
    run -0 "$FORMATION" start --no-prefix release
    [ "$(grep '\.[0-9]' <<<"$output")" = release.1 ]
}

@test "the first port: -p, .env, the environment, 5000" {
    procfile 'web: echo port $PORT'
    once web
    run -0 "$FORMATION" start --no-prefix
    grep -qx "port 5000" <<<"$output"
    PORT=6000 run -0 "$FORMATION" start --no-prefix
    grep -qx "port 6000" <<<"$output"
    echo "PORT=7000" >.env
    PORT=6000 run -0 "$FORMATION" start --no-prefix
    grep -qx "port 7000" <<<"$output"
    run -0 "$FORMATION" start --no-prefix -p 8000
    grep -qx "port 8000" <<<"$output"
}

@test "--no-port assigns none" {
    procfile 'web: echo "port ${PORT-none}"'
    once web
    run -0 "$FORMATION" start --no-prefix --no-port
    grep -qx "port none" <<<"$output"
}

@test "-e reads these files instead of .env, a later one beats an earlier" {
    procfile 'web: echo "$A $B $C"'
    once web
    echo "C=dotenv" >.env
    printf 'A=1\nB=1\n' >one
    printf 'B=2\n' >two
    C=outside run -0 "$FORMATION" start --no-prefix -e one,two
    grep -qx "1 2 outside" <<<"$output"
}

@test "-d and -f say where the processes run, and .foreman what is not said" {
    mkdir sub
    echo "web: pwd" >sub/Procfile
    run -0 "$FORMATION" start --compat foreman --no-prefix -d sub
    grep -qx "$APP/sub" <<<"$output"
    run -0 "$FORMATION" start --compat foreman --no-prefix -f sub/Procfile
    grep -qx "$APP/sub" <<<"$output"
    printf 'procfile: sub/Procfile\nport: 4000\ntimestamp: false\nformation: web=2\n' >.foreman
    echo 'web: echo $PORT; exec sleep 60' >sub/Procfile
    start
    wait_for "web.2  | 4001"
    grep -qx "web.1  | 4000" "$OUTPUT"
    stop
    start -p 4500
    wait_for "web.2  | 4501"
    stop
}

@test "-t says how long a stop may take" {
    procfile "web: $APPS/stubborn"
    start -t 200ms
    wait_for "| stubborn"
    stop
    [ "$status" -eq 0 ]
    text_of web.1 | grep -qx "terminated by SIGKILL"
}

@test "a terminal for each process" {
    procfile "web: $APPS/marker"
    once web
    run -0 "$FORMATION" start --no-prefix --tty
    [[ $output =~ fd\ 0\ /dev/pts/[0-9]+\ \(terminal\) ]]
    [[ $output =~ fd\ 1\ /dev/pts/[0-9]+\ \(terminal\) ]]
}

@test "as Foreman, the first exit ends all, and its code is the exit status" {
    procfile "web: $APPS/crasher 3 0.2" "worker: sleep 60"
    ln -s "$(realpath "$FORMATION")" foreman
    for command in "$PWD/foreman start" "$FORMATION --compat foreman start"; do
        # shellcheck disable=SC2086 # words
        run -3 $command
        [ "$(grep -E 'system|worker.1' <<<"$output" | masked)" = "$(
            cat <<'END'
T system   | sending SIGTERM to all processes
T worker.1 | started with pid N
T worker.1 | terminated by SIGTERM
END
        )" ]
    done
    nothing_left
}

@test "as Foreman, an exit with 0 ends all, too" {
    procfile "web: true" "worker: sleep 60"
    run -0 "$FORMATION" start --compat foreman
    [[ $output == *"worker.1 | terminated by SIGTERM"* ]]
}

@test "as Foreman, a name is one process of it whatever -m says" {
    procfile 'web: echo $PS; exec sleep 60' 'worker: echo $PS; exec sleep 60'
    start --compat foreman --no-prefix -m web=3,worker=2 web
    wait_for web.1
    stop
    [ "$(grep '\.[0-9]' "$OUTPUT")" = web.1 ]
}

@test "as Foreman, variables are put into the text of the command" {
    procfile "web: echo '\$FOO \$PORT \$FOOBAR \$HOME'"
    echo "FOO=foo" >.env
    run -0 "$FORMATION" start --compat foreman --no-prefix
    grep -qxF 'foo 5000 fooBAR $HOME' <<<"$output"
}

# beside_foreman STATUS ARGUMENT…: both show the same, but for times and pids, and end alike.
beside_foreman() {
    local wanted=$1
    shift
    head -n 1 /usr/bin/foreman 2>/dev/null | grep -q ruby || skip "ruby-foreman is not installed"
    run -"$wanted" /usr/bin/foreman start "$@"
    masked <<<"$output" >foremans
    run -"$wanted" "$FORMATION" --compat foreman start "$@"
    masked <<<"$output" >ours
    diff foremans ours
}

@test "beside Foreman: one exits, the other is stopped" {
    procfile "web: sleep 0.1; echo hi; sleep 0.3; exit 3" "worker: sleep 0.1; exec sleep 60"
    beside_foreman 3
}

@test "beside Foreman: names, ports, .env, comments, numbers" {
    procfile "# an app" "" \
        "web: sleep 0.3; echo \$PORT \$PS \"\$A\"; exec sleep 60" \
        "background_jobs: sleep 0.3; echo \$PORT \$PS; sleep 0.3" "none: echo never"
    echo "A='quoted # value'" >.env
    beside_foreman 0 -m web=2,background_jobs=1 -p 7000
}

@test "beside Foreman: colours" {
    procfile "a: sleep 0.3; echo 1" "b: exec sleep 60" "c: exec sleep 60" "d: exec sleep 60" \
        "e: exec sleep 60" "f: exec sleep 60" "g: exec sleep 60"
    beside_foreman 0 -c
}

@test "beside Foreman: both outputs, carriage returns, blanks, a long line" {
    # shellcheck disable=SC2028 # printf(1) is to see the backslashes
    echo 'printf "one\r\n"; echo two >&2; printf "  three \t\n\n"; seq -s, 9999' >app
    procfile 'web: sleep 0.1; sh app; sleep 0.3'
    beside_foreman 0
}
