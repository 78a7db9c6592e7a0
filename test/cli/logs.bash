# SPDX-License-Identifier: MIT
# For the tests of what is written to files: `load logs` behind `load helpers` and `load life`.
#
# shellcheck shell=bash disable=SC2015,SC2034,SC2154 # OUTPUT, PREFIX, formation, …: helpers.bash

# settings LINE…: formation.yaml; the processes of type w, if there is one, are not started again.
settings() {
    printf '%s\n' "$@" >formation.yaml
    ! grep -q '^w:' Procfile || printf '%s\n' "processes:" "  w: {restart: never}" >>formation.yaml
}

# on_disk SIZE [OPTION]: the folder logs/ of what is started from here on is a file system of its
# own, which only the formation sees.
on_disk() {
    [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs the right to mount"
    mkdir -p logs
    PREFIX=(unshare -m --propagation private sh -c
        "mount -t tmpfs -o size=$1${2:+,$2} tmpfs logs && exec \"\$@\"" sh)
}

# disk_is OPTIONS: changes it while the formation runs.
disk_is() {
    nsenter -t "$formation" -m mount -o "remount,$1" tmpfs "$APP/logs"
}

# seen PATH: the path by which a file of the formation is seen from here.
seen() {
    echo "/proc/$formation/root$APP/$1"
}

# put_aside FILE: the files that were put aside for it, the oldest first.
put_aside() {
    find "$(dirname "$1")" -regextype posix-extended -type f \
        -regex ".*/$(basename "$1")\.[0-9T-]{19}\.[0-9]{3}(\.zst)?" | sort
}

# whole FILE: all that was ever written to it. What is there both compressed and not, since
# somebody was killed between the two, counts once.
whole() {
    local file
    put_aside "$1" | while read -r file; do
        case $file in
        *.zst) [ -e "${file%.zst}" ] || zstd -dcq "$file" ;;
        *) cat "$file" ;;
        esac
    done
    cat "$1"
}

# all_compressed FILE: whether nothing is left to be compressed.
all_compressed() {
    [ "$(put_aside "$1" | grep -c 'zst$')" -gt 0 ] && ! put_aside "$1" | grep -qv 'zst$'
}

# writer: a program that writes lines, each with its number, as $PS. `writer N` ends after N, or is
# still; `writer 0` goes on until the file `enough` is there, then writes its last number to
# written/$PS and is still.
writer() {
    mkdir -p written
    cat >writer <<'END'
import itertools, os, sys, time
count, name = int(sys.argv[1]), os.environ["PS"]
pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0
for block in itertools.count():
    first = block * 100 + 1
    last = first + 99
    if count and last > count:
        last = count
    os.write(1, "".join(f"<{name} {i} {'x' * (i * 7 % 90)}>\n"
                        for i in range(first, last + 1)).encode())
    if last == count or not count and os.path.exists("enough"):
        break
    time.sleep(pause)
with open(f"written/.{name}", "w") as out:
    out.write(str(last))
os.rename(f"written/.{name}", f"written/{name}")
time.sleep(600)
END
}

# has_all NAME [FROM]: of standard input, whether it has all lines that the writer has written:
# whole, in order, once.
has_all() {
    python3 - "$1" "$(cat "written/$1")" "${2:-1}" 3<&0 <<'END'
import re, sys
name, last, at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
line_of = re.compile(rb"<%s (\d+) (x*)>$" % name.encode())
for count, line in enumerate(open(3, "rb"), 1):
    if b"<" + name.encode() + b" " not in line:
        if b"<" in line or b">" in line:
            sys.exit(f"line {count}: foreign: {line[:200]!r}")
        continue
    found = line_of.search(line.rstrip(b"\n"))
    if not found or int(found[1]) != at or len(found[2]) != at * 7 % 90:
        sys.exit(f"line {count}, expected {at} of {name}: {line[:200]!r}")
    at += 1
if at != last + 1:
    sys.exit(f"{name}: {at - 1} of {last} lines")
END
}

# ends_writing NAME…: lets the writers come to their end.
ends_writing() {
    touch enough
    have_written "$@"
}

have_written() {
    local name
    for name; do
        wait_until test -e "written/$name"
    done
}

# grows FILE: waits until something is written to it, or to the one that took its place.
grows() {
    local before
    before=$(stat -c %i:%s "$1" 2>/dev/null) || before=
    wait_until has_changed "$1" "$before"
}

has_changed() {
    local now
    now=$(stat -c %i:%s "$1" 2>/dev/null) && [ "$now" != "$2" ]
}

larger() {
    [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]
}

# kill_manager: kills it and waits for the next one.
kill_manager() {
    local old
    wait_until manager_pid >/dev/null
    old=$(manager_pid)
    kill -KILL "$old"
    wait_until another_manager "$old"
}

another_manager() {
    local pid
    pid=$(manager_pid) && [ "$pid" != "$1" ]
}

# log_descriptors: how many files under logs/ the manager has open.
log_descriptors() {
    find "/proc/$(manager_pid)/fd" -mindepth 1 -printf '%l\n' 2>/dev/null | grep -c "/logs/"
}
