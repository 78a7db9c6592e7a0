#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Log files: whatever is done to them, to the disk, to the manager and to the settings, each line is
# there once.
# shellcheck disable=SC2016,SC2154 # $PS in quotes is meant so; bats sets stderr
load helpers
load life
load control
load logs

# --- which lines, in which form -------------------------------------------------------------------

# without_times: the same text each time.
without_times() {
    sed -E 's/[0-9]{4}-[0-9-]{5}T[0-9:]{8}\.[0-9]{6}(Z|\+00:00)/TIME/; s/^[0-9:]{8}/TIME/;
        s/pid( |=|":)[0-9]+/pid\1N/g' "$@"
}

@test "each format, of files for the formation, a type and a process" {
    procfile 'web: printf "a b\tc\n"; exec sleep 60' 'db: printf "\"x\"\n"; exec sleep 60'
    settings "logs:" \
        "  - {file: 'logs/{process}.text'}" \
        "  - {file: 'logs/{type}.raw', format: raw}" \
        "  - {file: logs/all.json, format: json, processes: web}" \
        "  - {file: 'logs/{app}.logfmt', format: logfmt, processes: db}" \
        "  - {file: logs/all.heroku, format: heroku, processes: 'd*'}"
    start
    wait_until grep -qs x logs/all.heroku
    wait_until grep -qs "a b" logs/all.json
    stop
    diff - <(without_times logs/web.1.text | tr '\t' '~') <<'END'
TIME web.1  | started with pid N
TIME web.1  | a b~c
TIME web.1  | terminated by SIGTERM
END
    diff <(printf 'a b\tc\n') logs/web.raw
    diff <(printf '"x"\n') logs/db.raw
    diff - <(without_times logs/all.json | sed 's/,"stream/,\n"stream/') <<'END'
{"time":"TIME","process":"web.1","type":"web","number":1,"pid":N,
"stream":"formation","line":"started with pid N"}
{"time":"TIME","process":"web.1","type":"web","number":1,"pid":N,
"stream":"stdout","line":"a b\tc"}
{"time":"TIME","process":"web.1","type":"web","number":1,"pid":N,
"stream":"formation","line":"terminated by SIGTERM"}
END
    diff - <(without_times logs/app.logfmt) <<'END'
time=TIME process=db.1 stream=formation pid=N msg="started with pid N"
time=TIME process=db.1 stream=stdout pid=N msg="\"x\""
time=TIME process=db.1 stream=formation pid=N msg="terminated by SIGTERM"
END
    diff - <(without_times logs/all.heroku) <<'END'
TIME formation[db.1]: started with pid N
TIME app[db.1]: "x"
TIME formation[db.1]: terminated by SIGTERM
END
    grep -q "SIGTERM received" logs/system.text
    [ "$(find logs -type f | wc -l)" -eq 8 ]
}

@test "patterns choose the processes; what the formation says of none is for files of all" {
    procfile 'web: echo "<$PS>"; exec sleep 60' 'worker: echo "<$PS>"; exec sleep 60'
    settings "logs:" \
        "  - {file: logs/two, processes: '*.2'}" \
        "  - {file: logs/web, processes: web}" \
        "  - {file: logs/some, processes: [web.1, 'w?rker.2']}" \
        "  - {file: logs/all}"
    start -m all=2
    for process in web.1 web.2 worker.1 worker.2; do
        wait_until grep -qs "<$process>" logs/all
    done
    stop
    [ "$(sed -n 's/.*<\(.*\)>/\1/p' logs/two | sort | xargs)" = "web.2 worker.2" ]
    [ "$(sed -n 's/.*<\(.*\)>/\1/p' logs/web | sort | xargs)" = "web.1 web.2" ]
    [ "$(sed -n 's/.*<\(.*\)>/\1/p' logs/some | sort | xargs)" = "web.1 worker.2" ]
    [ "$(grep -l "starting shutdown" logs/*)" = logs/all ]
    diff <(sort "$OUTPUT") <(sort logs/all)
}

@test "folders are made, the file has its mode, and one that was there keeps its own" {
    procfile 'web: echo hello; exec sleep 60'
    settings "logs: [{file: 'logs/a/b/{type}.log', mode: '0604', processes: web}, {file: kept}]"
    touch kept
    chmod 0600 kept
    start
    wait_until grep -qs hello logs/a/b/web.log
    wait_until grep -qs hello kept
    stop
    [ "$(stat -c %a logs/a/b/web.log)" = 604 ]
    [ "$(stat -c %a kept)" = 600 ]
}

# --- what can be written --------------------------------------------------------------------------

@test "binary garbage, invalid UTF-8, NUL: JSON stays JSON, lines stay whole" {
    procfile 'w: cat garbage; exec sleep 60'
    settings "logs: [{file: logs/json, format: json}, {file: logs/logfmt, format: logfmt}," \
        "  {file: logs/raw, format: raw}, {file: logs/heroku, format: heroku}]"
    {
        printf '\377\376\300\200 \355\240\200 \364\220\200\200 \000 "\\ \r\033]0;x\007\n'
        head -c 3000000 /dev/urandom | tr -d '\r' # which is cut off before a newline
        printf '\nlast\n'
    } >garbage
    start
    wait_until grep -qas '^last$' logs/raw
    wait_until grep -qas '"last"' logs/json
    stop
    cmp garbage logs/raw
    python3 - <<'END'
import json
lines = [json.loads(line.decode()) for line in open("logs/json", "rb")]
said = [line["line"] for line in lines if line["stream"] == "stdout"]
raw = open("garbage", "rb").read().split(b"\n")[:-1]
assert len(said) == len(raw), (len(said), len(raw))
for one, other in zip(said, raw):
    # invalid bytes are replaced, all else is there
    assert one.replace("\ufffd", "") == other.decode(errors="ignore").replace("\ufffd", ""), other
for name in "logfmt", "heroku":
    count = sum(1 for line in open("logs/" + name, "rb"))
    assert count == len(lines), (name, count, len(lines))
END
}

@test "100 MB without a newline: pieces that make up the whole, JSON that is JSON" {
    procfile 'w: yes 0123456789abcde | tr -d "\n" | head -c 100000000; echo; echo last; sleep 60'
    settings "logs: [{file: logs/json, format: json}, {file: logs/raw, format: raw}]"
    start
    PATIENCE=60 wait_until grep -qs '"last"' logs/json
    stop
    python3 - <<'END'
import json
raw = open("logs/raw", "rb").read()
assert raw.count(b"\n") == 25, raw.count(b"\n")
text = raw.replace(b"\n", b"")
assert len(text) == 100000004 and text[:-4] == (b"0123456789abcde" * 7000000)[:100000000]
said = [row["line"] for row in map(json.loads, open("logs/json")) if row["stream"] == "stdout"]
assert "".join(said).encode() == text
END
}

# --- rotation -------------------------------------------------------------------------------------

@test "rotated by size: no file is larger, all are compressed, every line is there once" {
    procfile 'w: exec python3 writer 20000'
    settings "logs:" \
        "  - {file: logs/all, rotate: {size: 50K, keep: 1000}}" \
        "  - {file: 'logs/{process}', rotate: {size: 100K, keep: 1000, compress: false}}" \
        "  - {file: logs/json, format: json, rotate: {size: 1M, keep: 1000}}"
    writer
    start -m w=2
    have_written w.1 w.2
    stop
    for name in w.1 w.2; do
        whole logs/all | grep -av " $([ $name = w.1 ] && echo w.2 || echo w.1) " | has_all $name
        whole logs/$name | has_all $name
    done
    whole logs/json | python3 -c '
import json, sys
assert sum(json.loads(line)["stream"] == "stdout" for line in sys.stdin) == 40000'
    [ "$(put_aside logs/all | wc -l)" -gt 40 ]
    [ -z "$(find logs -name '*.partial')" ]
    put_aside logs/all | while read -r file; do
        case $file in
        *.zst) [ "$(zstd -dcq "$file" | wc -c)" -le 51200 ] ;;
        *) [ "$(wc -c <"$file")" -le 51200 ] ;;
        esac
    done
    put_aside logs/w.1 | while read -r file; do
        [ "$(wc -c <"$file")" -le 102400 ] && [ "$(wc -c <"$file")" -gt 102000 ]
    done
}

@test "what is put aside is compressed while the formation runs, also what was left over" {
    procfile 'w: exec python3 writer 5000'
    settings "logs: [{file: logs/all, rotate: {size: 10K, keep: 1000}}]"
    mkdir logs
    seq 1000 >logs/all.2020-01-01T00-00-00.000 # of a formation that was killed
    echo torn >logs/all.2020-01-01T00-00-00.000.zst.partial
    writer
    start
    have_written w.1
    wait_until all_compressed logs/all
    stop # there may have been lines left, and another one put aside
    [ -z "$(find logs -name '*.partial')" ]
    diff <(zstd -dcq logs/all.2020-01-01T00-00-00.000.zst) <(seq 1000)
    rm logs/all.2020*
    whole logs/all | has_all w.1
}

@test "keep and total: the oldest go" {
    procfile 'w: exec python3 writer 20000'
    settings "logs:" \
        "  - {file: logs/count, rotate: {size: 20K, keep: 3, compress: false}}" \
        "  - {file: logs/none, rotate: {size: 20K, keep: 0, compress: false}}" \
        "  - {file: logs/total, rotate: {size: 20K, total: 100K, keep: 1000, compress: false}}"
    writer
    start
    have_written w.1
    stop
    [ "$(put_aside logs/count | wc -l)" -eq 3 ]
    [ "$(put_aside logs/none | wc -l)" -eq 0 ]
    [ "$(put_aside logs/total | wc -l)" -ge 3 ]
    [ "$(du -bc logs/total* | tail -n 1 | cut -f 1)" -le 102400 ]
    for file in count total; do # what is left is the end, without a gap
        first=$(whole logs/$file | sed -n 's/.*<w.1 \([0-9]*\) .*/\1/p' | head -n 1)
        whole logs/$file | has_all w.1 "$first"
    done
}

@test "rotated by age, also when nothing is written any more" {
    procfile 'w: echo "<first>"; exec sleep 60'
    settings "logs: [{file: logs/all, rotate: {age: 1s, compress: false}}]"
    start
    wait_until grep -qs first logs/all
    wait_until test_aside logs/all
    grep -q first "$(put_aside logs/all)"
    [ ! -s logs/all ]
    stop
    [ "$(put_aside logs/all | wc -l)" -eq 1 ]
    grep -q SIGTERM logs/all
}

test_aside() {
    [ -n "$(put_aside "$1")" ]
}

@test "names that are taken already: nothing is overwritten" {
    procfile 'w: exec python3 writer 3000'
    settings "logs: [{file: logs/all, rotate: {size: 10K, keep: 1000, compress: false}}]"
    mkdir logs
    tomorrow=logs/all.$(date -ud tomorrow +%FT%H-%M-%S).999
    echo "of tomorrow" >"$tomorrow"
    writer
    start
    have_written w.1
    stop
    [ "$(cat "$tomorrow")" = "of tomorrow" ]
    [ "$(put_aside logs/all | wc -l)" -gt 5 ]
    whole logs/all | grep -av tomorrow | has_all w.1
}

@test "the last name of all times is taken: it is told once, and the file is written on" {
    procfile 'w: exec python3 writer 3000'
    settings "logs: [{file: logs/all, rotate: {size: 10K, keep: 1000, compress: false}}]"
    mkdir logs
    last=logs/all.9999-12-31T23-59-59.999
    echo last >$last
    writer
    start
    have_written w.1
    manager=$(manager_pid)
    has_all w.1 <logs/all
    [ "$(text_of system | grep -c "9999\|name")" -eq 1 ]
    rm $last
    wait_until test_aside logs/all
    [ "$(manager_pid)" = "$manager" ]
    stop
    whole logs/all | has_all w.1
}

# --- others who move the file ---------------------------------------------------------------------

# rotates OPTION…: logrotate with these settings, once.
rotates() {
    command -v logrotate >/dev/null || skip "logrotate is not installed"
    printf '%s\n' "$APP/logs/all {" rotate\ 1000 su\ root\ root "$@" "}" >logrotate.conf
    chmod 0644 logrotate.conf
    timeout -k 1 30 logrotate -f -s "$APP/logrotate.state" logrotate.conf
}

# by_age FILE: it and what logrotate has made of it, the oldest first.
by_age() {
    find "$(dirname "$1")" -name "$(basename "$1").*" | sort -t. -k2,2nr
    echo "$1"
}

@test "logrotate moves the file beside a writer: it is noticed, and nothing is lost" {
    procfile 'w: exec python3 writer 0 0.01'
    settings "logs: [{file: logs/all}]"
    writer
    start
    wait_until test -s logs/all
    for _ in 1 2 3; do
        rotates "create 0640"
        wait_until test -s logs/all
    done
    for _ in 1 2 3; do # faster than it can be noticed
        rotates create
    done
    wait_until test -s logs/all
    rotates nocreate
    wait_until test -s logs/all
    ends_writing w.1
    stop
    [ "$(find logs -type f | wc -l)" -eq 8 ]
    by_age logs/all | xargs cat | has_all w.1
}

@test "logrotate calls formation reopen: at once, and it may compress" {
    procfile 'w: exec python3 writer 0 0.01'
    settings "logs: [{file: logs/all}]"
    writer
    up
    wait_until test -s logs/all
    for _ in 1 2 3 4 5; do
        rotates create postrotate "$(realpath "$FORMATION") reopen -d $APP >/dev/null" endscript \
            compress
        wait_until test -s logs/all
    done
    ends_writing w.1
    stop
    [ "$(find logs -name '*.gz' | wc -l)" -eq 5 ]
    { find logs -name '*.gz' | sort -t. -k2,2nr | xargs zcat && cat logs/all; } | has_all w.1
}

@test "logrotate copies and truncates: the file goes on without a hole" {
    procfile 'w: exec python3 writer 0 0.01'
    settings "logs: [{file: logs/all, rotate: {size: 10M}}]"
    writer
    start
    wait_until test -s logs/all
    for _ in 1 2 3; do
        rotates copytruncate
        wait_until test -s logs/all
    done
    ends_writing w.1
    stop
    run -1 grep -P '\x00' logs/*
    last=$(cat written/w.1)
    grep -q "<w.1 $last " logs/all
}

@test "formation reopen: what is opened, and what cannot be" {
    procfile 'web: echo hello; exec sleep 60'
    settings "logs: [{file: 'logs/{process}', processes: web}, {file: elsewhere/all}]"
    up
    wait_until grep -qs hello logs/web.1
    wait_until grep -qs hello elsewhere/all
    mv logs/web.1 logs/old
    mv elsewhere/all elsewhere/old
    asks 0 reopen
    [ "$(sort <<<"$output" | xargs)" = \
        "$(printf '%s\n' "$APP/logs/web.1 reopened" "$APP/elsewhere/all reopened" | sort | xargs)" ]
    [ -e logs/web.1 ] && [ -e elsewhere/all ]
    asks 0 reopen --json
    json 'sorted(data) == ["paths"] and len(data["paths"]) == 2'
    rm logs/web.1
    mkdir logs/web.1
    asks 1 reopen
    [ "$stderr" = "formation: $APP/logs/web.1 is a directory, not a file" ]
    rmdir logs/web.1
    asks 0 reopen
    stop
    grep -q SIGTERM logs/web.1
    asks 3 reopen
}

@test "formation reopen where no file is open" {
    procfile 'web: exec sleep 60'
    up
    asks 0 reopen
    [ "$output" = "no log file is open" ]
    stop
}

# --- managers that come and go --------------------------------------------------------------------

@test "the manager is killed again and again while files rotate: every line whole and once" {
    procfile 'w: exec python3 writer 0 0.002'
    settings "logs:" \
        "  - {file: logs/all, format: raw, rotate: {size: 64K, keep: 1000}}" \
        "  - {file: 'logs/{process}', rotate: {size: 20K, keep: 1000, compress: false}}"
    writer
    start -m w=2
    for _ in 1 2 3 4 5 6 7; do
        grows logs/w.1
        kill_manager
    done
    ends_writing w.1 w.2
    stop
    for name in w.1 w.2; do
        whole logs/$name | has_all $name
        whole logs/all | grep -a "^<$name " | has_all $name
    done
    [ "$(whole logs/all | grep -acvE '^<w\.[12] [0-9]+ x*>$')" -eq 0 ]
}

@test "upgraded while files rotate: every line whole and once" {
    procfile 'w: exec python3 writer 0 0.002'
    settings "logs: [{file: 'logs/{process}', rotate: {size: 20K, keep: 1000}}]"
    writer
    up -m w=2
    for _ in 1 2 3 4 5; do
        grows logs/w.1
        asks 0 upgrade "$(realpath "$FORMATION")"
    done
    ends_writing w.1 w.2
    stop
    for name in w.1 w.2; do
        whole logs/$name | has_all $name
    done
}

# --- a full disk ----------------------------------------------------------------------------------

@test "a full disk: the processes wait, room is made, nothing is lost" {
    procfile 'w: exec python3 writer 0 0.001'
    settings "logs: [{file: logs/all}, {file: other}]"
    writer
    on_disk 256k
    up
    wait_for "$APP/logs/all: No space left on device"
    wait_until is_held_up
    grep -q "logs/all: No space" other # and the others go on
    asks 0 status
    disk_is size=100m
    wait_for "$APP/logs/all is written again"
    grows other
    ends_writing w.1
    wait_until grep -q "<w.1 $(cat written/w.1) " "$(seen logs/all)"
    has_all w.1 <"$(seen logs/all)"
    has_all w.1 <other
    has_all w.1 <"$OUTPUT"
    [ "$(grep -c "No space left" "$OUTPUT")" -eq 1 ]
    stop
}

# is_held_up: whether the output stands still.
is_held_up() {
    local before
    before=$(stat -c %s "$OUTPUT")
    sleep 0.3
    [ "$(stat -c %s "$OUTPUT")" -eq "$before" ]
}

@test "a full disk, and the manager is killed: nothing is lost" {
    procfile 'w: exec python3 writer 0 0.001'
    settings "logs: [{file: logs/all, rotate: {size: 60K, keep: 1000, compress: false}}]"
    writer
    on_disk 256k
    start
    wait_for "No space left on device"
    kill_manager
    wait_until is_held_up
    kill_manager
    disk_is size=100m
    ends_writing w.1
    last=$(cat written/w.1)
    wait_until grep -q "<w.1 $last " "$(seen logs/all)"
    whole "$(seen logs/all)" | has_all w.1
    stop
}

@test "a full disk, and other settings: what waits goes along" {
    procfile 'w: exec python3 writer 0 0.001'
    settings "logs: [{file: logs/all}]"
    writer
    on_disk 256k
    up
    wait_for "No space left on device"
    wait_until is_held_up
    settings "logs: [{file: other}, {file: logs/all}]"
    asks 0 reload
    settings "logs: [{file: logs/all}, {file: other}]"
    asks 0 reload
    disk_is size=100m
    ends_writing w.1
    last=$(cat written/w.1)
    wait_until grep -q "<w.1 $last " "$(seen logs/all)"
    has_all w.1 <"$(seen logs/all)"
    stop
}

@test "a full disk, and its file is taken out of the settings: the processes go on" {
    procfile 'w: exec python3 writer 0 0.001'
    settings "logs: [{file: logs/all}]"
    writer
    on_disk 256k
    up
    wait_for "No space left on device"
    wait_until is_held_up
    settings
    asks 0 reload
    grows "$OUTPUT"
    ends_writing w.1
    last=$(cat written/w.1)
    wait_for "<w.1 $last "
    has_all w.1 <"$OUTPUT"
    stop
}

@test "a full disk, and the file is removed to make room: it is let go" {
    procfile 'w: exec python3 writer 0 0.001'
    settings "logs: [{file: logs/all}]"
    writer
    on_disk 256k
    start
    wait_for "No space left on device"
    wait_until is_held_up
    rm "$(seen logs/all)"
    disk_is size=100m # for all that follows
    wait_for "$APP/logs/all is written again"
    wait_until test -s "$(seen logs/all)"
    ends_writing w.1
    last=$(cat written/w.1)
    wait_until grep -q "<w.1 $last " "$(seen logs/all)"
    stop
}

@test "a full disk, and lines are dropped: so many are missing as the file says" {
    procfile 'w: exec python3 writer 0 0.0005'
    settings "logs: [{file: logs/all, policy: drop}]"
    writer
    on_disk 256k
    start
    wait_for "No space left on device"
    wait_until larger "$OUTPUT" 3000000 # nobody waits
    disk_is size=100m
    wait_for "$APP/logs/all is written again"
    wait_until grep -q "dropped here" "$(seen logs/all)"
    ends_writing w.1
    last=$(cat written/w.1)
    wait_until grep -q "<w.1 $last " "$(seen logs/all)"
    python3 - "$(seen logs/all)" "$OUTPUT" <<'END'
import re, sys
def numbers(path):
    return [int(n) for n in re.findall(r"<w.1 (\d+) x*>\n", open(path).read())]
text = open(sys.argv[1]).read()
told = re.findall(r"([\d,]+) lines? w\w+ dropped here", text)
said = sum(int(n.replace(",", "")) for n in told)
there, all = numbers(sys.argv[1]), numbers(sys.argv[2])
assert there == sorted(set(there)) and all == list(range(1, all[-1] + 1))
assert said > 0 and said == len(all) - len(there), (said, len(all), len(there))
END
    stop
}

# --- paths that lead nowhere ----------------------------------------------------------------------

@test "a folder that cannot be written: one sentence, all else goes on, and it recovers" {
    procfile 'w: exec python3 writer 0 0.05'
    settings "logs: [{file: logs/sub/all}, {file: other}]"
    writer
    on_disk 100m ro
    start
    wait_for "Read-only file system"
    wait_until grep -q "w.1 500 " other
    [ "$(grep -c "Read-only" "$OUTPUT")" -eq 1 ]
    disk_is rw
    wait_for "$APP/logs/sub/all is written again"
    ends_writing w.1
    stop
    has_all w.1 <other
    has_all w.1 <"$OUTPUT"
}

@test "a folder that is removed is made again" {
    procfile 'w: exec python3 writer 0 0.05'
    settings "logs: [{file: logs/sub/all}, {file: other}]"
    writer
    start
    wait_until test -s logs/sub/all
    rm -r logs
    wait_until test -s logs/sub/all
    ends_writing w.1
    stop
    tail -n 300 logs/sub/all | grep -q "<w.1 $(cat written/w.1) "
    has_all w.1 <other
    run -1 grep "system.*logs" "$OUTPUT"
}

@test "a folder that becomes a file: one sentence, and it recovers" {
    procfile 'w: exec python3 writer 0 0.05'
    settings "logs: [{file: logs/all}, {file: other}]"
    writer
    start
    wait_until test -s logs/all
    mv logs old
    touch logs
    wait_for "logs/all cannot be opened for writing: Not a directory"
    grows other
    rm logs
    wait_for "$APP/logs/all is written again"
    ends_writing w.1
    stop
    cat old/all logs/all | has_all w.1
    has_all w.1 <other
    [ "$(text_of system | grep -c "logs")" -eq 2 ]
}

@test "a folder in which nothing can be renamed: told once, written on, rotated later" {
    [ "$(id -u)" = 0 ] && chattr +a . 2>/dev/null || skip "needs a file system with attributes"
    chattr -a .
    procfile 'w: exec python3 writer 0 0.01'
    settings "logs: [{file: logs/all, rotate: {size: 20K, keep: 1000, compress: false}}]"
    writer
    mkdir logs
    touch logs/all
    chattr +a logs
    start
    wait_for "logs/all cannot be renamed to"
    wait_until larger logs/all 100000
    sleep 2.2 # it was tried again twice
    [ "$(text_of system | wc -l)" -eq 1 ]
    chattr -a logs
    wait_for "logs/all can be rotated again"
    ends_writing w.1
    stop
    whole logs/all | has_all w.1
}

@test "a link is followed, also when it rotates; a directory, a pipe or a socket is no log" {
    procfile 'w: exec python3 writer 2000'
    settings "logs: [{file: link, rotate: {size: 20K, keep: 1000, compress: false}}," \
        "  {file: folder, policy: drop}, {file: pipe, policy: drop}, {file: /dev/null}]"
    writer
    mkdir elsewhere folder
    ln -s elsewhere/all link
    mkfifo pipe
    start
    have_written w.1
    wait_for "$APP/folder is a directory, not a file"
    wait_for "$APP/pipe is a named pipe, and a log has to be a file"
    wait_for "<w.1 2000 "
    stop
    [ -L link ]
    whole elsewhere/all | has_all w.1
    [ "$(put_aside elsewhere/all | wc -l)" -gt 3 ]
}

# --- other settings -------------------------------------------------------------------------------

@test "reload adds, moves, changes and removes files under load, and loses nothing" {
    procfile 'w: exec python3 writer 0 0.02'
    settings "logs: [{file: logs/all}, {file: logs/gone}]"
    writer
    up
    wait_until grep -qs "<w" logs/gone
    for _ in 1 2 3; do
        settings "logs: [{file: logs/new}, {file: logs/all}]"
        asks 0 reload
        wait_until test -s logs/new
        settings "logs: [{file: logs/all, rotate: {size: 20K, keep: 1000}, format: raw}]"
        asks 0 reload
        wait_until test_aside logs/all
        settings "logs: [{file: 'logs/{process}'}, {file: logs/all, mode: '0600'}," \
            "  {file: logs/last}]"
        asks 0 reload
        wait_until test -s logs/last
        wait_until test -s logs/w.1
    done
    ends_writing w.1
    stop
    whole logs/all | has_all w.1
    for file in new gone w.1 last; do # with gaps, but no line is torn
        [ "$(grep -a "<w" logs/$file | grep -acvE '<w\.1 [0-9]+ x*>$')" -eq 0 ]
        grep -o '<w.1 [0-9]*' logs/$file | sort -c -u -t' ' -k2,2n
    done
}

@test "files of processes that are gone are closed" {
    procfile 'w: echo "<$PS>"; exec sleep 60'
    settings "logs: [{file: 'logs/{process}'}]"
    up
    for _ in 1 2 3; do
        asks 0 scale w=50
        asks 0 scale w=1
    done
    [ "$(find logs -name 'w.*' | wc -l)" -eq 50 ]
    [ "$(log_descriptors)" -le 51 ]
    PATIENCE=20 wait_until no_descriptors
    asks 0 scale w=2
    stop
    [ "$(grep -c started logs/w.2)" -eq 4 ]
}

no_descriptors() {
    [ "$(log_descriptors)" -eq 0 ]
}
