#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a person types wrong, or to find out.
# shellcheck disable=SC2016,SC2154 # $HOME in quotes is meant so; bats sets stderr
load helpers

# says STATUS SENTENCE ARGUMENT…: exactly that on standard error, and nothing on standard output.
says() {
    local wanted=$1 sentence=$2
    shift 2
    run --separate-stderr -"$wanted" "$FORMATION" "$@"
    [ "$output" = "" ] && [ "$stderr" = "$sentence" ]
}

@test "help lists every command" {
    run -0 "$FORMATION" help
    for command in attach check doctor events exec help logs ps reload reopen restart run scale \
        shutdown signal start status stop upgrade version why; do
        grep -q "^  $command" <<<"$output"
    done
    without=$output
    run -0 "$FORMATION"
    [ "$output" = "$without" ]
    procfile "web: sleep 1" # its being there starts nothing
    run -0 "$FORMATION"
    [ "$output" = "$without" ]
    run -0 "$FORMATION" --help
    [ "$output" = "$without" ]
}

@test "help of a command lists its options and no others" {
    run -0 "$FORMATION" help check
    grep -q -- "-f, --procfile FILE" <<<"$output"
    [[ $output != *--port* ]]
    of_help=$output
    run -0 "$FORMATION" check --help
    [ "$output" = "$of_help" ]
}

@test "help fits a terminal of 80 columns" {
    for command in "" \
        attach check doctor events exec help logs ps reload reopen restart run scale shutdown \
        signal start status stop upgrade version why; do
        run -0 "$FORMATION" help $command
        [ -z "$(grep -E '^.{81}' <<<"$output" || true)" ]
    done
}

@test "version" {
    run -0 "$FORMATION" version
    [[ $output =~ ^formation\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run -0 "$FORMATION" --version
    run -0 "$FORMATION" -v
    run -0 "$FORMATION" --compat foreman version
    [ "$output" = 0.90.0 ]
}

@test "an unknown command is answered with the nearest one" {
    says 2 "formation: there is no command 'strat': did you mean 'start'?" strat
    says 2 "formation: there is no command 'xyzzy': 'formation help' lists them" xyzzy
    says 2 "formation: there is no command 'chekc': did you mean 'check'?" help chekc
}

@test "an unknown option is answered with the nearest one" {
    says 2 "formation: there is no option --procfil: did you mean --procfile?" start --procfil x
    says 2 "formation: there is no option -x" start -x
    says 2 "formation: 'check' takes no option --port" check -p 3000
}

@test "a bad value is named together with its option" {
    procfile "web: sleep 1"
    says 2 "formation: -p takes a port number (1 to 65535), not 'http'" start -p http
    says 2 "formation: --timeout takes a number of seconds or a duration (5, 500ms, 2m), not 'x'" \
        start --timeout x
    says 2 "formation: -f needs a value: FILE" start -f
}

# times ARGUMENT…: how many of the two lines of a short formation begin with a time.
times() {
    run -0 "$FORMATION" start --compat foreman "$@"
    grep -cE "^$time web.1 +\\| (hello|started with pid .*)$" <<<"$output"
}

@test "--timestamp beats .foreman, which says what the time looks like" {
    procfile "web: echo hello"
    time='[0-9]{2}:[0-9]{2}:[0-9]{2}'
    [ "$(times)" -eq 2 ]
    [ "$(times --timestamp=false)" -eq 0 ]
    echo "timestamp: false" >.foreman
    [ "$(times)" -eq 0 ]
    [ "$(times --timestamp)" -eq 2 ]
    [ "$(times --timestamp web)" -eq 2 ]
    [ "$(times --timestamp %T)" -eq 2 ]
    echo "timestamp: at %H h" >.foreman
    [ "$(times)" -eq 0 ]
    time='at [0-9]{2} h'
    [ "$(times)" -eq 2 ]
    [ "$(times --timestamp)" -eq 2 ]
    [ "$(times --no-timestamp)" -eq 0 ]
}

@test "without a word to run" {
    says 2 "formation: 'run' needs more: formation run COMMAND|TYPE [ARGUMENT ...]" run
}

@test "called as foreman, the exit status is Foreman's" {
    ln -s "$(realpath "$FORMATION")" foreman
    run -0 ./foreman version
    [ "$output" = 0.90.0 ]
    run -1 ./foreman bogus
    run -1 ./foreman start -t abc
}

# full STATUS ARGUMENT…: on a full disk.
full() {
    local wanted=$1
    shift
    run -"$wanted" bash -c '"$@" >/dev/full' - "$FORMATION" "$@"
    [ "$output" = \
        "formation: standard output cannot be written to: No space left on device" ]
}

@test "output that cannot be written is an error" {
    procfile "web: sleep 1"
    full 2
    full 2 help
    full 2 help start
    full 2 start --help
    full 2 version
    full 2 --version
    full 2 check
    full 1 --compat foreman check
    run -2 bash -c '"$1" version >&-' - "$FORMATION"
    [ "$output" = "formation: standard output cannot be written to: Bad file descriptor" ]
    run -2 bash -c '"$1" help xyzzy >/dev/full' - "$FORMATION" # which writes nothing there
    [ "$output" = "formation: there is no command 'xyzzy': 'formation help' lists them" ]
}

@test "the manager is not for people" {
    run --separate-stderr -2 "$FORMATION" manager check
    [ "$stderr" = "formation: 'manager' is started by 'formation start' only" ]
}

@test "control characters in an argument do not reach the terminal" {
    run -2 "$FORMATION" $'\e[31mred'
    [[ $output != *$'\e'* ]]
}
