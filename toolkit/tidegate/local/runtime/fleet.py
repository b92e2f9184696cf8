"""All pools: brings the processes in line with the revisions the world wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from tidegate.local.images import Image
from tidegate.local.runtime import orphans, probes
from tidegate.local.runtime.instance import Instance
from tidegate.local.runtime.logs import InstanceLog
from tidegate.local.runtime.pool import Pool
from tidegate.local.runtime.process import CommandLine, Process
from tidegate.local.runtime.settings import Settings
from tidegate.local.world import Probe, WantedRevision

_TICK = 0.1


class Reports(Protocol):
    """The part of the world that hears how revisions fare."""

    def revision_started(self, service: str, revision: str) -> None: ...
    def revision_failed(self, service: str, revision: str, reason: str, message: str) -> None: ...


class Fleet:
    """Lives on one event loop; nothing in it may be called from another thread."""

    def __init__(self, settings: Settings, reports: Reports) -> None:
        self.pools: dict[tuple[str, str], Pool] = {}
        """By service path and revision name."""
        self.before_stop: Callable[[Instance], Awaitable[None]] | None = None
        """Called when an instance is about to be stopped or has died."""
        self._settings = settings
        self._reports = reports
        self._closing: dict[Pool, asyncio.Task[None]] = {}

    def reconcile(self, wanted: Iterable[WantedRevision]) -> None:
        now = {(one.service, one.revision): one for one in wanted}
        for key in [key for key in self.pools if key not in now]:
            pool = self.pools.pop(key)
            self._closing[pool] = asyncio.create_task(pool.close(pool.wanted.timeout))
        for key, one in now.items():
            if key in self.pools:
                self.pools[key].update(one)
            else:
                self.pools[key] = Pool(one, self._settings, self)
            self.pools[key].balance()

    def to_sample(self) -> list[Pool]:
        """Every pool with something to tell: those on their way out once more after their end."""
        pools = [*self.pools.values(), *self._closing]
        self._closing = {pool: task for pool, task in self._closing.items() if not task.done()}
        return pools

    async def run(self) -> None:
        """Keeps every pool balanced until cancelled."""
        while True:
            for pool in list(self.pools.values()):
                pool.balance()
                pool.steady()
            await asyncio.sleep(_TICK)

    async def close(self, patience: float) -> None:
        """Stops everything: `patience` seconds for requests in flight, then the grace of the settings."""
        pools, self.pools = list(self.pools.values()), {}
        for task in self._closing.values():
            task.cancel()
        await asyncio.gather(*self._closing.values(), return_exceptions=True)
        await asyncio.gather(*(pool.close(patience) for pool in [*pools, *self._closing]))
        self._closing.clear()
        await asyncio.to_thread(orphans.sweep, self._settings.mark)

    # ----------------------------------------------------------------------------------------- as a listener

    def started(self, wanted: WantedRevision) -> None:
        self._reports.revision_started(wanted.service, wanted.revision)

    def failed(self, wanted: WantedRevision, reason: str, message: str) -> None:
        self._reports.revision_failed(wanted.service, wanted.revision, reason, message)

    async def stopping(self, instance: Instance) -> None:
        if self.before_stop is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self.before_stop(instance)


class Backing:
    """One backing service of the catalogue: started again when it ends."""

    def __init__(self, image: Image, port: int, mark: str, directory: Path) -> None:
        self.name = image.name
        self.port = port
        self.process: Process | None = None
        self._log = InstanceLog(directory / "logs" / "backing" / image.name / f"{image.name}.log")
        env = {**image.env, "PORT": str(port), orphans.MARK: mark}
        self._command = CommandLine(image.command_line((), ()), image.directory, env)

    async def start(self) -> str:
        """Empty when it listens within ten seconds, else what happened instead."""
        self.process = await Process.start(self.name, self._command, self._log)
        listening = asyncio.create_task(probes.attempt(Probe("tcp", self.port, timeout=10), self.port))
        first: set[asyncio.Task[Any]] = {listening, self.process.exited}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if listening.done() and listening.result():
            return ""
        listening.cancel()
        said = " | ".join(list(self._log.tail)[-5:]) or "it said nothing"
        what = "does not listen on its PORT" if self.process.returncode is None else "ended at once"
        return f"the backing service {self.name} {what}: {said}"

    async def run(self) -> None:
        """Starts it again whenever it ends, until cancelled."""
        while self.process is not None:
            await self.process.exited
            await asyncio.sleep(0.5)
            await self.start()

    async def stop(self, grace: float) -> None:
        if self.process is not None:
            await self.process.stop(grace)
        self._log.close()
