"""The service `orders`: answers by asking an upstream, and leaks connections when told to.

LEAK=none       one pool of connections, shared by all requests (the right way)
LEAK=transport  a new "transport", a connection pool of its own, for every request, kept and never closed:
                what a Go service does that builds an http.Transport per request
LEAK=body       the answer of the upstream is neither read nor closed, so its connection is never free again

UPSTREAM_URL    what it asks, default http://127.0.0.1:9000
LEAK_EVERY      leak with one request in so many, default 1

Python's standard library is all it needs.
"""

import http.client
import json
import os
import queue
import resource
import signal
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

LEAK = os.environ.get("LEAK", "none")
LEAK_EVERY = max(1, int(os.environ.get("LEAK_EVERY", "1")))
UPSTREAM = urlsplit(os.environ.get("UPSTREAM_URL", "http://127.0.0.1:9000"))
STARTED = time.time()
TIMEOUT = 5.0
POOL_SIZE = 8
FDS = Path("/proc/self/fd")
TCP_STATES = {"01": "established", "04": "fin_wait1", "05": "fin_wait2", "08": "close_wait", "0A": "listen"}


class Transport:
    """A pool of keep-alive connections to the upstream, used by many threads at once."""

    def __init__(self):
        self.idle = queue.LifoQueue(POOL_SIZE)

    def take(self):
        try:
            return self.idle.get_nowait()
        except queue.Empty:
            return http.client.HTTPConnection(UPSTREAM.hostname, UPSTREAM.port, timeout=TIMEOUT)

    def give_back(self, connection):
        try:
            self.idle.put_nowait(connection)
        except queue.Full:
            connection.close()

    def get(self, path):
        """The body of the answer. A connection the upstream has closed in the meantime is replaced, once."""
        try:
            return self.attempt(path)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return self.attempt(path)

    def attempt(self, path):
        connection = self.take()
        try:
            connection.request("GET", path)
            body = connection.getresponse().read()
        except BaseException:
            connection.close()
            raise
        self.give_back(connection)
        return body


class Orders:
    """The work, and what is remembered of it."""

    def __init__(self):
        self.transport = Transport()
        self.forgotten = []
        self.lock = threading.Lock()
        self.requests = Counter()
        self.in_flight = 0
        self.served = 0

    def ask(self):
        with self.lock:
            self.served += 1
            leaks = self.served % LEAK_EVERY == 0
        if leaks and LEAK == "transport":
            transport = Transport()
            self.forgotten.append(transport)
            return transport.get("/stock")
        if leaks and LEAK == "body":
            connection = self.transport.take()
            connection.request("GET", "/stock")
            self.forgotten.append((connection, connection.getresponse()))
            return b"{}"
        return self.transport.get("/stock")


ORDERS = Orders()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/healthz":
            self.answer(200, b"ok\n", "text/plain")
        elif path == "/metrics":
            self.answer(200, metrics().encode(), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/":
            self.order()
        else:
            self.answer(404, b"not found\n", "text/plain")

    def order(self):
        with ORDERS.lock:
            ORDERS.in_flight += 1
        status, body = 502, b'{"error": "the upstream does not answer"}\n'
        try:
            stock = json.loads(ORDERS.ask())
            revision = os.environ.get("K_REVISION", "")
            status, body = 200, (json.dumps({"revision": revision, "stock": stock}) + "\n").encode()
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"upstream: {type(error).__name__}: {error}", flush=True)
        finally:
            with ORDERS.lock:
                ORDERS.in_flight -= 1
                ORDERS.requests[status] += 1
        self.answer(status, body, "application/json")

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """No line per request: the proxy in front counts them."""


def metrics():
    lines = []

    def write(name, kind, text, samples):
        lines.extend([f"# HELP {name} {text}", f"# TYPE {name} {kind}"])
        lines.extend(f"{name}{labels} {value}" for labels, value in samples)

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    states = connections()
    with ORDERS.lock:
        counted, in_flight = dict(ORDERS.requests), ORDERS.in_flight
    write("process_open_fds", "gauge", "Open file descriptors.", [("", len(list(FDS.iterdir())))])
    write("process_max_fds", "gauge", "Most file descriptors allowed.", [("", soft)])
    write(
        "process_start_time_seconds", "gauge", "Start of the process, Unix time.", [("", round(STARTED, 3))]
    )
    write("process_resident_memory_bytes", "gauge", "Resident memory.", [("", resident_bytes())])
    write(
        "tcp_connections",
        "gauge",
        "TCP sockets of this process by state.",
        [(f'{{state="{state}"}}', count) for state, count in sorted(states.items())],
    )
    write("in_flight_requests", "gauge", "Requests being answered.", [("", in_flight)])
    write(
        "orders_requests_total",
        "counter",
        "Requests answered by status.",
        [(f'{{code="{code}"}}', count) for code, count in sorted(counted.items())],
    )
    return "\n".join(lines) + "\n"


def connections():
    """Its own sockets by TCP state: the inodes of its descriptors, looked up in the kernel's table."""
    inodes = set()
    for entry in FDS.iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = Counter({"established": 0, "close_wait": 0})
    for table in (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6")):
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in map(str.split, lines):
            if row[9] in inodes and row[3] != "0A":
                found[TCP_STATES.get(row[3], "other")] += 1
    return found


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    address_family = socket.AF_INET


def main():
    server = Server(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Handler)

    def stop(*_):
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"orders listens on {server.server_address[1]}, leak: {LEAK}", flush=True)
    server.serve_forever(poll_interval=0.1)
    # Answers under way may end; new connections are not accepted any more.
    end = time.monotonic() + 8
    while ORDERS.in_flight and time.monotonic() < end:
        time.sleep(0.05)
    print("orders has stopped", flush=True)


if __name__ == "__main__":
    main()
