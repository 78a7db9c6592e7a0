# SPDX-License-Identifier: MIT
"""What test/chaos does to a formation: faults, each with its relief, and what people ask for."""

import os
import signal
import socket
import subprocess
import time

from chaos_formation import TYPES
from chaos_system import MARK, Connection, NoAnswer, children, send

COMMAND_SECONDS = 60     # after which a command that waits for its effect counts as hanging
WRONG_CALLS = (
    b"\0", b"{}\0", b"nonsense\0", b'{"method": 5}\0', b'{"method": "org.formation.Manager.Li',
    b'{"method":"org.formation.Manager.Scale","parameters":{"changes":["web=-1","=","web=x"]}}\0',
    b'{"method":"org.formation.Manager.Logs","more":true,"parameters":{"lines":-4}}\0',
    b"[" * 1000 + b"\0", b"\xff" * 70000, b'{"method":"' + b"a" * 200000 + b'"}\0',
)
WRONG_WORDS = (["scale", "web=9999999"], ["restart", "wbe"], ["signal", "FOO", "web"],
               ["scale", "web=2", "nobody=1"], ["stop"], ["attach", "web.1"], ["frobnicate"],
               ["upgrade", "/nowhere/formation"], ["upgrade", "/etc/passwd"])
PATTERNS = ["web", "worker", "flood", "crash", "fault", "once", "daemon", "fork", "stubborn",
            "leave", "screen", "watched", "web.1", "w*", "fork.2", "leave.1"]
# What a command may say that did not do all it was to do: a process crashed, or was stopped by
# somebody else, a manager died over it.
EXCUSES = ("was halted", "manager was replaced", "has crashed", "is stopped", "no process",
           "was stopped", "did not come up", "does not run", "upgrade", "is not ready", "no answer",
           "none of them runs", "nothing is called", "before it was ready", "cannot be fewer",
           "closed the connection")
# …and while descriptors or processes are few.
LACKS = ("Too many open files", "Resource temporarily unavailable")


def pick(choices, number):
    return choices[number % len(choices)]


class Faults:
    """One formation's. A method for each name of the plan; what it returns undoes it."""

    def __init__(self, formation, disk):
        self.formation, self.disk = formation, disk
        self.reliefs = []  # (when, what)
        self.counts = {}

    def do(self, action):
        self.formation.note(f"{action.name} {action.number} for {action.seconds:.2f} s")
        relief = getattr(self, action.name.replace(" ", "_"))(action)
        self.counts[action.name] = self.counts.get(action.name, 0) + 1
        if relief:
            self.reliefs.append((time.monotonic() + action.seconds, relief))

    def relieve(self, now):
        due = [relief for at, relief in self.reliefs if at <= now]
        self.reliefs = [(at, relief) for at, relief in self.reliefs if at > now]
        for relief in due:
            self.formation.note(f"relief of {relief.__qualname__}")
            relief()

    # --- supervisors

    def hit(self, pid, number):
        return pid is not None and send(pid, number, self.formation.guard.pid)

    def kill_manager(self, _):
        self.hit(self.formation.manager(), signal.SIGKILL)

    def crash_manager(self, _):
        self.hit(self.formation.manager(), signal.SIGSEGV)

    def stop_manager(self, action):
        return self.pause(self.formation.manager(), action, is_deaf=True)

    def pause(self, pid, action, is_deaf=False):
        if not self.hit(pid, signal.SIGSTOP):
            return None
        span = [time.monotonic(), float("inf")]
        if is_deaf:
            self.formation.deaf.append(span)

        def relief():
            self.hit(pid, signal.SIGCONT)
            span[1] = time.monotonic() + 0.5
        return relief

    def kill_witness(self, _):
        self.hit(self.formation.witness(), signal.SIGKILL)

    def signal_formation(self, action):
        self.formation.guard.send_signal(pick((signal.SIGCONT, signal.SIGWINCH, signal.SIGPIPE),
                                              action.number))

    # --- processes

    def victim(self, action, kinds=None):
        mains = sorted((name, pid) for name, pid in self.formation.mains().items()
                       if not kinds or name.split(".")[0] in kinds)
        return pick(mains, action.number)[1] if mains else None

    def kill_process(self, action):
        self.hit(self.victim(action), signal.SIGKILL)

    def crash_process(self, action):
        self.hit(self.victim(action), signal.SIGSEGV)

    def terminate_process(self, action):
        self.hit(self.victim(action), signal.SIGTERM)

    def stop_process(self, action):
        return self.pause(self.victim(action), action)

    def kill_child(self, action):
        """Of those that have forked twice: a child of the guard's that is nobody's main process."""
        guard, mains = self.formation.guard.pid, set(self.formation.mains().values())
        spared = mains | {self.formation.manager(), self.formation.witness()}
        adopted = sorted(set(children(guard)) - spared)
        # Who was just started is not told yet; its being killed is a crash as any other.
        if adopted and pick(adopted, action.number) != self.formation.manager():
            self.hit(pick(adopted, action.number), signal.SIGKILL)

    def unready(self, action):
        path = self.formation.folder / "answer"
        path.write_text(pick(("500\n", "hang\n", "close\n"), action.number))
        return lambda: path.unlink(missing_ok=True)

    def quiet(self, _):
        path = self.formation.folder / "quiet"
        path.touch()
        return lambda: path.unlink(missing_ok=True)

    def burst(self, action):
        self.hit(self.victim(action, ("flood",)), signal.SIGUSR2)

    # --- outputs

    def fill_disk(self, action):
        if os.stat(self.disk).st_dev == os.stat(self.disk.parent).st_dev:
            return None  # no disk of its own
        path = self.disk / f"filler.{action.number}"
        try:
            with path.open("wb", buffering=0) as file:
                free = os.fstatvfs(file.fileno())
                os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize)
        except OSError:
            pass
        return lambda: path.unlink(missing_ok=True)

    def stall_output(self, _):
        reader = self.formation.reader
        if not isinstance(reader, subprocess.Popen):
            return None
        reader.send_signal(signal.SIGSTOP)
        return lambda: reader.send_signal(signal.SIGCONT)

    def move_log(self, _):
        """As logrotate does, once."""
        old = self.formation.log.with_name(f"{self.formation.log.name}.old")
        if self.formation.log.exists() and not old.exists():
            self.formation.log.rename(old)

    # --- means

    def limit(self, action, kind, few):
        manager = self.formation.manager()
        pid = pick((self.formation.guard.pid, manager), action.number)
        if not self.formation.limit(pid, kind, few):
            return None
        span = [time.monotonic(), float("inf")]
        self.formation.deaf.append(span)

        def relief():
            self.formation.relieve_limits()
            span[1] = time.monotonic() + 0.5
        return relief

    def few_descriptors(self, action):
        return self.limit(action, "nofile", 3 + action.number % 64)

    def few_processes(self, action):
        return self.limit(action, "nproc", action.number % 8)

    # --- clients

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(0.5)
        try:
            client.connect(str(self.formation.control))
        except OSError:
            client.close()
            return None
        return client

    def wrong_client(self, action):
        client = self.connect()
        if client:
            try:
                client.sendall(pick(WRONG_CALLS, action.number))
            except OSError:
                pass
            return client.close
        return None

    def stalled_client(self, action):
        """Wants everything, and reads nothing."""
        try:
            connection = Connection(self.formation.control, 1)
            connection.send(pick(("Logs", "Events"), action.number),
                            {"follow": True}, more=True)
            return connection.close
        except (NoAnswer, TimeoutError):
            return None

    def many_clients(self, _):
        clients = [client for client in (self.connect() for _ in range(60)) if client]
        return lambda: [client.close() for client in clients]


class Hands:
    """What people ask for, one after the other."""

    def __init__(self, formation):
        self.formation = formation
        self.counts, self.slowest = {}, (0.0, "")
        self.excused = 0

    def command(self, *words, expected=(0,)):
        began = time.monotonic()
        self.formation.note(" ".join(words))
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("XDG_RUNTIME_DIR", MARK)}
        try:
            done = subprocess.run([self.formation.program, *words], cwd=self.formation.folder,
                                  env=environment, stdin=subprocess.DEVNULL, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            self.formation.complain(f"{' '.join(words)}: takes more than {COMMAND_SECONDS} s")
            return
        self.formation.note(f"{' '.join(words)}: {done.returncode}")
        self.slowest = max(self.slowest, (time.monotonic() - began, " ".join(words)))
        if done.returncode in expected:
            return
        lacks = LACKS if self.formation.was_deaf_since(began) else ()
        if any(excuse in done.stdout for excuse in (*EXCUSES, *lacks)):
            self.excused += 1
            return
        self.formation.complain(f"{' '.join(words)}: {done.returncode}: "
                                f"{done.stdout[-300:].strip()}")

    def do(self, action):
        self.counts[action.name] = self.counts.get(action.name, 0) + 1
        getattr(self, action.name.replace(" ", "_"))(action.number)

    def stop(self, number):
        self.command("stop", pick(PATTERNS, number))

    def start(self, number):
        self.command("start", pick(PATTERNS, number))

    def restart(self, number):
        self.command("restart", pick(PATTERNS, number))

    def scale(self, number):
        names = list(TYPES)
        changes = [f"{pick(names, number)}={number // 16 % 5}"]
        if number % 3 == 0:
            changes.append(f"{pick(names, number + 1)}{pick('+-', number // 7)}1")
        self.command("scale", *changes)

    def reset(self, _):
        self.command("scale", "--reset")

    def reload(self, number):
        changes = {name: (pick((None, 0, 1, 3), number // (3 + at)),
                          pick((None, number % 100), number // (5 + at)))
                   for at, name in enumerate(TYPES) if number // (7 + at) % 5 == 0}
        self.formation.configure(changes)
        self.command("reload")

    def reload_broken(self, number):
        file, text = pick((("Procfile", "web sleep 5\nweb: a\nweb: b\n"),
                           ("formation.yaml", "processes: {web: {quantity: many}}\n"),
                           ("formation.yaml", "processes: [\n"), ("Procfile", "")), number)
        before = (self.formation.folder / file).read_text()
        self.formation.write(file, text)
        self.command("reload", expected=(1, 2))
        self.formation.write(file, before)

    def signal(self, number):
        self.command("signal", pick(("USR2", "HUP", "CONT", "18", "KILL"), number),
                     pick(PATTERNS, number))

    def reopen(self, _):
        self.command("reopen")

    def upgrade(self, _):
        self.command("upgrade")

    def run(self, number):
        status = number % 3
        self.command("run", "sh", "-c", f"exit {status}", expected=(status,))

    def logs(self, number):
        self.command("logs", "-n", str(number % 50), pick(PATTERNS, number))

    def follow(self, number):
        """Somebody who looks for a moment and goes away."""
        client = subprocess.Popen([self.formation.program, "logs", "-f"],
                                  cwd=self.formation.folder, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(number % 100 / 100)
        how = pick((signal.SIGINT, signal.SIGTERM, signal.SIGKILL), number)
        client.send_signal(how)
        try:
            client.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            self.formation.complain(f"logs -f: runs {COMMAND_SECONDS} s after {how.name}")
            client.kill()
            client.wait()

    def why(self, _):
        self.command("why")

    def events(self, _):
        self.command("events", "--json")

    def status(self, _):
        self.command("status")

    def attach(self, number):
        try:
            connection = Connection(self.formation.control, 2)
        except (NoAnswer, TimeoutError):
            return
        try:
            connection.send("Attach", {"process": "screen.1"}, upgrade=True)
            connection.socket.recv(4096)
            connection.socket.sendall(b"hello\n" * (1 + number % 300))
            connection.socket.recv(4096)
        except (NoAnswer, OSError):
            pass
        finally:
            connection.close()

    def wrong(self, number):
        self.command(*pick(WRONG_WORDS, number), expected=(1, 2))
