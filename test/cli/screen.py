#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a terminal shows of the bytes on standard input: all rows, also those above its edge.

    screen.py [COLUMNS]

Understands what formation writes to a terminal and nothing else: any other control byte or sequence
is an error, since no process may get one through. Colours are left out, blanks at the end of a row
too.
"""

import re
import sys

UNIT = re.compile(r"\x1b\[([0-9:;]*)m|(\x1b\[K)|\x1b\[\?7([hl])|([\r\n])|"
                  r"([^\x00-\x1f\x7f-\x9f]|\t)")


def units(text):
    at = 0
    while at < len(text):
        unit = UNIT.match(text, at)
        if not unit:
            sys.exit(f"not for a terminal, at {at}: {text[at:at + 20]!r}")
        yield unit
        at = unit.end()


def main():
    columns = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    rows = [[]]
    at = 0  # of the cursor, in the last row
    wraps = True
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    for unit in units(text):
        _, erases, wrap, control, character = unit.groups()
        if erases:
            del rows[-1][at:]
        elif wrap:
            wraps = wrap == "h"
        elif control == "\r":
            at = 0
        elif control == "\n":
            rows.append([])
            at = 0
        elif character:
            if at == columns and wraps:
                rows.append([])
                at = 0
            at = min(at, columns - 1)
            rows[-1][at:at + 1] = [character]
            at += 1
    sys.stdout.reconfigure(errors="replace")
    print("\n".join("".join(row).rstrip() for row in rows))


main()
