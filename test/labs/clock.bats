#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A clock that is set back and forward by hours while a formation runs. Only in a machine that is
# there for nothing else: test/labs/vm.
# shellcheck disable=SC2154 # bats sets output
load ../cli/helpers
load ../cli/life
load ../cli/control

setup_file() {
    [ "${LAB_MAY_SET_CLOCK-}" = 1 ] || skip "the clock of this machine is not for tests"
}

# clock HOURS: sets it by so many, forward or back.
clock() {
    date -s "@$(($(date +%s) + $1 * 3600))" >/dev/null
}

# uptime: milliseconds, whatever the clock says.
uptime() {
    awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

yaml() {
    printf '%s\n' "processes:" "$@" >formation.yaml
}

# is_recent PROCESS: whether its state began just now, by the clock as it is.
is_recent() {
    "$FORMATION" ps --json "$1" | python3 -c '
import json, sys, time
process, = json.load(sys.stdin)["processes"]
sys.exit(not -2 < time.time() - process["since"] < 120)'
}

@test "backoff: who waits starts when its pause is over, not hours later" {
    procfile "web: echo again; exit 1"
    yaml "  web: {backoff: {base: 1500ms, max: 1500ms}}"
    up
    for hours in -7 15 -8; do
        seen=$(grep -c 'again$' "$OUTPUT")
        wait_until has_state web.1 backoff
        clock $hours
        from=$(uptime)
        wait_for "again" $((seen + 2))
        took=$(($(uptime) - from))
        echo "two pauses took $took ms" >&2
        [ "$took" -ge 1000 ] && [ "$took" -lt 25000 ]
        is_recent web.1
    done
    asks 0 why web
    run ! grep -E '[0-9]h' <<<"$output"
    stop
    nothing_left
}

@test "grace: who hears nothing is killed after it, not before and not hours later" {
    procfile "web: exec $APPS/stubborn"
    yaml "  web: {stop: {grace: 3s}}"
    for hours in -5 5; do
        up
        wait_for "started with pid"
        wait_until has_state web.1 ready
        from=$(uptime)
        kill -TERM "$formation"
        wait_for "SIGTERM"
        clock $hours
        ended
        took=$(($(uptime) - from))
        echo "the end took $took ms" >&2
        [ "$took" -ge 2900 ] && [ "$took" -lt 20000 ]
        nothing_left
    done
}

@test "probes and the watchdog: nobody is taken for dead, and who is dead is found" {
    procfile "web: touch fine; exec sleep 600" "late: exec sleep 600"
    yaml "  web: {alive: {exec: test -e fine, interval: 200ms, timeout: 20s}, stop: {grace: 1s}}" \
        "  late: {ready: {exec: 'false'}, boot: 4s, backoff: {base: 60s, max: 60s}}"
    up
    wait_until has_state web.1 ready
    web=$(pid web.1)
    clock 9
    clock -18
    clock 9
    wait_for "late.1 | not ready within 4s"
    [ "$(pid web.1)" = "$web" ]
    clock -6
    rm fine
    wait_for "web.1  | terminated by"
    stop
    nothing_left
}

@test "logs: each line once and in order, and in files that rotate" {
    local batch="seq -f 'n %g' \$((i * 20 - 19)) \$((i * 20))"
    procfile "web: for i in \$(seq 60); do $batch; sleep 0.02; done; exec sleep 600"
    printf '%s\n' "logs:" '  - file: "{type}.log"' \
        "    rotate: {size: 4K, keep: 100, compress: false}" \
        >formation.yaml
    up
    for hours in -7 9 -2; do
        wait_for "| n $((hours * 50 + 500))" # so that some lines are between
        clock $hours
    done
    wait_for "| n 1200"
    stop
    # Their names are in the order of the lines, whatever the clock said.
    files=(web.log.*)
    [ "${#files[@]}" -ge 3 ]
    diff <(seq 1200) <(cat "${files[@]}" web.log | sed -n 's/^.*\bn \([0-9]*\)$/\1/p')
    diff <(seq 1200) <(sed -n 's/^.*web.1 *| n \([0-9]*\)$/\1/p' "$OUTPUT")
    nothing_left
}
