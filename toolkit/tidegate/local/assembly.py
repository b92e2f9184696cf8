"""The parts of the local Cloud Run and how they hang together: composed here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from tidegate import procfs
from tidegate.core.errors import UsageError
from tidegate.local import state
from tidegate.local.collector import Collector
from tidegate.local.grpc_api import serve as serve_grpc
from tidegate.local.images import Catalogues
from tidegate.local.local_status import describe
from tidegate.local.provider.server import serve as serve_provider
from tidegate.local.proxy import Proxy
from tidegate.local.rest_api import application as rest_application
from tidegate.local.runtime import Backing, Fleet, Settings
from tidegate.local.sampler import Sampler
from tidegate.local.state import LocalCloud
from tidegate.local.world import World

_OWNER_PERIOD = 0.3
_TICK = 0.05
_SAVE_PERIOD = 1.0
_IN_FLIGHT_PATIENCE = 3.0
"""Seconds that requests in flight have at the end of the daemon."""


@dataclass(frozen=True)
class Options:
    directory: Path
    images: Path | None = None
    owner: tuple[int, int] | None = None
    """Pid and start ticks."""
    sample_period: float = 1.0
    ingestion_delay: float = 2.0
    propagation_delay: float = 0.0
    idle_seconds: float = 60.0
    stop_grace: float = 10.0


class Daemon:
    """The parts and their order: built in `_compose`, run until `ended` is set, taken down in reverse."""

    def __init__(self, options: Options, mark: str) -> None:
        self._options = options
        self._mark = mark
        self._ended = asyncio.Event()
        self._why = ""
        self._saving = threading.Lock()
        self._catalogues = Catalogues(options.images, say)

    async def run(self) -> str:
        """Serves until the end and says why it came."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, f"signal {signal.Signals(number).name}")
        async with contextlib.AsyncExitStack() as stack:
            await self._compose(stack)
            await self._ended.wait()
            state.withdraw(self._options.directory, os.getpid())
        return self._why

    async def _compose(self, stack: contextlib.AsyncExitStack) -> None:
        options = self._options
        settings = Settings(
            catalogue=self._catalogues.current,
            directory=options.directory,
            mark=self._mark,
            stop_grace=options.stop_grace,
            idle_seconds=options.idle_seconds,
        )
        backing_ports = await self._start_backing(stack, settings)
        settings = replace(settings, backing_ports=backing_ports)
        self._fleet = Fleet(settings, self)
        self._proxy = Proxy(self._fleet, state.read_ports(options.directory))
        self._world = World(
            time.time,
            self._address,
            propagation_delay=options.propagation_delay,
            ingestion_delay=options.ingestion_delay,
        )
        self._load()
        stack.callback(self._save)
        # The collector outlives the instances: it scrapes each once more before it is stopped.
        stack.push_async_callback(_cancel, self._start_collecting())
        stack.push_async_callback(self._fleet.close, _IN_FLIGHT_PATIENCE)
        await self._proxy.start()
        stack.push_async_callback(self._proxy.close, _IN_FLIGHT_PATIENCE)
        parts = [
            self._start(self._watch_changes()),
            self._start(self._fleet.run()),
            self._start(self._tick()),
        ]
        if options.owner is not None:
            parts.append(self._start(self._watch_owner(*options.owner)))
        stack.push_async_callback(_cancel, parts)
        await self._serve_apis(stack, backing_ports)

    async def _start_backing(self, stack: contextlib.AsyncExitStack, settings: Settings) -> dict[str, int]:
        ports: dict[str, int] = {}
        for name, image in self._catalogues.current().backing.items():
            ports[name] = settings.ports.take()
            backing = Backing(image, ports[name], self._mark, self._options.directory)
            stack.push_async_callback(backing.stop, self._options.stop_grace)
            problem = await backing.start()
            if problem:
                raise UsageError(problem)
            stack.push_async_callback(_cancel, [self._start(backing.run())])
        return ports

    def _start_collecting(self) -> list[asyncio.Task[None]]:
        sampler = Sampler(self._fleet, self._world.write, time.time, self._options.sample_period)
        collector = Collector(self._fleet, self._world.write, time.time)
        self._fleet.before_stop = collector.last_scrape
        return [self._start(sampler.run()), self._start(collector.run())]

    async def _serve_apis(self, stack: contextlib.AsyncExitStack, backing: dict[str, int]) -> None:
        options = self._options
        server, port = serve_grpc(self._world, "127.0.0.1:0")
        stack.callback(lambda: server.stop(0.5).wait(2))
        rest = await self._serve_web(stack, rest_application(self._world))
        provider = await asyncio.to_thread(serve_provider, rest)
        stack.callback(provider.stop)
        page = web.Application()
        page.router.add_get("/status", self._status)
        status = await self._serve_web(stack, page) + "/status"
        state.announce(
            LocalCloud(
                directory=options.directory,
                pid=os.getpid(),
                started=procfs.start_ticks(os.getpid()) or 0,
                grpc=f"127.0.0.1:{port}",
                rest=rest,
                reattach=provider.reattach(),
                status=status,
                sample_period=options.sample_period,
                ingestion_delay=options.ingestion_delay,
                mark=self._mark,
                images=str(options.images or ""),
                owner=options.owner[0] if options.owner else 0,
                backing=backing,
            )
        )

    async def _serve_web(self, stack: contextlib.AsyncExitStack, application: web.Application) -> str:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    # ------------------------------------------------------------------------------------------- running

    def _start(self, part: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(part)
        task.add_done_callback(self._part_ended)
        return task

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            say(f"error: a part of the local Cloud Run failed: {type(error).__name__}: {error}")
            self._end("an internal failure")

    def _end(self, why: str) -> None:
        self._why = self._why or why
        self._ended.set()

    async def _watch_owner(self, pid: int, ticks: int) -> None:
        while procfs.is_alive(pid, ticks):
            await asyncio.sleep(_OWNER_PERIOD)
        self._end(f"its owner, process {pid}, is gone")

    async def _tick(self) -> None:
        while True:
            self._world.tick()
            await asyncio.sleep(_TICK)

    async def _watch_changes(self) -> None:
        """Brings processes and routes in line after every change; a thread does the waiting."""
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait() -> None:
            version = -1
            while not self._ended.is_set():
                seen = self._world.wait_for_change(version, 0.5)
                if seen != version:
                    version = seen
                    with contextlib.suppress(RuntimeError):  # the loop is closed: all is over
                        loop.call_soon_threadsafe(changed.set)

        threading.Thread(target=wait, name="changes", daemon=True).start()
        saved, unsaved = 0.0, True
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SAVE_PERIOD):
                    await changed.wait()
            if changed.is_set():
                changed.clear()
                # New instances before new routes: a request must not be sent to a revision without a pool.
                wanted, routes = self._world.wanted(), self._world.routes()
                self._fleet.reconcile(wanted)
                self._proxy.route(routes)
                self._world.with_services(self._proxy.keep)
                unsaved = True
            # Not after every change: all of the state is written, and everybody waits for it meanwhile.
            if time.monotonic() - saved > (1 if unsaved else 10) * _SAVE_PERIOD:
                unsaved = False
                await asyncio.to_thread(self._save)
                saved = time.monotonic()

    # ------------------------------------------------------------------------------------------- the world

    def _address(self, service: str, tag: str) -> str:
        return self._proxy.address(service, tag)

    def revision_started(self, service: str, revision: str) -> None:
        say(f"{revision} is ready")
        self._world.revision_started(service, revision)

    def revision_failed(self, service: str, revision: str, reason: str, message: str) -> None:
        say(f"{revision} failed: {reason}")
        self._world.revision_failed(service, revision, reason, message)

    def _load(self) -> None:
        path = self._options.directory / "world.json"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        try:
            self._world.load(json.loads(content))
        except Exception as error:  # noqa: BLE001 (whatever a damaged file makes it raise)
            aside = path.with_suffix(".unreadable.json")
            path.replace(aside)
            say(f"the state of the former life cannot be read ({error}); it is kept as {aside.name}")

    def _save(self) -> None:
        # One at a time, and read inside: the one that ends last has written the newest.
        with self._saving:
            content = json.dumps(self._world.dump()).encode()
            state.write_atomically(self._options.directory / "world.json", content)
            state.write_ports(self._options.directory, self._proxy.ports())

    async def _status(self, _: web.BaseRequest) -> web.Response:
        return web.json_response(describe(self._world, self._fleet, self._proxy))


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
