#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A syslog server: writes each message that it gets as a line of JSON to a file, at once.

    receiver.py unix PATH | udp PORT | tcp PORT   FILE [OPTION…]

Ports are of 127.0.0.1; 0 is any free one. The port is written to FILE.port once it listens. At
SIGTERM it takes what was sent to it, and ends. At SIGUSR1 it takes what was sent by a connection,
closes that, and writes to FILE.broken how many bytes of a message it had got.

    at=ADDRESS       listens there instead
    slow=SECONDS     sleeps so long behind each message
    sizes            writes the messages' sizes only
"""

import json
import os
import signal
import socket
import sys
import time

kind, place, path = sys.argv[1:4]
options = dict(word.partition("=")[::2] for word in sys.argv[4:])
out = open(path, "ab", buffering=0)
is_over = False
is_to_break = False


def end(*_):
    global is_over
    is_over = True


def end_connection(*_):
    global is_to_break
    is_to_break = True


def take(message):
    value = len(message) if "sizes" in options else message.decode("latin-1")
    out.write(json.dumps(value).encode() + b"\n")
    if "slow" in options:
        time.sleep(float(options["slow"]))


def tell(what, number):
    with open(path + ".new", "w") as file:
        file.write(str(number))
    os.rename(path + ".new", f"{path}.{what}")


def tell_port(server):
    tell("port", server.getsockname()[1] if kind != "unix" else 0)


def datagrams():
    server = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET, socket.SOCK_DGRAM)
    if kind == "unix":
        if os.path.exists(place):
            os.unlink(place)
        server.bind(place)
    else:
        server.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        server.bind((options.get("at", "127.0.0.1"), int(place)))
    tell_port(server)
    server.settimeout(0.1)
    while not is_over:
        try:
            take(server.recv(1 << 20))
        except TimeoutError:
            pass
    server.shutdown(socket.SHUT_RD)  # nothing more can be sent
    server.setblocking(False)
    try:
        while message := server.recv(1 << 20):
            take(message)
    except OSError:
        pass


def connection(stream):
    global is_to_break
    rest = b""
    stream.settimeout(0.3)
    while True:
        try:
            piece = stream.recv(1 << 16)
        except TimeoutError:
            if is_over:
                return
            if is_to_break:
                is_to_break = False
                stream.close()
                tell("broken", len(rest))
                return
            continue
        rest += piece
        while (blank := rest.find(b" ")) > 0 and len(rest) - blank > int(rest[:blank]):
            size = int(rest[:blank])
            take(rest[blank + 1:blank + 1 + size])
            rest = rest[blank + 1 + size:]
        if not piece:
            return


def streams():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((options.get("at", "127.0.0.1"), int(place)))
    server.listen()
    tell_port(server)
    server.settimeout(0.1)
    while not is_over:
        try:
            stream, _ = server.accept()
        except TimeoutError:
            continue
        connection(stream)
        stream.close()


signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGUSR1, end_connection)
streams() if kind == "tcp" else datagrams()
