#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server that takes the sockets of sd_listen_fds(3), or says that it was given none.

It prints what it has: "given 2: http admin", the descriptors above standard error, and answers each
connection with its PS, then a blank and the socket's name.
"""

import os
import selectors
import socket

environment = os.environ
if environment.get("LISTEN_PID") != str(os.getpid()):
    print("given none:", environment.get("LISTEN_PID", "no LISTEN_PID"), flush=True)
    while True:
        selectors.DefaultSelector().select(60)

count = int(environment["LISTEN_FDS"])
names = environment["LISTEN_FDNAMES"].split(":")
# The listing of the folder has one of its own, which is closed by now.
extra = [fd for fd in map(int, os.listdir("/proc/self/fd")) if fd > 2]
extra = [fd for fd in sorted(extra) if os.path.exists(f"/proc/self/fd/{fd}")]
print(f"given {count}: {' '.join(names)}; open: {' '.join(map(str, extra))}", flush=True)
events = selectors.DefaultSelector()
for fd, name in enumerate(names, 3):
    server = socket.socket(fileno=fd)
    server.setblocking(False)
    events.register(server, selectors.EVENT_READ, name)
while True:
    for key, _ in events.select():
        try:
            connection, _ = key.fileobj.accept()
        except BlockingIOError:
            continue  # another process was quicker
        try:
            connection.sendall(f"{environment['PS']} {key.data}\n".encode())
        except OSError:
            pass  # it did not wait for an answer
        connection.close()
