#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Orders something every $CLOCK_SECONDS: in the place of cron, as a process of the formation."""

import os
import time

import redis

import shop


def main():
    shop.stop_on_term()
    queue = shop.connect()
    pause = float(os.environ.get("CLOCK_SECONDS", 1))
    while True:
        try:
            number = shop.enqueue(queue, "a fresh towel")
            shop.say(f"order {number}: a fresh towel")
        except redis.ConnectionError:
            shop.say("redis is gone")
            queue = shop.connect()
        time.sleep(pause)


if __name__ == "__main__":
    main()
