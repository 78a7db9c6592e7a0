#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A container without Docker: a Dockerfile's last stage, carried out in a copy of this machine.

    unshare --mount --pid --ipc --uts --fork \\
        container.py [--read-only] FOLDER DOCKERFILE CONTEXT FORMATION [WORD ...]

Like Docker it becomes the ENTRYPOINT, as PID 1, in a root of its own: an overlay in memory over the
machine's, which has to be of Debian with the packages; with /proc, the usual /dev, cgroups that
nobody can write to, and nothing of our environment but PORT. Packages are not installed.
"""

import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys

DEVICES = "full null random tty urandom zero".split()


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def last_stage(dockerfile):
    with open(dockerfile) as file:
        text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", file.read()))
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line[0] == "FROM"]
    assert lines[starts[-1]][1].startswith("debian:12"), lines[starts[-1]]
    return lines[starts[-1] + 1:]


def make_root(folder):
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "none", folder)
    for name in ("upper", "work", "root"):
        os.mkdir(f"{folder}/{name}")
    root = f"{folder}/root"
    mount("-t", "overlay", "none", "-o",
          f"lowerdir=/,upperdir={folder}/upper,workdir={folder}/work", root)
    mount("-t", "proc", "proc", f"{root}/proc")
    for name in ("dev", "run", "tmp"):
        mount("-t", "tmpfs", "none", f"{root}/{name}")
    os.chmod(f"{root}/tmp", 0o1777)
    for name in DEVICES:
        open(f"{root}/dev/{name}", "w").close()
        mount("--bind", f"/dev/{name}", f"{root}/dev/{name}")
    with open("/proc/self/mountinfo") as file:
        cgroups = [line.split()[4] for line in file if " - cgroup2 " in line]
    for place in cgroups:
        os.makedirs(root + place, exist_ok=True)
        mount("--bind", place, root + place)
        mount("-o", "remount,bind,ro", root + place)
    return root


def copy(words, root, context, formation):
    if words[0].startswith("--from="):
        shutil.copy(formation, f"{root}/usr/bin/formation")
    else:
        shutil.copytree(f"{context}/{words[0]}", root + words[1], dirs_exist_ok=True)


def run(line, root):
    commands = [command.strip() for command in line.split("&&")]
    packages = re.compile(r"apt-get|rm -rf /var/lib/apt")
    wanted = [command for command in commands if not packages.match(command)]
    if wanted:
        subprocess.run(["chroot", root, "/bin/sh", "-c", " && ".join(wanted)], check=True)


def main():
    words = sys.argv[1:]
    read_only = words[0] == "--read-only" and bool(words.pop(0))
    folder, dockerfile, context, formation, *command = words
    root = make_root(folder)
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    image = {"CMD": [], "WORKDIR": "/", "USER": "root"}
    for name, rest in last_stage(dockerfile):
        if name == "RUN":
            run(rest, root)
        elif name == "COPY":
            copy(rest.split(), root, context, formation)
        elif name == "ENV":
            environment.update(word.split("=", 1) for word in shlex.split(rest))
        elif name in ("ENTRYPOINT", "CMD"):
            image[name] = json.loads(rest)
        elif name in ("WORKDIR", "USER"):
            image[name] = rest.strip()
        else:
            assert name in ("EXPOSE", "HEALTHCHECK"), name
    environment.update((name, value) for name, value in os.environ.items()
                       if name in ("FORMATION_TEST", "PORT"))
    if read_only:
        mount("-o", "remount,ro", f"{folder}/root")
    os.chroot(root)
    os.chdir(image["WORKDIR"])
    user = pwd.getpwnam(image["USER"])
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    arguments = image["ENTRYPOINT"] + (command or image["CMD"])
    os.execvpe(arguments[0], arguments, environment)


main()
