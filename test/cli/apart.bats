#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Standard output and standard error, told apart where a sink wants to know.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so
load helpers
load life
load control
load logs

# both: writes numbered lines by turns to both, as writers `out` and `err`, until `enough` is there.
both() {
    mkdir -p written
    cat >both <<'END'
import itertools, os, time
for i in itertools.count(1):
    for fd, name in ((1, "out"), (2, "err")):
        os.write(fd, f"<{name} {i} {'x' * (i * 7 % 90)}>\n".encode())
    if os.path.exists("enough"):
        break
for name in ("out", "err"):
    with open(f"written/.{name}", "w") as file:
        file.write(str(i))
    os.rename(f"written/.{name}", f"written/{name}")
time.sleep(600)
END
}

@test "each stream to a file of its own, and formats that say which one it was" {
    procfile 'web: echo out; echo err >&2; echo both done; exec sleep 60'
    settings "logs:" \
        "  - {file: out.log, stream: stdout, format: raw}" \
        "  - {file: err.log, stream: stderr, format: raw}" \
        "  - {file: all.json, format: json}"
    start
    wait_until grep -qs "both done" out.log
    wait_until grep -qs err err.log
    stop
    diff <(printf 'out\nboth done\n') out.log
    diff <(echo err) err.log
    grep -q '"stream":"stderr","line":"err"' all.json
    grep -q '"stream":"stdout","line":"out"' all.json
    grep -q '| err$' "$OUTPUT"
}

@test "standard output in each format" {
    procfile 'web: echo "a \"b\""; echo err >&2; exec sleep 60'
    for format in json logfmt heroku raw text; do
        start --log-format "$format"
        wait_until grep -q err "$OUTPUT"
        stop
        case $format in
        json)
            python3 -c 'import json, sys
for line in sys.stdin: print(*map(json.loads(line).get, ("process", "stream", "line")))' \
                <"$OUTPUT" | grep '^web.1 std' >got
            diff <(printf 'web.1 stdout a "b"\nweb.1 stderr err\n' | sort) <(sort got)
            ;;
        logfmt) grep -q 'process=web.1 stream=stdout pid=[0-9]* msg="a \\"b\\""' "$OUTPUT" ;;
        heroku) grep -q ' app\[web.1]: a "b"$' "$OUTPUT" ;;
        raw) grep -qx 'a "b"' "$OUTPUT" ;;
        text) grep -q 'web.1  | a "b"$' "$OUTPUT" ;;
        esac
    done
    run -2 "$FORMATION" start --log-format xml
    [[ $output = *"takes a format of lines (text, raw, json, logfmt, heroku), not 'xml'"* ]]
}

@test "of a process that has no output for want of descriptors, it is said which one it is" {
    procfile 'web: exec sleep 60'
    settings "processes:" "  web: {quantity: 40}"
    PREFIX=(bash -c 'ulimit -n 100 && exec "$@"' sh)
    start --log-format json
    wait_until shows "cannot open its output: too many files are open"
    stop
    grep "cannot open its output" "$OUTPUT" >told
    run ! grep -v '"process":"web.[0-9]*","type":"web",' told
}

@test "where nobody asks, both come by one pipe, in order" {
    procfile 'web: for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; done; exec sleep 60'
    settings "logs:" "  - {file: all.log, format: raw}"
    start
    wait_until has_18_lines
    stop
    diff <(printf '%d\n' 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9) all.log
}

has_18_lines() {
    [ "$(wc -l <all.log)" -eq 18 ]
}

@test "the last words of both are there, also without a newline" {
    procfile 'w: printf out; printf err >&2; kill -KILL $$'
    settings "logs:" "  - {file: out.log, stream: stdout, format: raw}" \
        "  - {file: err.log, stream: stderr, format: raw}"
    start
    ended
    diff <(echo out) out.log
    diff <(echo err) err.log
}

@test "last words on standard error are told by why and logs" {
    procfile 'w: echo out; echo the trace >&2; exit 3' 'x: exec sleep 60'
    settings "logs:" "  - {file: all.json, format: json}"
    up
    wait_until grep -q 'exited with code 3' "$OUTPUT"
    run -0 "$FORMATION" why w
    [[ $output = *out* && $output = *"the trace"* ]]
    run -0 "$FORMATION" logs w
    [[ $output = *"the trace"* ]]
}

@test "the manager is killed again and again: each line of both is there once, in its file" {
    both
    procfile "w: python3 both"
    settings "logs:" "  - {file: out.log, stream: stdout, format: raw}" \
        "  - {file: err.log, stream: stderr, format: raw}"
    start
    for _ in 1 2 3 4 5 6; do
        grows out.log
        kill -KILL "$(manager_pid)"
        wait_until answers
    done
    ends_writing out err
    stop
    has_all out <out.log
    has_all err <err.log
    run ! grep -q out err.log
}

@test "half a line of each is in the hands of the next manager, and of the next guard" {
    cat >halves <<'END'
printf half-out
printf half-err >&2
touch half
until [ -e go ]; do sleep 0.02; done
echo " out"
echo " err" >&2
exec sleep 600
END
    procfile "w: sh halves"
    settings "logs:" "  - {file: out.log, stream: stdout, format: raw}" \
        "  - {file: err.log, stream: stderr, format: raw}"
    up
    wait_until [ -e half ]
    kill -KILL "$(manager_pid)"
    wait_until answers
    "$FORMATION" upgrade "$APPS/other_guard"
    "$FORMATION" upgrade "$FORMATION"
    kill -KILL "$(manager_pid)"
    touch go
    wait_until [ -s out.log ]
    wait_until [ -s err.log ]
    stop
    diff <(echo "half-out out") out.log
    diff <(echo "half-err err") err.log
}

@test "asked for by a reload: from the next start on; and no more" {
    procfile 'web: echo out; echo err >&2; exec sleep 60'
    up
    settings "logs:" "  - {file: err.log, stream: stderr, format: raw}"
    run -0 "$FORMATION" reload
    [ "$output" = "logs changed" ]
    run -0 "$FORMATION" reload
    [ "$output" = "nothing has changed" ]
    run -0 "$FORMATION" restart web
    wait_until grep -qs err err.log
    settings "logs:" "  - {file: text.log}"
    run -0 "$FORMATION" reload
    run -0 "$FORMATION" restart web
    wait_until grep -qs '| err$' text.log
    stop
    diff <(echo err) err.log
}
