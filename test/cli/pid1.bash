# SPDX-License-Identifier: MIT
# For tests of the first process of a pid namespace: `load pid1` behind `load helpers`
# and `load life`.
#
# shellcheck shell=bash disable=SC2034,SC2154 # PREFIX, PATIENCE, formation: helpers.bash

PATIENCE=30 # namespaces, mounts and interpreters take their time on a busy machine

# in_container [OPTION…]: what is started from here on is PID 1 of a namespace of its own, with
# these options of unshare(1).
in_container() {
    PREFIX=(unshare "$@" --pid --fork --mount-proc)
    "${PREFIX[@]}" true 2>/dev/null || skip "needs the right to make namespaces"
}

# as_nobody: the same without any right outside.
as_nobody() {
    [ "$(id -u)" = 0 ] || return 0
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
    chmod 777 "$APP"
    PREFIX=(setpriv --reuid=65534 --regid=65534 --clear-groups "${PREFIX[@]}")
    "${PREFIX[@]}" test -x "$FORMATION" -a -x "$APP" || skip "nobody cannot reach the program"
}

# first: the pid, seen from here, of PID 1.
first() {
    local pid
    pid=$(children "$formation")
    [ "${pid% }" ] && echo "${pid% }"
}

# tell SIGNAL: to PID 1.
tell() {
    kill -"$1" "$(first)"
}

# zombies: their number among the children of PID 1.
zombies() {
    local pid
    for pid in $(children "$(first)"); do
        cut -d ' ' -f 3 "/proc/$pid/stat" 2>/dev/null || true
    done | grep -c Z || true
}

no_zombies() {
    [ "$(zombies)" -eq 0 ]
}

# remove_folders NAMESPACE: those in our cgroup that namespaces left whose first process was killed.
remove_folders() {
    local mount path
    mount=$(cgroup_mount)
    path=$(sed -n 's/^0:://p' /proc/self/cgroup)
    find "$mount$path" -depth -type d -path "*/formation.$1.1.*" -exec rmdir {} + \
        2>/dev/null || true
}
