# SPDX-License-Identifier: MIT
"""What the bench shows."""

import statistics
import sys


def note(text):
    """What is going on, for somebody who waits; never in a file."""
    if sys.stderr.isatty():
        print(f"\r\033[K… {text}\r", end="", file=sys.stderr, flush=True)


def table(title, header, rows, remarks):
    """Names to the left, figures to the right; then what could not be measured."""
    note("")
    rows = [["", *header], *rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    print(f"\n{title}")
    for name, *cells in rows:
        cells = [cell.rjust(width) for cell, width in zip(cells, widths[1:])]
        print("  " + "  ".join([name.ljust(widths[0]), *cells]).rstrip())
    for remark in remarks:
        print(f"  {remark}")
    sys.stdout.flush()


class Verdicts:
    """Figures of formation beside what they are to be."""

    def __init__(self):
        self.lines = []

    def at_most(self, what, value, limit, unit=""):
        self.add(what, value, f"at most {limit:g}", value <= limit, unit)

    def at_least(self, what, value, limit, unit=""):
        self.add(what, value, f"at least {limit:g}", value >= limit, unit)

    def add(self, what, value, target, is_met, unit):
        word = "ok" if is_met else "SHORT"
        self.lines.append(f"  {word:<6}{what}: {value:.2f}{unit} ({target})")

    def show(self):
        if self.lines:
            print("\ntargets of formation", *self.lines, sep="\n")


def median_ratio(values, bare):
    """How many times the bare loop of the same round: what disturbs both does not count."""
    return statistics.median(value / floor for value, floor in zip(values, bare))
