#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation run: the command in the environment of the app, and nobody in between.
# shellcheck disable=SC2016,SC2154 # $HOME in quotes is meant so; bats sets stderr
load helpers

@test "a command sees .env, which beats the environment" {
    echo "A=file" >.env
    A=outside B=outside run -0 "$FORMATION" run printenv A B
    [ "$output" = $'file\noutside' ]
}

@test "a command gets neither PORT nor PS" {
    procfile "web: sleep 1"
    run -0 "$FORMATION" run env
    [[ $output != *PORT=* && $output != *$'\n'PS=* ]]
}

@test "arguments are handed on as they are" {
    run -0 "$FORMATION" run printf '[%s]' '$HOME' 'a  b' "it's" '' '*' -f --
    [ "$output" = "[\$HOME][a  b][it's][][*][-f][--]" ]
}

@test "options end at the command" {
    echo "A=other" >other
    run -0 "$FORMATION" run -e other printenv A
    [ "$output" = other ]
    run -0 "$FORMATION" run -- printenv --version
    run -0 "$FORMATION" run sh -c 'echo "$0 $1"' -e -h
    [ "$output" = "-e -h" ]
}

@test "a single word with something of a shell in it is a line of shell" {
    echo "A=1" >.env
    run -0 "$FORMATION" run 'echo $A && echo two'
    [ "$output" = $'1\ntwo' ]
    run -0 "$FORMATION" run 'echo three'
    [ "$output" = three ]
}

@test "unless a program is called so" {
    printf '#!/bin/sh\necho "$0"\n' >'a & b'
    chmod +x 'a & b'
    run -0 "$FORMATION" run './a & b'
    [ "$output" = './a & b' ]
}

@test "a process type has the PORT and PS of its first process" {
    procfile 'web: true' 'job: echo $PS $PORT'
    run -0 "$FORMATION" run job
    [ "$output" = "job.1 5100" ]
    run -0 "$FORMATION" run -p 3000 job
    [ "$output" = "job.1 3100" ]
    PORT='' run -0 "$FORMATION" run --no-port job
    [ "$output" = "job.1" ]
}

@test "arguments follow the command of a type, as words" {
    procfile 'direct: printf [%s]' 'shell: printf "[%s]" $PS'
    run -0 "$FORMATION" run direct 'a  b' '$HOME' "it's" '' '~'
    [ "$output" = "[a  b][\$HOME][it's][][~]" ]
    run -0 "$FORMATION" run shell 'a  b' '$HOME' "it's" '`x`' $'new\nline'
    [ "$output" = "[shell.1][a  b][\$HOME][it's][\`x\`][new"$'\n'"line]" ]
    run -0 "$FORMATION" --compat foreman run shell '$PORT'
    [ "$output" = '[shell.1][$PORT]' ]
}

@test "a type runs in the root, a command in the current folder" {
    mkdir sub
    echo "where: pwd" >sub/Procfile
    run -0 "$FORMATION" run -d sub where
    [ "$output" = "$APP/sub" ]
    run -0 "$FORMATION" run -d sub pwd
    [ "$output" = "$APP" ]
}

@test "a type without processes can be run" {
    procfile 'release: echo released'
    run -0 "$FORMATION" run release
    [ "$output" = released ]
}

@test "the exit status is the command's" {
    run -3 "$FORMATION" run sh -c 'exit 3'
    run -137 "$FORMATION" run sh -c 'kill -KILL $$'
    procfile 'web: exit 4'
    run -4 "$FORMATION" run web
}

@test "signals reach the command itself" {
    "$FORMATION" run sleep 60 3>&- &
    pid=$!
    wait_until grep -qx sleep "/proc/$pid/comm" # it has become the command
    kill -USR1 $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq 138 ]
}

@test "standard input is the command's" {
    run -0 "$FORMATION" run cat <<<"hello"
    [ "$output" = hello ]
}

@test "what is not there, what cannot be executed" {
    run --separate-stderr -127 "$FORMATION" run nosuch
    [ "$output" = "" ]
    [ "$stderr" = "formation: command not found: nosuch" ]
    touch plain
    run --separate-stderr -126 "$FORMATION" run ./plain
    [ "$stderr" = "formation: not executable: ./plain" ]
    procfile 'web: nosuch'
    run --separate-stderr -127 "$FORMATION" run web
    [ "$stderr" = "formation: command not found: nosuch" ]
}

@test "as Foreman, on standard output" {
    run --separate-stderr -1 "$FORMATION" --compat foreman run nosuch
    [ "$output" = "ERROR: command not found: nosuch" ]
    touch plain
    run --separate-stderr -1 "$FORMATION" --compat foreman run ./plain
    [ "$output" = "ERROR: not executable: ./plain" ]
}

@test "a script without #! runs, as from a shell" {
    echo 'echo "$1"' >script
    chmod +x script
    run -0 "$FORMATION" run ./script hello
    [ "$output" = hello ]
}

@test "neither Procfile nor .env is needed" {
    run -0 "$FORMATION" run echo hello
    [ "$output" = hello ]
}

@test "a broken file is reported before anything is run" {
    echo "no equals" >.env
    run --separate-stderr -2 "$FORMATION" run touch made
    [[ $stderr == ".env:1:1: error: "* ]]
    [ ! -e made ]
    rm .env
    run --separate-stderr -2 "$FORMATION" run -e nosuch touch made
    [ "$stderr" = "formation: nosuch does not exist" ]
    [ ! -e made ]
}

@test "a directory that is gone" {
    procfile "web: true"
    printf 'processes:\n  web:\n    directory: nosuch\n' >formation.yaml
    run --separate-stderr -126 "$FORMATION" run web
    [[ $stderr == "formation: web: cannot run in $APP/nosuch: No such file or directory" ]]
}
