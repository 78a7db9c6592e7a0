#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# `formation compress`, which a manager starts for each log file that was put aside: it may be
# killed at any moment, and what the file held is there, whole.
load helpers

# lines COUNT: so many, not all alike.
lines() {
    seq 0 "$(($1 - 1))" | awk '{ print $1, "a line", $1 * 7919 % 104729 }'
}

# is_whole: the lines of `wanted` are in `log`, or in log.zst and it says so itself.
is_whole() {
    if [ -e log ]; then
        cmp log wanted
    else
        zstd -qt log.zst && zstd -qdc log.zst | cmp - wanted
    fi
}

@test "the file becomes a compressed one" {
    lines 1000 | tee log >wanted
    run -0 "$FORMATION" compress log
    [ "$output" = "" ]
    [ ! -e log ]
    is_whole
    run -0 "$FORMATION" compress log # is done already
}

@test "what cannot be compressed is told in one sentence" {
    mkdir folder
    run -1 "$FORMATION" compress folder
    [ "$output" = "folder cannot be compressed: it is not a file" ]
    run -2 "$FORMATION" compress
    run -2 "$FORMATION" compress a b
}

@test "it is not among the commands for people" {
    run -0 "$FORMATION" help
    [[ $output != *compress* ]]
}

@test "it gives way to others" {
    truncate -s 64G log # takes long to read
    "$FORMATION" compress log 3>&- &
    local pid=$!
    gives_way() {
        [ "$(ps -o ni= -p $pid)" -eq 10 ] && [ "$(ionice -p $pid)" = idle ]
    }
    wait_until gives_way
    kill -KILL $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq 137 ]
    [ -e log ] && [ -e log.zst.partial ]
}

@test "killed fifty times at any moment, it loses nothing" {
    lines 2000000 >wanted
    cp wanted log
    local begin=${EPOCHREALTIME/./} whole killed=0 finished=0 round pid
    "$FORMATION" compress log
    whole=$((${EPOCHREALTIME/./} - begin)) # in microseconds
    rm log.zst
    for ((round = 0; round < 50; round++)); do
        [ -e log ] || { rm -f log.zst && cp wanted log; }
        "$FORMATION" compress log 3>&- &
        pid=$!
        sleep "$(awk -v whole=$whole -v round=$round 'BEGIN { print whole * round / 48 / 1e6 }')"
        kill -KILL $pid 2>/dev/null || true
        if wait $pid; then
            finished=$((finished + 1))
        else
            killed=$((killed + 1))
        fi
        is_whole
    done
    echo "$killed were killed, $finished had finished" >&2
    [ $killed -ge 10 ]
    run -0 "$FORMATION" compress log # over what the last one left
    [ ! -e log ] && [ ! -e log.zst.partial ]
    is_whole
}
