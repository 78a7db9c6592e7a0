#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The shop's web server: /order takes an order, / tells how many there are. Listens on $PORT."""

import errno
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

import shop


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, text = self.answer()
        except redis.RedisError as error:
            status, text = 503, f"redis does not answer: {error}"
        body = (text + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self):
        queue = self.server.queue
        if self.path == "/order":
            number = shop.enqueue(queue, "one cup of tea")
            return 202, f"order {number} taken"
        if self.path == "/":
            return 200, (f"{queue.get(shop.HANDLED) or 0} orders handled, "
                         f"{queue.llen(shop.ORDERS)} waiting")
        return 404, "there is / and there is /order"

    def log_message(self, format, *arguments):
        shop.say(format % arguments)


def listen(port):
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"port {port} is taken: free it, or start with another one (-p 8000)")


def main():
    shop.stop_on_term()
    queue = shop.connect()
    server = listen(int(os.environ.get("PORT", 5000)))
    server.daemon_threads = True
    server.queue = queue
    shop.say(f"listening on http://localhost:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
