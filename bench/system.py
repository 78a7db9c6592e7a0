# SPDX-License-Identifier: MIT
"""What the bench reads: the board of its C programs, processes, memory, CPU time."""

import ctypes
import mmap
import os
import select
import shutil
import signal
import struct
import tempfile
import time
from pathlib import Path

NSEC = 1_000_000_000
PR_SET_CHILD_SUBREAPER = 36


class Work:
    """Where everything of the bench is, and the promise that nothing of it stays."""

    def __enter__(self):
        self.disk = tempfile.mkdtemp(prefix="formation-bench-")
        # What is written while measured is in memory: no disk is measured.
        in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.memory = tempfile.mkdtemp(prefix="formation-bench-", dir=in_memory)
        return self

    def __exit__(self, *_):
        end_descendants()
        shutil.rmtree(self.disk, ignore_errors=True)
        shutil.rmtree(self.memory, ignore_errors=True)


class Board:
    """The shared memory of board.h, seen from the bench."""

    STARTED_COUNT, LAUNCHED_AT, GO_AT, FINISHED_AT = 0, 8, 16, 24
    WROTE_BYTES, FINISHED_COUNT, QUIET_COUNT, SHOWN_COUNT = 32, 40, 48, 56
    ENTRIES, LATENCIES = 64, 64 + 65536 * 16
    SIZE = LATENCIES + 4096 * 8

    def __init__(self, path):
        self.path = path
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.ftruncate(fd, self.SIZE)
        self.memory = mmap.mmap(fd, self.SIZE)
        os.close(fd)

    def close(self):
        self.memory.close()
        os.unlink(self.path)

    def number(self, offset):
        return struct.unpack_from("<q", self.memory, offset)[0]

    def set_number(self, offset, value):
        struct.pack_into("<q", self.memory, offset, value)

    def entry(self, index):
        """(started_at, pid); started_at is 0 while the process has not yet noted it."""
        return struct.unpack_from("<qq", self.memory, self.ENTRIES + index * 16)

    def latencies(self):
        """Nanoseconds from the quiet writer to the reader, of each line that came out."""
        count = self.number(self.SHOWN_COUNT)
        return struct.unpack_from(f"<{count}q", self.memory, self.LATENCIES)

    def started(self, count):
        """True when `count` processes have noted that they run."""
        if self.number(self.STARTED_COUNT) < count:
            return False
        return all(self.entry(i)[0] for i in range(count))


def become_subreaper():
    """Whatever the managers leave behind becomes a child of the bench, so that it can be ended."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def parents():
    """pid → parent's pid of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            stat = Path("/proc", name, "stat").read_text(errors="replace")
        except OSError:
            continue
        found[int(name)] = int(stat[stat.rindex(")") + 2:].split()[1])
    return found


def descendants(ancestor):
    """Every process below `ancestor`, zombies too."""
    children = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found, todo = [], [ancestor]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def pids_called(name):
    """Every process on the machine that the kernel knows by this name, 15 letters at most."""
    found = []
    for pid in parents():
        try:
            if Path(f"/proc/{pid}/comm").read_text().rstrip() == name[:15]:
                found.append(pid)
        except OSError:
            continue
    return found


def program_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def end_descendants():
    """Kills and reaps everything below the bench; by pid, and until nothing is left."""
    while pids := descendants(os.getpid()):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        time.sleep(0.01)


def proportional_set_size(pids):
    """PSS of the processes together, in bytes."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def cpu_nanoseconds(pids):
    """User and system time of all threads of the processes so far."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
        except OSError:
            continue
    return total


def is_any_runnable(pids):
    """Whether a thread of the processes runs, or would if a processor were free."""
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                stat = Path(f"/proc/{pid}/task/{task}/stat").read_text(errors="replace")
                if stat[stat.rindex(")") + 2] == "R":
                    return True
        except OSError:
            continue
    return False


def wait_until(condition, seconds, pause=0.002):
    """Asks `condition` again and again; False when it has not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def wait_gone(pidfd, life, seconds):
    """The moment at which the process is gone and nobody holds the FIFO `life`; None: too late."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.register(life, 0)  # only POLLHUP, which is always told
    left, end = 2, time.monotonic() + seconds
    while left:
        ready = poll.poll(max(0, end - time.monotonic()) * 1000)
        if not ready:
            return None
        for fd, _ in ready:
            poll.unregister(fd)
            left -= 1
    return time.monotonic_ns()


def machine():
    """One line about where and when the figures come from."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    load = os.getloadavg()[0]
    busy = ": others work here too, the figures are unsure" if load > 0.5 else ""
    return (f"{len(os.sched_getaffinity(0))} × {model}, Linux {os.uname().release}, "
            f"load at the start {load:.1f}{busy}")
