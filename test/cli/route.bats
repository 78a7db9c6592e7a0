#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# `formation route`, which stands between clients and the processes of a type: router.py plays its
# manager, its clients and the processes, with real sockets.
load helpers

router() {
    run -0 timeout -k 1 $((12 * PATIENCE)) python3 "$BATS_TEST_DIRNAME/router.py" "$1"
}

setup_file() {
    export FORMATION=${FORMATION:-$BATS_TEST_DIRNAME/../../build/formation}
}

# --- which process gets a connection --------------------------------------------------------------

@test "the process with the fewest connections gets the next one" {
    router spread
}

@test "processes with as many take turns" {
    router in_turn
}

@test "connections wait while no process is ready, and are served once one is" {
    router hold
}

@test "who has waited too long is refused and counted" {
    router hold_ends
}

@test "who leaves while waiting is counted and forgotten" {
    router left
}

@test "as many wait as may, the others in the kernel's queue; all of them are served" {
    router full
}

@test "a process that is draining gets no new connection and keeps those that it has" {
    router drain
}

@test "a process that is in no table any more keeps its connections" {
    router lingering
}

@test "a connection that is refused goes to the next process" {
    router refused
}

@test "a process that is not listening yet is tried again" {
    router refused_for_a_while
}

@test "a process whose queue is full and that takes nothing is passed over" {
    router silent
}

@test "a unix socket with a short queue refuses nobody" {
    router busy_unix
}

# --- bytes and ends -------------------------------------------------------------------------------

@test "a process resets a connection: so does the router" {
    router reset_by_process
}

@test "a process is killed: its clients learn it, others go on" {
    router killed
}

@test "a client resets a connection: its process learns it" {
    router reset_by_client
}

@test "either side may end first, and the other one goes on" {
    router half_close
}

@test "connections of a process that is gone end though their clients do not" {
    router orphan
}

@test "ten thousand connections in turn leave nothing behind" {
    router many
}

@test "a thousand connections at a time" {
    router crowd
}

@test "100 MB both ways at once, by a reader that is slow at first" {
    router bulk
}

@test "hundreds of clients that read nothing take bounded memory" {
    router slow_readers
}

@test "small pieces go out at once" {
    router no_nagle
}

@test "clients and processes by IPv4, IPv6 and unix sockets" {
    router families
}

@test "the PROXY protocol, version 1" {
    router text_preface
}

@test "the PROXY protocol, version 2" {
    router binary_preface
}

# --- manager, limits, end -------------------------------------------------------------------------

@test "with few open files it takes fewer connections, and all of them in the end" {
    router few_descriptors
}

@test "messages that are none change nothing" {
    router nonsense
}

@test "nothing is reported without news, unless it is asked for" {
    router quiet
}

@test "a manager that reads no report holds nobody up" {
    router deaf_manager
}

@test "SIGTERM: nobody new, and those that are there go on to their end" {
    router end_in_order
}

@test "who waits when the end is asked for is served yet" {
    router end_with_waiting
}

@test "a connection that does not end is ended after a while, or by a second SIGTERM" {
    router end_at_last
}

@test "without a manager it ends in order" {
    router end_of_manager
}

@test "what it cannot be started with is told in one sentence" {
    local usage="'route' takes the number of its listening sockets, 1 to 16" word
    for word in "" 0 17 x 1x -1 "1 1"; do
        # shellcheck disable=SC2086 # "" is no word, "1 1" are two
        run -2 "$FORMATION" route $word
        [ "$output" = "$usage" ]
    done
    run -71 "$FORMATION" route 1 3<&-
    [ "$output" = "descriptor 3 is no channel to a manager" ]
    run -71 python3 -c 'import os, socket
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.dup2(one.fileno(), 103)
os.dup2(103, 3)
os.close(4) if other.fileno() == 4 else None
os.execv(os.environ["FORMATION"], ["formation", "route", "1"])' 4<&-
    [ "$output" = "descriptor 4 is no socket that listens for streams" ]
}
