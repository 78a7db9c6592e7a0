# SPDX-License-Identifier: MIT
"""One formation that lives for a second, in which one or more calls fail; and what must be true of
it all the same. For test/faults/sweep and test/faults/random."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORMATION = Path(os.environ.get("FORMATION_WITH_FAULTS") or ROOT / "build/faults/formation")
PATIENCE = 15       # seconds for a command or an end: what takes longer, hangs
RECOVERY = 10       # seconds until what was wanted has come true, after a fault that passed
MARK = "FORMATION_FAULTS_RUN"
STATUSES = {        # exit status of a client: see the manual
    0, 1, 2, 3,
}
GUARD_STATUSES = {0, 1, 2, 71, 141}

@dataclass(frozen=True)
class Scenario:
    procfile: str
    settings: str
    commands: tuple  # what is asked of it, in turn; a client in which calls fail is one of these


QUICK = "backoff: {base: 50ms, max: 200ms}, stop: {grace: 2s}"

SCENARIOS = {
    "plain": Scenario(
        """\
web: echo "web is up"; exec sleep 1000
worker: echo "worker is up" >&2; (sleep 1000 & exec sleep 1000)
""", f"""\
processes:
  web: {{{QUICK}}}
  worker: {{{QUICK}}}
""", (
            ("ps",),
            ("scale", "web=2"),
            ("logs", "-n", "5"),
            ("restart", "worker"),
            ("stop", "web.1"),
            ("start", "web.1"),
            ("signal", "CONT", "web"),
            ("why", "web.1"),
            ("scale", "web-1"),
            ("reload",),
            ("reopen",),
            ("events",),
            ("status",),
        )),
    # Readiness by a command and by a line, log files that rotate, both kinds of output told apart,
    # what a process leaves behind, a successor.
    "rich": Scenario(
        """\
web: trap 'exit 0' TERM; touch up; while :; do echo "line of some length"; sleep 0.2; done
worker: echo "worker is up"; setsid sleep 1000 & echo "to err" >&2; exec sleep 1000
""", f"""\
logs:
  - file: logs/{{type}}.log
    rotate: {{size: 1K, keep: 3}}
  - file: logs/all.json
    format: json
processes:
  web: {{ready: {{exec: test -e up, interval: 100ms}}, {QUICK}}}
  worker: {{ready: {{log: worker is up}}, {QUICK}}}
""", (
            ("run", "true"),
            ("restart", "worker"),
            ("scale", "worker=2"),
            ("upgrade",),
            ("restart", "web"),
            ("reopen",),
            ("ps",),
            ("logs", "-n", "2", "web"),
            ("signal", "KILL", "worker.2"),
            ("why",),
            ("stop", "worker.2"),
        )),
}


class Run:
    """`with_faults` is who reads FORMATION_FAULTS: "start", or "clients"."""

    def __init__(self, scenario, faults, with_faults, arguments=()):
        self.folder = Path(tempfile.mkdtemp(prefix="formation-faults-"))
        (self.folder / "Procfile").write_text(scenario.procfile)
        (self.folder / "formation.yaml").write_text(scenario.settings)
        self.mark = str(uuid.uuid4())
        self.faults, self.with_faults = faults, with_faults
        self.commands, self.arguments = scenario.commands, arguments
        self.log = self.folder / "faults"
        self.output = self.folder / "output"
        self.problems, self.notes = [], []
        self.refused = False
        self.managers = set()
        self.events = {}
        self.guard = None

    # --- what is run -----------------------------------------------------------------------------

    def environment(self, who):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("FORMATION")
                       and name not in ("XDG_RUNTIME_DIR", "PS")}
        environment |= {MARK: self.mark, "XDG_STATE_HOME": str(self.folder / "state"),
                        "LC_ALL": "C.UTF-8"}
        if who == self.with_faults:
            environment |= {"FORMATION_FAULTS": self.faults, "FORMATION_FAULTS_LOG": str(self.log)}
        return environment

    def complain(self, text):
        self.problems.append(text)

    def client(self, *arguments, who="clients"):
        """Returns its output, or None if it was refused."""
        name = " ".join(arguments)
        process = subprocess.Popen([FORMATION, *arguments], cwd=self.folder,
                                   env=self.environment(who), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            output, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.complain(f"`{name}` hangs; {stack_of(process.pid)}")
            process.kill()
            process.communicate()
            return None
        status = process.returncode
        if status not in STATUSES | ({126, 127} if arguments[0] == "run" else set()):
            self.complain(f"`{name}` ended with {status}: {errors.strip()}")
        elif status != 0 and not errors.strip():
            self.complain(f"`{name}` ended with {status} and said nothing")
        if status != 0:
            self.refused = True
            self.notes.append(f"`{name}`: {status}: {errors.strip()}")
        return output if status == 0 else None

    def ask(self, *arguments):
        """The same, by a client in which nothing fails; read as JSON."""
        output = self.client(*arguments, "--json", who="nobody")
        try:
            return json.loads(output) if output else None
        except ValueError:
            self.complain(f"`{arguments[0]} --json` prints {output!r}")
            return None

    def start(self):
        with self.output.open("wb") as output:
            self.guard = subprocess.Popen(
                [FORMATION, "start", "--no-color", *self.arguments], cwd=self.folder,
                env=self.environment("start"), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output)

    def has_ended(self):
        return self.guard.poll() is not None

    def text(self):
        return self.output.read_text(errors="replace")

    def wait_until_up(self):
        end = time.monotonic() + RECOVERY
        while time.monotonic() < end and not self.has_ended():
            if self.text().count(" started with pid ") >= 2:
                return
            time.sleep(0.02)

    def names(self):
        """Main processes by name, as the kernel knows them."""
        found = {}
        for pid, environment in self.processes():
            if parent_of(pid) == self.guard.pid and b"PS" in environment:
                found.setdefault(environment[b"PS"].decode(), []).append(pid)
        return found

    def processes(self):
        mark = self.mark.encode()
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                text = Path("/proc", entry, "environ").read_bytes()
                if mark not in text or state_of(int(entry)) in "ZX":
                    continue
            except OSError:
                continue
            items = text.split(b"\0")
            yield int(entry), dict(item.split(b"=", 1) for item in items if b"=" in item)

    # --- what must be true -----------------------------------------------------------------------

    def check_names(self):
        """Who was left by its parent has the guard as one, too, until it is ended."""
        end = time.monotonic() + 1
        while doubled := {name: pids for name, pids in self.names().items() if len(pids) > 1}:
            if time.monotonic() > end:
                self.complain(f"they run more than once: {doubled}")
                break
            time.sleep(0.05)

    def note_manager(self):
        status = self.ask("status")
        if status:
            self.managers.add(status["manager_pid"])

    def check_recovery(self):
        """As many processes run as are wanted; and it is known."""
        end = time.monotonic() + RECOVERY
        while not self.has_ended():
            listed = (self.ask("ps") or {}).get("processes", [])
            wanted = {}
            for process in listed:
                if process["state"] in ("ready", "finished"):
                    wanted[process["name"]] = [process["pid"]] if "pid" in process else []
            is_whole = listed and len(wanted) == len(listed) and {
                name: pids for name, pids in wanted.items() if pids} == self.names() and all(
                sum(other["type"] == process["type"] for other in listed) ==
                process["quantity_of_type"] for process in listed)
            unheard = [name for name, pids in wanted.items() if pids and not self.is_heard(name)]
            if is_whole and not unheard:
                return
            if time.monotonic() > end:
                self.complain(f"not whole after {RECOVERY} s: {listed}, running: {self.names()}, "
                              f"not heard of: {unheard}")
                return
            time.sleep(0.05)

    def is_heard(self, name):
        """Whether a line of its present life was shown."""
        life = re.split(rf"^\S+ {name} +\| started with pid \d+$", self.text(), flags=re.M)[-1]
        return re.search(rf"^\S+ {name} +\| (\w+ is up|line of some length)$", life, re.M)

    def check_events(self):
        text = self.client("events", "--json", who="nobody") or ""
        live, last = {}, 0
        for line in text.splitlines():
            event = json.loads(line)
            name, kind = event.get("process"), event["kind"]
            if event["sequence"] != last + 1:
                self.complain(f"events: {event['sequence']} follows {last}")
            last = event["sequence"]
            if kind == "started":
                if live.get(name):
                    self.complain(f"events: {name} was started as {event['pid']} while it ran")
                live[name] = event["pid"]
            elif kind in ("exited", "abandoned"):
                live[name] = None
        running = {name: [pid] for name, pid in live.items() if pid}
        if text and running != self.names():
            self.complain(f"events: {running} should run, and these do: {self.names()}")

    def end(self):
        if not self.has_ended():
            self.client("shutdown")
            try:
                self.guard.wait(PATIENCE / 5)
            except subprocess.TimeoutExpired:
                if not self.refused:
                    self.complain("it did not end after `shutdown`")
                self.guard.send_signal(signal.SIGTERM)
        try:
            self.guard.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.complain(f"the guard hangs; {stack_of(self.guard.pid)}")
            self.guard.kill()
            self.guard.wait()
        status = self.guard.returncode
        if status not in GUARD_STATUSES:
            self.complain(f"the guard ended with {status}: {self.last_words()}")
        elif status != 0 and not self.last_words():
            self.complain(f"the guard ended with {status} and said nothing")
        elif status != 0:
            self.notes.append(f"ended with {status}: {self.last_words()}")
        self.check_nothing_left()

    def check_nothing_left(self):
        """The witness may need a moment to see that the guard is gone."""
        end = time.monotonic() + 5
        while (left := [pid for pid, _ in self.processes()]) and time.monotonic() < end:
            time.sleep(0.02)
        if left:
            self.complain(f"left behind: {[(pid, command_of(pid)) for pid in left]}")
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def last_words(self):
        lines = [line for line in self.text().splitlines() if line.startswith("formation: ")]
        return lines[-1] if lines else self.text()[-200:]

    def injected(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    # --- all of it -------------------------------------------------------------------------------

    def go(self, recovers=True):
        try:
            self.start()
            self.wait_until_up()
            if not self.has_ended():
                self.note_manager()
            for command in self.commands:
                if self.has_ended():
                    break
                self.client(*command)
                self.check_names()
            if not self.has_ended() and recovers:
                self.check_recovery()
            if not self.has_ended():
                self.note_manager()
                self.check_events()
            was_up = not self.has_ended()
            self.end()
            if not was_up and " started with pid " in self.text():
                self.complain(f"the formation ended: {self.last_words()}")
            if len(self.managers) > 1:
                self.notes.append("the manager was started again")
            return self.problems
        finally:
            if self.guard and self.guard.poll() is None:
                self.guard.kill()
                self.guard.wait()

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def stat_of(pid):
    return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()


def state_of(pid):
    return stat_of(pid)[0]


def parent_of(pid):
    try:
        return int(stat_of(pid)[1])
    except OSError:
        return 0


def command_of(pid):
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return "gone"


def stack_of(pid):
    """Where a process hangs, as far as the kernel tells."""
    told = []
    for name in ("wchan", "syscall"):
        try:
            told.append(Path("/proc", str(pid), name).read_text().strip())
        except OSError:
            pass
    return " ".join(told)
