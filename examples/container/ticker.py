#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Says something every second."""

import itertools
import time

for number in itertools.count(1):
    print(f"tick {number}")
    time.sleep(1)
