# SPDX-License-Identifier: MIT
"""The plan of test/chaos: what is done when, by a seed. Nothing in it depends on how the run goes;
who is hit is picked by an action's number from those who are there at that moment."""

import random
from dataclasses import dataclass

EPOCH_SECONDS = 12, 30     # of one formation, from its start to its end; …
LONG_EPOCH_SECONDS = 20, 120  # …in a run of ten minutes and more
FAULT_EVERY = 0.02, 0.7    # seconds
HAND_EVERY = 0.05, 1.2

# The kinds of formation: what its standard output is, and what it has.
#   pipe, file   as root, in cgroups; the reader of the pipe stalls at times
#   search       as pipe, where there is no cgroup file system
#   user         as pipe, of a user of its own, with few descriptors and processes at times
#   terminal     on a terminal, which is closed in the end
KINDS = {"pipe": 4, "file": 2, "search": 3, "user": 3, "terminal": 2}
ENDS = {"term": 3, "shutdown": 2, "interrupt": 1, "interrupt twice": 1, "hangup": 1,
        "kill guard": 2, "kill guard and manager": 2, "kill all": 2}
TERMINAL_ENDS = {"close": 3, "interrupt": 1, "interrupt twice": 1, "kill guard": 1}

FAULTS = {
    "kill manager": 6, "crash manager": 3, "stop manager": 3, "kill witness": 2,
    "kill process": 10, "crash process": 3, "terminate process": 3, "stop process": 4,
    "kill child": 5, "unready": 4, "quiet": 2, "burst": 4, "fill disk": 3, "stall output": 4,
    "few descriptors": 3, "few processes": 3, "wrong client": 4, "stalled client": 4,
    "many clients": 2, "move log": 2, "signal formation": 1,
}
HANDS = {
    "stop": 4, "start": 5, "restart": 5, "scale": 6, "reset": 2, "reload": 5, "reload broken": 3,
    "signal": 4, "reopen": 2, "upgrade": 2, "run": 3, "logs": 3, "follow": 3, "why": 2, "events": 2,
    "status": 2, "attach": 3, "wrong": 3,
}


@dataclass
class Action:
    at: float        # seconds after the epoch's begin
    name: str
    number: int      # picks who is hit, or how
    seconds: float   # how long it lasts, if it does


@dataclass
class Epoch:
    number: int
    kind: str
    seconds: float   # until calm
    faults: list
    hands: list
    end: str
    kills: list      # of managers during the end: seconds from one to the next


def pick(shuffle, weights):
    return shuffle.choices(list(weights), weights.values())[0]


def actions(shuffle, weights, every, seconds):
    at, found = 0.0, []
    while (at := at + shuffle.uniform(*every)) < seconds:
        found.append(Action(at, pick(shuffle, weights), shuffle.randrange(1 << 30),
                            shuffle.uniform(0.1, 2.5)))
    return found


def epochs(seed, seconds, is_root):
    """So many that they fill the time; each kind comes once before one comes twice."""
    shuffle = random.Random(seed)
    kinds = {kind: weight for kind, weight in KINDS.items()
             if is_root or kind not in ("search", "user")}
    left, found, fresh = seconds, [], list(kinds)
    shuffle.shuffle(fresh)
    while left > 0:
        most = LONG_EPOCH_SECONDS if seconds >= 600 else EPOCH_SECONDS
        length = min(shuffle.uniform(*most), max(left, 5))
        kind = fresh.pop() if fresh else pick(shuffle, kinds)
        ends = TERMINAL_ENDS if kind == "terminal" else ENDS
        found.append(Epoch(len(found) + 1, kind, length,
                           actions(shuffle, FAULTS, FAULT_EVERY, length),
                           actions(shuffle, HANDS, HAND_EVERY, length), pick(shuffle, ends),
                           [shuffle.uniform(0, 0.5) for _ in range(shuffle.choice((0, 0, 1, 3)))]))
        left -= length + 5
    return found


def tell(plan):
    for epoch in plan:
        print(f"# epoch {epoch.number}: {epoch.kind}, {epoch.seconds:.1f} s, then {epoch.end} and "
              f"{len(epoch.kills)} managers killed meanwhile")
        for action in sorted(epoch.faults + epoch.hands, key=lambda action: action.at):
            print(f"#   {action.at:7.2f} {action.name} {action.number} {action.seconds:.2f}")
