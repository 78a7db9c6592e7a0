#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the processes write is shown: every line whole, in order, once, wherever it goes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life

# once [KEY…]: the processes of type w are not started again.
once() {
    printf 'processes:\n  w:\n    restart: never\n' >formation.yaml
    printf '    %s\n' "$@" >>formation.yaml
}

# on_terminal [ARGUMENT…]: `formation start` whose standard output is a terminal; what that gets is
# in $OUTPUT.
on_terminal() {
    TERM=xterm script -qefc "exec $FORMATION start $*" /dev/null \
        </dev/null >"$OUTPUT" 2>&1 3>&- &
}

# stop_unheard: stops a formation whose last lines nobody takes. Its processes end in time; it waits
# for the lines to be taken, until Ctrl-C. (One that comes while it still stops is the second that
# kills.)
stop_unheard() {
    kill -TERM "$formation"
    wait_until no_process
    wait_until interrupt
    ended
    [ "$status" -eq 141 ] || [ "$status" -eq 130 ]
}

interrupt() {
    kill -INT "$formation" 2>/dev/null
    is_gone "$formation"
}

# has_written LINES: whether chatty has put so many into its pipe, or nearly.
has_written() {
    [ -e written ] && [ "$(od -An -tu8 written)" -ge "$1" ]
}

# no_process: whether none of the Procfile's lives. (The children that are left are of our program.)
no_process() {
    local pid
    for pid in $(children "$formation"); do
        grep -qs ^formation "/proc/$pid/comm" || is_gone "$pid" || return
    done
}

# another_manager PID
another_manager() {
    local pid
    pid=$(manager_pid) && [ "$pid" != "$1" ]
}

# messages NAME: what that process has written, without the lines of the formation.
messages() {
    sed -n "s/\r$//; s/^..:..:.. $1  *| //p" "$OUTPUT" |
        grep -avE '^(started with|exited with|terminated by)'
}

# --- every line -----------------------------------------------------------------------------------

@test "the proof, in small: fast, slow, gone and closed readers, terminals, a file" {
    FORMATION=$FORMATION run -0 "$BATS_TEST_DIRNAME/../proof" 1500 4
    [ "$(grep -c "every line whole, in order, once" <<<"$output")" -eq 6 ]
    [[ $output == *"all written"* ]]
}

@test "last words without a newline stand before the end" {
    procfile "w: sh -c 'printf last; exit 3'"
    once
    start
    ended
    [ "$status" -eq 3 ]
    [ "$(cut -d' ' -f2- "$OUTPUT" | sed 's/pid .*/pid/')" = "w.1    | started with pid
w.1    | last
w.1    | exited with code 3" ]
}

@test "last words of a process with a terminal" {
    procfile "w: sh -c 'printf last; kill -KILL \$\$'"
    once "tty: true"
    start
    ended
    [ "$(messages w.1)" = last ]
}

@test "who is left of a process goes on writing, and its lines stay whole" {
    local chatty="exec $APPS/chatty --state written"
    procfile "w: ($chatty 200); (trap '' TERM; $chatty 20000) & sleep 0.02; exit 4"
    once
    start
    ended
    shows "exited with code 4"
    run -0 "$APPS/checker" 1 20000 < <(grep -av ^Procfile "$OUTPUT") # it is warned of the &
}

@test "a line that lingers is shown on a terminal before it is whole" {
    procfile "w: printf 'name? '; until [ -e go ]; do sleep 0.02; done; echo anna; sleep 60"
    on_terminal --no-color
    wait_for "w.1    | name? "
    touch go
    wait_for "w.1    | name? anna"
    [ "$(grep -c "name?" "$OUTPUT")" -eq 1 ]
}

@test "a line that lingers gives way to another process, and comes again when it is whole" {
    procfile "w: printf half; until [ -e whole ]; do sleep 0.02; done; echo ' and half'; sleep 60" \
        "x: until [ -e go ]; do sleep 0.02; done; echo between; touch whole; sleep 60"
    on_terminal --no-color
    wait_for "w.1    | half"
    touch go
    wait_for "w.1    | half and half"
    [ "$(tr -d '\r' <"$OUTPUT" | grep -A2 "w.1 .* half$" | cut -d' ' -f2-)" = "w.1    | half
x.1    | between
w.1    | half and half" ]
}

@test "a line that lingers is not torn where it cannot be taken back" {
    procfile "w: printf half; touch up; until [ -e go ]; do sleep 0.02; done; echo ' and half'"
    once
    start
    wait_until test -e up
    sleep 0.4 # longer than a line lingers
    touch go
    ended
    [ "$(messages w.1)" = "half and half" ]
}

@test "lines of more than 4 MiB are cut, with a note, and nothing is lost" {
    procfile "w: head -c 10000000 /dev/zero | tr '\\0' a; echo; echo next"
    once
    start
    ended
    [ "$(messages w.1 | grep -a '^a*$' | tr -d '\n' | wc -c)" -eq 10000000 ]
    [ "$(messages w.1 | grep -c "^a line of more than 4 MiB was cut")" -ge 1 ]
    [ "$(messages w.1 | tail -n 1)" = next ]
}

@test "a manager that is killed in the middle of a line: the next lines are whole" {
    local wait="until [ -e go ]; do sleep 0.02; done"
    procfile "w: echo one; printf half; $wait; echo; echo two; sleep 60"
    start
    wait_for "one"
    manager=$(manager_pid)
    kill -KILL "$manager"
    wait_until another_manager "$manager"
    touch go
    wait_for "w.1    | two"
    [ "$(messages w.1 | tail -n 1)" = two ]
    stop
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

# --- readers --------------------------------------------------------------------------------------

@test "standard output closed from the start: the processes run, and stop" {
    procfile "w: touch up; while :; do echo line; done"
    "$FORMATION" start >&- 2>"$OUTPUT" 3>&- &
    formation=$!
    wait_until test -e up
    stop
    [ "$status" -eq 0 ]
    [ ! -s "$OUTPUT" ]
    wait_until nothing_left
}

@test "all standard descriptors closed" {
    procfile "w: touch up; sleep 60"
    "$FORMATION" start <&- >&- 2>&- 3>&- &
    formation=$!
    wait_until test -e up
    stop
    [ "$status" -eq 0 ]
    wait_until nothing_left
}

@test "a reader that goes away ends the formation, in order" {
    procfile "w: trap 'touch ended; exit' TERM; while :; do echo line; done"
    status=0
    { "$FORMATION" start 3>&- 2>"$OUTPUT" || echo $? >status; } | head -c 100000 >/dev/null
    [ "$(cat status)" -eq 141 ]
    [ -e ended ]
    [ ! -s "$OUTPUT" ]
    wait_until nothing_left
}

@test "a reader that reads nothing: the processes stop in time, what was not taken is counted" {
    procfile "w: exec $APPS/chatty --state written 100000000"
    mkfifo pipe
    exec 4<>pipe # there is a reader, and it never reads
    "$FORMATION" start >&4 2>"$OUTPUT" 3>&- 4>&- &
    formation=$!
    wait_until has_written 8 # the 7th has 2 MB
    stop_unheard
    exec 4>&-
    [[ $(cat "$OUTPUT") =~ ^formation:\ nobody\ took\ the\ last\ [0-9]+\ bytes\ of\ the\ output$ ]]
    wait_until nothing_left
}

@test "…also when the sentence about it has to go the same way" {
    procfile "w: exec $APPS/chatty --state written 100000000"
    mkfifo pipe
    exec 4<>pipe
    "$FORMATION" start >&4 2>&4 3>&- 4>&- &
    formation=$!
    wait_until has_written 8 # the 7th has 2 MB
    stop_unheard
    exec 4>&-
    wait_until nothing_left
}

@test "a slow reader gets everything that was written before a stop" {
    procfile "w: exec $APPS/chatty 100000000"
    mkfifo pipe
    "$APPS/slow_reader" 65536 20 <pipe >"$OUTPUT" 3>&- &
    "$FORMATION" start >pipe 3>&- &
    formation=$!
    wait_until test -s "$OUTPUT"
    stop
    [ "$status" -eq 0 ]
    wait_for "w.1    | terminated by SIGTERM"
    run -0 "$APPS/checker" 1 1 --cut --screen <"$OUTPUT"
    [ "$(tail -n 1 "$OUTPUT" | cut -d' ' -f2-)" = "w.1    | terminated by SIGTERM" ]
    wait_until nothing_left
}

@test "a slow terminal" {
    procfile "w: exec $APPS/chatty 500"
    once
    script -qec "exec $FORMATION start --no-color" /dev/null </dev/null 3>&- |
        "$APPS/slow_reader" 16384 1 | tr -d '\r' >"$OUTPUT"
    run -0 "$APPS/checker" 1 500 --screen <"$OUTPUT"
}

@test "a full disk: the processes are in our hands, and what is lost is said" {
    [ -w /dev/full ] || skip "there is no /dev/full"
    procfile "w: touch up; while :; do echo line; done"
    "$FORMATION" start >/dev/full 2>"$OUTPUT" 3>&- &
    formation=$!
    wait_until test -e up
    stop_unheard
    [[ $(cat "$OUTPUT") =~ ^formation:\ no\ space\ on\ the\ disk\ for\ the\ last\ [0-9]+\ bytes ]]
    wait_until nothing_left
}

@test "a disk that was full for a while loses nothing" {
    mkdir disk
    unshare --mount mount -t tmpfs -o size=1m none disk 2>/dev/null || skip "cannot mount a disk"
    procfile "w: exec $APPS/chatty 5000"
    once
    export APPS
    run -0 unshare --mount bash -ec '
        mount -t tmpfs -o size=8m none disk
        head -c 7000000 /dev/zero >disk/other
        "$1" start >disk/output 3>&- &
        for i in {1..500}; do # until it is full
            [ "$(stat -f -c %a disk)" -ne 0 ] || break
            sleep 0.02
        done
        [ "$(stat -f -c %a disk)" -eq 0 ]
        rm disk/other
        wait $!
        "$APPS/checker" 1 5000 <disk/output
    ' - "$FORMATION"
}

@test "standard output that is not for writing" {
    procfile "w: sleep 60"
    status=0
    "$FORMATION" start 1<Procfile 2>"$OUTPUT" 3>&- || status=$?
    [ "$status" -eq 141 ]
    [ "$(cat "$OUTPUT")" = "formation: standard output: Bad file descriptor" ]
}

# --- bytes ----------------------------------------------------------------------------------------

@test "a file gets the bytes as they are" {
    printf 'nul \0 latin \351 escape \033[2J bell \a bar 10%%\r20%%\r\n' >bytes
    printf 'tab\t\xf0\x9f\x9a\x80\n' >>bytes
    procfile "w: cat bytes"
    once
    start --no-prefix
    ended
    sed 's/\r$//' bytes >wanted # the end of a line is ours
    run -0 cmp <(grep -avE '^(started|exited) with' "$OUTPUT") wanted
}

@test "a terminal gets nothing that moves the cursor or forges a line" {
    printf 'a\0b \033[2Jc \033]0;title\ad \x9be \bf\n10%%\r20%%\n' >bytes
    printf '\033[31mred\n\xf0\x9f\x9a\x80\n' >>bytes
    procfile "w: cat bytes"
    once
    on_terminal --no-color
    wait_for "exited with code 0"
    run messages w.1
    [ "$output" = "a^@b c d \\x9be ^Hf"$'\n20%\nred\n\U1f680' ]
}

@test "a terminal of its own adds no carriage returns" {
    procfile "w: test -t 1 && printf 'one\\ntwo\\r\\n'"
    once "tty: true"
    start
    ended
    [ "$(messages w.1)" = $'one\ntwo' ]
}

# --- colours --------------------------------------------------------------------------------------

# in_file [ARGUMENT…], on_screen [ARGUMENT…]: whether the output has colours.
in_file() {
    "$FORMATION" start "$@" | grep -qF $'\e[36m'
}

on_screen() {
    script -qec "$FORMATION start $*" /dev/null </dev/null | grep -qF $'\e[36m'
}

@test "colours are for terminals, unless somebody says otherwise" {
    procfile "w: echo hi"
    once
    export TERM=xterm
    on_screen
    run -1 on_screen --no-color
    NO_COLOR=1 run -1 on_screen
    NO_COLOR='' on_screen
    NO_COLOR=1 on_screen -c
    TERM=dumb run -1 on_screen
    run -1 in_file
    in_file -c
    FORCE_COLOR=1 in_file
    FORCE_COLOR=0 run -1 in_file
    FORCE_COLOR='' run -1 in_file
    NO_COLOR=1 FORCE_COLOR=1 run -1 in_file
    FORCE_COLOR=1 run -1 in_file --no-color
}
