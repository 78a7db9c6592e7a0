# SPDX-License-Identifier: MIT
"""One formation of test/chaos: its files, its start, what must be so once it is left alone, its
end and what is left of it."""

import os
import pty
import resource
import signal
import subprocess
import threading
import time

from chaos_system import (MARK, ask_patiently, children, descriptors, describe, held_memory,
                          is_alive, marked, parent_of, read, send)
from chaos_watch import PATIENCE, Audit, Events, Requests, Tree, answer_seconds

HELD = """#!/bin/sh
# Descriptor 9 is locked as long as anybody of this process's tree lives.
exec 9>>locks/$PS
flock -n 9
[ $? != 1 ] || echo "$PS $$" >>doubles
exec "$@"
"""
PROCFILE = """
web: ./held {apps}/responder answer
worker: ./held {apps}/numbered lines 20 10 300
flood: ./held {apps}/numbered lines 50 40 4000
crash: ./held {apps}/crasher 1 0.3
fault: ./held {apps}/crasher SEGV 0.1
once: ./held {apps}/crasher 0 0.2
daemon: ./held {apps}/daemonizer
fork: ./held {apps}/forker --setsid --double
stubborn: ./held {apps}/stubborn
leave: ./held {apps}/leaver 0.2
screen: ./held cat
watched: ./held {apps}/notifier say=READY=1 ping=0.2
release: {apps}/marker
"""
# name: (quantity, more)
TYPES = {
    "web": (2, "ready: {http: /, interval: 200ms}, alive: {http: /, interval: 500ms, timeout: 1s}"),
    "worker": (3, "after: [web]"),
    "flood": (2, "after: [worker]"),
    "crash": (1, ""), "fault": (1, ""), "once": (1, "restart: on-failure"), "daemon": (1, ""),
    "fork": (2, ""), "stubborn": (1, ""), "leave": (2, ""), "screen": (1, "tty: true"),
    "watched": (1, "ready: {notify: true}, watchdog: 3s"),
}
LIMITS = {"nofile": "Max open files", "nproc": "Max processes"}  # in /proc/PID/limits
STEADY = ("web", "worker", "flood", "fork", "stubborn", "leave", "screen", "watched")
COMMON = "backoff: {base: 10ms, max: 500ms, reset: 2s}, boot: 10s, stop: {grace: 1s}"
LEFT_SECONDS = 5         # the witness ends when it sees that the guard has, and clears away
MEMORY_MAY_GROW = 0.2    # of what it was, …
QUEUES_IN_USE = 12288    # …and KiB for queues that happen to be used
EXITS = {"term": (0,), "shutdown": (0,), "interrupt": (0,), "interrupt twice": (130,),
         "hangup": (0,), "close": (0, 141)}


def soft_limit(pid, row):
    return next(line[len(row):].split()[0] for line in read(f"/proc/{pid}/limits").splitlines()
                if line.startswith(row))


class Formation:
    def __init__(self, program, folder, plan, disk, former):
        self.program, self.folder, self.plan, self.disk = program, folder, plan, disk
        self.control = folder / ".formation/control.sock"
        self.mark = f"{folder}.{plan.number}"
        self.kind = plan.kind
        self.former = former
        self.problems, self.deaf = [], []  # deaf: [from, to] of times without answers
        self.trace, self.began = [], time.monotonic()  # what was done, for who looks into it
        self.lock = threading.Lock()
        self.terminal = self.reader = None
        self.output = folder / f"output.{plan.number}"
        self.log = disk / f"log.{plan.number}"
        self.user = 20000 + os.getpid() % 10000 if plan.kind == "user" else None
        self.prepare()

    def complain(self, text):
        with self.lock:
            if len(self.problems) < 20:
                self.problems += [f"{self.stamp()} {text}",
                                  *(f"    {deed}" for deed in self.trace[-12:])]

    def stamp(self):
        return f"{time.monotonic() - self.began:.2f}"

    def note(self, text):
        self.trace.append(f"{self.stamp()} {text}")

    def was_deaf_since(self, moment):
        return any(to > moment for _, to in self.deaf)

    # --- files

    def prepare(self):
        for name in ("lines", "locks"):
            path = self.folder / name
            path.mkdir(exist_ok=True)
        for path in (self.folder / "lines").iterdir():
            path.unlink()
        for name in ("answer", "quiet"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "held").write_text(HELD)
        (self.folder / "held").chmod(0o755)
        self.write("Procfile", PROCFILE.format(apps=self.program.parent / "test/apps"))
        self.configure({})
        if self.user:
            for path in (self.folder, self.disk, *self.folder.rglob("*")):
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def write(self, name, text):
        new = self.folder / f"{name}.new"
        new.write_text(text)
        if self.user:
            os.chown(new, self.user, self.user)
        new.rename(self.folder / name)

    def configure(self, changes):
        """{type: (quantity or None, a variable's value or None)}; the log is always the same."""
        lines = ["app: chaos", "processes:"]
        for name, (quantity, more) in TYPES.items():
            changed, variable = changes.get(name, (None, None))
            settings = [f"quantity: {quantity if changed is None else changed}", COMMON]
            settings += [more] if more else []
            settings += [f"env: {{CHANGED: '{variable}'}}"] if variable is not None else []
            lines.append(f"  {name}: {{{', '.join(settings)}}}")
        lines.append(f"logs: [{{file: {self.log}, format: raw, processes: [worker, flood]}}]")
        self.write("formation.yaml", "\n".join(lines) + "\n")

    # --- start

    def start(self):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("XDG_RUNTIME_DIR", "PORT", "PS", "FORMATION_ID")}
        command = [str(self.program), "start", "--no-color", "-p", str(20000 + self.plan.number)]
        if self.kind == "search":
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                       'grep " - cgroup2 " /proc/self/mountinfo | cut -d" " -f5 | '
                       'while read -r path; do umount -l "$path"; done; exec "$@"', "sh", *command]
        streams = self.open_output()
        self.guard = subprocess.Popen(command, cwd=self.folder, stdin=streams[0], stdout=streams[1],
                                      stderr=streams[1], env=environment | {MARK: self.mark},
                                      start_new_session=True, user=self.user, group=self.user,
                                      preexec_fn=self.prepare_guard)
        for stream in set(streams) - {subprocess.DEVNULL}:
            if not isinstance(stream, int):
                stream.close()
        if self.terminal:
            os.close(streams[0])
            self.reader = threading.Thread(target=self.drain_terminal, daemon=True)
            self.reader.start()
        self.events, self.requests, self.tree = Events(self), Requests(self), Tree(self)
        self.limits = {kind: soft_limit(self.guard.pid, row) for kind, row in LIMITS.items()}
        # The socket alone may be what the former one has left.
        self.wait_until("it answers", lambda: self.guard.poll() is None
                        and ask_patiently(self.control, "List", 1))
        for watcher in (self.events, self.requests, self.tree):
            watcher.start()
        for pid in marked(self.former.mark) if self.former else []:
            self.complain(f"not ended by this start: {describe(pid)}")
        self.wait_whole()
        self.before = self.holdings()

    def open_output(self):
        """Of the guard: standard input, and the other two."""
        if self.kind == "terminal":
            self.terminal, end = pty.openpty()
            return end, end
        if self.kind == "file":
            return subprocess.DEVNULL, self.output.open("wb")
        self.reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                                       stdout=self.output.open("wb"))
        return subprocess.DEVNULL, self.reader.stdin

    def prepare_guard(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.terminal:
            import fcntl  # pylint: disable=import-outside-toplevel
            import termios  # pylint: disable=import-outside-toplevel
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def drain_terminal(self):
        try:
            while os.read(self.terminal, 1 << 16):
                pass
        except OSError:
            pass

    # --- what is so

    def wait_until(self, what, condition, patience=PATIENCE):
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                self.complain(f"waited {patience} s until {what}")
                return False
            time.sleep(0.02)
        return True

    def manager(self):
        for pid in children(self.guard.pid):
            if read(f"/proc/{pid}/cmdline").split("\0")[1:2] == ["manager"]:
                return pid
        return None

    def witness(self):
        for pid in children(self.guard.pid):
            if read(f"/proc/{pid}/comm").strip() == "formation-wit":
                return pid
        return None

    def limit(self, pid, kind, soft):
        """Only the same user may do that. Whether it was done."""
        return pid and subprocess.run(["prlimit", f"--pid={pid}", f"--{kind}={soft}:"],
                                      user=self.user, group=self.user, check=False,
                                      stderr=subprocess.DEVNULL).returncode == 0

    def relieve_limits(self):
        """Of a manager, too, that was started by a guard with few."""
        for find in (lambda: self.guard.pid, self.manager, self.witness):
            pid = find()
            for kind, soft in self.limits.items():
                self.limit(pid, kind, soft)

    def list(self):
        reply = ask_patiently(self.control, "List", answer_seconds())
        return reply.get("parameters", {}).get("processes", [])

    def mains(self):
        """{name: pid} of those that run, as far as the events have told."""
        return {name: pid for name, (_, pid) in list(self.events.processes.items()) if pid}

    def lacking(self):
        """What is not as the files ask for; nothing if all is."""
        counts, found = {}, []
        for process in self.list():
            counts[process["type"]] = counts.get(process["type"], 0) + 1
            if process["type"] in STEADY and process["state"] != "ready":
                found.append(f"{process['name']} is {process['state']}")
            elif process["type"] in STEADY and parent_of(process["pid"]) != self.guard.pid:
                found.append(f"{process['name']} {process['pid']} does not run")
        wrong = [f"{counts.get(name, 0)} × {name}" for name, (quantity, _) in TYPES.items()
                 if counts.get(name, 0) != quantity]
        return found + wrong

    def wait_whole(self):
        began = time.monotonic()
        if not self.wait_until("it is whole", lambda: not self.lacking()):
            self.complain(f"not whole: {', '.join(self.lacking())}")
        return time.monotonic() - began

    def holdings(self):
        return {"guard": descriptors(self.guard.pid), "manager": descriptors(self.manager() or 0),
                "memory": held_memory(self.guard.pid) + held_memory(self.manager() or 0)}

    def grown(self):
        now = self.holdings()
        found = [f"{now[who]} descriptors of the {who}, before {self.before[who]}"
                 for who in ("guard", "manager") if now[who] > self.before[who] or not now[who]]
        if now["memory"] > self.before["memory"] * (1 + MEMORY_MAY_GROW) + QUEUES_IN_USE:
            found.append(f"{now['memory']} KiB, before {self.before['memory']}")
        return found

    def calm(self):
        """Nobody disturbs any more, and all that was stopped or scaled is asked for again. Returns
        the seconds until it was whole."""
        self.configure({})
        self.relieve_limits()
        for method, parameters in (("Reload", {}), ("Scale", {"changes": [], "reset": True}),
                                   ("Start", {"select": list(TYPES)})):
            reply = ask_patiently(self.control, method, PATIENCE, **parameters)
            if "error" in reply or not reply:
                self.complain(f"{method} in calm: {reply or 'no answer'}")
        seconds = self.wait_whole()
        if not self.wait_until("nothing is held that was not before", lambda: not self.grown()):
            self.complain(f"held: {', '.join(self.grown())}")
        return seconds

    # --- end

    def end(self):
        """As planned; the exit status is right, and nothing is left."""
        how, guard = self.plan.end, self.guard
        victims = {"kill guard": (guard.pid,),
                   "kill guard and manager": (guard.pid, self.manager()),
                   "kill all": (guard.pid, self.manager(), self.witness())}.get(how, ())
        if victims:
            for pid in reversed([pid for pid in victims if pid]):
                send(pid, signal.SIGKILL, os.getpid() if pid == guard.pid else guard.pid)
        elif how == "close":
            os.close(self.terminal)
        elif how == "shutdown":
            ask_patiently(self.control, "Shutdown", PATIENCE)
        else:
            guard.send_signal({"term": signal.SIGTERM, "hangup": signal.SIGHUP}
                              .get(how, signal.SIGINT))
            if how == "interrupt twice":
                time.sleep(0.3)
                guard.send_signal(signal.SIGINT)
        try:
            for delay in self.plan.kills:
                time.sleep(delay)
                if guard.poll() is None:
                    send(self.manager() or 0, signal.SIGKILL, guard.pid)
            status = guard.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            status = f"nothing after {PATIENCE} s"
        expected = (-signal.SIGKILL,) if victims else EXITS[how]
        if status not in expected:
            self.complain(f"{how}: exit status {status}, not {expected}: "
                          f"{read(self.output)[-300:]}")
        self.is_cut = bool(victims)

    def finish_watching(self):
        for watcher in (self.events, self.requests, self.tree):
            watcher.finish()

    def check_left(self):
        """Whoever is killed with all that guard it leaves that to the next start."""
        if self.plan.end == "kill all":
            return
        end = time.monotonic() + LEFT_SECONDS
        while (left := marked(self.mark)) and time.monotonic() < end:
            time.sleep(0.01)
        for pid in left:
            self.complain(f"left after {self.plan.end}: {describe(pid)}")

    def check_lines(self):
        for name, path, is_prefixed in (("output", self.output, True), ("log", self.log, False)):
            if name == "output" and self.kind == "terminal":
                continue
            audit = Audit(name, is_prefixed)
            for line in self.lines_of(path):
                audit.take(line, self.is_cut)
            for problem in audit.finish(self.folder / "lines", self.is_cut):
                self.complain(problem)
            yield audit

    @staticmethod
    def lines_of(path):
        """A manager that dies within a line does so with the file that it had open: the next one
        writes the rest of it to where the path leads then."""
        rest = b""
        for part in (path.with_name(f"{path.name}.old"), path):
            if part.exists():
                with part.open("rb") as file:
                    for line in file:
                        rest += line
                        if rest.endswith(b"\n"):
                            yield rest
                            rest = b""
                part.unlink()
        if rest:
            yield rest

    def close(self):
        if isinstance(self.reader, subprocess.Popen):
            self.reader.stdin.close()
            try:
                self.reader.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.complain("somebody still holds standard output")
                self.reader.kill()
                self.reader.wait()
        elif self.terminal and self.plan.end != "close":
            os.close(self.terminal)

    def clear_away(self):
        if self.guard.poll() is None:
            self.guard.kill()
        while left := [pid for pid in marked(self.mark) if is_alive(pid)]:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        self.guard.wait()
