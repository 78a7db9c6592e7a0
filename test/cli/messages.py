# SPDX-License-Identifier: MIT
"""What receiver.py has written, read by the formats' rules."""

import json
import re

RFC5424 = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) "
    r"([!-~]{1,128}) ([!-~]{1,32}) - (.*)", re.S)
LOCAL = re.compile(r"<(\d{1,3})>([!-~]+)/([!-~]+?)(?:\[(\d+)\])?: (.*)", re.S)
DROPPED = re.compile(r"([\d,]+) lines? w(?:as|ere) dropped")


def messages(path):
    """All of them; the last one may be half written."""
    with open(path) as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def rfc5424(message):
    """(facility, severity), time, host, app, process, type, text"""
    match = RFC5424.fullmatch(message)
    assert match, message
    return (divmod(int(match[1]), 8),) + match.groups()[1:]


def local(message):
    """(facility, severity), app, process, pid, text"""
    match = LOCAL.fullmatch(message)
    assert match, message
    return (divmod(int(match[1]), 8),) + match.groups()[1:]


def text(message):
    return (RFC5424.fullmatch(message) or LOCAL.fullmatch(message)).groups()[-1]


def unescape(line):
    return re.sub(r"#(\d{3})", lambda match: chr(int(match[1], 8)), line)


def told(lines):
    """How many lines are missing, as the stream says itself."""
    said = [DROPPED.match(line) for line in lines]
    return sum(int(match[1].replace(",", "")) for match in said if match)
