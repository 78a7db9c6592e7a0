# SPDX-License-Identifier: MIT
"""One manager with its processes, from exec until nothing of it is left."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import managers
import system

BUILD = managers.BUILD / "bench"
START_SECONDS = 90  # a manager that has not started everything by then has failed
STOP_SECONDS = 30
READERS = {"pipe": ["cat"], "reader": [str(BUILD / "reader")]}  # of standard output, by the sink
PIPE_BYTES = 1 << 20  # between manager and reader: as large as the kernel gives, for everybody


class Failed(Exception):
    """A manager did not do what was measured; the text goes into its row."""


class Run:
    """One manager with its processes, from exec until nothing of it is left."""

    def __init__(self, work, manager, count, program="worker", sink="", limits=None):
        self.manager = manager
        self.directory = Path(tempfile.mkdtemp(dir=work.disk))
        self.board = system.Board(f"{work.memory}/board")
        self.life_path = self.directory / "life"
        os.mkfifo(self.life_path)
        self.life = os.open(self.life_path, os.O_RDONLY | os.O_NONBLOCK)
        self.log = f"{work.memory}/log" if sink == "file" else None
        self.sink = None
        self.process = None
        self.job = managers.Job(self.directory, str(BUILD / program), count,
                                self.log_of_job(sink))
        # Sockets are in the app's folder then, not among those of the user's own formations.
        self.environment = {name: value for name, value in os.environ.items()
                            if name != "XDG_RUNTIME_DIR"}
        self.environment |= (limits or {}) | {"BENCH_BOARD": self.board.path,
                                              "BENCH_LIFE": str(self.life_path)}
        self.start(sink)

    def log_of_job(self, sink):
        if not sink:
            return ""
        return self.log if self.manager.logs_itself and sink == "file" else "stdout"

    def start(self, sink):
        stdout = subprocess.DEVNULL
        if sink in READERS:
            self.sink = subprocess.Popen(READERS[sink], stdin=subprocess.PIPE, pipesize=PIPE_BYTES,
                                         stdout=subprocess.DEVNULL, env=self.environment)
            stdout = self.sink.stdin
        elif self.log and not self.manager.logs_itself:
            stdout = open(self.log, "wb")
        self.process = subprocess.Popen(
            [str(BUILD / "launch"), *self.manager.prepare(self.job)], cwd=self.directory,
            env=self.environment, stdin=subprocess.DEVNULL, stdout=stdout,
            stderr=open(self.directory / "errors", "wb"), start_new_session=True)
        self.pidfd = os.pidfd_open(self.process.pid)
        if stdout is not subprocess.DEVNULL:
            stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        system.end_descendants()
        self.process.wait()
        if self.sink:
            self.sink.wait()
        os.close(self.pidfd)
        os.close(self.life)
        self.board.close()
        shutil.rmtree(self.directory)
        if self.log:
            shutil.rmtree(f"{self.log}.d", ignore_errors=True)
            Path(self.log).unlink(missing_ok=True)

    def wait_started(self, count):
        """The nanoseconds from the manager's exec until `count` processes ran."""
        system.wait_until(lambda: self.board.started(count) or self.process.poll() is not None,
                          START_SECONDS)
        if not self.board.started(count):
            ran = self.board.number(self.board.STARTED_COUNT)
            raise Failed(f"{ran} of {count} ran. {self.last_error()}")
        last = max(self.board.entry(i)[0] for i in range(count))
        return last - self.board.number(self.board.LAUNCHED_AT)

    def last_error(self):
        """The last line of what manager and commands wrote as errors."""
        errors = (self.directory / "errors").read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(errors) if line.strip()), "")

    def manager_pids(self):
        """Every process of the manager itself: all but those it was told to run."""
        told = {str(BUILD / "worker"), str(BUILD / "writer")}
        other = {self.sink.pid} if self.sink else set()
        daemons = system.pids_called(self.manager.daemon) if self.manager.daemon else []
        return daemons + [pid for pid in system.descendants(os.getpid())
                          if pid not in other and system.program_of(pid) not in told]

    def stop(self):
        """The nanoseconds from the stop signal until manager and processes are gone."""
        asked_at = time.monotonic_ns()
        os.kill(self.process.pid, self.manager.stop_signal)
        gone_at = system.wait_gone(self.pidfd, self.life, STOP_SECONDS)
        if gone_at is None:
            raise Failed(f"not stopped within {STOP_SECONDS} s")
        return gone_at - asked_at
