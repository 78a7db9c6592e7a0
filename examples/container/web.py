#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts its visitors. Listens on $PORT."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    count = 0

    def do_GET(self):
        Handler.count += 1
        body = f"visit {Handler.count} of {os.environ['PS']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
port = int(os.environ["PORT"])
server = HTTPServer(("", port), Handler)
print(f"listening on port {port}")
server.serve_forever()
