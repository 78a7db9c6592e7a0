# SPDX-License-Identifier: MIT
"""A web server that does not open its port: it is born with it, as descriptor 3 (LISTEN_FDS)."""

import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

is_ending = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay
    wbufsize = -1  # headers and body leave together
    timeout = 5  # of a connection on which nothing is asked

    def do_GET(self):
        body = f"{os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if is_ending.is_set():
            self.send_header("Connection", "close")  # the next request goes to another process
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for those who are being served


def main():
    server = Server(None, Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=3)
    server.socket.setblocking(False)  # another process may be quicker to accept

    def end(*_):
        is_ending.set()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    print("serving", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


main()
