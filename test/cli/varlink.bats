#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Clients that are not ours: test/varlink, made of the public Go package for Varlink, and what the
# manual tells people to type.
# shellcheck disable=SC2016,SC2154 # $PWD in quotes is meant so; bats sets output
load helpers
load control

GO_PACKAGES=/usr/share/gocode # where Debian has them; nothing comes from the network

setup_file() {
    [ -d "$GO_PACKAGES/src/github.com/varlink/go" ] && command -v go >/dev/null || return 0
    env GOPATH="$GO_PACKAGES" GO111MODULE=off GOENV=off GOFLAGS= CGO_ENABLED=0 \
        GOCACHE="$BATS_FILE_TMPDIR/cache" \
        timeout -k 1 120 go build -o "$BATS_FILE_TMPDIR/client" \
        "$BATS_TEST_DIRNAME/../varlink/main.go"
}

app() {
    [ -e "$BATS_FILE_TMPDIR/client" ] ||
        skip "needs Go and its package for Varlink: golang-go golang-github-varlink-go-dev"
    procfile "web: exec sleep 60" "worker: exec sleep 61"
    up
    wait_for "started with pid" 2
}

# client STATUS COMMAND…: as `asks`, with the other client.
client() {
    local wanted=$1
    shift
    run --separate-stderr -"$wanted" timeout -k 1 30 "$BATS_FILE_TMPDIR/client" \
        unix:.formation/control.sock "$@"
}

@test "the formation introduces itself, and describes its interfaces in words that parse" {
    app
    client 0 info
    [[ $output =~ ^formation\ [0-9.]+\ org\.varlink\.service\ org\.formation\.Manager$ ]]
    client 0 describe org.varlink.service
    [ "${lines[0]} ${lines[1]}" = "method GetInfo method GetInterfaceDescription" ]
    client 0 describe org.formation.Manager
    source=$BATS_TEST_DIRNAME/../../src/control/org.formation.Manager.varlink
    [ "$(sort <<<"$output")" = "$(grep -Eo '^(method|error) [[:alpha:]]+' "$source" | sort)" ]
    stop
}

@test "a public client lists and scales, and formation ps shows what it did" {
    app
    web=$(pid web.1)
    worker=$(pid worker.1)
    client 0 list
    [ "$output" = "web.1 ready $web"$'\n'"worker.1 ready $worker" ]
    client 0 scale web=3 worker-1
    [ "$output" = $'web 1 3\nworker 1 0' ]
    asks 0 ps --json
    json '[(p["name"], p["state"]) for p in data["processes"]] ==
        [("web.1", "ready"), ("web.2", "ready"), ("web.3", "ready")]'
    json "data['processes'][0]['pid'] == $web"
    shown=$(python3 -c 'import json, sys
for p in json.load(sys.stdin)["processes"]: print(p["name"], p["state"], p["pid"])' <<<"$output")
    client 0 list
    [ "$output" = "$shown" ]
    asks 0 scale web=1
    client 0 list
    [ "$output" = "web.1 ready $web" ]
    client 0 scale web=1 # nothing to change
    [ "$output" = "" ]
    stop
}

@test "a stream brings the events of a change while another client makes it" {
    app
    "$BATS_FILE_TMPDIR/client" unix:.formation/control.sock follow started web.3 >stream 2>&1 3>&- &
    follower=$!
    wait_until grep -q "started worker.1" stream
    run ! grep -E "web\.[23]" stream
    client 0 scale web=3
    wait_until is_gone "$follower"
    wait "$follower"
    grep -q " placed web\.2$" stream
    [ "$(grep "web\.3$" stream | cut -d ' ' -f 2)" = $'placed\nstarting\nstarted' ]
    cut -d ' ' -f 1 stream | diff - <(seq "$(wc -l <stream)") # each of them, once, in order
    stop
}

@test "errors have the names of the interface, and members that say what was wrong" {
    app
    while IFS='|' read -r command error; do
        # shellcheck disable=SC2086 # the words of a command
        client 1 $command
        [ "$output" = "$error" ] || { echo "$command: $output" && return 1; }
    done <<'END'
scale web=2 wob=3|org.formation.Manager.UnknownProcess {"name":"wob","nearest":"web"}
scale web=x|org.formation.Manager.InvalidChange {"change":"web=x","reason":"'x' is no number"}
call org.formation.Manager.Nosuch|org.varlink.service.MethodNotFound Nosuch
call org.formation.Manager.Scale|org.varlink.service.InvalidParameter changes
call org.formation.Manager.Events|org.varlink.service.ExpectedMore {}
describe org.nosuch|org.varlink.service.InterfaceNotFound org.nosuch
END
    client 0 list
    [ "${#lines[@]}" -eq 2 ]
    stop
}

# manual_examples: those of the manual that are calls by hand, each in a file call.N.
manual_examples() {
    awk '/^\.Bd/ { text = ""; next }
        /^\.Ed/ { if (index(text, "socat")) printf "%s", text >("call." ++n); next }
        { gsub(/\\e/, "\\"); text = text $0 "\n" }' \
        "$BATS_TEST_DIRNAME/../../man/formation.1"
}

@test "the manual's calls by hand work as they stand there" {
    command -v socat >/dev/null || skip "needs socat"
    procfile "web: exec sleep 60"
    up -m web=2
    wait_for "started with pid" 2
    manual_examples
    run --separate-stderr -0 timeout -k 1 40 bash call.1
    json '[p["name"] for p in data["parameters"]["processes"]] == ["web.1", "web.2"]'
    run --separate-stderr -0 timeout -k 1 40 bash call.2
    [ "$output" = "$(<"$BATS_TEST_DIRNAME/../../src/control/org.formation.Manager.varlink")" ]
    stop
}
