# SPDX-License-Identifier: MIT
# For the tests of life and death: who is who in a formation, and a machine without cgroups.
# `load life` behind `load helpers`.
#
# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2154 # PREFIX, OUTPUT: helpers.bash

# children PID
children() {
    cat "/proc/$1/task/$1/children" 2>/dev/null
}

# manager_pid: the manager's pid; fails while there is none.
manager_pid() {
    local pid argv
    for pid in $(children "$formation"); do
        argv=()
        mapfile -d '' argv 2>/dev/null <"/proc/$pid/cmdline" || true
        [ "${argv[1]-}" != manager ] || is_gone "$pid" || echo "$pid"
    done | grep . # fails on nothing
}

# witness_pid
witness_pid() {
    local pid
    for pid in $(children "$formation"); do
        ! grep -qsx formation-wit "/proc/$pid/comm" || echo "$pid"
    done | grep .
}

# pid_of PROCESS [WHICH]: the pid that it was started with last, or the first, second … time.
pid_of() {
    sed -n "s/^.*\b$1 *| started with pid //p" "$OUTPUT" | sed -n "${2-$}p"
}

# text_of NAME: what stands behind the prefix, for all lines of a process or of `system`.
text_of() {
    sed -n "s/^[^|]*\b$1 *| //p" "$OUTPUT"
}

# text_is NAME LINE…: whether these are all of its lines; pids are written N.
text_is() {
    local name=$1
    shift
    diff <(printf '%s\n' "$@") <(text_of "$name" | sed -E 's/(pid|child) [0-9]+/\1 N/')
}

# cgroup_mount: where cgroups can be seen, if anywhere.
cgroup_mount() {
    sed -n 's/^\([^ ]* \)\{4\}\([^ ]*\) .* - cgroup2 .*/\2/p' /proc/self/mountinfo | tail -n 1
}

# without_cgroups: what is started from here on sees no cgroup2 file system.
without_cgroups() {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs the right to unmount"
    PREFIX=(unshare -m bash -c "$(declare -f cgroup_mount)"'
        while mount=$(cgroup_mount) && [ "$mount" ]; do
            umount -l "$mount" || exit
        done
        exec "$@"' sh)
}

# interrupt_again: a second Ctrl-C, late enough not to be taken for the first; waits for the end.
interrupt_again() {
    sleep 0.3
    stop INT
}

# terminal ARGUMENT…: runs terminal.py with them.
terminal() {
    python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"
}
