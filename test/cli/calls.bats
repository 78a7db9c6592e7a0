#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Manager and guard are killed at some of their system calls, other ones each time;
# test/every_call alone takes all of them. What it prints says what is wrong.
load helpers
load life

calls() {
    # Where nobody may be traced, nothing is shown.
    python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0)' ||
        skip "needs ptrace"
    run "$BATS_TEST_DIRNAME/../every_call" "$@"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"0 things wrong" ]]
    nothing_left
}

@test "a manager that is killed at a system call, whatever is being done" {
    calls --step 61 --first $((1 + RANDOM % 61)) spawn stop scale reload exit leave
}

@test "…and in a rolling restart" {
    calls --step 149 --first $((1 + RANDOM % 149)) roll
}

@test "a guard that is killed at a system call, or while it spawns" {
    calls --step 97 --first $((1 + RANDOM % 97)) guard
}

@test "the next manager answers soon" {
    # On a machine that does nothing else, within 200 ms.
    run "$BATS_TEST_DIRNAME/../revival" --kills 6 --bound 3000
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output != *WRONG* ]]
}
