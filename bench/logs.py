# SPDX-License-Identifier: MIT
"""The part `logs`: how fast lines come through, what they cost, and how long one takes that is
written beside a flood.

Every place is in memory or leads nowhere: no disk is measured. Who writes into a pipe has one of
1 MiB for it. Formation is measured with every length of lines and number of writers; the limits
know nothing of lines, so one length is enough; the peers, most of them slow, get the lengths and
numbers that tell how they compare.
"""

import math
import os
import statistics
import time
from pathlib import Path

import log_managers
import managers
import system
from life import Failed, Run
from tables import median_ratio, table

PLACES = {"null": "to /dev/null", "file": "to a file", "pipe": "to | cat"}
# Not 1024 and so on: lines should not end where reads of 64 KiB do.
LENGTHS = {20: "20 B", 100: "100 B", 1000: "1 KB", 16000: "16 KB"}
USUAL_LENGTH = 100
WRITERS = [1, 10, 200]
# Some MiB/s: how many write makes no difference, but 200 full pipes would take them a while.
SLOW = ["foreman (Ruby)", "nf (Node)"]

START_NS = 30 * 1000 * 1000  # from the word "go" until the writers begin: they look each 10 ms
PATIENCE_SECONDS = 4         # spent on one manager and one figure; then no further round
FINISH_SECONDS = 20
REST_SECONDS = 5
MOST_MEGABYTES = 1024        # that the writers of one sample write
GROWTH = 12                  # a short line becomes so much longer as JSON
DAEMON_MEGABYTES = 32        # of those, into the log of the machine that the bench runs on
HELD_BYTES = 64 * 1024       # may stay in a manager's buffer until more comes

LEAST_OF_COPY = 0.6          # the targets
FAST_ENOUGH = 1              # GiB a CPU second; then it does not matter how fast copying is
LEAST_OF_CAT = 0.5
LEAST_OF_PEER = 2
QUIET_MS = 5


def measure(bench):
    speeds = Speeds(bench)
    for place in PLACES:
        for writers in WRITERS:
            for length in LENGTHS:
                speeds.measure(place, writers, length)
        speeds.show(place)
    speeds.judge()
    measure_latency(bench)


class Speeds:
    """Samples of (MiB/s, CPU seconds a GiB), by name, place, number of writers, length of lines."""

    def __init__(self, bench):
        self.bench = bench
        self.limits = log_managers.limits()
        self.ours = [managers.formation(), *log_managers.formation_sinks()]
        self.bare = log_managers.formation_bare_lines()
        self.peers = log_managers.peers()
        self.samples = {}
        self.remarks = []

    def chosen(self):
        return self.limits + self.bench.installed([*self.ours, self.bare, *self.peers])

    def takes_part(self, manager, place, writers, length):
        if place not in manager.logs_to:
            return False
        is_usual = length == USUAL_LENGTH
        if manager in self.ours:
            return is_usual or writers == 1 or not self.bench.quick
        if manager.name == "copy loop":
            return is_usual
        if manager in self.limits or manager is self.bare or manager.daemon:
            return is_usual and writers == 1
        return is_usual and (writers == 1 or place == "file" and writers in self.more(manager))

    def more(self, peer):
        """How many writers a peer gets besides one."""
        if peer.name in SLOW:
            return [] if self.bench.quick else [10]
        return [200] if self.bench.quick else [10, 200]

    def measure(self, place, writers, length):
        chosen = [manager for manager in self.chosen()
                  if self.takes_part(manager, place, writers, length)]
        what = f"{writers} writing {LENGTHS[length]} {PLACES[place]}"
        samples, failures = self.bench.take_turns(
            what, chosen, 3,
            lambda manager: speed(self.bench, manager, place, writers, length), PATIENCE_SECONDS)
        for name, taken in samples.items():
            self.samples[name, place, writers, length] = taken
        self.remarks += [f"{name}, {what}: {why}" for name, why in failures.items()]

    def show(self, place):
        rows = []
        for writers in WRITERS:
            for manager in self.chosen():
                taken = [self.samples.get((manager.name, place, writers, length))
                         for length in LENGTHS]
                if any(taken):
                    cells = [cell for length, samples in zip(LENGTHS, taken)
                             for cell in cells_of(samples, length)]
                    rows.append([manager.name, str(writers), *cells])
        header = [cell for name in LENGTHS.values() for cell in [name, "lines", "cpu"]]
        self.remarks += [f"{manager.name}: what its daemon's rate limit drops counts as taken"
                         for manager in self.chosen()
                         if manager.daemon and place in manager.logs_to]
        table(f"logs {PLACES[place]}: MiB/s that the writers wrote, millions of lines a second, "
              "CPU seconds of the manager a GiB", ["writers", *header], rows, self.remarks)
        self.remarks = []

    def speeds_of(self, name, place, writers):
        return [speed for speed, _ in
                self.samples.get((name, place, writers, USUAL_LENGTH), [])]

    def judge(self):
        copied = self.speeds_of("copy loop", "file", 1)
        for manager in self.ours:
            share = 0.5 if "json" in manager.name else 1
            self.judge_file(manager.name, copied, share)
        for place in PLACES:
            ours, cat = (self.speeds_of(name, place, 1) for name in ["formation", "cat"])
            if ours and cat:
                self.bench.verdicts.at_least(f"logs {PLACES[place]}", median_ratio(ours, cat),
                                             LEAST_OF_CAT, " × cat")
            self.judge_peers("formation", place)
        self.judge_peers("formation, text sink", "file")

    def judge_file(self, name, copied, share):
        ours = self.speeds_of(name, "file", 1)
        what = f"logs to a file, {name}"
        if not ours:
            return
        a_core = 1 / statistics.median(
            cpu for _, cpu in self.samples[name, "file", 1, USUAL_LENGTH])
        if a_core >= share * FAST_ENOUGH:
            self.bench.verdicts.at_least(what, a_core, share * FAST_ENOUGH, " GiB/s a core")
        elif copied:
            self.bench.verdicts.at_least(what, median_ratio(ours, copied), share * LEAST_OF_COPY,
                                         " × copy loop")

    def judge_peers(self, name, place):
        """The peer that comes closest; of those that look at lines, and of those that do not."""
        for looks in [True, False]:
            ratios = []
            for writers in WRITERS:
                ours = self.speeds_of(name, place, writers)
                for peer in self.peers:
                    theirs = self.speeds_of(peer.name, place, writers)
                    if ours and theirs and looks == peer.looks_at_lines:
                        ratios.append((median_ratio(ours, theirs), peer.name, writers))
            if ratios:
                ratio, peer, writers = min(ratios)
                unit = f" × {peer}" if looks else f" × {peer}, which only moves bytes"
                self.bench.verdicts.at_least(
                    f"logs {PLACES[place]}, {name}, {writers} writing", ratio, LEAST_OF_PEER, unit)


def cells_of(samples, length):
    if not samples:
        return ["–", "", ""]
    mebibytes = statistics.median(speed for speed, _ in samples)
    cpu = statistics.median(cpu for _, cpu in samples)
    lines = mebibytes * 2**20 / length / 1e6
    digits = 0 if mebibytes >= 10 else 1
    return [f"{mebibytes:,.{digits}f}", f"{lines:.2f}", f"{cpu:.2f}"]


def speed(bench, manager, place, writers, length):
    """(MiB/s, CPU seconds a GiB). The end is when the writers are done and the manager at rest:
    so one that takes everything into its memory is not called fast."""
    settings = {"BENCH_MILLISECONDS": "200" if bench.quick else "300", "BENCH_LINE": str(length),
                "BENCH_MEGABYTES": str(megabytes(bench.work, manager, place) // writers + 1)}
    with Run(bench.work, manager, writers, "writer", place, settings) as run:
        pids, before = start(run, writers)
        ended_at, cpu = finish(run, writers, pids)
        wrote_bytes = run.board.number(run.board.WROTE_BYTES)
        if place == "file" and not manager.daemon:
            missing = wrote_bytes - bytes_below(run.log) - HELD_BYTES * writers
            if missing > 0:
                raise Failed(f"{missing:,} bytes are not in its file")
        mebibytes = wrote_bytes / 2**20
        seconds = (ended_at - run.board.number(run.board.GO_AT)) / system.NSEC
        return mebibytes / seconds, (cpu - before) / system.NSEC / (mebibytes / 1024)


def megabytes(work, manager, place):
    if manager.daemon:
        return DAEMON_MEGABYTES
    if place != "file":
        return MOST_MEGABYTES
    room = os.statvfs(work.memory)
    return max(1, min(MOST_MEGABYTES, room.f_bavail * room.f_frsize // 2**20 // GROWTH))


def bytes_below(path):
    """In the file, or in all files of the folder that a logger made in its place."""
    files = [Path(path), *Path(f"{path}.d").rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())


def start(run, writers):
    """The manager's pids, and the CPU time that they have used when the writers begin."""
    run.wait_started(writers)
    pids = run.manager_pids()
    _, before = rest(pids, 0)
    run.board.set_number(run.board.GO_AT, time.monotonic_ns() + START_NS)
    return pids, before


def finish(run, writers, pids):
    """When everything was written and dealt with, and the CPU time used by then."""
    board = run.board
    if not system.wait_until(lambda: board.number(board.FINISHED_COUNT) >= writers,
                             FINISH_SECONDS, 0.01):
        done = board.number(board.FINISHED_COUNT)
        raise Failed(f"{writers - done} of {writers} writers still wait after {FINISH_SECONDS} s")
    return rest(pids, board.number(board.FINISHED_AT))


def rest(pids, ended_at):
    """Waits until the processes do nothing. Returns since when, `ended_at` at the earliest, and
    the CPU time that they have used."""
    quiet, cpu, begin = 0, system.cpu_nanoseconds(pids), time.monotonic()
    while quiet < 5 and time.monotonic() < begin + REST_SECONDS:
        time.sleep(0.01)
        last, cpu = cpu, system.cpu_nanoseconds(pids)
        quiet += 1
        if cpu - last > 2_000_000 or system.is_any_runnable(pids):
            quiet, ended_at = 0, max(ended_at, time.monotonic_ns())
    return ended_at, cpu


# A quiet process beside those that flood: into a pipe, at whose end reader.c looks at the time.

def measure_latency(bench):
    floods = [1, 10]
    copy, *_ = log_managers.limits()
    ours = managers.formation()
    chosen = [copy, *bench.installed([ours, *(peer for peer in log_managers.peers()
                                              if "pipe" in peer.logs_to)])]
    rows, remarks = {manager.name: [manager.name] for manager in chosen}, []
    for count in floods:
        samples, failures = bench.take_turns(
            f"a quiet one beside {count}", chosen, 2,
            lambda manager, count=count: latencies(bench, manager, count))
        for name, row in rows.items():
            row += latency_cells(samples.get(name))
        if ours.name in samples and count == 1:
            bench.verdicts.at_most("logs, a quiet line beside one that floods, p99",
                                   percentile(merged(samples[ours.name]), 0.99), QUIET_MS, " ms")
        remarks += [f"{name}, beside {count}: {why}" for name, why in failures.items()]
    table("logs: ms until the line of a quiet process is shown, beside 1 and beside 10 that flood",
          [cell for _ in floods for cell in ["median", "p99", "max", "flood MiB/s"]],
          rows.values(), remarks)


def latency_cells(samples):
    if not samples:
        return ["–", "", "", ""]
    values = merged(samples)
    flood = statistics.median(mebibytes for _, mebibytes in samples)
    return [f"{percentile(values, share):,.2f}" for share in [0.5, 0.99, 1]] + [f"{flood:,.0f}"]


def merged(samples):
    return sorted(value for values, _ in samples for value in values)


def percentile(ordered, share):
    return ordered[math.ceil(len(ordered) * share) - 1]


def latencies(bench, manager, floods):
    """(milliseconds of each line, MiB/s of the flood). Ends when all lines have come out."""
    milliseconds = 1000 if bench.quick else 2000
    settings = {"BENCH_MILLISECONDS": str(milliseconds), "BENCH_QUIET": "1",
                "BENCH_MEGABYTES": str(1 << 20), "BENCH_LINE": str(USUAL_LENGTH)}
    with Run(bench.work, manager, floods + 1, "writer", "reader", settings) as run:
        pids, _ = start(run, floods + 1)
        finish(run, floods + 1, pids)
        board = run.board
        wrote = board.number(board.QUIET_COUNT)
        if not system.wait_until(lambda: board.number(board.SHOWN_COUNT) >= wrote, REST_SECONDS):
            raise Failed(f"{board.number(board.SHOWN_COUNT)} of {wrote} lines came out")
        values = [value / 1e6 for value in board.latencies()]
        return values, board.number(board.WROTE_BYTES) / 2**20 / (milliseconds / 1000)
