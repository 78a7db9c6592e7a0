# SPDX-License-Identifier: MIT
"""The watchers of test/chaos: what must be so all the time, whatever is done to the formation."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from chaos_system import Connection, NoAnswer, ask, describe, is_alive, is_below, marked, read

PATIENCE = 30          # seconds until something that was waited for counts as missing
ANSWER_SECONDS = 2     # for each request; …
ANSWER_UNDER_LOAD = 5  # …where the machine has more to do than it can
STATES = re.compile(r'^STATE\((\w+), +"([\w-]+)", +(.*?),?$', re.MULTILINE)
STATES_FILE = Path(__file__).resolve().parents[1] / "src/event/states.def"
FINAL = "vacant", "finished"


def transitions():
    """{state: the states that may follow}, of src/event/states.def."""
    found = {identifier: (name, re.findall(r"AFTER\((\w+)\)", after))
             for identifier, name, after in STATES.findall(STATES_FILE.read_text())}
    return {name: {found[identifier][0] for identifier in after}
            for name, after in found.values()}


def answer_seconds():
    is_loaded = os.getloadavg()[0] > 2 * os.cpu_count()
    return ANSWER_UNDER_LOAD if is_loaded else ANSWER_SECONDS


class Watcher(threading.Thread):
    """Looks again and again, until it is stopped."""

    pause = 0.05

    def __init__(self, epoch):
        super().__init__(daemon=True)
        self.epoch = epoch
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(self.pause):
            self.look()

    def finish(self):
        self.is_over.set()
        self.join()


class Events(Watcher):
    """Follows the events: no gap, each as the states allow, each pid started and ended once."""

    pause = 0

    def __init__(self, epoch):
        super().__init__(epoch)
        self.allowed = transitions()
        self.connection = None
        self.last, self.count, self.lost = 0, 0, 0
        self.processes = {}  # name: [state, pid]
        self.exits = 0

    def look(self):
        try:
            if not self.connection:
                self.connection = Connection(self.epoch.control, PATIENCE)
                self.connection.send("Events", {"after": self.last, "follow": True}, more=True)
            if select.select([self.connection.socket], [], [], 0.1)[0]:
                for reply in self.connection.receive():
                    self.take(reply)
        except (NoAnswer, TimeoutError):
            if self.connection:
                self.connection.close()
            self.connection = None
            time.sleep(0.02)

    def take(self, reply):
        parameters = reply.get("parameters", {})
        if "error" in reply:
            self.epoch.complain(f"events: {reply}")
        if parameters.get("lost"):  # this client was too slow, and is told so: nothing is known
            self.lost += parameters["lost"]
            self.last += parameters["lost"]
            self.processes.clear()
        if "event" in parameters:
            self.check(parameters["event"])

    def check(self, event):
        if event["sequence"] != self.last + 1:
            self.epoch.complain(f"event {event['sequence']} follows {self.last}")
        self.last = event["sequence"]
        self.count += 1
        name, state, kind = event.get("process"), event.get("state"), event["kind"]
        if not name:
            return
        if self.lost and name not in self.processes:
            self.processes[name] = [state, event.get("pid")]
            return
        before = self.processes.setdefault(name, ["vacant", None])
        if kind == "started":  # without a way to find out, who runs is ready
            self.check_next(before, "running", event)
        elif kind == "starting" and before[0] == "finished":  # somebody asked for it
            self.check_next(before, "waiting", event)
        if state and state != before[0]:
            self.check_next(before, state, event)
        self.check_pid(name, before, event)

    def check_next(self, before, state, event):
        if state != before[0] and state not in self.allowed[before[0]]:
            self.epoch.complain(f"{before[0]} cannot become {state}: {event}")
        before[0] = state

    def check_pid(self, name, before, event):
        kind = event["kind"]
        if kind == "started":
            if before[1]:
                self.epoch.complain(f"started, though {before[1]} had not exited: {event}")
            before[1] = event["pid"]
        elif kind == "exited":
            self.exits += 1
            if event.get("pid") != before[1]:
                self.epoch.complain(f"another pid than {before[1]}: {event}")
            before[1] = None
        elif kind == "removed":
            if before[1]:
                self.epoch.complain(f"removed, though {before[1]} had not exited: {event}")
            self.processes[name] = ["vacant", None]


class Requests(Watcher):
    """Asks all the time, and is answered or refused in time; but for the times in which a manager
    is stopped, or is without a descriptor for a client."""

    pause = 0.1

    def __init__(self, epoch):
        super().__init__(epoch)
        self.answers, self.refusals, self.slowest = 0, 0, 0.0

    def look(self):
        began, limit = time.monotonic(), answer_seconds()
        try:
            ask(self.epoch.control, "GetStatus" if self.answers % 2 else "List", limit)
            self.answers += 1
        except NoAnswer:
            self.refusals += 1
        except TimeoutError:
            if not self.epoch.was_deaf_since(began):
                self.epoch.complain(f"no answer within {limit} s")
        if not self.epoch.was_deaf_since(began):
            self.slowest = max(self.slowest, time.monotonic() - began)


class Tree(Watcher):
    """Every process is one of the tree; each pid that `ps` tells is alive, and is its name's."""

    pause = 0.3

    def __init__(self, epoch):
        super().__init__(epoch)
        self.most = self.looks = 0

    def look(self):
        guard = self.epoch.guard.pid
        pids = marked(self.epoch.mark)
        self.most = max(self.most, len(pids))
        self.looks += 1
        for pid in pids:
            if is_below(pid, guard) is False and is_alive(guard) and is_alive(pid):
                self.epoch.complain(f"not of the tree: {describe(pid)}")
        doubles = read(self.epoch.folder / "doubles")
        if doubles:
            self.epoch.complain(f"started while a former one of its name ran: {doubles}")
            (self.epoch.folder / "doubles").unlink()


class Strangers:
    """Processes that nobody has any business with; each tells if it gets a signal."""

    CODE = """if True:
        import signal, sys
        every = set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}
        signal.pthread_sigmask(signal.SIG_BLOCK, every)
        print("here", flush=True)
        while True:
            info = signal.sigwaitinfo(every)
            if info.si_signo == signal.SIGTERM and info.si_pid == int(sys.argv[1]):
                sys.exit(0)
            print(signal.Signals(info.si_signo).name, "from", info.si_pid, flush=True)
        """

    def __init__(self, folder):
        """One beside us, one in a session of its own, one with a process's name and folder."""
        self.paths, self.processes = [], []
        named = os.environ | {"PS": "web.1", "PORT": "5000"}
        for number, more in enumerate(({}, {"start_new_session": True},
                                       {"env": named, "cwd": folder, "start_new_session": True})):
            path = folder / f"stranger.{number}"
            with path.open("wb") as output:
                self.processes.append(subprocess.Popen(
                    [sys.executable, "-c", self.CODE, str(os.getpid())],
                    stdin=subprocess.DEVNULL, stdout=output, **more))
            self.paths.append(path)
        while not all(read(path) for path in self.paths):
            time.sleep(0.01)

    def wrongs(self):
        for path, process in zip(self.paths, self.processes):
            _, status = os.waitpid(process.pid, os.WNOHANG | os.WUNTRACED)
            if status:
                yield f"a stranger was ended or stopped: {status}"
                continue
            if read(path) != "here\n":
                yield f"a stranger got {read(path)[5:].strip()}"

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Audit:
    """Reads what a formation has written: the lines of test/apps/numbered are there, each whole and
    once, in order, and no old life goes on behind a new one."""

    LINE = re.compile(rb"=(\S+) (\d+) (\d+) ")

    def __init__(self, name, is_prefixed):
        self.name, self.is_prefixed = name, is_prefixed
        self.seen, self.current, self.over = {}, {}, set()
        self.problems, self.lines, self.bytes = [], 0, 0

    def complain(self, text):
        if len(self.problems) < 5:
            self.problems.append(f"{self.name}: {text}")

    def take(self, raw, is_cut):
        """`is_cut`: what comes last may end anywhere."""
        self.bytes += len(raw)
        whole = raw.endswith(b"\n")
        process, line = None, raw.rstrip(b"\n")
        if self.is_prefixed:
            prefix, _, line = line.partition(b"| ")
            process = prefix.split()[-1] if prefix.split() else None
        if not line.startswith(b"=") or line.startswith(b"=="):  # which a sanitizer writes
            return
        match = self.LINE.match(line)
        if not whole and is_cut:
            return
        if not match or not whole or len(line) != int(match[3]) or not self.is_filled(line, match):
            self.complain(f"torn: {raw[:200]!r} … {raw[-60:]!r}, {len(line)} bytes")
            return
        self.count(match[1].decode(), int(match[2]), process)

    @staticmethod
    def is_filled(line, match):
        rest = line[match.end():]
        digits = match[2] + b"."
        return rest == (digits * (len(rest) // len(digits) + 1))[:len(rest)]

    def count(self, life, number, process):
        self.lines += 1
        name = life.rsplit(".", 2)[0]
        if process is not None and process.decode() != name:
            self.complain(f"{life} {number} is in the name of {process.decode()}")
        if life in self.over:
            self.complain(f"{life} {number} comes behind {self.current[name]}")
        if self.current.get(name, life) != life:
            self.over.add(self.current[name])
        self.current[name] = life
        if number != self.seen.get(life, 0) + 1:
            self.complain(f"{life}: {number} follows {self.seen.get(life, 0)}")
        self.seen[life] = number

    def finish(self, states, is_cut):
        """What each life has counted was seen; the last line may not be counted yet."""
        for path in states.iterdir():
            count = int.from_bytes(path.read_bytes()[:8], sys.byteorder)
            seen = self.seen.get(path.name, 0)
            if not is_cut and not count <= seen <= count + 1:
                self.complain(f"{path.name}: {seen} lines of {count}")
            elif seen > count + 1:
                self.complain(f"{path.name}: {seen} lines, and it has written {count}")
        return self.problems
