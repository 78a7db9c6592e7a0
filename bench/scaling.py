# SPDX-License-Identifier: MIT
"""1 → 500 → 1 processes of a type, asked of each manager in its own way; alone, and while clients
ask again and again what runs.
"""

import math
import os
import select
import signal
import statistics
import subprocess
import time
from dataclasses import dataclass

import system
from life import BUILD, Failed, Run

COUNT = 500
CLIENTS = 50
TIMES_A_SECOND = 20
CHANGE_SECONDS = 60   # a manager that has not done it by then has failed
REST_SECONDS = 1      # with 1 and with 500 processes, to be asked about them


@dataclass
class Sample:
    up: int              # nanoseconds from the request until 500 run
    down: int | None     # …until one is left; None: it took too long
    seconds: float = 0   # that the clients asked for
    answers: int = 0
    latencies: tuple = ()
    wrong: int = 0       # answers
    first_wrong: str = ""


def measure_floor(work, manager):
    """What the kernel needs to start 500 and to end them."""
    with Run(work, manager, COUNT) as run:
        return Sample(run.wait_started(COUNT), run.stop())


def measure(work, manager, is_polled):
    with Run(work, manager, 1) as run:
        run.wait_started(1)
        began_at = time.monotonic()
        poller = start_poller(run) if is_polled else None
        time.sleep(REST_SECONDS)
        sample = Sample(scale_up(run), 0)
        time.sleep(REST_SECONDS)
        sample.down = scale_down(run)
        time.sleep(REST_SECONDS)
        if poller:
            sample.seconds = time.monotonic() - began_at
            read_poller(poller, sample)
        return sample


def start_poller(run):
    scaling = run.manager.scaling
    return subprocess.Popen(
        [str(BUILD / "poller"), scaling.language, str(run.directory / scaling.socket),
         str(CLIENTS), str(TIMES_A_SECOND), str(COUNT)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_poller(poller, sample):
    poller.send_signal(signal.SIGTERM)
    output, errors = poller.communicate(timeout=30)
    if poller.returncode:
        raise Failed(f"asking for the list: {errors.strip()}")
    answers, wrong, sample.first_wrong, *latencies = output.splitlines()
    sample.answers, sample.wrong = int(answers), int(wrong)
    sample.latencies = tuple(map(int, latencies))
    if not latencies:
        raise Failed("nobody had an answer")


def request(run, count):
    """Asks for `count` processes, in the manager's own way; it is asked when that is executed."""
    argv = run.manager.scaling.command(run.job, count)
    with open(run.directory / "errors", "ab") as errors:
        return subprocess.Popen([str(BUILD / "launch"), *argv], cwd=run.directory,
                                env=run.environment, stdin=subprocess.DEVNULL,
                                stdout=errors, stderr=errors)


def finish(run, command):
    """The command may say that it is done somewhat later; one that fails has not done it."""
    try:
        if command.wait(CHANGE_SECONDS):
            raise Failed(f"the request failed: {run.last_error()}")
    except subprocess.TimeoutExpired:
        raise Failed(f"the request was not done within {CHANGE_SECONDS} s") from None


def scale_up(run):
    expected = COUNT + (1 if run.manager.scaling.restarts_all else 0)
    run.board.set_number(run.board.LAUNCHED_AT, 0)
    command = request(run, COUNT)
    wait_for_starts(run, command, expected)
    asked_at = run.board.number(run.board.LAUNCHED_AT)
    finish(run, command)
    return max(run.board.entry(i)[0] for i in range(expected)) - asked_at


def wait_for_starts(run, command, expected):
    def is_over():
        return run.board.started(expected) or command.poll() not in (None, 0)
    system.wait_until(is_over, CHANGE_SECONDS)
    if not run.board.started(expected):
        ran = run.board.number(run.board.STARTED_COUNT)
        raise Failed(f"{ran} of {expected} ran. {run.last_error()}")


def scale_down(run):
    """From 500 to 1; who restarts all ends them all, and starts that one anew."""
    restarts_all = run.manager.scaling.restarts_all
    started = run.board.number(run.board.STARTED_COUNT)
    pidfds = [os.pidfd_open(run.board.entry(i)[1]) for i in range(started - COUNT, started)]
    try:
        command = request(run, 1)
        gone_at = wait_gone(pidfds, COUNT - (0 if restarts_all else 1))
    finally:
        for pidfd in pidfds:
            os.close(pidfd)
    if gone_at is None:
        return None
    if restarts_all:
        wait_for_starts(run, command, started + 1)
        gone_at = max(gone_at, run.board.entry(started)[0])
    finish(run, command)
    return gone_at - run.board.number(run.board.LAUNCHED_AT)


def wait_gone(pidfds, count):
    """The moment at which so many of them are; None: too late."""
    end = time.monotonic() + CHANGE_SECONDS
    with select.epoll() as watch:
        for pidfd in pidfds:
            watch.register(pidfd, select.EPOLLIN)
        while count > 0:
            gone = watch.poll(max(0, end - time.monotonic()), len(pidfds))
            if not gone:
                return None
            for pidfd, _ in gone:
                watch.unregister(pidfd)
            count -= len(gone)
    return time.monotonic_ns()


def milliseconds(values):
    if None in values:
        return f"> {CHANGE_SECONDS * 1000:,}"
    return f"{statistics.median(values) / 1e6:,.1f}"


def percentile(values, share):
    """`values` are sorted."""
    return values[math.ceil(len(values) * share) - 1]


def row_alone(samples, floor):
    """Cells: 1 → 500, × bare, 500 → 1; and how many times the bare loop."""
    up = [sample.up for sample in samples]
    times = statistics.median(a / b.up for a, b in zip(up, floor))
    return [milliseconds(up), f"{times:,.2f} ×",
            milliseconds([sample.down for sample in samples])], times


def row_polled(samples):
    """Cells: 1 → 500, 500 → 1, median, p99, max, answers a second, wrong; and the p99."""
    latencies = sorted(latency / 1e6 for sample in samples for latency in sample.latencies)
    worst = percentile(latencies, 0.99)
    rate = sum(s.answers for s in samples) / sum(s.seconds for s in samples)
    return [milliseconds([s.up for s in samples]), milliseconds([s.down for s in samples]),
            f"{percentile(latencies, 0.5):,.2f}", f"{worst:,.1f}", f"{latencies[-1]:,.1f}",
            f"{rate:,.0f}", f"{sum(s.wrong for s in samples):,}"], worst


HEADER_ALONE = [f"1 → {COUNT}", "× bare", f"{COUNT} → 1"]
HEADER_POLLED = [f"1 → {COUNT}", f"{COUNT} → 1", "median", "p99", "max", "answers/s", "wrong"]
TITLE_ALONE = f"scale: ms from the request until {COUNT} run, and until one is left"
TITLE_POLLED = (f"scale, watched: the same while {CLIENTS} clients ask for the list of processes, "
                f"each {TIMES_A_SECOND} times a second;\n  ms from question to answer")
