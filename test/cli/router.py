#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays manager, clients and processes of a router: `router.py TEST` is one test with real sockets.

$FORMATION is the program. A test waits for what it wants to see: for a report or for bytes.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import random
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

PATIENCE = 10 * int(os.environ.get("PATIENCE_FACTOR", "1"))
SECOND = 1_000_000_000
ACCEPTING, DRAINING = 1, 2
VERSION = 1
HEAD, SETTINGS, SIZES = struct.Struct("=IIQ"), struct.Struct("=qqqII"), struct.Struct("=II")
BACKEND = struct.Struct("=QBBHI112s")
REPORT = struct.Struct("=IIQ QQ 6I 9Q")
COUNT = struct.Struct("=QQQII")
TOTALS = "accepted routed expired left failed short_of nonsense bytes_in bytes_out".split()
RESET = struct.pack("ii", 1, 0)  # SO_LINGER
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
FOLDER = tempfile.mkdtemp(prefix="router")


class Report:
    def __init__(self, message):
        (kind, version, self.number, self.table, self.question, self.waiting, self.open,
         self.lingering, self.queued, self.is_full, count,
         *totals) = REPORT.unpack_from(message)
        assert (kind, version) == (3, VERSION)
        assert len(message) == REPORT.size + count * COUNT.size
        self.__dict__.update(zip(TOTALS, totals))
        counts = list(COUNT.iter_unpack(message[REPORT.size:]))
        self.routed_to = {key: routed for key, routed, _, _, _ in counts}
        self.failed_of = {key: failed for key, _, failed, _, _ in counts}
        self.in_flight = {key: in_flight for key, _, _, in_flight, _ in counts}

    def __repr__(self):
        return repr(self.__dict__)


def listener(family=socket.AF_INET, backlog=512):
    out = socket.socket(family)
    if family == socket.AF_UNIX:
        out.bind(f"{FOLDER}/{random.getrandbits(40):x}")
    else:
        out.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    out.listen(backlog)
    return out


def connect(to):
    out = socket.socket(to.family)
    out.settimeout(PATIENCE)
    out.connect(to.getsockname())
    return out


class Router:
    """A router that runs, with these listening sockets."""

    def __init__(self, *listeners, files=None):
        self.listeners = listeners or (listener(),)
        self.channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.number = 0
        self.question = 0
        self.report = None
        fds = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)
               for fd in (other.fileno(), *(one.fileno() for one in self.listeners))]
        program = os.environ["FORMATION"]
        argv = [program, "route", str(len(self.listeners))]
        if files:
            argv = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', *argv]
        self.pid = os.posix_spawn(
            argv[0], argv, os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, 3 + i) for i, fd in enumerate(fds)])
        for fd in fds:
            os.close(fd)
        other.close()
        self.status = None

    def tell(self, *backends, hold=PATIENCE * SECOND, linger=SECOND // 10,
             report_after=SECOND // 100, most_waiting=1000, preface=0):
        """Sends a table of (key, state, listening socket) and waits until it was taken."""
        self.number += 1
        message = HEAD.pack(1, VERSION, self.number)
        message += SETTINGS.pack(hold, linger, report_after, most_waiting, preface)
        message += SIZES.pack(len(backends), 0)
        for key, state, to in backends:
            family, port, address = 3, 0, to.getsockname()
            if to.family == socket.AF_UNIX:
                address = address.encode()
            else:
                family = 1 if to.family == socket.AF_INET else 2
                port = address[1]
                address = socket.inet_pton(to.family, address[0])
            message += BACKEND.pack(key, state, family, port, 0, address)
        self.channel.send(message)
        return self.until(lambda report: report.table == self.number)

    def next_report(self, seconds):
        if not select.select([self.channel], [], [], max(0, seconds))[0]:
            return False
        message = self.channel.recv(1 << 20)
        assert message, "the router has ended"
        self.report = Report(message)
        return True

    def until(self, condition):
        """The first report that fits."""
        end = time.monotonic() + PATIENCE
        while not (self.report and condition(self.report)):
            assert self.next_report(end - time.monotonic()), f"waited in vain: {self.report}"
        return self.report

    def ask(self):
        """A report of now."""
        self.question += 1
        self.channel.send(HEAD.pack(2, VERSION, self.question))
        return self.until(lambda report: report.question == self.question)

    def connect(self, index=0):
        return connect(self.listeners[index])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait(self):
        end = time.monotonic() + PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, "the router does not end"
            time.sleep(0.005)
        return self.status

    def kill(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and self.status is None:
            self.channel.close()
            assert self.wait() == 0, f"the router ended with {self.status}"
        self.kill()


class Process:
    """Listens; says its name first to each client, and again what it is sent, then `end`."""

    def __init__(self, name="one", family=socket.AF_INET, talk=None, backlog=512):
        self.name = name
        self.socket = listener(family, backlog)
        self.talk = talk or self.echo
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            self.talk(client)
        except OSError:
            pass
        client.close()

    def echo(self, client):
        client.sendall(f"{self.name}\n".encode())
        while data := client.recv(65536):
            client.sendall(data)
        client.sendall(b"end")

    def end(self):
        """As a process does: nobody can connect any more."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def ready(self, key):
        return key, ACCEPTING, self.socket

    def draining(self, key):
        return key, DRAINING, self.socket


def line(client):
    out = b""
    while not out.endswith(b"\n"):
        data = client.recv(1)
        assert data, f"ended after {out}"
        out += data
    return out.decode()[:-1]


def rest(client):
    out = b""
    while data := client.recv(65536):
        out += data
    return out


def echoes(client, text=b"hello"):
    client.sendall(text)
    out = b""
    while len(out) < len(text):
        out += client.recv(65536) or b"?"
    assert out == text, out


def finish(client):
    """Ends it in order: the process has the last word."""
    client.shutdown(socket.SHUT_WR)
    assert rest(client) == b"end"
    client.close()


def is_reset(client):
    try:
        rest(client)
    except ConnectionResetError:
        return True
    return False


def nobody():
    """A port at which nobody listens."""
    out = listener()
    name = out.getsockname()
    out.close()
    gone = type("Gone", (), {"family": socket.AF_INET, "getsockname": lambda self: name})
    return gone()


# --- the tests ------------------------------------------------------------------------------------


def spread():
    processes = [Process(str(key)) for key in (1, 2, 3)]
    with Router() as router:
        router.tell(*(p.ready(key) for key, p in enumerate(processes, 1)))
        clients = {"1": [], "2": [], "3": []}
        for _ in range(12):
            client = router.connect()
            clients[line(client)].append(client)
        assert [len(some) for some in clients.values()] == [4, 4, 4], clients
        assert set(router.ask().in_flight.values()) == {4}
        for client in clients["2"]:
            finish(client)
        router.until(lambda report: report.in_flight[2] == 0)
        again = [router.connect() for _ in range(4)]
        assert [line(client) for client in again] == ["2"] * 4
        for client in clients["1"] + clients["3"] + again:
            finish(client)
        report = router.until(lambda report: report.open == 0)
        assert (report.accepted, report.routed, report.failed) == (16, 16, 0), report


def in_turn():
    processes = [Process(str(key)) for key in (1, 2, 3)]
    with Router() as router:
        router.tell(*(p.ready(key) for key, p in enumerate(processes, 1)))
        names = []
        for _ in range(9):
            client = router.connect()
            names.append(line(client))
            finish(client)
            router.until(lambda report: report.open == 0)
        assert sorted(names[:3]) == ["1", "2", "3"] and names == names[:3] * 3, names


def hold():
    process = Process()
    with Router() as router:
        early = router.connect()  # before there is any table
        early.sendall(b"first")
        router.tell()
        clients = [router.connect() for _ in range(20)]
        for client in clients:
            client.sendall(b"hello")
        router.until(lambda report: report.waiting == 21)
        router.tell(process.ready(1))
        for client in clients:
            assert line(client) == "one"
            assert client.recv(5) == b"hello"
            finish(client)
        assert line(early) == "one"
        finish_with = b"firstend"
        early.shutdown(socket.SHUT_WR)
        assert rest(early) == finish_with
        assert router.ask().waiting == 0


def hold_ends():
    with Router() as router:
        router.tell(hold=SECOND // 20)
        clients = [router.connect() for _ in range(5)]
        assert all(is_reset(client) for client in clients)
        report = router.until(lambda report: report.expired == 5)
        assert (report.waiting, report.open) == (0, 0), report


def left():
    with Router() as router:
        router.tell()
        client = router.connect()
        client.sendall(b"hello")
        router.until(lambda report: report.waiting == 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        report = router.until(lambda report: report.left == 1)
        assert report.waiting == 0, report


def full():
    process = Process()
    with Router() as router:
        router.tell(most_waiting=3)
        clients = [router.connect() for _ in range(8)]
        router.until(lambda report: report.waiting == 3 and report.is_full)
        report = router.ask()
        assert (report.waiting, report.queued, report.accepted) == (3, 5, 3), report
        router.tell(process.ready(1), most_waiting=3)
        assert [line(client) for client in clients] == ["one"] * 8
        report = router.ask()
        assert (report.accepted, report.is_full, report.queued) == (8, 0, 0), report


def drain():
    one, two = Process("one"), Process("two")
    with Router() as router:
        router.tell(one.ready(1), two.ready(2))
        clients = [router.connect() for _ in range(6)]
        names = [line(client) for client in clients]
        assert sorted(names) == ["one"] * 3 + ["two"] * 3
        router.tell(one.draining(1), two.ready(2))
        late = [router.connect() for _ in range(6)]
        assert [line(client) for client in late] == ["two"] * 6
        for client, name in zip(clients, names):
            echoes(client)
            if name == "one":
                finish(client)
        report = router.until(lambda report: report.in_flight[1] == 0)
        assert report.in_flight[2] == 9, report
        one.end()
        report = router.tell(two.ready(2))
        assert list(report.in_flight) == [2], report


def lingering():
    """One that is in no table any more keeps its connections."""
    one, two = Process("one"), Process("two")
    with Router() as router:
        router.tell(one.ready(1))
        client = router.connect()
        assert line(client) == "one"
        report = router.tell(two.ready(2))
        assert (report.lingering, report.open) == (1, 1), report
        echoes(client)
        finish(client)
        router.until(lambda report: report.lingering == 0 and report.open == 0)


def refused():
    """A process that refuses: the next one serves, and nobody sees it."""
    one = Process("one")
    with Router() as router:
        router.tell((1, ACCEPTING, nobody()), one.ready(2))
        for _ in range(20):
            client = router.connect()
            assert line(client) == "one"
            finish(client)
        report = router.ask()
        assert report.failed_of[1] >= 1 and report.routed_to == {1: 0, 2: 20}, report


def refused_for_a_while():
    """Told to be ready before it listens: clients wait, and are served once it does."""
    socket_of_it = socket.socket()
    socket_of_it.bind(("127.0.0.1", 0))
    with Router() as router:
        router.tell((1, ACCEPTING, socket_of_it))
        clients = [router.connect() for _ in range(5)]
        router.until(lambda report: report.failed_of.get(1, 0) >= 2 and report.waiting == 5)
        socket_of_it.listen(5)
        servers = [socket_of_it.accept()[0] for _ in range(5)]
        for server in servers:
            server.sendall(b"late\n")
        assert [line(client) for client in clients] == ["late"] * 5


def silent():
    """One whose queue is full, since it takes nothing: another one serves."""
    stuck = listener(backlog=0)
    fillers = [socket.socket() for _ in range(3)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(stuck.getsockname())
    one = Process("one")
    with Router() as router:
        router.tell((1, ACCEPTING, stuck), one.ready(2))
        clients = [router.connect() for _ in range(2)]
        assert [line(client) for client in clients] == ["one"] * 2
        assert router.until(lambda report: report.failed_of[1] == 1)


def reset_by_process():
    def talk(client):
        client.sendall(b"some")
        client.recv(5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    process = Process(talk=talk)
    with Router() as router:
        router.tell(process.ready(1))
        client = router.connect()
        assert client.recv(4) == b"some"
        client.sendall(b"hello")
        assert is_reset(client)
        router.until(lambda report: report.open == 0)


def killed():
    """A process that is killed in the middle: its clients learn it, others go on."""
    server = listener()
    pid = os.fork()
    if pid == 0:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        while True:
            client = server.accept()[0]
            client.sendall(b"mortal\n")
            fcntl.fcntl(os.dup(client.fileno()), fcntl.F_GETFD)
    server_name = server.getsockname()
    one = Process("one")
    with Router() as router:
        router.tell((1, ACCEPTING, server), one.ready(2))
        clients = {line(client): client for client in (router.connect(), router.connect())}
        server.close()
        clients["mortal"].sendall(b"a" * 1000)
        router.until(lambda report: report.bytes_in == 1000)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert server_name and is_reset(clients["mortal"])
        router.until(lambda report: report.in_flight == {1: 0, 2: 1})
        echoes(clients["one"])
        for _ in range(5):
            client = router.connect()
            assert line(client) == "one"


def reset_by_client():
    seen = []
    ended = threading.Event()

    def talk(client):
        client.sendall(b"hello\n")
        try:
            while data := client.recv(100):
                seen.append(data)
            seen.append("end")
        except ConnectionResetError:
            seen.append("reset")
        ended.set()

    process = Process(talk=talk)
    with Router() as router:
        router.tell(process.ready(1))
        client = router.connect()
        assert line(client) == "hello"
        client.sendall(b"some")
        router.until(lambda report: report.bytes_in == 4)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        assert ended.wait(PATIENCE) and seen == [b"some", "reset"], seen
        router.until(lambda report: report.open == 0)


def half_close():
    """Either side may end first; what the other one says after that arrives."""
    def first(client):
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        got = rest(client)
        seen.append(got)
        ended.set()

    for family in socket.AF_INET, socket.AF_UNIX, socket.AF_INET6:
        seen, ended = [], threading.Event()
        echo, ends = Process(family=family), Process(family=family, talk=first)
        with Router(listener(family)) as router:
            router.tell(echo.ready(1))
            client = router.connect()
            assert line(client) == "one"
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert rest(client) == b"questionend"
            router.until(lambda report: report.open == 0)
            router.tell(ends.ready(2))
            client = router.connect()
            assert rest(client) == b"last words"
            for _ in range(3):
                client.sendall(b"late ")
                router.ask()
            client.close()
            assert ended.wait(PATIENCE) and seen == [b"late " * 3], seen
            router.until(lambda report: report.open == 0)


def orphan():
    """A process that has ended while its client never does: gone from the table, it ends."""
    process = Process(talk=lambda client: client.sendall(b"bye\n"))
    with Router() as router:
        router.tell(process.ready(1))
        clients = [router.connect() for _ in range(3)]
        assert [rest(client) for client in clients] == [b"bye\n"] * 3
        router.until(lambda report: report.open == 3)
        router.tell()
        router.until(lambda report: report.open == 0)


def many():
    """10,000 connections in turn; none leaves a descriptor or a place behind."""
    process = Process(talk=lambda client: client.sendall(client.recv(100)))
    with Router() as router:
        router.tell(process.ready(1))
        before = router.descriptors()
        for _ in range(10_000):
            client = router.connect()
            client.sendall(b"hello")
            assert rest(client) == b"hello"
            client.close()
        report = router.until(lambda report: report.open == 0 and report.routed == 10_000)
        assert (report.bytes_in, report.bytes_out) == (50_000, 50_000), report
        assert router.descriptors() == before


def crowd():
    """A thousand at a time."""
    processes = [Process(str(key), backlog=1024) for key in range(1, 5)]
    with Router(listener(backlog=1024)) as router:
        router.tell(*(p.ready(key) for key, p in enumerate(processes, 1)))
        before = router.descriptors()
        clients = [router.connect() for _ in range(1000)]
        for client in clients:
            line(client)
        assert set(router.ask().in_flight.values()) == {250}
        for client in clients:
            echoes(client)
        for client in clients:
            finish(client)
        router.until(lambda report: report.open == 0)
        assert router.descriptors() == before


def bulk():
    """100 MB both ways at once, through a client that reads slowly at first."""
    chunk = random.randbytes(1 << 20)
    for family in socket.AF_INET, socket.AF_UNIX:
        process = Process(family=family)
        with Router(listener(family)) as router:
            router.tell(process.ready(1))
            before = router.descriptors()
            client = router.connect()
            assert line(client) == "one"
            sent = hashlib.sha256()

            def send():
                for _ in range(100):
                    client.sendall(chunk)
                    sent.update(chunk)
                client.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            was = None
            while was != router.ask().bytes_in:  # until all buffers are full
                was = router.report.bytes_in
                time.sleep(0.2)
            assert 0 < was < 100 << 20, router.report
            got, last = hashlib.sha256(), b""
            while data := client.recv(1 << 20):
                data = last + data
                got.update(data[:-3])
                last = data[-3:]
            sender.join()
            assert last == b"end" and got.digest() == sent.digest()
            client.close()
            router.until(lambda report: report.open == 0)
            assert router.report.bytes_in == 100 << 20
            assert router.descriptors() <= before + 32  # pipes that are kept


def slow_readers():
    """Hundreds that read nothing take no more memory than the router's bounds."""
    process = Process(talk=lambda client: client.sendall(bytes(8 << 20)))
    with Router() as router:
        router.tell(process.ready(1))
        clients = [router.connect() for _ in range(300)]
        was = None
        while was != router.ask().bytes_out:
            was = router.report.bytes_out
            time.sleep(0.2)
        assert len(rest(clients[7])) == len(rest(clients[299])) == 8 << 20
        with open(f"/proc/{router.pid}/status", encoding="ascii") as file:
            status = dict(row.split(":", 1) for row in file)
        if "/sanitize/" not in os.environ["FORMATION"]:  # which needs memory of its own
            assert int(status["VmRSS"].split()[0]) < 48 << 10, status["VmRSS"]


def text_preface():
    def talk(client):
        seen.append(line(client))
        client.sendall(client.recv(100))

    for family, words in ((socket.AF_INET, "TCP4 127.0.0.1 127.0.0.1"),
                          (socket.AF_INET6, "TCP6 ::1 ::1"), (socket.AF_UNIX, None)):
        seen = []
        process = Process(talk=talk)
        with Router(listener(family)) as router:
            router.tell(process.ready(1), preface=1)
            client = router.connect()
            client.sendall(b"hello")
            assert rest(client) == b"hello"
            wanted = "PROXY UNKNOWN\r"
            if words:
                wanted = f"PROXY {words} {client.getsockname()[1]} {client.getpeername()[1]}\r"
            assert seen == [wanted], (seen, wanted)


def binary_preface():
    signature = b"\r\n\r\n\0\r\nQUIT\n"

    def talk(client):
        head = client.recv(16, socket.MSG_WAITALL)
        size = struct.unpack("!H", head[14:])[0]
        seen.append((head[:12], head[12], head[13], client.recv(size, socket.MSG_WAITALL)))
        client.sendall(client.recv(100))

    for family, kind in (socket.AF_INET, 0x11), (socket.AF_INET6, 0x21), (socket.AF_UNIX, 0x31):
        seen = []
        process = Process(talk=talk)
        with Router(listener(family)) as router:
            router.tell(process.ready(1), preface=2)
            client = router.connect()
            client.sendall(b"hello")
            assert rest(client) == b"hello"
            own, peer = client.getsockname(), client.getpeername()
            if family == socket.AF_UNIX:
                wanted = bytes(108) + peer.encode().ljust(108, b"\0")
            else:
                wanted = socket.inet_pton(family, own[0]) + socket.inet_pton(family, peer[0])
                wanted += struct.pack("!HH", own[1], peer[1])
            assert seen == [(signature, 0x21, kind, wanted)], seen


def families():
    """Whatever the clients' and the processes' addresses are."""
    kinds = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
    processes = [Process(kind.name, kind) for kind in kinds]
    with Router(*(listener(kind) for kind in kinds)) as router:
        for key, process in enumerate(processes, 1):
            router.tell(process.ready(key))
            for index in range(3):
                client = router.connect(index)
                assert line(client) == process.name
                echoes(client, random.randbytes(200_000))
                finish(client)


def busy_unix():
    """A unix socket with a short queue: nobody is refused."""
    process = Process(family=socket.AF_UNIX, backlog=1)
    with Router() as router:
        router.tell(process.ready(1))
        clients = [router.connect() for _ in range(100)]
        for client in clients:
            assert line(client) == "one"


def few_descriptors():
    """With 64 open files it takes what it can, and the others when there is room."""
    process = Process()
    with Router(files=64) as router:
        router.tell(process.ready(1))
        clients = [router.connect() for _ in range(40)]
        report = router.until(lambda report: report.is_full)
        assert 4 <= report.open < 20, report
        while clients:
            client = clients.pop(0)
            assert line(client) == "one"
            finish(client)
        report = router.until(lambda report: report.open == 0)
        assert (report.routed, report.is_full) == (40, 0), report


def nonsense():
    """Messages that are none change nothing."""
    process = Process()
    with Router() as router:
        router.tell(process.ready(1))
        client = router.connect()
        assert line(client) == "one"
        table = HEAD.pack(1, VERSION, 9) + SETTINGS.pack(1, 1, 1, 1, 0)
        some = [b"x", bytes(5000), random.randbytes(200_000), HEAD.pack(1, 7, 1),
                HEAD.pack(3, VERSION, 1), HEAD.pack(2, VERSION, 1) + b"x",
                table + SIZES.pack(1, 0), table + SIZES.pack(1 << 31, 0),
                table + SIZES.pack(1, 0) + BACKEND.pack(1, 9, 1, 80, 0, b""),
                table + SIZES.pack(1, 0) + BACKEND.pack(1, 1, 3, 0, 0, b""),
                table + SIZES.pack(1, 0) + BACKEND.pack(1, 1, 3, 0, 0, b"x" * 112),
                table + SIZES.pack(1, 0) + BACKEND.pack(0, 1, 1, 80, 0, b""),
                table + SIZES.pack(2, 0) + BACKEND.pack(1, 1, 1, 80, 0, b"") * 2]
        for message in some:
            router.channel.send(message)
        report = router.until(lambda report: report.nonsense == len(some))
        assert report.table == 1, report
        echoes(client)
        assert line(router.connect()) == "one"


def quiet():
    """Without news there is no report; one that is asked for comes."""
    process = Process()
    with Router() as router:
        router.tell(process.ready(1), report_after=SECOND // 100)
        while router.next_report(0.1):
            pass
        assert not router.next_report(0.3)
        number = router.report.number
        assert router.ask().number == number + 1


def deaf_manager():
    """A manager that reads no reports holds nobody up; the next one gets a fresh one."""
    process = Process()
    with Router() as router:
        router.tell(process.ready(1), report_after=1)
        for _ in range(3000):
            client = router.connect()
            assert line(client) == "one"
            client.close()
        report = router.ask()
        assert report.accepted == 3000, report


def end_in_order():
    """SIGTERM: nobody new; those that are there go on to their end."""
    process = Process()
    with Router() as router:
        router.tell(process.ready(1), linger=PATIENCE * SECOND)
        client = router.connect()
        assert line(client) == "one"
        os.kill(router.pid, signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while router.descriptors() and "stopped" not in listens(router):
            assert time.monotonic() < end
        waiting = router.connect()  # the socket itself listens on, for the next router
        echoes(client)
        finish(client)
        assert router.wait() == 0
        with Router(*router.listeners) as following:
            following.tell(process.ready(1))
            assert line(waiting) == "one"


def listens(router):
    inode = os.fstat(router.listeners[0].fileno()).st_ino
    held = []
    for fd in os.listdir(f"/proc/{router.pid}/fd"):
        try:
            held.append(os.readlink(f"/proc/{router.pid}/fd/{fd}"))
        except OSError:
            pass
    return "listens" if f"socket:[{inode}]" in held else "stopped"


def end_with_waiting():
    """Who waits when the end is asked for is served yet."""
    process = Process()
    with Router() as router:
        router.tell(linger=PATIENCE * SECOND)
        client = router.connect()
        router.until(lambda report: report.waiting == 1)
        os.kill(router.pid, signal.SIGTERM)
        router.tell(process.ready(1))
        assert line(client) == "one"
        finish(client)
        assert router.wait() == 0


def end_at_last():
    """Whoever does not end is ended: after the time that the table says, or at a second SIGTERM."""
    process = Process()
    for linger, signals in (SECOND // 10, 1), (3600 * SECOND, 2):
        with Router() as router:
            router.tell(process.ready(1), linger=linger)
            client = router.connect()
            assert line(client) == "one"
            os.kill(router.pid, signal.SIGTERM)
            if signals == 2:
                end = time.monotonic() + PATIENCE
                while listens(router) == "listens":
                    assert time.monotonic() < end
                echoes(client)
                os.kill(router.pid, signal.SIGTERM)
            assert router.wait() == 0
            assert is_reset(client)


def end_of_manager():
    """The channel's end is closed: as SIGTERM."""
    process = Process()
    with Router() as router:
        router.tell(process.ready(1), linger=PATIENCE * SECOND)
        client = router.connect()
        assert line(client) == "one"
        router.channel.close()
        echoes(client)
        finish(client)
        assert router.wait() == 0


def no_nagle():
    """Small pieces go out at once on both sides: the sockets have TCP_NODELAY."""
    process = Process()
    with Router() as router:
        router.tell(process.ready(1))
        client = router.connect()
        assert line(client) == "one"
        pidfd = os.pidfd_open(router.pid)
        found = []
        for fd in os.listdir(f"/proc/{router.pid}/fd"):
            copy = pidfd_getfd(pidfd, int(fd))
            try:
                one = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with one:
                try:
                    one.getpeername()
                except OSError:
                    continue
                if one.family == socket.AF_INET:
                    found.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        os.close(pidfd)
        assert found == [1, 1], found


def pidfd_getfd(pidfd, fd):
    out = LIBC.syscall(438, pidfd, fd, 0)
    if out < 0:
        raise OSError(ctypes.get_errno(), errno.errorcode[ctypes.get_errno()])
    return out


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    finally:
        for name in os.listdir(FOLDER):
            os.unlink(f"{FOLDER}/{name}")
        os.rmdir(FOLDER)
