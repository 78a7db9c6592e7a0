#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# limits of memory, processor time and processes, which the kernel keeps for the tree of a process.
# Where there are no controllers, the tests of them are skipped.
# shellcheck disable=SC2016,SC2154 # $ in quotes is the shell's that runs it; bats sets output
load helpers
load life
load control
load controllers

teardown() {
    local pid
    for pid in $(pids_left); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    remove_folder
}

yaml() {
    echo "processes:" >formation.yaml
    printf '  %s\n' "$@" >>formation.yaml
}

EAT='exec python3 -c "
import time
print(\"hungry\", flush=True)
food = b\"x\" * (200 << 20)
print(\"full\", flush=True)
time.sleep(60)"'

# --- memory ---------------------------------------------------------------------------------------

@test "memory: who takes more is out of memory, and it is said with the limit" {
    needs_controllers
    echo "$EAT" >eat
    procfile "web: exec sh ./eat" "other: exec sleep 60"
    yaml 'web: {limits: {memory: 32M}, restart: never}'
    up
    wait_for "web.1   | terminated by SIGKILL (out of memory: its limit is 32M)"
    asks 0 why web
    [[ $output =~ ago:\ terminated\ by\ SIGKILL\ \(out\ of\ memory:\ its\ limit\ is\ 32M\)\ after ]]
    [[ $output == *hungry* ]]
    run ! grep -q 'full$' "$OUTPUT"
    asks 0 why --json web
    json 'data["histories"][0]["lives"][0]["exit"] == {"signal": "SIGKILL", "core": False,
        "out_of_memory": True, "memory_limit": 32 << 20}'
    asks 0 events
    grep -q 'web.1 .*(out of memory: its limit is 32M)$' <<<"$output"
    asks 0 ps --json
    json '[p.get("memory_limit") for p in data["processes"]] == [32 << 20, None]'
    stop
    nothing_left
    wait_until no_folders
}

@test "memory: of the whole tree; the next life has it again, of a new manager too" {
    needs_controllers
    echo "$EAT" >eat
    procfile 'web: sh ./eat; code=$?; echo it ended; exit $code'
    yaml 'web: {limits: {memory: 32M}, backoff: {base: 50ms, max: 50ms}}'
    up
    wait_for "(out of memory: its limit is 32M)" 2
    kill -KILL "$(manager_pid)"
    seen=$(grep -c "(out of memory: its limit is 32M)" "$OUTPUT")
    wait_for "(out of memory: its limit is 32M)" $((seen + 2))
    # Version 2 ends the whole tree, version 1 one process, and the shell passes its end on.
    if [ "$KIND" = 2 ]; then
        run ! grep -q "it ended" "$OUTPUT"
    else
        grep -q "exited with code 137 (out of memory: its limit is 32M)" "$OUTPUT"
    fi
    asks 0 stop web
    run ! grep "terminated by SIGTERM (out of memory" "$OUTPUT"
    stop
    nothing_left
}

@test "memory: what is enough is enough, and the kernel was told" {
    needs_controllers
    echo "$EAT" >eat
    procfile "web: exec sh ./eat"
    yaml 'web: {limits: {memory: 1G, cpu: 2, processes: 20}}'
    up
    wait_for full
    if [ "$KIND" = 2 ]; then
        [ "$(cat "$(folder_of web.1 memory)/memory.max")" = $((1 << 30)) ]
        [ "$(cat "$(folder_of web.1 memory)/memory.oom.group")" = 1 ]
        [ "$(cat "$(folder_of web.1 cpu)/cpu.max")" = "200000 100000" ]
    else
        [ "$(cat "$(folder_of web.1 memory)/memory.limit_in_bytes")" = $((1 << 30)) ]
        [ "$(cat "$(folder_of web.1 cpu)/cpu.cfs_quota_us")" = 200000 ]
    fi
    [ "$(cat "$(folder_of web.1 pids)/pids.max")" = 20 ]
    asks 0 ps
    [[ $output =~ web.1.*[0-9]+M/1G ]]
    stop
    nothing_left
    wait_until no_folders
}

# --- processes ------------------------------------------------------------------------------------

BOMB='
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)'

@test "processes: a fork bomb stays within its limit, and ends with the formation" {
    needs_controllers
    echo "$BOMB" >bomb.py
    procfile "bomb: exec python3 bomb.py" \
        'shell: f() { while :; do f & done; }; f 2>/dev/null; wait' \
        "other: sleep 0.1; echo fine; exec sleep 60"
    yaml 'bomb: {limits: {processes: 50}}' \
        'shell: {limits: {processes: 50}, backoff: {base: 50ms, max: 100ms}}'
    up
    wait_until has_pids bomb.1 50
    wait_for "shell.1 | started with pid" 3 # it ends when it cannot fork
    wait_for fine
    [ "$(cat "$(folder_of bomb.1 pids)/pids.current")" -le 50 ]
    [ "$(cat "$(folder_of shell.1 pids)/pids.current")" -le 50 ]
    asks 0 ps
    kill -KILL "$(pid other.1)" # others can be started
    wait_for "other.1 | started with pid" 2
    before=$(date +%s%N)
    stop INT
    [ $(($(date +%s%N) - before)) -lt 8000000000 ]
    nothing_left
    wait_until no_folders
}

has_pids() {
    [ "$(cat "$(folder_of "$1" pids)/pids.current")" -ge "$2" ]
}

@test "processes: a bomb that hears no signal is killed within a second when that is asked for" {
    needs_controllers
    local deaf='trap "" TERM INT; f() { while :; do f & done; }; f 2>/dev/null; while :; do :; done'
    procfile "bomb: $deaf"
    yaml 'bomb: {limits: {processes: 50}, stop: {grace: 100ms}, backoff: {base: 50ms, max: 50ms}}'
    up
    wait_for "started with pid" 2
    before=$(date +%s%N)
    stop
    took=$(($(date +%s%N) - before))
    echo "took $((took / 1000000)) ms" >&2
    [ "$took" -lt 1500000000 ]
    nothing_left
}

# --- processor time -------------------------------------------------------------------------------

# cpu_of PROCESS: milliseconds that its tree has used.
cpu_of() {
    "$FORMATION" ps --json "$1" | python3 -c '
import json, sys
print(int(json.load(sys.stdin)["processes"][0]["cpu_seconds"] * 1000))'
}

@test "processor time: a tree gets its share and no more" {
    needs_controllers
    procfile 'spin: (while :; do :; done) & (while :; do :; done) & while :; do :; done'
    yaml 'spin: {limits: {cpu: 0.2}}'
    up
    wait_for "started with pid"
    from=$(date +%s%N)
    before=$(cpu_of spin)
    sleep 2 # what is measured is time
    used=$(($(cpu_of spin) - before))
    share=$((used * 1000000 * 100 / ($(date +%s%N) - from)))
    echo "share: $share %" >&2
    [ "$share" -le 40 ] && [ "$share" -ge 5 ]
    asks 0 ps --json spin
    json 'data["processes"][0]["cpu_limit"] == 0.2'
    [ ! -e /proc/pressure/cpu ] || [ "$KIND" = 1 ] ||
        json '0.1 < data["processes"][0]["cpu_pressure"] <= 1'
    stop
    nothing_left
}

# --- changes --------------------------------------------------------------------------------------

@test "reload: a changed limit rolls the processes of that type, no others" {
    needs_controllers
    procfile "web: exec sleep 60" "other: exec sleep 60"
    yaml 'other: {limits: {memory: 64M}}'
    up
    wait_for "started with pid" 2
    web=$(pid web.1) other=$(pid other.1)
    yaml 'other: {limits: {memory: 64M}}' 'web: {limits: {memory: 32M, processes: 7}}'
    asks 0 reload
    [ "$(pid web.1)" != "$web" ] && [ "$(pid other.1)" = "$other" ]
    [ "$(cat "$(folder_of web.1 pids)/pids.max")" = 7 ]
    web=$(pid web.1)
    yaml 'other: {limits: {memory: 64M}}' 'web: {limits: {memory: 32M}}'
    asks 0 reload
    [ "$(pid web.1)" != "$web" ] && [ "$(pid other.1)" = "$other" ]
    if [ "$KIND" = 2 ]; then
        [ "$(cat "$(folder_of web.1 pids)/pids.max")" = max ]
    else
        run ! grep -q "pids:.*/formation\\." "/proc/$(pid web.1)/cgroup"
    fi
    asks 0 scale web=2
    grep -q "memory.*/web.2$\|^0::.*/web.2$" "/proc/$(pid web.2)/cgroup"
    web=$(pid web.1)
    asks 0 reload
    [ "$(pid web.1)" = "$web" ]
    stop
    nothing_left
    wait_until no_folders
}

# --- the end --------------------------------------------------------------------------------------

@test "guard, manager, witness killed in one blow: the next start ends what is left, folders too" {
    needs_controllers
    in_root
    procfile 'web: setsid sh -c "sleep 60 & exec sleep 60" & exec sleep 60'
    yaml 'web: {limits: {memory: 64M, cpu: 1, processes: 20}}'
    up
    wait_for "started with pid"
    wait_until has_pids web.1 3
    kill -STOP "$formation" # or it would start the others again
    kill -KILL "$(witness_pid)" "$(manager_pid)" "$formation"
    wait_until is_gone "$formation"
    [ -n "$(folders)" ]
    dead=$formation
    rm formation.yaml
    procfile "web: exec sleep 60"
    start
    wait_for "started with pid"
    if [ "$KIND" = 2 ]; then
        [ "$(folders | wc -l)" -eq 1 ]
    else
        formation=$dead no_folders
    fi
    [ "$(pids_left | wc -l)" -le 5 ]
    stop
    nothing_left
    wait_until no_folders
}

@test "only the guard killed, or only the manager: folders are removed all the same" {
    needs_controllers
    procfile "web: exec sleep 60"
    yaml 'web: {limits: {memory: 64M, cpu: 1, processes: 20}}'
    up
    wait_for "started with pid"
    kill -KILL "$(manager_pid)"
    wait_until answers
    [ "$(cat "$(folder_of web.1 pids)/pids.max")" = 20 ]
    kill -KILL "$formation"
    wait_until is_gone "$formation"
    wait_until nothing_left
    wait_until no_folders
}

# --- what cannot be kept --------------------------------------------------------------------------

@test "a limit that cannot be kept here is an error at the start and in a reload" {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs the right to mount"
    PREFIX=(unshare -m sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"' sh)
    procfile "web: exec sleep 60"
    yaml 'web: {limits: {memory: 64M, cpu: 1, processes: 20}}'
    run --separate-stderr -2 timeout 20 "${PREFIX[@]}" "$FORMATION" start
    [ "$output" = "" ]
    how="ask for it by Delegate=yes in its systemd unit, or let its container have one"
    none="cannot be limited: the supervisor's cgroup folder has no"
    [ "$stderr" = "formation.yaml:2:9: error: the memory of 'web' $none memory controller: $how
formation.yaml:2:9: error: the processor time of 'web' $none cpu controller: $how
formation.yaml:2:9: error: the processes of 'web' $none pids controller: $how" ]
    wait_until nothing_left
    yaml 'web: {}'
    up
    wait_for "started with pid"
    web=$(pid web.1)
    yaml 'web: {limits: {processes: 20}}'
    asks 1 reload
    [[ $stderr == *"formation.yaml:2:9: the processes of 'web' $none pids controller: $how"* ]]
    [ "$(pid web.1)" = "$web" ]
    stop
    nothing_left
}

@test "a limit that nobody but root may set" {
    needs_controllers
    [ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$APP"
    as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${as_nobody[@]}" test -x "$FORMATION" -a -x "$APP" || skip "nobody cannot reach the program"
    procfile "web: exec sleep 60"
    yaml 'web: {limits: {processes: 20}}'
    run --separate-stderr -2 timeout 20 "${as_nobody[@]}" "$FORMATION" start
    [[ $stderr == "formation.yaml:2:9: error: the processes of 'web' cannot be limited: its cgroup \
folder cannot be changed: Permission denied: run it as root, or as a systemd unit with \
Delegate=yes" ]]
    wait_until nothing_left
}

@test "a shell in the same folder keeps the controllers of version 2 from us" {
    needs_controllers
    [ "$KIND" = 2 ] || skip "there is no cgroup v2 controller here"
    sh -c 'echo 0 >"$0/cgroup.procs" && exec sleep 60' "$FOLDER" 3>&- &
    other=$!
    wait_until grep -qx "$other" "$FOLDER/cgroup.procs"
    procfile "web: exec sleep 60"
    yaml 'web: {limits: {processes: 20}}'
    run --separate-stderr -2 timeout 20 "${PREFIX[@]}" "$FORMATION" start
    [[ $stderr == *"the processes of 'web' cannot be limited: process $other (sleep) is in the \
supervisor's cgroup folder, too"*"systemd-run --scope -p Delegate=yes" ]]
    kill "$other"
    wait "$other" || true
    wait_until nothing_left
    wait_until no_folders
}
