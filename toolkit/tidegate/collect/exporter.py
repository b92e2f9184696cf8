"""The page over HTTP: `/metrics` and `/healthz`, until TERM."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_TEXT = "text/plain; charset=utf-8"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_MOST_REQUESTS = 16
"""At once; the exporter must not become what it watches for."""


class Exporter(ThreadingHTTPServer):
    """Reads when it is asked, never by itself: between requests Cloud Run may leave it no CPU.

    `look` makes the page, and may raise OSError. A page is used again for `keep` seconds of `clock`, so that
    any number of scrapers costs no more than one. Raises OSError when it cannot listen.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], look: Callable[[], str], keep: float, clock: Callable[[], float]
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._look = look
        self._keep = keep
        self._clock = clock
        self._page = ""
        self._expires = -float("inf")
        self._reading = threading.Lock()
        self._places = threading.BoundedSemaphore(_MOST_REQUESTS)
        super().__init__(address, _Handler)

    def page(self) -> str:
        """At most `keep` seconds old. Raises OSError when it cannot be read; then the next asks again."""
        with self._reading:
            if self._clock() >= self._expires:
                self._page = self._look()
                self._expires = self._clock() + self._keep
            return self._page

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that has gone is nothing to tell."""

    def server_bind(self) -> None:
        # As http.server does it, without asking the resolver for a name of this machine.
        super(ThreadingHTTPServer, self).server_bind()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    """Seconds a peer may keep a connection without a word. Each answer ends its connection (HTTP/1.0)."""
    server: Exporter

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/healthz":
            self._answer(200, _TEXT, "ok\n")
        elif path == "/metrics":
            try:
                self._answer(200, _PROMETHEUS, self.server.page())
            except OSError as error:
                self._answer(500, _TEXT, f"{describe(error)}\n")
        else:
            self._answer(404, _TEXT, "there is /metrics and /healthz\n")

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """No line per scrape."""


def serve(exporter: Exporter, begun: Callable[[], None]) -> None:
    """Answers until TERM or INT, from which it returns; from the main thread only. `begun` is called once
    neither would end the process otherwise."""

    def stop(*_: object) -> None:
        # `shutdown` waits for the loop, which waits for this handler.
        threading.Thread(target=exporter.shutdown).start()

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        begun()
        exporter.serve_forever(poll_interval=0.2)
    finally:
        with contextlib.suppress(OSError):
            exporter.server_close()
        for number, handler in before:
            signal.signal(number, handler)


def describe(error: OSError) -> str:
    place = f"{error.filename} " if error.filename else ""
    return f"{place}cannot be read: {error.strerror or error}"
