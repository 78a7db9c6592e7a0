# SPDX-License-Identifier: MIT
# For every test of the command line: `load helpers` in its first line. Each test has an empty
# folder of its own as app and working directory. Whatever it starts carries a mark in its
# environment, so that what is left of it is found wherever it has hidden, and ended.
#
# A test waits for what it wants to see, never for a time.
#
# shellcheck shell=bash disable=SC2034 # APPS and status are for the tests
bats_require_minimum_version 1.5.0

FORMATION=${FORMATION:-$BATS_TEST_DIRNAME/../../build/formation}
APPS=${FORMATION%/*}/test/apps # the programs of test/apps
PATIENCE=$((10 * ${PATIENCE_FACTOR:-1})) # seconds until something that was waited for is missing

setup() {
    APP=$BATS_TEST_TMPDIR/app
    OUTPUT=$BATS_TEST_TMPDIR/output
    mkdir "$APP"
    cd "$APP" || return
    unset PORT PS FORCE_COLOR NO_COLOR FORMATION_ID XDG_RUNTIME_DIR STATE_DIRECTORY
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    PREFIX=() # of the command that starts the formation
    # Of what is to be interrupted: a shell without job control has it ignore that.
    INTERRUPTIBLE=(env --default-signal=INT)
    export FORMATION_TEST=$BATS_TEST_TMPDIR
}

teardown() {
    local pid
    for pid in $(pids_left); do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# procfile LINE…: writes the Procfile.
procfile() {
    printf '%s\n' "$@" >Procfile
}

# start [ARGUMENT…]: `formation start` in the background: its pid is $formation, its output, both
# kinds, is in the file $OUTPUT.
start() {
    : >"$OUTPUT" # now, and not at a time of its own in the background: an earlier run's is no more
    "${PREFIX[@]}" "$FORMATION" start "$@" >"$OUTPUT" 2>&1 </dev/null 3>&- &
    formation=$!
}

# without_sanitizers REASON: skips the test for a program that is built with them.
without_sanitizers() {
    [[ $FORMATION != */sanitize/* ]] || skip "$1"
}

# wait_until COMMAND…: until it succeeds; fails, and says so, when that takes too long.
wait_until() {
    local end=$((SECONDS + PATIENCE))
    until "$@"; do
        if [ "$SECONDS" -gt "$end" ]; then
            echo "waited $PATIENCE s for: $*" >&2
            [ ! -e "$OUTPUT" ] || tail -n 20 "$OUTPUT" >&2
            return 1
        fi
        sleep 0.02
    done
}

# shows TEXT [TIMES]: whether the output has a line with TEXT, so many at least.
shows() {
    [ "$(grep -cF -- "$1" "$OUTPUT")" -ge "${2:-1}" ]
}

# wait_for TEXT [TIMES]
wait_for() {
    wait_until shows "$@"
}

# ended: waits for the formation's end; its exit status is in $status.
ended() {
    wait_until is_gone "$formation" || return
    status=0
    wait "$formation" || status=$?
}

# stop [SIGNAL]: signals the formation and waits for its end.
stop() {
    kill -"${1:-TERM}" "$formation"
    ended
}

# is_gone PID: whether it runs no more; one that has not been waited for yet is gone, too.
is_gone() {
    local state
    state=$(sed -n 's/^State:[[:blank:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
    [ -z "$state" ] || [ "$state" = Z ]
}

# pids_left: every process that this test has started, the shell that runs it and this grep aside.
pids_left() {
    local file pid
    # shellcheck disable=SC2097,SC2098 # the pattern is meant to have the old value
    FORMATION_TEST='' grep -lszxF -- "FORMATION_TEST=$FORMATION_TEST" /proc/[0-9]*/environ |
        while read -r file; do
            pid=${file#/proc/}
            pid=${pid%/environ}
            is_gone "$pid" || echo "$pid"
        done
}

# nothing_left: whether none of them is there; says who is. The witness may still clear away.
nothing_left() {
    local pid left
    for pid in $(pids_left); do
        ! grep -qsx formation-wit "/proc/$pid/comm" || wait_until is_gone "$pid"
    done
    left=$(pids_left)
    for pid in $left; do
        echo "left: $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")" \
            "$(grep -sE '^(Pid|PPid|State)' "/proc/$pid/status" | xargs)" >&2
    done
    [ -z "$left" ]
}
