#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# formation check: everything that is wrong, at once, each with its place.
# shellcheck disable=SC2016,SC2154 # $HOME in quotes is meant so; bats sets stderr, stderr_lines
load helpers

# check ARGUMENT…: its exit status, $output and $stderr.
check() {
    run --separate-stderr "$FORMATION" check "$@"
}

@test "a good Procfile, in Foreman's words" {
    procfile "web: sleep 1" "worker: sleep 1" "my-type_2: sleep 1"
    check
    [ "$status" -eq 0 ]
    [ "$output" = "valid procfile detected (web, worker, my-type_2)" ]
    [ "$stderr" = "" ]
}

@test "errors of all files, with line and column" {
    procfile "web: sleep 1" "no colon" "my.type: sleep 1" "web: sleep 2"
    echo "A-B=1" >.env
    printf 'processes:\n  web:\n    quantty: 2\n' >formation.yaml
    check
    [ "$status" -eq 2 ]
    [ "$output" = "" ]
    for place in Procfile:2:1 Procfile:3:3 Procfile:4:1 .env:1:2 formation.yaml:3:5; do
        grep -q "^$place: error: " <<<"$stderr"
    done
    grep -q "'quantity'" <<<"$stderr"
    [ "$(grep -c . <<<"$stderr")" -eq 5 ]
}

@test "a program that is not there, not executable, or has no directory" {
    procfile "a: nosuch x" "b: ./plain" "c: sleep 1"
    touch plain
    printf 'processes:\n  c:\n    directory: nosuch\n' >formation.yaml
    check
    [ "$status" -eq 2 ]
    grep -qxF "Procfile:1:1: error: a: command not found: nosuch" <<<"$stderr"
    grep -qxF "Procfile:2:1: error: b: not executable: ./plain" <<<"$stderr"
    grep -q "^Procfile:3:1: error: c: cannot run in .*/nosuch: No such file" <<<"$stderr"
}

@test "a daemon is warned of, and the Procfile stays valid" {
    procfile "web: sleep 1 --daemon" "job: sleep 1 &"
    check
    [ "$status" -eq 0 ]
    [ "$output" = "valid procfile detected (web, job)" ]
    grep -q "^Procfile:1:14: warning: '--daemon'" <<<"$stderr"
    grep -q "^Procfile:2:14: warning: '&'" <<<"$stderr"
}

@test "lines of .env that tools read differently" {
    procfile "web: sleep 1"
    printf '%s\n' 'A=1 # c' 'B=$HOME' 'export C=1' 'D=plain' >.env
    check
    [ "$status" -eq 0 ]
    [ "$(grep -c '^\.env:[123]:[0-9]*: warning: ' <<<"$stderr")" -eq 3 ]
    [[ $stderr != *.env:4* ]]
}

@test "readiness, order and rolls, each mistake with its place" {
    procfile "web: sleep 1" "db: sleep 1" "cache: sleep 1"
    cat >formation.yaml <<'END'
processes:
  web:
    after: [db, cachd]
    ready: {htpp: /}
    roll: {surge: 0, max_unavailable: 0}
  db:
    after: web
    ready: {log: "up ("}
  cache:
    after: cache
    ready: {tcp: 80, exec: x}
    alive: {tcp: 99999}
END
    check
    [ "$status" -eq 2 ]
    for place in 4:13 5:11 8:18 11:22 12:18; do
        grep -q "^formation.yaml:$place: error: " <<<"$stderr"
    done
    grep -q "'http'" <<<"$stderr"
    [ "$(grep -c . <<<"$stderr")" -eq 5 ]
    cat >formation.yaml <<'END'
processes:
  web: {after: [db, cachd]}
  db: {after: web}
  cache: {after: cache}
END
    check
    [ "$status" -eq 2 ]
    [ "${#stderr_lines[@]}" -eq 3 ]
    [[ ${stderr_lines[0]} == "formation.yaml:2:21: error: "*"'cachd': did you mean 'cache'?" ]]
    [[ ${stderr_lines[1]} == "formation.yaml:4:18: error: 'cache' cannot wait for itself" ]]
    [[ ${stderr_lines[2]} == "formation.yaml:3:15: error: "*": web waits for db, db for web" ]]
}

@test "what is said and means nothing is warned of" {
    procfile "web: sleep 1" "db: sleep 1"
    printf '%s\n' 'processes:' '  web: {after: db, boot: 5s}' '  db: {quantity: 0}' >formation.yaml
    echo "NOTIFY_SOCKET=/run/mine" >.env
    check
    [ "$status" -eq 0 ]
    grep -q "^formation.yaml:2:20: warning: 'boot' means nothing without 'ready'" <<<"$stderr"
    grep -q "^formation.yaml:2:16: warning: 'web' waits for nothing here: .* 'db' is 0" <<<"$stderr"
    grep -q "^.env:1:1: warning: the formation itself sets" <<<"$stderr"
    [ "$(grep -c . <<<"$stderr")" -eq 3 ]
}

@test "without ports there is none to connect to" {
    procfile "web: sleep 1"
    printf 'processes:\n  web: {ready: {tcp: true}}\n' >formation.yaml
    check
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    run --separate-stderr "$FORMATION" start --no-port
    [ "$status" -eq 2 ]
    [[ $stderr == "formation.yaml:2:16: error: 'web' has no PORT with --no-port: "* ]]
}

@test "every example of the manual is taken" {
    procfile "web: sleep 1" "db: sleep 1" "cache: sleep 1"
    local example count=0
    while read -r example; do
        printf 'processes:\n  web:\n    %s\n' "$example" >formation.yaml
        check
        [ "$status" -eq 0 ]
        count=$((count + 1))
    done < <(sed -nE 's/^(\.Dl )?((after|alive|boot|ready|roll|watchdog): )/\2/p' \
        "$BATS_TEST_DIRNAME/../../man/formation.yaml.5")
    [ "$count" -eq 11 ]

    procfile "web: sleep 1" "worker: sleep 1"
    sed -n '/^logs:$/,/^\.Ed$/{/^\.Ed/!p}' "$BATS_TEST_DIRNAME/../../man/formation.yaml.5" \
        >formation.yaml
    check
    [ "$status" -eq 0 ]
    [ "$(grep -c "^lines go to" <<<"$output")" -eq 4 ]
    count=0
    while read -r example; do
        printf 'logs:\n- file: a\n  %s\n' "$example" >formation.yaml
        check
        [ "$status" -eq 0 ]
        count=$((count + 1))
    done < <(sed -nE 's/^\.Dl ((processes|rotate): )/\1/; s/\\\(dq/"/g; /^(processes|rotate): /p' \
        "$BATS_TEST_DIRNAME/../../man/formation.yaml.5" | grep -v '^processes:$')
    [ "$count" -eq 2 ]
}

@test "no Procfile, a directory, an empty one" {
    check
    [ "$status" -eq 2 ]
    [ "$stderr" = "formation: Procfile does not exist" ]
    check -f nosuch
    [ "$stderr" = "formation: nosuch does not exist" ]
    mkdir Procfile
    check
    [ "$status" -eq 2 ]
    [ "$stderr" = "formation: Procfile is a directory, not a file" ]
    rmdir Procfile
    : >Procfile
    check
    [ "$status" -eq 2 ]
    [[ $stderr == *"no processes defined" ]]
}

@test "an unreadable Procfile" {
    [ "$(id -u)" -ne 0 ] || skip "root reads everything"
    procfile "web: sleep 1"
    chmod 0 Procfile
    check
    [ "$status" -eq 2 ]
    [ "$stderr" = "formation: Procfile cannot be read: Permission denied" ]
}

@test "a Procfile that no one would write" {
    truncate -s 17M Procfile
    check
    [ "$status" -eq 2 ]
    [ "$stderr" = "formation: Procfile is larger than 16 MiB" ]
    printf 'web: sl\0eep 1\n' >Procfile
    check
    [ "$status" -eq 2 ]
    grep -q "^Procfile:1:[0-9]*: error: .*NUL" <<<"$stderr"
    { printf 'web: '; head -c 10000000 /dev/zero | tr '\0' x; echo; } >Procfile
    check
    [ "$status" -eq 2 ]
    [ "${#stderr}" -lt 1000 ]
    for ((line = 0; line < 300; line++)); do echo "bad"; done >Procfile
    check
    [ "$status" -eq 2 ]
    [[ $stderr == *"formation: and "*" more" ]]
}

@test "other files and folders" {
    mkdir sub
    echo "web: sleep 1" >sub/Procfile
    echo "A=1 # c" >sub/.env
    check -d sub
    [ "$status" -eq 0 ]
    [[ $stderr == sub/.env:1:4:* ]]
    check -f sub/Procfile
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    check -f sub/Procfile -e nosuch
    [ "$status" -eq 2 ]
    [ "$stderr" = "formation: nosuch does not exist" ]
    check -d nosuch
    [ "$status" -eq 2 ]
}

@test "a Procfile that a program writes" {
    check -f <(echo "web: sleep 1")
    [ "$status" -eq 0 ]
    mkfifo fifo
    check -f fifo
    [ "$status" -eq 2 ]
}

@test ".foreman says which Procfile" {
    echo "web: sleep 1" >Other
    echo "procfile: Other" >.foreman
    check
    [ "$status" -eq 0 ]
    echo "procfil: Other" >.foreman
    check
    [ "$status" -eq 2 ]
    [[ $stderr == ".foreman:1:1: error: "* ]]
}

@test "where lines go, and that they can" {
    procfile "web: sleep 1" "worker: sleep 1"
    cat >formation.yaml <<'END'
logs:
  - file: logs/{process}.log
    format: json
    processes: [web, "*.1"]
    stream: stderr
  - file: /dev/null
  - syslog: udp://[::1]
    stream: stdout
END
    check
    [ "$status" -eq 0 ]
    [ "$stderr" = "" ]
    [ "${lines[0]}" = "valid procfile detected (web, worker)" ]
    [ "${lines[1]}" = "lines go to logs/{process}.log (json): those of web, *.1, stderr only" ]
    [ "${lines[2]}" = "lines go to /dev/null (text)" ]
    [ "${lines[3]}" = "lines go to syslog at udp ::1 port 514: stdout only" ]
    [ "${#lines[@]}" -eq 4 ]
    [ ! -e logs ]

    touch logs
    check
    [ "$status" -eq 0 ]
    [ "$stderr" = "formation.yaml:2:5: warning: $PWD/logs/web.1.log cannot be written now: \
Not a directory" ]

    echo "logs: [{syslog: unix:/nosuch/log}]" >formation.yaml
    check
    [ "$status" -eq 0 ]
    [ "$stderr" = "formation.yaml:1:8: warning: /nosuch/log does not exist: syslog does not run \
here" ]
}

@test "what logs cannot be" {
    procfile "web: sleep 1"
    cat >formation.yaml <<'END'
logs:
  - file: logs/{typ}.log
  - file: a.log
  - file: ./a.log
  - syslog: udp://localhost
    rotate: {size: 10M}
    processes: [wbe]
END
    check
    [ "$status" -eq 2 ]
    [ "${#stderr_lines[@]}" -eq 2 ]
    [[ ${stderr_lines[0]} == "formation.yaml:2:11: error: nothing is called {typ} in a path: "* ]]
    [[ ${stderr_lines[1]} == "formation.yaml:6:5: error: 'rotate' is for 'file' only"* ]]
    sed -i "/typ/d; /rotate/d" formation.yaml
    check
    [ "$status" -eq 2 ]
    [ "${#stderr_lines[@]}" -eq 2 ]
    [[ ${stderr_lines[0]} == "formation.yaml:5:17: error: there is no process type 'wbe': "* ]]
    [[ ${stderr_lines[1]} == "formation.yaml:3:11: error: 'web.1' would be written to "* ]]
}

@test "as Foreman: its words, on standard output, exit status 1" {
    check --compat foreman
    [ "$status" -eq 1 ]
    [ "$output" = "ERROR: Procfile does not exist." ]
    check --compat foreman -f nosuch
    [ "$output" = "ERROR: nosuch does not exist." ]
    : >Procfile
    check --compat foreman
    [ "$status" -eq 1 ]
    [ "$output" = "ERROR: no processes defined" ]
    procfile "web: nosuch" "ignored" "web: sleep 1"
    check --compat foreman
    [ "$status" -eq 0 ]
    [ "$output" = "valid procfile detected (web, web)" ]
}
