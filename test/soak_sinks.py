# SPDX-License-Identifier: MIT
"""The sinks of test/soak: how each is declared, who reads it, what troubles it and is expected."""

import errno
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

ALL_TYPES = "abc"
LONGEST = "200000,c.=2000"     # bytes of a line of chatty, as test/soak has them written
TROUBLE = 0.3, 2.5             # seconds that one lasts
IN_FLIGHT_LINES = 1100         # in one write of 64 KiB, and in a batch of datagrams
IN_FLIGHT_OF_A_LEAVER = 20000  # lines in the buffers of a connection that is broken
ROTATED = re.compile(r"(.+)\.(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})(\.zst)?")


class Sink:
    """One that an auditor reads by itself: standard output, or a socket."""

    declared = True

    def __init__(self, name, audited, declaration="", types=ALL_TYPES, drops=False, troubles=()):
        self.name, self.audited, self.declaration = name, audited, declaration
        self.types, self.drops, self.troubles = types, drops, troubles
        self.auditor = self.relief_at = self.relief = self.report = None
        self.leaves = 0

    def yaml(self):
        """Sentences of the formation's own can be dropped too, and are not numbered."""
        policy = "drop, stream: stdout" if self.drops else "block"
        some = "" if self.types == ALL_TYPES else f"processes: [{', '.join(self.types)}], "
        return f"{{{self.declaration}, {some}policy: {policy}}}"

    def open(self):
        way = self.audited[3:]
        self.auditor = subprocess.Popen(
            [str(word) for word in self.audited], stdout=subprocess.PIPE,
            stdin=subprocess.PIPE if way[0] == "stdin" else subprocess.DEVNULL)

    def feed(self, is_final):
        """Gives the auditor what is there. For those who take it from files."""

    def trouble(self, now):
        """Begins one of its troubles, unless it has one. Returns how many."""
        if self.relief_at or not self.troubles:
            return 0
        self.relief_at = now + random.uniform(*TROUBLE)
        getattr(self, random.choice(self.troubles))()
        return 1

    def relieve(self, now):
        if self.relief_at and now >= self.relief_at:
            self.relief_at = None
            if self.relief:
                self.relief()
            self.relief = None

    def stop(self):
        self.auditor.send_signal(signal.SIGSTOP)
        self.relief = lambda: self.auditor.send_signal(signal.SIGCONT)

    def leave(self):
        self.leaves += 1
        self.auditor.send_signal(signal.SIGUSR1)

    def close(self):
        if self.auditor.stdin and not self.auditor.stdin.closed:
            self.auditor.stdin.close()
        if self.audited[3] != "stdin":
            self.auditor.terminate()
        output = self.auditor.stdout.read()
        self.auditor.wait()
        self.report = json.loads(output)

    def kill(self):
        if self.auditor and self.auditor.poll() is None:
            self.auditor.kill()
            self.auditor.wait()

    def verdict(self, written, manager_kills):
        """A sentence, and whether it is a good one."""
        report = self.report
        expected = {name: count for name, count in written.items() if name[0] in self.types}
        missing = sum(expected.values()) - report["lines"]
        twice, told = report["twice"], report["told"] + report["overflow"]
        wrong = [report["problem"]] if report["problem"] else []
        repeated = 0 if self.audited[3] == "stdin" else manager_kills * IN_FLIGHT_LINES
        if self.is_wrong_number(missing, told, repeated):
            wrong.append(f"{missing} missing: " + ", ".join(
                f"{name} {report['writers'].get(name, 0)} of {count}"
                for name, count in expected.items() if report["writers"].get(name, 0) != count))
        if twice > repeated:
            wrong.append(f"{twice} twice")
        if report["unfinished"]:
            wrong.append(f"unfinished: {report['unfinished']}")
        sentence = (f"{self.name}: {report['lines']} lines, {report['bytes'] / 1e6:.1f} MB, "
                    f"{missing} missing of which {told} told, {twice} twice")
        return "; ".join([sentence, *wrong]), not wrong

    def is_wrong_number(self, missing, told, repeated):
        """More with a connection that was broken; fewer where the kernel had no room for what had
        been there before."""
        way = self.audited[3]
        least = told - (repeated if way == "udp" else 0)
        most = told + (self.leaves * IN_FLIGHT_OF_A_LEAVER if way == "tcp" else 0)
        return not least <= missing <= most


class FileSink(Sink):
    """Files that are read when they have been put aside, compressed if they are to be."""

    def __init__(self, name, audited, folder, file, keep=30, more="", **others):
        super().__init__(name, audited, others.pop("declaration"), **others)
        self.folder, self.file, self.keep, self.more = folder, file, keep, more
        self.consumed = set()  # (live, stamp)
        self.retired = []      # (folder, {live: stamps that come before it})
        self.problem = ""
        self.lock = threading.Lock()  # what was listed is not renamed meanwhile

    def yaml(self):
        total = self.keep
        return super().yaml()[:-1] + (f", rotate: {{size: 1M, keep: {self.keep}, total: {total}M"
                                      f"{self.more}}}}}")

    def listing(self, folder):
        """{live: {stamp: path}}, compressed ones first; and what lies there that is live."""
        shelves, lives = {}, set()
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            return {}, set()
        for name in names:
            rotated = ROTATED.fullmatch(name)
            if rotated:
                shelves.setdefault(rotated[1], {})[rotated[2]] = folder / name
            elif not name.endswith(".partial"):
                lives.add(name)
        return shelves, lives

    def pour(self, path):
        """False: it is no longer there, under that name at least."""
        try:
            file = open(path, "rb")
        except FileNotFoundError:
            return False
        with file:
            if path.suffix == ".zst":
                subprocess.run(["zstd", "-dcq"], stdin=file, stdout=self.auditor.stdin, check=True)
            else:
                shutil.copyfileobj(file, self.auditor.stdin)
                self.auditor.stdin.flush()
        return True

    def pour_stamp(self, live, stamp, path):
        if (live, stamp) not in self.consumed:
            if not self.pour(path):
                return False
            self.consumed.add((live, stamp))
        return True

    def feed(self, is_final):
        with self.lock:
            self.feed_all(is_final)

    def feed_all(self, is_final):
        shelves, lives = self.listing(self.folder)
        names = set(shelves) | lives
        for folder, before in self.retired:
            names |= set(before)
        for live in sorted(names):
            if self.feed_retired(live, shelves.get(live, {}), lives, is_final):
                self.feed_shelf(live, shelves.get(live, {}), is_final)
        if not is_final:
            self.check_bounds(shelves)
            return
        for live in sorted(lives):
            self.pour(self.folder / live)

    def feed_shelf(self, live, shelf, is_final):
        stamps = sorted(shelf)
        for index, stamp in enumerate(stamps):
            is_settled = shelf[stamp].suffix == ".zst" or "compress: false" in self.more
            is_urgent = is_final or len(stamps) - index > self.keep // 3
            if not (is_settled or is_urgent) or not self.pour_stamp(live, stamp, shelf[stamp]):
                return

    def feed_retired(self, live, shelf, lives, is_final):
        """What was renamed, once nobody writes to it any more. Whether that is done."""
        for index, (folder, before) in enumerate(self.retired):
            if live not in before:
                continue
            later = [self.listing(other)[1] for other, _ in self.retired[index + 1:]] + [lives]
            if not is_final and not any(live in there for there in later):
                return False
            for stamp in sorted(before[live]):
                if (live, stamp) not in self.consumed and not (
                        stamp in shelf and self.pour_stamp(live, stamp, shelf[stamp])):
                    return False
            own = self.listing(folder)[0].get(live, {})
            for stamp in sorted(own):
                if not self.pour_stamp(live, stamp, own[stamp]):
                    return False
            if (folder / live).exists() and not self.pour(folder / live):
                return False
            del before[live]
        return True

    def check_bounds(self, shelves):
        for live, shelf in shelves.items():
            if len(shelf) > self.keep + 1 and not self.problem:
                self.problem = f"{len(shelf)} files of {live} are kept"

    def rename_folder(self):
        """As somebody does who puts a day's logs away."""
        retired = self.folder.with_name(f"{self.folder.name}.{len(self.retired)}")
        with self.lock:
            try:
                self.folder.rename(retired)
            except FileNotFoundError:
                return
            shelves, lives = self.listing(retired)
            self.retired.append((retired, {live: set() for live in lives | set(shelves)}))

    def rename_files(self):
        """As logrotate does."""
        retired = self.folder.with_name(f"{self.folder.name}.{len(self.retired)}")
        retired.mkdir()
        before = {}
        with self.lock:
            for live in self.listing(self.folder)[1]:
                try:
                    (self.folder / live).rename(retired / live)
                except FileNotFoundError:
                    continue
                before[live] = set(self.listing(self.folder)[0].get(live, {}))
            self.retired.append((retired, before))

    def fill(self):
        """The disk is full until a file of somebody else goes."""
        ballast = self.folder.parent / "ballast"
        block = bytes(1 << 16)
        with ballast.open("ab", buffering=0) as file:
            try:
                while file.write(block) == len(block):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        self.relief = lambda: ballast.unlink(missing_ok=True)

    def verdict(self, written, manager_kills):
        sentence, is_good = super().verdict(written, manager_kills)
        return (f"{sentence}; {self.problem}", False) if self.problem else (sentence, is_good)


class Output(Sink):
    declared = False


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def sinks_of(folder, apps, is_root):
    def audited(form, *way):
        return [apps / "auditor", form, LONGEST, *way]

    def file(name, form, path, **others):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return FileSink(name, audited(form, "stdin"), place.parent, place.name,
                        declaration=f"file: \"{place}\", format: {form}", **others)

    def local(name, path, **others):
        return Sink(name, audited("local", "unix", path), f"syslog: \"unix:{path}\"", **others)

    def remote(name, way, form, **others):
        port = free_port(socket.SOCK_STREAM if way == "tcp" else socket.SOCK_DGRAM)
        return Sink(name, audited(form, way, port), f"syslog: \"{way}://127.0.0.1:{port}\"",
                    **others)

    sinks = [
        Output("pipe", audited("text", "stdin"), troubles=["stop"]),
        file("text files", "text", "text/{process}.log"),
        file("JSON file", "json", "json/all.json", keep=60),
        file("logfmt files", "logfmt", "logfmt/{type}.log", more=", compress: false"),
        file("Heroku's, folder renamed", "heroku", "heroku/{app}.log", keep=60,
             troubles=["rename_folder"]),
        file("raw, files renamed", "raw", "raw/{process}", troubles=["rename_files"]),
        local("syslog, unix", folder / "syslog", troubles=["stop", "leave"]),
        local("syslog, unix, drop", folder / "syslog.drop", drops=True,
              troubles=["stop", "leave"]),
        remote("syslog, udp", "udp", "syslog", types="c", drops=True, troubles=["stop"]),
        remote("syslog, tcp", "tcp", "syslog", types="ac", troubles=["stop"]),
        # Of a line of several messages some may be lost with a connection.
        remote("syslog, tcp, drop", "tcp", "syslog", types="c", drops=True,
               troubles=["stop", "leave"]),
    ]
    if is_root:
        journal = Path("/run/systemd/journal/socket")
        sinks += [
            file("text, full disk", "text", "full/block/{process}", types="a", keep=12,
                 troubles=["fill"]),
            file("JSON, full disk, drop", "json", "full/drop/{process}", types="bc", keep=12,
                 drops=True, troubles=["fill"]),
            Sink("journald", audited("journal", "unix", journal), "journald: true", drops=True,
                 troubles=["stop", "leave"]),
        ]
    return sinks
