"""Descriptors, connections and memory of a service in Python, with nothing installed. Copy this file.

Answer /metrics with `page()`, or let `serve(9464)` do it on a port of its own. Linux only, as Cloud Run is.
"""

import resource
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STARTED = time.time()
SELF = Path("/proc/self")
STATES = {
    "01": "established",
    "02": "syn_sent",
    "03": "syn_recv",
    "04": "fin_wait1",
    "05": "fin_wait2",
    "06": "time_wait",
    "07": "close",
    "08": "close_wait",
    "09": "last_ack",
    "0B": "closing",
}


def page(pools=None):
    """The metrics as text. `pools` maps a name to a function that returns how many are (in use, idle)."""
    lines = []

    def gauge(name, text, samples):
        lines.extend([f"# HELP {name} {text}", f"# TYPE {name} gauge"])
        lines.extend(f"{name}{labels} {value}" for labels, value in samples)

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resident = int((SELF / "statm").read_text().split()[1]) * resource.getpagesize()
    gauge("process_open_fds", "Open file descriptors.", [("", len(list((SELF / "fd").iterdir())))])
    gauge("process_max_fds", "Most file descriptors allowed.", [("", soft)])
    gauge("process_resident_memory_bytes", "Resident memory.", [("", resident)])
    gauge("process_start_time_seconds", "Start of the process, Unix time.", [("", round(STARTED, 3))])
    gauge(
        "tcp_connections",
        "TCP connections of this process by state.",
        [(f'{{state="{state}"}}', count) for state, count in connections().items()],
    )
    gauge(
        "pool_connections",
        "Pooled connections.",
        [
            (f'{{pool="{name}",use="{use}"}}', count)
            for name, look in (pools or {}).items()
            for use, count in zip(("in_use", "idle"), look(), strict=True)
        ],
    )
    return "\n".join(lines) + "\n"


def connections():
    """This process's own sockets by TCP state: the inodes of its descriptors, in the kernel's table."""
    inodes = set()
    for entry in (SELF / "fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:  # closed in between
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = Counter(dict.fromkeys(STATES.values(), 0))
    for table in (SELF / "net/tcp", SELF / "net/tcp6"):
        if table.exists():  # without IPv6 there is no tcp6
            for row in map(str.split, table.read_text().splitlines()[1:]):
                if row[9] in inodes and row[3] in STATES:
                    found[STATES[row[3]]] += 1
    return found


def serve(port, pools=None, address="127.0.0.1"):
    """Answers /metrics in a thread, until the process ends or `shutdown()` of the server returned here."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self):
            known = self.path.partition("?")[0] == "/metrics"
            body = (page(pools) if known else "there is /metrics\n").encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
