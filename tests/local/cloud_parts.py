"""Small real services for tests of the data plane, and what it takes to run them without a daemon."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tidegate.local.images import Catalogue, Image
from tidegate.local.proxy import Proxy
from tidegate.local.runtime import Fleet, Pool, Settings
from tidegate.local.world import Container, Probe, Route, WantedRevision
from tidegate.procfs import start_ticks

SERVICE = "projects/p/locations/europe-west1/services/orders"

APP = r"""
import http.server, json, os, signal, subprocess, sys, threading, time

if os.environ.get("EXIT"):
    print("about to give up", flush=True)
    sys.exit(int(os.environ["EXIT"]))
if os.environ.get("SILENT"):
    time.sleep(600)
if os.environ.get("CHILD"):
    code = "import os,time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=False)
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    def leave(*_):
        os.write(1, b"goodbye\n")  # it may have interrupted a print
        os._exit(0)
    signal.signal(signal.SIGTERM, leave)
sick = False
served = 0

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        global sick, served
        path, _, query = self.path.partition("?")
        if path == "/slow":
            time.sleep(float(query))
        if path == "/sick":
            sick = True
        if path == "/status":
            return self.answer(int(query), b"")
        if path == "/die":
            os._exit(3)
        if path == "/health":
            return self.answer(500 if sick else 200, b"")
        if path == "/headers":
            return self.answer(200, json.dumps([self.requestline, *self.headers.items()]).encode())
        if path == "/env":
            return self.answer(200, json.dumps(dict(os.environ)).encode())
        if path == "/metrics":
            return self.answer(200, os.environ.get("METRICS", "").encode(), "text/plain; version=0.0.4")
        if path == "/stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for index in range(int(query)):
                self.wfile.write(b"5\r\nhello\r\n")
                self.wfile.flush()
            if "cut" in self.headers.get("X-Test", ""):
                self.wfile.flush()
                os._exit(4)
            return self.wfile.write(b"0\r\n\r\n")
        served += 1
        self.answer(200, (os.environ["K_REVISION"] + " " + str(os.getpid()) + "\n").encode())

    do_HEAD = do_GET

    def do_POST(self):
        size = 0
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while length := int(self.rfile.readline(), 16):
                size += len(self.rfile.read(length))
                self.rfile.readline()
            self.rfile.readline()
        else:
            size = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, str(size).encode())

    def answer(self, status, body, kind="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Hop", "secret")
        self.send_header("Connection", "X-Hop")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass

print("up", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def write_app(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "app.py").write_text(APP)
    return directory


def wanted(
    revision: str = "orders-1", *, env: dict[str, str] | None = None, **changes: object
) -> WantedRevision:
    """A revision of one container with a quick HTTP startup probe."""
    container = Container(
        "app",
        "demo/app:v1",
        env=tuple((env or {}).items()),
        port=8080,
        startup_probe=Probe("http", 8080, path="/health", period=1, failure_threshold=5),
    )
    fields: dict[str, object] = {"min_instances": 1, "starting": True, "max_instances": 5, **changes}
    plain = WantedRevision(SERVICE, revision, (container,))
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]  # the caller names real fields


def with_container(revision: WantedRevision, **changes: object) -> WantedRevision:
    """The revision with its first container changed."""
    first, *rest = revision.containers
    changed = dataclasses.replace(first, **changes)  # type: ignore[arg-type]  # as above
    return dataclasses.replace(revision, containers=(changed, *rest))


class Reports:
    """What the world would hear."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.failed: list[tuple[str, str, str]] = []

    def revision_started(self, service: str, revision: str) -> None:
        self.started.append(revision)

    def revision_failed(self, service: str, revision: str, reason: str, message: str) -> None:
        self.failed.append((revision, reason, message))


class Stand:
    """A fleet and a proxy on the running loop."""

    def __init__(self, directory: Path, **settings: object) -> None:
        app = write_app(directory / "app")
        image = Image("demo/app:v1", ("python", "app.py"), app)
        fields: dict[str, object] = {
            "catalogue": lambda: Catalogue({"demo/app:v1": image}),
            "directory": directory / "state",
            "mark": secrets.token_hex(8),
            "stop_grace": 2.0,
            **settings,
        }
        self.settings = Settings(**fields)  # type: ignore[arg-type]  # the caller names real fields
        self.reports = Reports()
        self.fleet = Fleet(self.settings, self.reports)
        self.proxy = Proxy(self.fleet, {})

    def pids(self, revision: str = "orders-1") -> list[int]:
        pool = self.fleet.pools[SERVICE, revision]
        return [process.pid for i in pool.ready() for process in i.processes.values()]

    async def run(self, *revisions: WantedRevision, split: dict[str, int] | None = None, **tags: str) -> str:
        """The address of the service, once the named revisions are ready."""
        self.fleet.reconcile(revisions)
        share = split or {revisions[0].revision: 100}
        self.proxy.route([Route(SERVICE, tuple(share.items()), tags)])
        for revision in revisions:
            await until(functools.partial(_is_up, self.fleet.pools[SERVICE, revision.revision]))
        return self.proxy.address(SERVICE, "")


def _is_up(pool: Pool) -> bool:
    return len(pool.ready()) >= max(1, pool.wanted.min_instances)


@contextlib.asynccontextmanager
async def stand(directory: Path, **settings: object) -> AsyncIterator[Stand]:
    one = Stand(directory, **settings)
    balancing = asyncio.create_task(one.fleet.run())
    await one.proxy.start()
    try:
        yield one
    finally:
        balancing.cancel()
        await one.proxy.close(0.5)
        await one.fleet.close(0.5)


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("the condition never came true")
        await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("the condition never came true")
        time.sleep(0.02)


def exists(pid: int) -> bool:
    """Whether the process runs; a zombie that waits to be collected does not."""
    return start_ticks(pid) is not None
