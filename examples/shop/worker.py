#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Handles the shop's orders, one after the other. Told to stop, it finishes the one in hand."""

import json
import os
import sys
import time

import redis

import shop


class Worker:
    def __init__(self):
        self.busy = False
        self.stopping = False

    def stop(self):
        self.stopping = True
        if not self.busy:
            sys.exit(0)

    def run(self):
        queue = shop.connect()
        shop.say("ready for orders")
        while not self.stopping:
            try:
                _, order = queue.blpop(shop.ORDERS)
                self.busy = True
                self.handle(queue, json.loads(order))
                self.busy = False
            except redis.ConnectionError:
                self.busy = False
                if self.stopping:
                    break
                shop.say("redis is gone")
                queue = shop.connect()

    def handle(self, queue, order):
        time.sleep(float(os.environ.get("ORDER_SECONDS", 0.2)))
        shop.say(f"order {order['number']} handled: {order['what']}")
        queue.incr(shop.HANDLED)


def main():
    worker = Worker()
    shop.stop_on_term(worker.stop)
    worker.run()


if __name__ == "__main__":
    main()
