#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The example of a container does what its README says, as far as that can be known without Docker:
# the Dockerfile is carried out by container.py.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # PREFIX: helpers.bash; bats sets output
load helpers
load life
load pid1

EXAMPLE=$BATS_TEST_DIRNAME/../../examples/container

container() {
    [ "$(id -u)" = 0 ] || skip "needs root, to make a container"
    grep -qs '^VERSION_ID="12"' /etc/os-release || skip "needs Debian 12, to stand for its image"
    mkdir "$BATS_TEST_TMPDIR/container"
    CONTAINER=(unshare --mount --pid --ipc --uts --fork "$BATS_TEST_DIRNAME/container.py")
    IMAGE=("$BATS_TEST_TMPDIR/container" "$EXAMPLE/Dockerfile" "$BATS_TEST_DIRNAME/../.."
        "$(realpath "$FORMATION")")
    unshare --mount sh -c 'mount -t tmpfs none "$0" && cd "$0" && mkdir u w m &&
        mount -t overlay none -o lowerdir=/,upperdir=u,workdir=w m' "$BATS_TEST_TMPDIR/container" \
        2>/dev/null || skip "no overlay here"
    PORT=$(python3 -c 'import socket
free = socket.socket()
free.bind(("", 0))
print(free.getsockname()[1])')
    export PORT
}

# docker_run [WORD…]: in the background.
docker_run() {
    "${CONTAINER[@]}" "${IMAGE[@]}" "$@" >"$OUTPUT" 2>&1 </dev/null 3>&- &
    formation=$!
}

# docker_exec COMMAND…: in the container that runs, as its user.
docker_exec() {
    nsenter --target "$(first)" --mount --pid --ipc --uts --root --wd \
        env -i XDG_RUNTIME_DIR=/run/app PATH=/usr/bin:/bin setpriv --reuid=app --regid=app \
        --clear-groups "$@"
}

visit() {
    python3 -c 'import sys, urllib.request
answer = urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", timeout=5)
print(answer.read().decode(), end="")' "$PORT"
}

@test "start: PID 1, its user, its processes; ps and scale from outside; stopped in order" {
    container
    docker_run
    wait_for "web.1    | listening on port $PORT"
    wait_for "tick 1"
    [ "$(visit)" != "" ]
    run -0 docker_exec formation ps
    [[ $output == *"web.1"*"ticker.1"* ]]
    run -0 docker_exec formation scale ticker=3
    wait_for "ticker.3 | tick 1"
    run -0 docker_exec formation status # as HEALTHCHECK does
    run -0 docker_exec ps -o user= -p 1
    [ "$output" = app ]
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "start in a root that cannot be written to" {
    container
    CONTAINER+=(--read-only)
    docker_run
    wait_for "listening on port $PORT"
    run -0 docker_exec formation ps
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "exec web: one process, with formation in front of it" {
    container
    docker_run exec web
    wait_for "listening on port $PORT"
    [[ "$(visit)" == "visit 1 of web.1" ]]
    tell TERM
    ended
    [ "$status" -eq 0 ]
    nothing_left
}

@test "check, run, doctor" {
    container
    run -0 "${CONTAINER[@]}" "${IMAGE[@]}" check
    [[ $output == *"valid procfile detected (web, ticker)"* ]]
    run -0 "${CONTAINER[@]}" "${IMAGE[@]}" run sh -c 'echo "$XDG_RUNTIME_DIR $(id -un)"'
    [ "$output" = "/run/app app" ]
    run -0 "${CONTAINER[@]}" "${IMAGE[@]}" doctor
    [[ $output == *"PID 1: orphans come to us"*"/run/app/formation/"* ]]
    [[ $output == *"warn  cgroup "*"writable-cgroups=true"* ]] || [ ! "$(cgroup_mount)" ]
}

@test "killed from outside: nothing is left" {
    container
    docker_run
    wait_for "listening on port $PORT"
    tell KILL
    ended
    wait_until nothing_left
}

@test "the packages are those that are needed" {
    without_sanitizers "they have libraries of their own"
    local build library package
    build=$(sed -n 's/.*\[build]="\(.*\)"/\1/p' "$BATS_TEST_DIRNAME/../../dev")
    [ "$build" ]
    grep -qF " $build" "$EXAMPLE/Dockerfile"
    command -v dpkg >/dev/null || skip "not Debian"
    for library in $(ldd "$FORMATION" | sed -nE 's/.* => (\/[^ ]+) .*/\1/p'); do
        package=$(dpkg -S "*/${library##*/}" | head -n 1)
        package=${package%%:*}
        [ "$package" = libc6 ] || [[ $package == lib?san* ]] ||
            grep -qE " $package( |$)" "$EXAMPLE/Dockerfile"
    done
}
