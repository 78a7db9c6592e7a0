# SPDX-License-Identifier: MIT
"""What a router costs: `formation route` beside HAProxy in TCP mode and beside no router at all,
before two processes of a small web server.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import time

import system
from life import BUILD, Failed
from tables import note, table

PROCESSES = 2
CONNECTIONS = 64
WORKING = 1000  # microseconds: a page that a framework makes; only static files are quicker
LARGE = 1 << 20
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
WRK = shutil.which("wrk")
NAMES = ["direct", "formation", "haproxy"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port):
    def listens():
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    if not system.wait_until(listens, 10):
        raise Failed(f"nobody listens at port {port}")


class Setup:
    """Processes of the server, with a port of each way to them."""

    def __init__(self, work, microseconds, size):
        self.processes = {}  # name: the router's
        self.rest = []
        self.ports = {}
        backends = [free_port() for _ in range(PROCESSES)]
        for port in backends:
            self.rest.append(subprocess.Popen(
                [str(BUILD / "answerer"), str(port), str(microseconds), str(size)]))
        for port in backends:
            wait_for(port)
        self.ports["direct"] = backends[0]
        self.start_formation(backends)
        if HAPROXY:
            self.start_haproxy(work, backends)

    def start_formation(self, backends):
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fds = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, 100) for one in (other, listener)]
        pid = os.posix_spawn(str(BUILD / "formation"), ["formation", "route", "1"], os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, fd, 3 + i)
                                           for i, fd in enumerate(fds)])
        for fd in fds:
            os.close(fd)
        other.close()
        # route/message.h: head, settings, size, backends
        message = struct.pack("=IIQ", 1, 1, 1) + struct.pack(
            "=qqqIIII", system.NSEC, 0, system.NSEC // 10, 1000, 0, len(backends), 0)
        for key, port in enumerate(backends, 1):
            message += struct.pack("=QBBHI112s", key, 1, 1, port, 0, bytes([127, 0, 0, 1]))
        self.channel.send(message)
        self.processes["formation"] = pid
        self.ports["formation"] = listener.getsockname()[1]
        listener.close()
        wait_for(self.ports["formation"])

    def start_haproxy(self, work, backends):
        port = free_port()
        path = f"{work.disk}/haproxy.cfg"
        with open(path, "w", encoding="ascii") as file:
            file.write("global\n  nbthread 1\n  maxconn 4000\n"
                       "defaults\n  mode tcp\n  timeout connect 5s\n"
                       "  timeout client 60s\n  timeout server 60s\n"
                       f"listen all\n  bind 127.0.0.1:{port}\n  balance leastconn\n")
            for key, backend in enumerate(backends, 1):
                file.write(f"  server s{key} 127.0.0.1:{backend}\n")
        process = subprocess.Popen([HAPROXY, "-db", "-f", path], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.rest.append(process)
        self.processes["haproxy"] = process.pid
        self.ports["haproxy"] = port
        wait_for(port)

    def drain_reports(self):
        try:
            while self.channel.recv(1 << 20, socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        os.kill(self.processes["formation"], signal.SIGKILL)
        os.waitpid(self.processes["formation"], 0)
        for process in self.rest:
            process.kill()
            process.wait()


def asked(port, seconds, how):
    """Median and 99th percentile in microseconds."""
    done = subprocess.run([str(BUILD / "asker"), str(port), str(seconds), how], check=False,
                          capture_output=True, text=True, timeout=seconds + 30)
    if done.returncode:
        raise Failed(done.stderr.strip())
    _, median, worst = map(int, done.stdout.split())
    return median / 1000, worst / 1000


UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "B": 1}


def loaded(setup, name, seconds, *headers):
    """(requests, bytes, CPU microseconds a request of the router) a second under wrk."""
    pids = [setup.processes[name]] if name in setup.processes else []
    before = system.cpu_nanoseconds(pids)
    done = subprocess.run([WRK, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *headers,
                           f"http://127.0.0.1:{setup.ports[name]}/"], check=False,
                          capture_output=True, text=True, timeout=seconds + 30)
    used = system.cpu_nanoseconds(pids) - before
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    transfer = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?B)", done.stdout)
    total = re.search(r"(\d+) requests in", done.stdout)
    if not (rate and transfer and total) or "Socket errors" in done.stdout:
        raise Failed(f"wrk: {done.stdout.strip() or done.stderr.strip()}")
    return (float(rate[1]), float(transfer[1]) * UNITS[transfer[2]] / 1e6,
            used / 1000 / max(1, int(total[1])))


def take_turns(setup, rounds, what, measure):
    """{name: median of each figure}, and of each the median ratio to `direct` of its round."""
    samples = {name: [] for name in NAMES if name in setup.ports}
    for turn in range(rounds):
        for name in samples:
            note(f"{what}: {name}, round {turn + 1}")
            setup.drain_reports()
            samples[name].append(measure(name))
    return samples


def middle(samples, index):
    return statistics.median(sample[index] for sample in samples)


def ratio(samples, others, index):
    return statistics.median(one[index] / other[index] for one, other in zip(samples, others))


def measure_latency(work, rounds, seconds, verdicts):
    rows = {name: [name] for name in NAMES}
    for microseconds in 0, WORKING:
        with Setup(work, microseconds, 100) as setup:
            samples = take_turns(setup, rounds, "latency",
                                 lambda name: asked(setup.ports[name], seconds, "keep"))
        for name, own in samples.items():
            times = ratio(own, samples["direct"], 0)
            rows[name] += [f"{middle(own, 0):,.1f}", f"{middle(own, 1):,.1f}", f"{times:.2f} ×"]
            if name == "formation" and microseconds == WORKING:
                verdicts.at_most("route, latency of a request", times, 1.1, " × direct")
    table("route: µs of a request by one kept connection, of an app that computes so long",
          ["0: median", "p99", "× direct", f"{WORKING} µs: median", "p99", "× direct"],
          rows.values(), [])


def measure_throughput(work, rounds, seconds, verdicts):
    rows = {name: [name] for name in NAMES}
    parts = [("requests", 100, []), ("connections", 100, ["-H", "Connection: close"]),
             ("MB", LARGE, [])]
    for what, size, headers in parts:
        index = 1 if what == "MB" else 0
        with Setup(work, 0, size) as setup:
            if what == "connections":
                def measure(name):
                    median, _ = asked(setup.ports[name], seconds, "new")
                    return (1e6 / median, 0, 0)
            else:
                def measure(name):
                    return loaded(setup, name, seconds, *headers)
            samples = take_turns(setup, rounds, what, measure)
        for name, own in samples.items():
            rows[name] += [f"{middle(own, index):,.0f}"]
            if what == "requests":
                rows[name] += [f"{middle(own, 2):,.2f}" if name != "direct" else ""]
        if "haproxy" in samples:
            verdicts.at_least(f"route, {what} a second",
                              ratio(samples["formation"], samples["haproxy"], index), 0.8,
                              " × haproxy")
    table(f"route: a second; requests and MB by {CONNECTIONS} kept connections, connections one "
          "after the other",
          ["requests", "CPU µs each", "connections", "MB"], rows.values(),
          [] if HAPROXY else ["haproxy: is not installed"])


def measure(bench):
    if not WRK:
        table("route", [], [], ["wrk is not installed"])
        return
    rounds, seconds = (1, 1) if bench.quick else (7, 3)
    measure_latency(bench.work, rounds, seconds, bench.verdicts)
    measure_throughput(bench.work, rounds, seconds, bench.verdicts)
