"""One instance of a revision: its containers as processes, from the first start to the last signal."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from tidegate.local.images import Image, with_backing
from tidegate.local.runtime import probes
from tidegate.local.runtime.logs import InstanceLog
from tidegate.local.runtime.orphans import MARK
from tidegate.local.runtime.process import CommandLine, Process, describe_exit
from tidegate.local.runtime.settings import Settings, is_collector
from tidegate.local.tally import Tally
from tidegate.local.world import Container, Probe, WantedRevision

COLLECT_PORT = "TIDEGATE_COLLECT_PORT"
COLLECT_SOCKETS_OF = "TIDEGATE_COLLECT_SOCKETS_OF"
"""What `tidegate collect` reads, where it runs as a container beside the service."""


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"


class StartFailure(Exception):
    """`reason` and message as the revision's condition shows them."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Instance:
    def __init__(self, wanted: WantedRevision, settings: Settings, tally: Tally) -> None:
        self.id = secrets.token_hex(20)
        self.wanted = wanted
        self.state = State.STARTING
        self.begun = time.time()
        self.ready_since = 0.0
        self.in_flight = 0
        self.most_in_flight = 0
        """Since the sampler last looked."""
        self.last_used = 0.0
        self.processes: dict[str, Process] = {}
        self.ports: dict[str, int] = {}
        """Local port by container name, for containers that have one."""
        self._exporters: dict[int, int] = {}
        """Local port by the one in the template, for `tidegate collect`."""
        self._leaving = asyncio.Event()
        service = wanted.service.rpartition("/")[2]
        self._settings = settings
        self._tally = tally
        self._billed_until = time.monotonic()
        self._mounts = settings.directory / "mounts" / self.id
        self.log = InstanceLog(
            settings.directory / "logs" / service / wanted.revision / f"{self.id[:12]}.log"
        )

    # ------------------------------------------------------------------------------------------- requests

    @property
    def port(self) -> int:
        """Of the ingress container."""
        return next((self.ports.get(c.name, 0) for c in self.wanted.containers if c.port), 0)

    def local_port(self, declared: int) -> int:
        """Where a port of the template is on this machine; one no container declares is itself."""
        if declared in self._exporters:
            return self._exporters[declared]
        return next((self.ports[c.name] for c in self.wanted.containers if c.port == declared), declared)

    def take(self) -> None:
        if not self.in_flight:
            self._billed_until = time.monotonic()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.last_used = time.monotonic()

    def give_back(self) -> None:
        self.bill()
        self.in_flight -= 1
        self.last_used = time.monotonic()

    def bill(self) -> None:
        """Adds what is due until now: the start-up and every moment with a request in flight."""
        now = time.monotonic()
        if self.in_flight or self.state is State.STARTING:
            self._tally.billable_seconds += now - self._billed_until
        self._billed_until = now

    # ------------------------------------------------------------------------------------------- life

    async def start(self) -> None:
        """Returns when every container has started; raises StartFailure, with nothing left running."""
        containers = [c for c in self.wanted.containers if not is_collector(c.image)]
        catalogue = self._settings.catalogue()
        images = {c.name: catalogue.find(c.image) for c in containers}
        try:
            for container in containers:
                if images[container.name] is None:
                    raise StartFailure("CONTAINER_MISSING", f"Image '{container.image}' not found.")
            up = {container.name: asyncio.Event() for container in containers}
            async with asyncio.TaskGroup() as group:
                for container in containers:
                    image = images[container.name]
                    if image is not None:
                        group.create_task(self._start_container(container, image, up))
        except ExceptionGroup as failures:
            await self.stop(0)
            found = failures.subgroup(StartFailure)
            raise (found.exceptions[0] if found else failures.exceptions[0]) from None
        except BaseException:
            await self.stop(0)
            raise
        self.bill()
        self.state = State.READY
        self.ready_since = time.time()
        self.last_used = time.monotonic()
        self._tally.startups.append((self.ready_since - self.begun) * 1000)

    async def died(self) -> str:
        """Waits until a container ends or fails its liveness probe; says which and why."""
        watched: dict[asyncio.Task[Any], str] = {p.exited: name for name, p in self.processes.items()}
        liveness: dict[asyncio.Task[Any], str] = {
            asyncio.create_task(self._watch(container, container.liveness_probe)): container.name
            for container in self.wanted.containers
            if container.liveness_probe and container.name in self.processes
        }
        try:
            done, _ = await asyncio.wait({*watched, *liveness}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in liveness:
                task.cancel()
        first = done.pop()
        if first in liveness:
            return f"container {liveness[first]} failed its liveness probe and is shut down"
        name = watched[first]
        return f"container {name}: {describe_exit(first.result())}"

    def leave(self) -> None:
        """Takes no further request; `left` returns."""
        self.state = State.DRAINING
        self._leaving.set()

    async def left(self) -> None:
        await self._leaving.wait()

    async def stop(self, grace: float) -> None:
        """Ends all containers: TERM, `grace` seconds, KILL. Safe to call more than once."""
        self.bill()
        self.state = State.STOPPED
        await asyncio.gather(*(process.stop(grace) for process in self.processes.values()))
        while self.ports:
            self._settings.ports.give_back(self.ports.popitem()[1])
        while self._exporters:
            self._settings.ports.give_back(self._exporters.popitem()[1])
        self.log.close()
        shutil.rmtree(self._mounts, ignore_errors=True)

    def note(self, line: str) -> None:
        self.log.write("cloud-run", line)

    # ------------------------------------------------------------------------------------------- containers

    async def _start_container(
        self, container: Container, image: Image, up: dict[str, asyncio.Event]
    ) -> None:
        for dependency in container.depends_on:
            if dependency in up:
                await up[dependency].wait()
        if container.port:
            self.ports[container.name] = self._settings.ports.take()
        command = CommandLine(
            image.command_line(container.command, container.args),
            image.directory,
            self._environment(container, image),
        )
        try:
            process = await Process.start(container.name, command, self.log)
        except OSError as error:
            raise StartFailure(
                "HEALTH_CHECK_CONTAINER_ERROR", f"The container cannot start: {error}."
            ) from error
        self.processes[container.name] = process
        probe = container.startup_probe or (
            probes.default_startup_probe(container.port) if container.port else None
        )
        if probe is not None:
            await self._wait_until_up(container, process, probe)
        up[container.name].set()

    async def _wait_until_up(self, container: Container, process: Process, probe: Probe) -> None:
        probing = asyncio.create_task(
            probes.succeeds(probe, self.local_port(probe.port), self._counter(container, "startup", probe))
        )
        waiting: set[asyncio.Task[Any]] = {probing, process.exited}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if process.returncode is None and probing.done() and probing.result():
                return
        finally:
            probing.cancel()
        # An exit is worth its last words: they are still on their way through the pipe.
        ended = ""
        if process.returncode is not None:
            ended = f" {describe_exit(await process.exited)}"
        raise StartFailure(
            "HEALTH_CHECK_CONTAINER_ERROR", self._failure(container) + ended + self._last_lines()
        )

    async def _watch(self, container: Container, probe: Probe | None) -> None:
        if probe is not None:
            count = self._counter(container, "liveness", probe)
            await probes.fails(probe, self.local_port(probe.port), count)

    def _counter(self, container: Container, kind: str, probe: Probe) -> Callable[[bool], None]:
        def count(healthy: bool) -> None:
            self._tally.probes[container.name, kind, probe.kind.upper(), healthy] += 1

        return count

    def _failure(self, container: Container) -> str:
        if container.port and (container.startup_probe is None or container.startup_probe.kind == "tcp"):
            return (
                "The user-provided container failed to start and listen on the port defined provided by the "
                f"PORT={container.port} environment variable within the allocated timeout. "
                "Logs for this revision might contain more information."
            )
        return (
            "The user-provided container failed the configured startup probe checks. "
            "Logs for this revision might contain more information."
        )

    def _last_lines(self) -> str:
        lines = list(self.log.tail)[-10:]
        return "\nLast log lines:\n" + "\n".join(lines) if lines else ""

    def _environment(self, container: Container, image: Image) -> dict[str, str]:
        env = with_backing(image.env, self._settings.backing_ports)
        env |= dict(container.env)
        env |= {
            "K_SERVICE": self.wanted.service.rpartition("/")[2],
            "K_REVISION": self.wanted.revision,
            "K_CONFIGURATION": self.wanted.service.rpartition("/")[2],
            MARK: self._settings.mark,
        }
        if container.name in self.ports:
            env["PORT"] = str(self.ports[container.name])
        if env.get(COLLECT_PORT, "").isdigit():
            env |= self._exporter(int(env[COLLECT_PORT]))
        root = self._mount(container)
        if root is not None:
            env["LOCAL_MOUNTS"] = str(root)
        return env

    def _exporter(self, declared: int) -> dict[str, str]:
        """Instances have no network of their own here: a port for each, and only the connections of the
        containers that have started."""
        if declared not in self._exporters:
            self._exporters[declared] = self._settings.ports.take()
        pids = " ".join(str(process.pid) for process in self.processes.values())
        return {COLLECT_PORT: str(self._exporters[declared])} | ({COLLECT_SOCKETS_OF: pids} if pids else {})

    def _mount(self, container: Container) -> Path | None:
        """Volumes under a folder of the instance: `LOCAL_MOUNTS` + the path they have in a container.

        Secrets are files. Any other volume is a directory, empty at first, that its containers share.
        """
        volumes = {volume.name: volume for volume in self.wanted.volumes}
        root = self._mounts / container.name
        for mount in container.mounts:
            volume = volumes.get(mount.volume)
            base = (root / mount.path.lstrip("/")).resolve()
            if volume is None or not base.is_relative_to(root.resolve()):
                continue
            if volume.kind != "secret":
                self._share(volume.name, base)
                continue
            base.mkdir(parents=True, exist_ok=True)
            for file in volume.files:
                target = (base / file.path).resolve()
                if target.is_relative_to(base):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with contextlib.suppress(FileExistsError):
                        target.touch(mode=0o600, exist_ok=False)
                    target.write_bytes(file.content)
        return root if container.mounts else None

    def _share(self, volume: str, base: Path) -> None:
        shared = self._mounts / ".shared" / volume
        shared.mkdir(parents=True, exist_ok=True)
        base.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            base.symlink_to(shared, target_is_directory=True)
