#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command on a terminal of its own, as a person would, and shows what it writes.

    terminal.py [STEP…] -- COMMAND [ARGUMENT…]

A step is `TEXT=KEYS`: once TEXT was shown (behind what the step before waited for) KEYS are typed,
with \\x03 for Ctrl-C; `TEXT=hangup`: the terminal is taken away. Exit status: the command's.
"""

import os
import pty
import signal
import sys

PATIENCE = 20  # seconds; then SIGALRM ends this and takes the terminal away


def show(text):
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def follow(terminal, steps):
    """Until the command's output ends, or the terminal was taken away."""
    seen = b""
    while True:
        try:
            text = os.read(terminal, 65536)
        except OSError:  # EIO: nobody has the other side open any more
            return
        show(text)
        seen += text
        while steps and steps[0][0] in seen:
            wanted, keys = steps.pop(0)
            seen = seen.partition(wanted)[2]
            if keys == b"hangup":
                os.close(terminal)
                return
            os.write(terminal, keys)


def main():
    border = sys.argv.index("--")
    steps = [step.encode().decode("unicode_escape").encode().split(b"=", 1)
             for step in sys.argv[1:border]]
    signal.alarm(PATIENCE)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[border + 1], sys.argv[border + 1:])
    follow(terminal, steps)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)


main()
