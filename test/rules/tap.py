# SPDX-License-Identifier: MIT
"""What the rules share: the files that they look at, and how they say what they found (TAP)."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*patterns):
    """The repository's own files, ignored ones left out; also those not added yet."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard", *patterns],
        cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()
    paths = sorted(set(listed.split("\0")) - {""})
    return [ROOT / path for path in paths if (ROOT / path).is_file()]


def name(path):
    return str(path.relative_to(ROOT))


def layers():
    """src/LAYERS: {module: the modules that it may include}, in its order, and the pure ones."""
    allowed, pure = {}, set()
    for line in (ROOT / "src/LAYERS").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        module, _, below = line.partition(":")
        if module.endswith("*"):
            pure.add(module.rstrip("*"))
        allowed[module.rstrip("*")] = set(below.split())
    return allowed, pure


def report(faults_of):
    """Prints one test for each rule, with its faults; the exit status says whether all hold."""
    print(f"1..{len(faults_of)}")
    for number, (rule, faults) in enumerate(faults_of.items(), 1):
        print(f"{'not ok' if faults else 'ok'} {number} - {rule}")
        for fault in faults:
            print(f"#   {fault}")
    sys.exit(any(faults_of.values()))
