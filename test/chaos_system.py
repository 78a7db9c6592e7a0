# SPDX-License-Identifier: MIT
"""What test/chaos sees from the outside: /proc, and the control socket as any client does."""

import json
import os
import signal
import socket
import time
from pathlib import Path

MARK = "FORMATION_CHAOS"


def read(path):
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def is_alive(pid):
    status = read(f"/proc/{pid}/status")
    return "State:" in status and "State:\tZ" not in status and "State:\tX" not in status


def parent_of(pid):
    """0 if it is gone."""
    stat = read(f"/proc/{pid}/stat").rpartition(") ")[2].split()
    return int(stat[1]) if stat and stat[0] not in "ZX" else 0


def children(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def marked(mark):
    """Pids of all whose environment has the mark; who is dead has no environment."""
    wanted = f"{MARK}={mark}"
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")
            if wanted in read(path / "environ").split("\0")]


def describe(pid):
    words = read(f"/proc/{pid}/cmdline").split("\0")
    state = [line for line in read(f"/proc/{pid}/status").splitlines()
             if line.startswith(("State", "PPid"))]
    name = [word for word in read(f"/proc/{pid}/environ").split("\0") if word.startswith("PS=")]
    return f"{pid} {' '.join(words)[:100]} {' '.join(name + state)}"


def is_below(pid, ancestor):
    """None: it has gone meanwhile."""
    while pid != ancestor:
        pid = parent_of(pid)
        if pid <= 1:
            return None if pid == 0 else False
    return True


def send(pid, number, parent):
    """A signal to a child of `parent`, and to nobody who only happens to have this pid."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if parent_of(pid) != parent:
            return False
        signal.pidfd_send_signal(pidfd, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)


def held_memory(pid):
    """KiB of its own, without the program."""
    lines = read(f"/proc/{pid}/smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon", "Pss_Shmem")))


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


class NoAnswer(Exception):
    """The manager died over it, or none listens."""


class Connection:
    def __init__(self, path, seconds):
        self.received = bytearray()
        self.end = time.monotonic() + seconds
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        try:
            self.socket.connect(str(path))
        except TimeoutError:
            self.socket.close()
            raise
        except OSError as error:
            self.socket.close()
            raise NoAnswer(str(error)) from error

    def close(self):
        self.socket.close()

    def send(self, method, parameters, **flags):
        call = {"method": f"org.formation.Manager.{method}", "parameters": parameters} | flags
        try:
            self.socket.sendall(json.dumps(call).encode() + b"\0")
        except TimeoutError:
            raise
        except OSError as error:
            raise NoAnswer(str(error)) from error

    def receive(self):
        """The replies that have come whole."""
        try:
            got = self.socket.recv(1 << 20)
        except (ConnectionError, BlockingIOError) as error:
            raise NoAnswer(str(error)) from error
        if not got:
            raise NoAnswer("closed")
        self.received += got
        *whole, rest = self.received.split(b"\0")
        self.received = bytearray(rest)
        return [json.loads(reply) for reply in whole]

    def ask(self, method, parameters):
        self.send(method, parameters)
        while True:
            left = self.end - time.monotonic()
            if left <= 0:
                raise TimeoutError(method)
            self.socket.settimeout(left)
            replies = self.receive()
            if replies:
                return replies[0]


def ask(path, method, seconds, **parameters):
    """One call of a connection of its own; the reply as it is."""
    connection = Connection(path, seconds)
    try:
        return connection.ask(method, parameters)
    finally:
        connection.close()


def ask_patiently(path, method, seconds, **parameters):
    """Again while managers die over it; {} if all that takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return ask(path, method, max(0.1, end - time.monotonic()), **parameters)
        except (NoAnswer, TimeoutError):
            time.sleep(0.05)
    return {}
