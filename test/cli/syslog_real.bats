#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A syslog server as people run it, and servers that have a name.
# shellcheck disable=SC2016,SC2154 # $PS is for the processes; bats and helpers set the others
load helpers
load control
load syslog

# rsyslog: rsyslogd with a configuration and a socket of its own; it writes what it has made of each
# message to the file `seen`, its parts separated by tabs.
rsyslog() {
    udp=$(free_port)
    tcp=$(free_port)
    mkdir -p spool
    local parts='%app-name%\t%procid%\t%msgid%\t%syslogtag%\t%msg%'
    cat >rsyslog.conf <<CONF
global(workDirectory="$PWD/spool" maxMessageSize="8k"
    localHostname="here" net.enableDNS="off")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
input(type="imuxsock" Socket="$PWD/log.sock" CreatePath="off" RateLimit.Interval="0")
input(type="imudp" address="127.0.0.1" port="$udp" rcvbufSize="16m") # it may be slow
input(type="imtcp" address="127.0.0.1" port="$tcp" SupportOctetCountedFraming="on")
template(name="parts" type="string"
    string="%inputname%\\t%syslogfacility-text%\\t%syslogseverity-text%\\t$parts\\n")
action(type="omfile" file="$PWD/seen" template="parts" asyncWriting="off")
CONF
    rsyslogd -n -i "$PWD/rsyslog.pid" -f "$PWD/rsyslog.conf" >rsyslog.out 2>&1 3>&- &
    server=$!
    wait_until [ -S log.sock ]
    wait_until listens "$tcp"
}

listens() {
    (exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

@test "rsyslogd gets every line once, and understands its parts, by each of the three ways" {
    command -v rsyslogd >/dev/null || skip "there is no rsyslogd"
    rsyslog
    cat >writes <<'SH'
i=0
while [ $i -lt 500 ]; do
    i=$((i + 1))
    echo "<$PS $i> café"
done
printf '\033[31mred\n'
head -c 10000 /dev/zero | tr '\0' x
echo
echo last
exec sleep 600
SH
    procfile 'web: sh writes'
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}" \
        "{syslog: 'udp://127.0.0.1:$udp', facility: daemon}" \
        "{syslog: 'tcp://127.0.0.1:$tcp', facility: local3, policy: block}"
    PATIENCE=20
    up -m web=2
    has_all() {
        [ "$(grep -cP '\t ?last$' seen)" -eq 6 ]
    }
    wait_until has_all
    code '
names = "way", "facility", "severity", "program", "procid", "msgid", "tag", "text"
rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in open("seen")]
for way, facility in ("imuxsock", "user"), ("imudp", "daemon"), ("imtcp", "local3"):
    its = [r for r in rows if r["way"] == way]
    for n in 1, 2:
        web = f"web.{n}"
        lines = [r for r in its if (r["tag"] if way == "imuxsock" else r["procid"]).find(web) >= 0]
        texts = [r["text"].removeprefix(" ") if way == "imuxsock" else r["text"] for r in lines]
        assert texts[0].startswith("started with pid "), texts[:3]
        wanted = [f"<{web} {i}> caf\u00e9" for i in range(1, 501)]
        assert texts[1:501] == wanted, (way, len(texts), set(wanted) - set(texts), texts[-5:])
        assert texts[501] == "#033[31mred"
        assert "".join(texts[502:-1]) == "x" * 10000, [len(t) for t in texts[502:-1]]
        assert texts[-1] == "last"
        assert {r["facility"] for r in lines} == {facility}
        assert [r["severity"] for r in lines] == ["notice"] + ["info"] * (len(lines) - 1)
        assert {r["program"] for r in lines} == {"app"}, lines[0]
        if way == "imuxsock":
            assert {r["tag"].split("[")[0] for r in lines} == {f"app/{web}"}
        else:
            assert {r["msgid"] for r in lines} == {"web"}
'
}

@test "rsyslogd is started again, and nothing is lost" {
    command -v rsyslogd >/dev/null || skip "there is no rsyslogd"
    rsyslog
    procfile "web: $APPS/chatty 20000 --least 64 --most 120 --state written --stay"
    logs "{syslog: 'unix:$PWD/log.sock', policy: block}"
    PATIENCE=30
    up
    wait_until grep -qs '<web.1 20000 ' seen
    kill -TERM "$server"
    wait_until is_gone "$server"
    rsyslogd -n -i "$PWD/rsyslog.pid" -f "$PWD/rsyslog.conf" >rsyslog.out 2>&1 3>&- &
    server=$!
    wait_until [ -S log.sock ]
    "$FORMATION" restart web.1
    wait_until grep -qs 'terminated by SIGTERM' seen
    code '
lines = [line.split("\t")[-1].strip() for line in open("seen")]
numbers = [int(line.split()[1]) for line in lines if line.startswith("<web.1 ")]
assert numbers[:20000] == list(range(1, 20001))
'
}

# --- names

# with_names LINE…: the formation is started where /etc/hosts has these lines, and the name server
# (of /etc/resolv.conf) answers nobody.
with_names() {
    printf '%s\n' "127.0.0.1 localhost" "$@" >hosts
    python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.53", 53))
open("named", "w")
time.sleep(600)' 3>&- &
    names=$!
    wait_until [ -e named ]
    echo 'nameserver 127.0.0.53' >resolv.conf
    # shellcheck disable=SC2016
    PREFIX=(unshare -m sh -c '
        mount --make-rprivate / &&
        mount --bind hosts /etc/hosts && mount --bind resolv.conf /etc/resolv.conf &&
        exec "$@"' sh)
}

# must_be_root: skips the test where /etc/hosts cannot be another one.
must_be_root() {
    [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null || skip "mounts need root"
}

@test "a server is found by its name, and where it is now when it has moved" {
    must_be_root
    procfile 'web: while read -r line; do echo "<web.1 $line>"; done <go'
    mkfifo go
    exec 9<>go
    receive tcp tcp
    logs "syslog: tcp://logs.example.com:$port" "syslog: udp://logs.example.com:$port"
    with_names '127.0.0.7 logs.example.com' '127.0.0.1 logs.example.com'
    up
    echo one >&9
    wait_until has tcp '<web.1 one>'
    kill -KILL "$receiver"
    wait_until is_gone "$receiver"
    printf '127.0.0.8 logs.example.com\n' >hosts
    python3 "$BATS_TEST_DIRNAME/receiver.py" tcp "$port" "$PWD/moved" at=127.0.0.8 3>&- &
    wait_until [ -e moved.port ]
    PATIENCE=20
    echo two >&9
    wait_until has moved '<web.1 two>'
    exec 9>&-
}

@test "a server that has no address yet is told of, and found later" {
    must_be_root
    procfile 'web: echo "<web.1 1>"; exec sleep 600'
    receive udp udp
    logs "syslog: udp://logs.example.com:$port"
    with_names
    echo 'options attempts:1 timeout:1' >>resolv.conf
    up
    PATIENCE=20
    wait_for "syslog at udp://logs.example.com:$port: "
    asks 0 status
    [[ $output == *failing* ]]
    printf '127.0.0.1 logs.example.com\n' >>hosts
    wait_until has udp '<web.1 1>'
    wait_for "the logs are written again"
}

@test "a name server that does not answer holds up nothing" {
    must_be_root
    procfile 'web: i=0; while :; do i=$((i + 1)); echo "tick $i"; sleep 0.05; done'
    logs "syslog: tcp://logs.example.com" '{file: all.log}'
    with_names
    echo 'options timeout:30' >>resolv.conf # longer than the manager is patient
    PATIENCE=30
    up
    wait_for "syslog at tcp://logs.example.com:601: its address was not found within 10s"
    local ticks
    ticks=$(grep -c tick all.log)
    echo "$ticks ticks" >&2
    [ "$ticks" -ge 50 ]
    asks 0 ps
    local begin=$SECONDS
    stop
    [ "$status" -eq 0 ]
    [ $((SECONDS - begin)) -le 5 ]
    kill -KILL "$names"
    nothing_left
}
