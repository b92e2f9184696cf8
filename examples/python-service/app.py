"""The service `orders`: answers by asking an upstream, and leaks, errs or dawdles when told to.

UPSTREAM_URL    what it asks, default http://127.0.0.1:9000
SHARDS          one pooled connection for each of so many shards, opened at first use; default: a shared pool
LINGER          seconds for which every request keeps a connection of its own; default: a shared pool
LEAK and others what goes wrong, see `trouble.py` and README.md

Python's standard library is all it needs.
"""

import http.client
import json
import os
import resource
import signal
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from client import Lingering, Shards, Transport
from trouble import Trouble

UPSTREAM = urlsplit(os.environ.get("UPSTREAM_URL", "http://127.0.0.1:9000"))
SHARDS = int(os.environ.get("SHARDS", "0"))
LINGER = float(os.environ.get("LINGER", "0"))
STARTED = time.time()
FDS = Path("/proc/self/fd")
TCP_STATES = {"01": "established", "04": "fin_wait1", "05": "fin_wait2", "08": "close_wait", "0A": "listen"}


class Orders:
    """The work, and what is remembered of it."""

    def __init__(self):
        self.transport = transport()
        self.trouble = Trouble(UPSTREAM)
        self.lock = threading.Lock()
        self.requests = Counter()
        self.in_flight = 0

    def ask(self, path):
        leaked = self.trouble.leak(path, self.transport)
        return self.transport.get("/stock") if leaked is None else leaked


def transport():
    if SHARDS:
        return Shards(UPSTREAM, SHARDS)
    return Lingering(UPSTREAM, LINGER) if LINGER else Transport(UPSTREAM)


ORDERS = Orders()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self):
        path = urlsplit(self.path).path
        ORDERS.trouble.wait_if_stalled()
        if path == "/healthz":
            self.answer(200, b"ok\n", "text/plain")
        elif path == "/metrics":
            self.answer(200, metrics().encode(), "text/plain; version=0.0.4; charset=utf-8")
        elif path in ("/", "/report"):
            self.order(path)
        else:
            self.answer(404, b"not found\n", "text/plain")

    def order(self, path):
        with ORDERS.lock:
            ORDERS.in_flight += 1
        status, body = 502, b'{"error": "the upstream does not answer"}\n'
        try:
            fails = ORDERS.trouble.strikes()
            stock = json.loads(ORDERS.ask(path))
            revision = os.environ.get("K_REVISION", "")
            status, body = 200, (json.dumps({"revision": revision, "stock": stock}) + "\n").encode()
            if fails:
                status, body = 500, b'{"error": "this request was to fail"}\n'
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
    write("process_threads", "gauge", "Threads.", [("", threading.active_count())])
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
    print(f"orders listens on {server.server_address[1]}, leak: {ORDERS.trouble.kind}", flush=True)
    server.serve_forever(poll_interval=0.1)
    # Answers under way may end; new connections are not accepted any more.
    end = time.monotonic() + 8
    while ORDERS.in_flight and time.monotonic() < end:
        time.sleep(0.05)
    print("orders has stopped", flush=True)


if __name__ == "__main__":
    main()
