#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a person sees on a terminal: prompts and progress bars while they are written, nothing that a
# process can forge, colours as wanted; and what a process with a terminal of its own sees.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # $PS in quotes is meant so; bats sets output
load helpers
load life
load control

# once TYPE…: these are started once; `tty` as the first word: on terminals.
once() {
    local tty=false
    [ "$1" != tty ] || { tty=true && shift; }
    echo "processes:" >formation.yaml
    printf '  %s: {restart: never, tty: '$tty'}\n' "$@" >>formation.yaml
}

# on_terminal COLUMNS COMMAND…: on a terminal of that width; what it gets is in $OUTPUT.
on_terminal() {
    TERM=xterm script -qefc "stty rows 30 columns $1; exec $FORMATION ${*:2}" /dev/null \
        </dev/null >"$OUTPUT" 2>&1 3>&- &
    formation=$!
}

# screen COLUMNS: what that terminal shows now, without the times.
screen() {
    python3 "$BATS_TEST_DIRNAME/screen.py" "$1" <"$OUTPUT" |
        sed 's/^..:..:.. //; s/pid [0-9]*/pid N/'
}

# the_screen_is COLUMNS TEXT: in its end
the_screen_is() {
    local shown
    shown=$(screen "$1")
    [ "$(tail -n "$(wc -l <<<"$2")" <<<"$shown")" = "$2" ]
}

# Steps of a script: `step N` waits until a test says `go N`.
steps='step() { until [ -e go$1 ]; do sleep 0.02; done; }; '
go() {
    touch "go$1"
}

# writes COMMANDS: that is what w does.
writes() {
    procfile "w: $steps $1"
}

# --- prompts and progress bars --------------------------------------------------------------------

@test "a prompt is seen while it grows" {
    procfile "w: $steps printf n; step 1; printf 'am'; step 2; printf 'e? '; step 3; echo ann"
    once w
    on_terminal 80 start
    wait_until the_screen_is 80 "w.1    | n"
    go 1
    wait_until the_screen_is 80 "w.1    | nam"
    go 2
    wait_until the_screen_is 80 "w.1    | name?"
    go 3
    ended
    the_screen_is 80 "w.1    | started with pid N
w.1    | name? ann
w.1    | exited with code 0"
}

@test "…also one of a process that never pauses" {
    procfile "w: until [ -e go1 ]; do printf .; sleep 0.05; done; echo"
    once w
    on_terminal 80 start
    wait_until screen_has '^w.1    \| \.+$' # and it has no end yet
    go 1
    ended
}

@test "a progress bar is drawn in place, and its last state stays" {
    # as curl, git and apt do
    writes "printf '\\r 10%%'; step 1; printf '\\r 50%%'; step 2; printf '\\r100%%'; step 3; echo"
    once w
    on_terminal 80 start
    wait_until the_screen_is 80 "w.1    |  10%"
    go 1
    wait_until the_screen_is 80 "w.1    |  50%"
    go 2
    wait_until the_screen_is 80 "w.1    | 100%"
    go 3
    ended
    the_screen_is 80 "w.1    | started with pid N
w.1    | 100%
w.1    | exited with code 0"
}

@test "…also one that is updated faster than it is shown, and as npm and pip do it" {
    cat >npm <<'END'
i=0
until [ -e go1 ]; do i=$((i + 1)); printf "npm $i\033[1G\033[0K"; sleep 0.01; done
echo
END
    cat >pip <<'END'
i=0
until [ -e go2 ]; do i=$((i + 1)); printf "\r\033[2Kpip $i"; sleep 0.01; done
printf '\r\033[2Kpip done\033[?25h\n'
END
    procfile "w: sh npm; touch next" "x: until [ -e next ]; do sleep 0.02; done; exec sh pip"
    once w x
    on_terminal 80 start
    wait_until screen_has '^w.1    \| npm [0-9]{2,}$'
    go 1
    wait_until screen_has '^x.1    \| pip [0-9]{2,}$'
    go 2
    ended
    [ "$(screen 80 | grep -c 'npm [0-9]*$')" -eq 1 ]
    [ "$(screen 80 | grep -cx 'x.1    | pip done')" -eq 1 ]
    run ! grep -qa 'pip 1$' "$OUTPUT"
}

# screen_has REGEX
screen_has() {
    screen 80 | grep -Eq "$1"
}

@test "a bar that is wider than the window stays in its row, and is whole in the end" {
    local long
    long=$(printf '%0100d' 0)
    writes "printf '\\ra$long'; step 1; printf '\\rb$long'; step 2; printf '\\rc${long}d\\n'"
    once w
    on_terminal 40 start
    wait_until the_screen_is 40 "w.1    | started with pid N
w.1    | a$(printf '%021d' 0)"
    go 1
    wait_until the_screen_is 40 "w.1    | started with pid N
w.1    | b$(printf '%021d' 0)"
    go 2
    ended
    [[ "$(screen 40 | tr -d '\n')" == *"w.1    | c${long}dw.1    | exited"* ]]
}

@test "a bar gives way to other lines, and comes back below them though it does not change" {
    procfile "w: $steps printf '\\r10%%'; step 2; printf '\\r20%%\\n'" \
        "x: $steps step 1; echo one; echo two; step 3"
    once w x
    on_terminal 80 start
    wait_until the_screen_is 80 "w.1    | 10%"
    go 1
    wait_until the_screen_is 80 "x.1    | one
x.1    | two
w.1    | 10%"
    go 2
    go 3
    ended
    [ "$(screen 80 | grep -c '10%')" -eq 0 ]
    [ "$(screen 80 | grep -c '20%')" -eq 1 ]
}

@test "two bars at once do not fight, and both end readable" {
    local bar="$steps for i in 1 2 3 4 5 6 7 8; do printf \"\\\\rBAR \$i\"; sleep 0.05; done"
    bar+="; touch BAR; step 1; echo"
    procfile "w: ${bar//BAR/w}" "x: ${bar//BAR/x}"
    once w x
    on_terminal 80 start
    wait_until test -e w
    wait_until test -e x
    go 1
    ended
    [ "$(screen 80 | grep -cE '\| [wx] [0-9]$')" -eq 2 ]
    [ "$(screen 80 | grep -cE '\| [wx] 8$')" -eq 2 ]
}

@test "a process that dies within its bar leaves the last state" {
    writes "printf '\\r\\033[31m10%%'; printf '\\r\\033[32m20%%'; step 1; kill -KILL \$\$"
    once w
    on_terminal 80 start
    wait_until the_screen_is 80 "w.1    | 20%"
    go 1
    ended
    the_screen_is 80 "w.1    | started with pid N
w.1    | 20%
w.1    | terminated by SIGKILL"
}

@test "a terminal that can do nothing gets a bar when it is whole" {
    procfile "w: printf '\\r10%%'; sleep 0.4; printf '\\r20%%\\n'"
    once w
    TERM=dumb script -qefc "exec $FORMATION start" /dev/null </dev/null >"$OUTPUT" 3>&-
    run ! grep -q $'\e' "$OUTPUT"
    the_screen_is 80 "w.1    | started with pid N
w.1    | 20%
w.1    | exited with code 0"
}

@test "a bar with a hundred thousand states: a file has all, logs the last, and it is one line" {
    cat >bar <<'END'
import sys
sys.stdout.write("".join(f"\r{i:6} of 100000" for i in range(1, 100001)) + "\ndone\n")
END
    procfile "w: python3 bar; exec sleep 60"
    up
    wait_for "w.1    | done"
    [ "$(grep -a 'of 100000' "$OUTPUT" | tr '\r' '\n' | grep -c ' of 100000')" -eq 100000 ]
    asks 0 logs w
    grep -qE '^..:..:.. w.1    \| 100000 of 100000 … \(cut\)$' <<<"$output"
    asks 0 logs --json w
    json '[r for r in rows if r["text"] == "100000 of 100000" and r["cut"]]'
    stop
}

@test "a bar that goes on for ever costs no more memory than a line may" {
    procfile "w: exec python3 -c 'while True: print(\"\\rworking \" * 4096, end=\"\")'"
    on_terminal 80 start --no-color
    wait_for "a line of more than 4 MiB was cut"
    kill -INT "$(children "$formation" | xargs)"
    ended
    screen 80 >/dev/null
}

# --- nobody forges anything -----------------------------------------------------------------------

@test "no bytes get through that move the cursor, and every row has its own name in front" {
    cat >attack <<'END'
import random, sys
random.seed(int(sys.argv[1]))
forged = b"12:00:00 x.1    | forged"
parts = [
    b"\r" + forged, b"\r\n" + forged.replace(b"x.1", b"w.1"), b"\x1b[1A" + forged,
    b"\x1b[A\x1b[2K\r" + forged,
    b"\x1b[2J\x1b[H" + forged, b"\x1b[3J", b"\x1bc", b"\x1b7" + forged + b"\x1b8", b"\x1b[?1049h",
    b"\x1b]0;title\x07", b"\x1b]2;title\x1b\\", b"\x1b]52;c;ZXZpbA==\x07", b"\x1b[21t", b"\x1b[6n",
    b"\x1b[c", b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", b"\x1bP$q\"p\x1b\\",
    b"\x1b_apc\x1b\\",
    b"\x9b2J", b"\x9d0;t\x9c", b"\xc2\x9b2J", b"\x85" + forged, b"\xc2\x85" + forged,
    b"\x84", b"\x8d",
    b"\xe2\x1b[2J", b"\xf0\x9f\x1b[2J", b"\xc0\x9b2J", b"\xe0\x80\x9b", b"\xc0\x8a" + forged,
    b"\x0b" + forged, b"\x0c" + forged, b"\b" * 40 + forged, b"\0", b"\x7f",
    b"\a", b"\x0e", b"\x0f",
    b"\x1b[?7l", b"\x1b[?25l", b"\x1b[12;1H", b"\x1b[1;1r", b"\x1b(0", b"\x1b#8",
    b"\x1b%@", b"\x1b[8m",
    b"\x1b[>4;2m", b"\x1b[!p", b"\x1b[31m", b"\x1b[", b"\x1b]", b"\x1b",
    b"\x1b[31", b"\x18", b"\x1a",
    b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xff\xfe", b" ", b"text", b"\n", b"\n", b"\r",
]
out = sys.stdout.buffer
for _ in range(4000):
    if random.random() < 0.1:
        out.write(random.randbytes(random.randint(1, 8)))
    out.write(random.choice(parts))
    if random.random() < 0.01:
        out.flush()
END
    procfile \
        "w: python3 attack 1; sleep 0.5; python3 attack 2; printf '\\033]0;'; sleep 0.5; echo x" \
        "x: exec python3 attack 3"
    once w x
    on_terminal 10000 start
    ended
    screen 10000 >rows
    [ "$(grep -cavE '^([wx]\.1   |system) \|' rows)" -eq 1 ] # the empty one behind the last
    [ "$(wc -l <rows)" -gt 200 ]
    rm formation.yaml
    procfile "w: cat attack.bytes; exec sleep 60"
    python3 attack 4 >attack.bytes
    up
    wait_until test -e .formation/control.sock
    wait_until has_state w.1 ready
    cp "$OUTPUT" file
    OUTPUT=$BATS_TEST_TMPDIR/logs
    for command in "logs" "why w" "events" "ps"; do
        TERM=xterm script -qefc "stty columns 10000; exec $FORMATION $command" /dev/null \
            </dev/null >"$OUTPUT" 3>&-
        screen 10000 >rows
    done
    kill -KILL "$(pid w.1)"
    stop
}

# --- colours --------------------------------------------------------------------------------------

@test "the colours of processes: kept everywhere, unless nothing is to be coloured" {
    procfile "w: printf '\\033[31mred\\033[0m 1%%\\r2%%\\a\\n'"
    once w
    has() {
        grep -qF -- "$1"
    }
    start
    ended
    has $'\e[31mred\e[0m 1%\r2%\a' <"$OUTPUT"
    start --no-color
    ended
    has $'w.1    | red 1%\r2%\a' <"$OUTPUT"
    NO_COLOR=1 start # which the processes know themselves
    ended
    has $'\e[31mred' <"$OUTPUT"
    procfile "w: printf '\\033[31mred\\033[0m\\n'"
    on_terminal 80 start
    ended
    has $'\e[31mred\e[0m' <"$OUTPUT"
    on_terminal 80 start --no-color
    ended
    run ! has $'\e' <"$OUTPUT"
    has "w.1    | red" <"$OUTPUT"
    procfile "w: printf '\\033[31mred\\033[0m\\n'; exec sleep 60"
    once w
    up
    wait_for red
    asks 0 logs
    has $'\e[31mred\e[0m' <<<"$output"
    asks 0 logs --no-color
    has "w.1    | red" <<<"$output"
    stop
}

# --- a terminal of its own ------------------------------------------------------------------------

@test "a process on a terminal sees it, is told of its width, and follows the window" {
    cat >app <<'END'
import os, signal, sys, time
def size(*_):
    columns, rows = os.get_terminal_size(1)
    os.write(1, f"size {rows} {columns}\n".encode())
signal.signal(signal.SIGWINCH, size)
size()
assert os.isatty(0) and os.isatty(1) and os.isatty(2)
while True:
    signal.pause()
END
    procfile "w: exec python3 app" "x: test -t 1 || echo no terminal; exec sleep 60"
    printf 'processes:\n  w: {tty: true}\n' >formation.yaml
    python3 - "$FORMATION" >"$OUTPUT" <<'END'
import fcntl, os, pty, signal, struct, sys, termios
signal.alarm(20)
def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
pid, terminal = pty.fork()
if pid == 0:
    while os.get_terminal_size(1) != (100, 33): # until it has its size
        pass
    os.execv(sys.argv[1], [sys.argv[1], "start", "--no-color"])
resize(33, 100)
seen = b""
def wait(text):
    global seen
    while text not in seen:
        seen += os.read(terminal, 4096)
    seen = seen.partition(text)[2]
margin = len("12:00:00 system | ")
wait(b"size 33 %d\r\n" % (100 - margin))
for rows, columns in (20, 50), (60, 200):
    resize(rows, columns)
    wait(b"size %d %d\r\n" % (rows, columns - margin))
resize(20, 30) # too narrow to take anything away
wait(b"size 20 30\r\n")
os.kill(pid, signal.SIGINT)
try:
    while os.read(terminal, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    nothing_left
}

@test "--tty gives each process a terminal" {
    procfile "w: stty size; tty | sed 's/[0-9]*$/N/'"
    once w
    start --tty
    ended
    [ "$(text_of w.1 | sed -n '2,3p')" = "24 80
/dev/pts/N" ]
    on_terminal 80 start --tty --no-prefix
    ended
    grep -q '^30 80' "$OUTPUT"
}
