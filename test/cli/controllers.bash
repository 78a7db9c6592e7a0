# SPDX-License-Identifier: MIT
# For the tests of limits that the kernel keeps: where it has controllers for them, and what it is
# told. `load controllers` behind `load helpers` and `load life`.
#
# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2154 # PREFIX, OUTPUT: helpers.bash

# hierarchy CONTROLLER: our folder in the cgroup v1 hierarchy, if there is one.
hierarchy() {
    local mount path
    mount=$(sed -nE "s/^([^ ]+ ){4}([^ ]+) .* - cgroup [^ ]+ ([^ ]*,)?$1(,.*)?\$/\2/p" \
        /proc/self/mountinfo | tail -n 1)
    path=$(sed -nE "s/^[0-9]+:([^:]*,)?$1(,[^:]*)?:(.*)\$/\3/p" /proc/self/cgroup)
    [ -n "$mount" ] && [ -n "$path" ] && (cd "$mount$path" 2>/dev/null && pwd)
}

# has_version_2: whether all controllers are there.
has_version_2() {
    local mount
    mount=$(cgroup_mount) && [ "$mount" ] && [ -w "$mount/cgroup.subtree_control" ] || return
    [ "$(grep -owE 'memory|cpu|pids' "$mount/cgroup.controllers" | wc -l)" -eq 3 ]
}

# needs_controllers: what is started from here on can have limits; by version 2 only a supervisor
# that is alone in its $FOLDER. $KIND is 1 or 2.
needs_controllers() {
    local controller folder
    if has_version_2; then
        KIND=2
        FOLDER=$(cgroup_mount)/test.$$
        echo "+memory +cpu +pids" >"$(cgroup_mount)/cgroup.subtree_control" && mkdir "$FOLDER" ||
            skip "no cgroup folder can be made"
        PREFIX=(sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$FOLDER")
        return
    fi
    KIND=1
    for controller in memory cpu pids; do
        folder=$(hierarchy "$controller") && mkdir "$folder/test.$$" 2>/dev/null &&
            rmdir "$folder/test.$$" || skip "there is no cgroup controller for $controller here"
    done
}

# in_root: of version 2, where others may be, and next starts find what earlier ones have left.
in_root() {
    [ "$KIND" = 2 ] || return 0
    rmdir "$FOLDER"
    FOLDER=$(cgroup_mount) PREFIX=()
}

# folder_of PROCESS CONTROLLER: where its limits are written.
folder_of() {
    if [ "$KIND" = 2 ]; then
        echo "$FOLDER"/formation.*."$formation".*[0-9]/"$1"
    else
        echo "$(hierarchy "$2")"/formation.*."$formation".*/"$1"
    fi
}

# folders: of formations, where limits are kept.
folders() {
    local controller
    if [ "$KIND" = 2 ]; then
        ls -d "$FOLDER"/formation.*/ 2>/dev/null
    else
        for controller in memory cpu pids; do
            ls -d "$(hierarchy "$controller")"/formation.*."${formation-none}".* 2>/dev/null
        done
    fi
    return 0
}

no_folders() {
    [ -z "$(folders)" ]
}

# remove_folder: at the end of each test; says what is left in it.
remove_folder() {
    [ "${KIND-}" = 2 ] && [ "$FOLDER" != "$(cgroup_mount)" ] || return 0
    wait_until rmdir "$FOLDER" 2>/dev/null || { ls "$FOLDER" >&2 && return 1; }
}
