# SPDX-License-Identifier: MIT
"""What web, worker and clock share: the queue, and how a process speaks and stops."""

import json
import os
import signal
import sys
import time

import redis

ORDERS = "orders"    # the list of orders to handle, oldest first
NUMBER = "number"    # of the newest order
HANDLED = "handled"  # how many orders were handled


def say(text):
    """One line to standard output, at once: the formation shows it when it is written."""
    print(text, flush=True)


def stop_on_term(handler=None):
    """SIGTERM ends the process with exit status 0; SIGINT likewise."""
    def stop(number, _frame):
        if handler:
            handler()
        else:
            sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def connect():
    """The shop's Redis. It is a process of the same formation: wait until it answers."""
    queue = redis.Redis(port=int(os.environ.get("REDIS_PORT", 6390)), decode_responses=True)
    waiting = False
    while True:
        try:
            queue.ping()
            return queue
        except (redis.ConnectionError, redis.BusyLoadingError):
            if not waiting:
                say("waiting for redis")
            waiting = True
            time.sleep(0.1)


def enqueue(queue, what):
    """Puts an order into the queue and returns its number."""
    number = queue.incr(NUMBER)
    queue.rpush(ORDERS, json.dumps({"number": number, "what": what}))
    return number
