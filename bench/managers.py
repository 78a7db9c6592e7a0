# SPDX-License-Identifier: MIT
"""How each manager is told to run N processes of one program: its files and its command line.

Every manager is run as its own manual says, at its lightest: without the loggers, control sockets
and ports that it can do without, and with the program itself as s6's and runit's `run`, not a
shell script.
"""

import dataclasses
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
BUILD = BENCH.parent / "build"


@dataclass
class Job:
    directory: Path  # empty, for the manager's files
    program: str     # what each process is
    count: int
    log: str = ""    # "": the processes are silent; "stdout": pass their output on; else a file


@dataclass
class Scaling:
    """How a manager is told to run another number of processes, and asked which there are."""
    command: object   # (job, count) → argv, having changed files if that is its way
    language: str     # of poller.c
    socket: str       # in the job's folder
    restarts_all: bool = False  # also those that were there already


@dataclass
class Manager:
    name: str
    program: str | None  # None: not installed
    prepare: object      # job → argv
    missing: str         # what to say when it is not installed
    stop_signal: int = signal.SIGTERM
    logs_to: tuple = ("null", "file", "pipe")  # none: that is the work of others, log_managers.py
    logs_itself: bool = False  # it opens the log file; else the bench does, as its stdout
    looks_at_lines: bool = True  # supervisor copies bytes: lines of two processes may get mixed
    daemon: str = ""           # what works for it and was there before
    scaling: Scaling | None = None


def procfile(job):
    (job.directory / "Procfile").write_text(f"w: {job.program}\n")


def floor_prepare(job):
    return [str(BUILD / "bench/floor_loop"), str(job.count), job.program]


def formation_prepare(job, *flags):
    procfile(job)
    return [str(BUILD / "bench/formation"), "start", "-m", f"w={job.count}", *flags]


def foreman_prepare(job):
    procfile(job)
    return ["foreman", "start", "-m", f"w={job.count}"]


def nf_prepare(job):
    # It starts everything by a shell and signals that shell only: exec replaces it.
    (job.directory / "Procfile").write_text(f"w: exec {job.program}\n")
    return [str(BUILD / "bench/node_modules/.bin/nf"), "start", f"w={job.count}"]


def supervisor_prepare(job):
    log = {"": "NONE", "stdout": "/dev/stdout"}.get(job.log, job.log)
    (job.directory / "supervisord.conf").write_text(f"""\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = {job.directory}/supervisord.pid
minfds = 10000

[program:w]
command = {job.program}
process_name = %(program_name)s_%(process_num)s
numprocs = {job.count}
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 0
""")
    return ["supervisord", "-c", str(job.directory / "supervisord.conf")]


def supervisor_scaled_prepare(job):
    """With the control socket, and numbers that it sorts as numbers."""
    argv = supervisor_prepare(job)
    path = Path(argv[-1])
    text = path.read_text().replace("_%(process_num)s", "_%(process_num)03d")
    path.write_text(text + f"""
[unix_http_server]
file = {job.directory}/control.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{job.directory}/control.sock
""")
    return argv


def supervisor_scale(job, count):
    supervisor_scaled_prepare(dataclasses.replace(job, count=count))
    return ["supervisorctl", "-c", str(job.directory / "supervisord.conf"), "update"]


def pm2_command(job, *arguments):
    return ["env", f"PM2_HOME={job.directory}/pm2", "PM2_DISABLE_VERSION_CHECK=true",
            str(BUILD / "bench/node_modules/.bin/pm2"), *arguments]


def pm2_prepare(job):
    return pm2_command(job, "start", job.program, "--name", "w", "--interpreter", "none", "-i",
                       str(job.count), "-o", "/dev/null", "-e", "/dev/null", "--no-daemon")


def service_directories(job):
    services = job.directory / "services"
    services.mkdir()
    for number in range(1, job.count + 1):
        service = services / f"w{number}"
        service.mkdir()
        (service / "run").symlink_to(job.program)
    os.utime(services, (0, 0))  # runsvdir does not read a directory in the second of its change
    return services


def s6_prepare(job):
    return ["s6-svscan", "-c", str(2 * job.count + 10), str(service_directories(job))]


def runit_prepare(job):
    return ["runsvdir", str(service_directories(job))]


def built(path):
    return str(path) if path.exists() else None


def bare_loop():
    """The physical limit for start, restart, stop and memory."""
    return Manager("bare loop", built(BUILD / "bench/floor_loop"), floor_prepare, "")


def formation():
    return Manager("formation", built(BUILD / "bench/formation"), formation_prepare,
                   "./dev build makes it")


def scalable():
    """Those that can be told to run more processes of a type. dinit, circus and process-compose
    are not in Debian 12; s6 and runit have no word for it."""
    return [
        dataclasses.replace(formation(), scaling=Scaling(
            lambda job, count: [str(BUILD / "bench/formation"), "scale", f"w={count}"],
            "varlink", ".formation/control.sock")),
        Manager("supervisor", shutil.which("supervisord"), supervisor_scaled_prepare,
                "apt-get install supervisor", scaling=Scaling(
                    supervisor_scale, "xmlrpc", "control.sock", restarts_all=True)),
        Manager("pm2 (Node)", built(BUILD / "bench/node_modules/.bin/pm2"), pm2_prepare,
                "npm could not install its package pm2", scaling=Scaling(
                    lambda job, count: pm2_command(job, "scale", "w", str(count)),
                    "axon", "pm2/rpc.sock")),
    ]


def peers():
    return [
        Manager("s6", shutil.which("s6-svscan"), s6_prepare, "apt-get install s6",
                logs_to=()),
        # SIGTERM ends runsvdir alone; SIGHUP is its word for "with everything below".
        Manager("runit", shutil.which("runsvdir"), runit_prepare, "apt-get install runit",
                stop_signal=signal.SIGHUP, logs_to=()),
        Manager("supervisor", shutil.which("supervisord"), supervisor_prepare,
                "apt-get install supervisor", logs_itself=True, looks_at_lines=False),
        Manager("foreman (Ruby)", shutil.which("foreman"), foreman_prepare,
                "apt-get install ruby-foreman"),
        Manager("nf (Node)", built(BUILD / "bench/node_modules/.bin/nf"), nf_prepare,
                "npm could not install its package foreman",
                stop_signal=signal.SIGINT),  # it knows no other
    ]
