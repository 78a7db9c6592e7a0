#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The Tab key: what `formation complete` proposes, and what three shells make of it.
# shellcheck disable=SC2154 # helpers.bash sets formation
load helpers

COMMANDS="attach check doctor events exec export help logs ps reload reopen restart run scale"
COMMANDS+=" shutdown signal start status stop upgrade version why"

setup_file() {
    # A folder with the program and nothing else, so that PATH finds ours.
    mkdir "$BATS_FILE_TMPDIR/bin"
    ln -s "$(realpath "${FORMATION:-$BATS_TEST_DIRNAME/../../build/formation}")" \
        "$BATS_FILE_TMPDIR/bin/formation"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH
}

app() {
    procfile "web: nosuch" "worker: sleep 1" "not a type"
    mkdir sub
    echo "clock: sleep 1" >sub/Procfile
}

# proposes KIND PROPOSALS WORD…: what is wanted in the place of the last word, side by side.
proposes() {
    local kind=$1 proposals=$2
    shift 2
    run --separate-stderr -0 "$FORMATION" complete "$@"
    [ "${lines[0]}" = "$kind" ] || { echo "${lines[0]} instead of $kind" && return 1; }
    proposed=$(tail -n +2 <<<"$output" | cut -f 1 | tr '\n' ' ')
    [ "${proposed% }" = "$proposals" ] || { echo "$proposed instead of $proposals" && return 1; }
}

# tabs SHELL: what a real one makes of lines that end in Tab.
tabs() {
    local typed=() wanted=() line want
    app
    touch "a file"
    while IFS='|' read -r line want _; do
        typed+=("$line")
        wanted+=("$want")
    done <<'END'
formation sta|formation sta|
formation star|formation start |
formation start *|formation start web worker |
formation start -m web=2,wor|formation start -m web=2,worker=|
formation start --except=web,wor|formation start --except=web,worker |
formation start --procfile=Pro|formation start --procfile=Procfile |
formation start -e x,Pro|formation start -e x,Procfile |
formation start -d su|formation start -d sub/|
formation check -f a|formation check -f a\ file |
formation run worker|formation run worker |
formation exec wor|formation exec worker |
formation run cat Pro|formation run cat Procfile |
formation -d sub start c|formation -d sub start clock |
formation start -p x|formation start -p x|
END
    run -0 "$BATS_TEST_DIRNAME/tab" "$1" "${typed[@]}"
    [ "$output" = "$(printf '%s\n' "${wanted[@]}")" ]
}

# fish_proposes WANTED LINE
fish_proposes() {
    # shellcheck disable=SC2016 # $argv is fish's
    run -0 fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
        "$BATS_TEST_DIRNAME/../../completions/formation.fish" "$2"
    output=$(cut -f 1 <<<"$output" | tr '\n' ' ')
    [ "${output% }" = "$1" ] || { echo "$output" && return 1; }
}

needs() {
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

@test "commands, and no more than is asked for" {
    proposes "words 0" "$COMMANDS" ""
    proposes "words 0" "start status stop" st
    proposes "words 0" "reload reopen restart run" help r
    proposes "words 0" "" check ""
    run -0 "$FORMATION" complete help run ""
    [ "$output" = "" ]
    run -0 "$FORMATION" complete
    [ "$output" = "" ]
}

@test "every option of every command, long and short" {
    app
    text='"([^"]*)"'
    table=$BATS_TEST_DIRNAME/../../src/cli/options.def
    for command in $COMMANDS; do
        run -0 "$FORMATION" complete "$command" -
        while IFS='|' read -r letter name takers; do
            [[ " $takers " == *" $command "* || $takers == "*" ]] || continue
            grep -q "^--$name"$'\t[A-Z]' <<<"$output"
            [ -z "$letter" ] || grep -q "^-$letter"$'\t' <<<"$output"
        done < <(sed -nE "s/^OPTION\(\w+, (0|'(.)'), $text, $text, $text.*/\2|\3|\5/p" "$table")
        [ "$(grep -c '^--' <<<"$output")" -eq \
            "$("$FORMATION" help "$command" | grep -cE '^ +(-., )?--')" ]
    done
}

@test "the types of the Procfile that -f and -d say" {
    app
    proposes "words 0" "web worker" start ""
    proposes "words 0" "worker" start wo
    proposes "words 0" "web worker" start web ""
    proposes "words 0" "clock" start -d sub ""
    proposes "words 0" "clock" -d sub start ""
    proposes "words 0" "clock" start -dsub ""
    proposes "words 0" "clock" start --procfile=sub/Procfile ""
    proposes "words 0" "clock" start -f=sub/Procfile -c ""
    HOME=$PWD proposes "words 0" "clock" start -d '~'/sub ""
    proposes "words 0" "" start -d nosuch ""
    echo "procfile: sub/Procfile" >.foreman
    proposes "words 0" "clock" start ""
}

@test "types of formation.yaml, types declared twice, with their commands" {
    procfile $'web: printf \e[31m' "web: sleep 1"
    printf 'processes:\n  db: {command: redis-server}\n' >formation.yaml
    run -0 "$FORMATION" complete start ""
    [ "$output" = $'words 0\nweb\tprintf ?[31m\ndb\tredis-server' ]
}

@test "lists and counts" {
    app
    proposes "words 0" "web worker" start --except ""
    proposes "words 4" "worker" start --except web,wo
    proposes "words 13" "worker" start --except=web,wo
    proposes "words 0" "web= worker= all=" start -m ""
    proposes "words 6" "web= worker=" start -m web=2,w
    proposes "words 8" "all=" start -mweb=1,a
    proposes "words 4" "0 1 2 3 4 5 6 7 8 9" start -m web=
    proposes "words 4" "0 1 2 3 4 5 6 7 8 9" start web=
    proposes "words 4" "2" start web=2
}

@test "values of options" {
    app
    proposes "files 0" "" start -f ""
    proposes "files 2" "" start -fProc
    proposes "files 11" "" start --procfile=Proc
    proposes "files 5" "" start -e .env,x
    proposes "folders 0" "" start -d s
    proposes "words 0" "foreman" --compat ""
    proposes "words 9" "foreman" --compat=f
    proposes "words 0" "" start -p ""
    proposes "words 0" "" start -t 1
    proposes "words 0" "web worker" start --timestamp ""
    proposes "words 0" "web worker" start --timestamp %T ""
    proposes "words 0" "web worker" start -- ""
}

@test "run: programs and types, then what belongs to them" {
    app
    proposes "programs 0" "web worker" run w
    proposes "programs 0" "clock" run -d sub ""
    proposes "rest 2" "" run ls -
    proposes "rest 4" "" run -f Procfile ls x ""
    proposes "files 0" "" run web -
}

@test "nothing makes it fail" {
    mkdir Procfile
    printf '{' >formation.yaml
    printf ':' >.foreman
    proposes "words 0" "" start ""
    proposes "words 0" "$COMMANDS" bogus ""
    proposes "words 0" "" start --bogus=x
    proposes "words 0" "" start -x
    proposes "words 0" "" start $'\e[31m'
    rm -r Procfile
    mkfifo Procfile
    proposes "words 0" "" start ""
}

@test "bash" {
    tabs bash
}

@test "zsh" {
    needs zsh
    tabs zsh
}

@test "fish" {
    needs fish
    app
    fish_proposes "start" "formation star"
    fish_proposes "web worker" "formation start "
    fish_proposes "--no-color --no-port --no-prefix --no-timestamp --no-wait" \
        "formation start --no-"
    fish_proposes "web=2,worker=" "formation start -m web=2,wor"
    fish_proposes "--except=web,worker" "formation start --except=web,wor"
    fish_proposes "--procfile=Procfile" "formation start --procfile=Pro"
    fish_proposes "x,Procfile" "formation start -e x,Pro"
    fish_proposes "sub/" "formation start -d su"
    fish_proposes "worker" "formation run work"
    fish_proposes "Procfile" "formation run cat Pro"
    fish_proposes "clock" "formation -d sub start c"
    fish_proposes "" "formation start -p x"
}

@test "what runs: types and processes of the formation, signals, counts" {
    procfile "web: exec sleep 60" "worker: exec sleep 60"
    start -m web=2,worker=1
    wait_for "started with pid" 3
    echo "later: sleep 1" >Procfile # that it does not know yet
    for command in logs ps restart start stop why; do
        proposes "words 0" "web worker web.1 web.2 worker.1" $command ""
    done
    proposes "words 0" "web web.1 web.2" stop we
    proposes "words 0" "web.2" why web.1 web.2
    proposes "words 0" "web= worker=" scale ""
    proposes "words 4" "0 1 2 3 4 5 6 7 8 9" scale web+
    proposes "words 0" "web worker" scale --reset ""
    proposes "words 0" "HUP" signal H
    proposes "words 0" "worker worker.1" signal HUP wo
    proposes "words 0" "systemd" export ""
    proposes "folders 0" "" export systemd --output ""
    proposes "words 0" "web worker web.1 web.2 worker.1" ps -d "$PWD" ""
    proposes "words 0" "web.1 web.2" attach we
    proposes "words 0" "" status ""
    proposes "files 0" "" upgrade ""
    run -0 "$FORMATION" complete ps web.1
    [ "${lines[1]}" = $'web.1\tready' ]
    stop
    proposes "words 0" "later" restart "" # none runs: those of the files
}

@test "the names of the formations that run, for --app" {
    mkdir -m 700 runtime
    export XDG_RUNTIME_DIR=$PWD/runtime
    procfile "web: exec sleep 60"
    echo "app: shop" >formation.yaml
    proposes "words 0" "" ps --app ""
    start
    wait_for "started with pid"
    proposes "words 0" "shop" ps --app ""
    proposes "words 6" "shop" ps --app=s
    proposes "words 0" "" ps --app x
    proposes "words 0" "web web.1" ps --app shop ""
    run -0 "$FORMATION" complete ps --app ""
    [ "${lines[1]}" = $'shop\tprocess '"$formation" ]
    run -0 "$BATS_TEST_DIRNAME/tab" bash "formation --app sh" "formation ps --app=sh"
    [ "$output" = $'formation --app shop \nformation ps --app=shop ' ]
    if command -v zsh >/dev/null; then
        run -0 "$BATS_TEST_DIRNAME/tab" zsh "formation --app sh" "formation ps --app=sh"
        [ "$output" = $'formation --app shop \nformation ps --app=shop ' ]
    fi
    ! command -v fish >/dev/null || fish_proposes "shop" "formation ps --app s"
    # What is left of one that was killed is none.
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
        runtime/formation/store-0123456789ab.sock
    proposes "words 0" "shop" ps --app ""
    stop
    proposes "words 0" "" ps --app ""
}

@test "one that does not answer is not waited for" {
    procfile "web: exec sleep 60"
    start
    wait_for "started with pid"
    manager=$("$FORMATION" status --json | sed -n 's/.*"manager_pid": \([0-9]*\),/\1/p')
    kill -STOP "$manager"
    proposes "words 0" "web" stop ""
    kill -CONT "$manager"
    stop
}
