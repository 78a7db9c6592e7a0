#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays an init that starts a program and listens at its NOTIFY_SOCKET.

    init.py FILE [OPTION…] -- COMMAND…

Each message becomes a line of FILE, at once: the pid of its sender, "main" if that is the program
that was started, and its lines with "|" between them. Ends as the program does; it passes on
SIGTERM and SIGHUP. FILE.pid has the program's pid.

    @            an abstract socket instead of a path
    deaf         takes nothing before FILE.hear exists
    watchdog=MS  asks for WATCHDOG=1
    NAME=TEXT    a variable of its environment; PID in the text is its pid
"""

import os
import signal
import socket
import struct
import sys
import threading
import time

path, *words = sys.argv[1:]
words, command = words[:words.index("--")], words[words.index("--") + 1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
address = f"@{path}" if "@" in words else f"{path}.socket"
server.bind(address.replace("@", "\0", 1))

pid = os.fork()
if pid == 0:
    os.environ["NOTIFY_SOCKET"] = address
    for word in words:
        name, equals, value = word.partition("=")
        if name == "watchdog":
            os.environ["WATCHDOG_USEC"] = str(int(value) * 1000)
            os.environ["WATCHDOG_PID"] = str(os.getpid())
        elif equals:
            os.environ[name] = value.replace("PID", str(os.getpid()))
    server.close()
    os.execvp(command[0], command)

with open(f"{path}.pid", "w") as file:
    file.write(str(pid))
for number in signal.SIGTERM, signal.SIGHUP:
    signal.signal(number, lambda number, _: os.kill(pid, number))


def listen():
    out = open(path, "ab", buffering=0)
    while "deaf" in words and not os.path.exists(f"{path}.hear"):
        time.sleep(0.02)
    while True:
        message, control, _, _ = server.recvmsg(4096, 256)
        sender = struct.unpack("iii", control[0][2])[0]
        who = "main" if sender == pid else "other"
        out.write(b"%d %s %s\n" % (sender, who.encode(), message.replace(b"\n", b"|")))


threading.Thread(target=listen, daemon=True).start()
while True:
    try:
        status = os.waitpid(pid, 0)[1]
        break
    except InterruptedError:
        pass
time.sleep(0.1)  # what was sent last is read
sys.exit(os.waitstatus_to_exitcode(status) & 0xff)
