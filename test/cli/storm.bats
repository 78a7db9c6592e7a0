#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A small storm of kill -9; test/storm alone is the full one. What it prints says what is wrong.
load helpers
load life

storm() {
    run "$@"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"0 things wrong" ]]
    nothing_left
}

@test "a formation is whole after a storm of kill -9, and tells of each" {
    storm "$BATS_TEST_DIRNAME/../storm" 5
}

@test "…and if its managers are killed meanwhile" {
    storm "$BATS_TEST_DIRNAME/../storm" --managers 5
}

@test "…and where there are no cgroups" {
    without_cgroups
    storm "${PREFIX[@]}" "$BATS_TEST_DIRNAME/../storm" --managers 3
}
