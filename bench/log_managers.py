# SPDX-License-Identifier: MIT
"""Who brings the lines of processes to a place: formation, the limits, and its peers.

s6-log, svlogd and multilog read from one process each. They are run as that, without the
supervisors that they belong to, which have no part in it. Rotation is set so that it happens
seldom and deletes nothing.
"""

import os
import shutil
import stat
from pathlib import Path

import managers
from managers import BUILD, Manager, built, formation, formation_prepare

JOURNAL_SOCKET = "/run/systemd/journal/stdout"


def pairs(job, *reader):
    return [str(BUILD / "bench/pairs"), str(job.count), job.program, *reader]


def mover(how):
    program = built(BUILD / "bench/floor_move")
    return Manager(f"{how} loop", program,
                   lambda job: [program, how, str(job.count), job.program], "")


def limits():
    """What moves bytes and knows nothing of lines."""
    return [
        mover("copy"),
        mover("splice"),
        Manager("cat", shutil.which("cat"), lambda job: pairs(job, "cat"), ""),
    ]


def formation_bare_lines():
    return Manager("formation --no-prefix", formation().program,
                   lambda job: formation_prepare(job, "--no-prefix"), "")


def formation_sinks():
    """Those of `logs:`, while standard output goes to /dev/null."""
    def prepare(job, form):
        (job.directory / "formation.yaml").write_text(
            f"logs:\n- file: '{job.log}'\n  format: {form}\n")
        return formation_prepare(job)

    return [Manager(f"formation, {form} sink", formation().program,
                    lambda job, form=form: prepare(job, form), "", logs_to=("file",),
                    logs_itself=True) for form in ["text", "json"]]


def log_folders(job):
    """The beginning of the names of one folder a logger, beside each other in a new one."""
    folder = Path(f"{job.log}.d")
    folder.mkdir()
    return folder / "log"


def s6_log_prepare(job):
    script = ["1"] if job.log == "stdout" else ["n20", "s268435455", f"{log_folders(job)}%"]
    return pairs(job, "s6-log", *script)


def svlogd_prepare(job):
    name = log_folders(job)
    for number in range(1, job.count + 1):
        folder = Path(f"{name}{number}")
        folder.mkdir()
        (folder / "config").write_text("s0\n")  # no rotation
    return pairs(job, "svlogd", f"{name}%")


def multilog_prepare(job):
    return pairs(job, "multilog", "n1000", "s16777215", f"{log_folders(job)}%")


def journal_is_there():
    try:
        return stat.S_ISSOCK(os.stat(JOURNAL_SOCKET).st_mode)
    except OSError:
        return False


def peers():
    return [
        Manager("s6-log", shutil.which("s6-log"), s6_log_prepare, "apt-get install s6",
                logs_itself=True),
        Manager("svlogd", shutil.which("svlogd"), svlogd_prepare, "apt-get install runit",
                logs_to=("file",), logs_itself=True),
        Manager("multilog", shutil.which("multilog"), multilog_prepare,
                "apt-get install daemontools", logs_to=("file",), logs_itself=True),
        *(peer for peer in managers.peers() if peer.logs_to),
        Manager("systemd-cat", shutil.which("systemd-cat") if journal_is_there() else None,
                lambda job: ["systemd-cat", job.program],  # it becomes the program
                "no journald runs here", logs_to=("file",), logs_itself=True,
                daemon="systemd-journald"),
    ]
