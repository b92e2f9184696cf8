"""The instances of one revision: how many there are, and which one gets the next request."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import Protocol

from tidegate.local.runtime.instance import Instance, StartFailure, State
from tidegate.local.runtime.settings import Settings
from tidegate.local.tally import Tally
from tidegate.local.world import WantedRevision

MOST_PENDING_PER_INSTANCE = 10
"""Requests queued, in units of the concurrency of all instances allowed."""
_HOPELESS = 3
"""Failed starts in a row after which waiting requests are sent away."""
_LONGEST_BACK_OFF = 10.0
_STEADY_SECONDS = 10.0
"""An instance that has been up so long ends a row of failures."""


class NoInstance(Exception):
    """No instance can take the request: 429 when all are busy, 503 when they do not start."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Listener(Protocol):
    """Who wants to know of the life of instances."""

    def started(self, wanted: WantedRevision) -> None: ...
    def failed(self, wanted: WantedRevision, reason: str, message: str) -> None: ...
    async def stopping(self, instance: Instance) -> None: ...


class Pool:
    def __init__(self, wanted: WantedRevision, settings: Settings, listener: Listener) -> None:
        self.wanted = wanted
        self.instances: list[Instance] = []
        self.tally = Tally()
        self.failure = ""
        """Why the last start failed; empty once one succeeded."""
        self.restarts = 0
        self._settings = settings
        self._listener = listener
        self._waiting: deque[asyncio.Future[Instance]] = deque()
        self._demand = _Peak()
        self._tasks: dict[Instance, asyncio.Task[None]] = {}
        self._failures = 0
        self._not_before = 0.0
        self._startup_seconds = 0.0
        self._given_up = False
        self._closed = False

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def ready(self) -> list[Instance]:
        return [i for i in self.instances if i.state is State.READY]

    def update(self, wanted: WantedRevision) -> None:
        if wanted.starting and not self.wanted.starting:
            self._given_up = False
        self.wanted = wanted

    # ------------------------------------------------------------------------------------------- requests

    async def acquire(self) -> Instance:
        """An instance with a slot taken, to be given back with `release`. Raises NoInstance."""
        if not self._waiting and (instance := self._pick()) is not None:
            instance.take()
            return instance
        if self._closed:
            raise NoInstance(503, "The revision is being shut down.")
        wanted = self.wanted
        if len(self._waiting) >= MOST_PENDING_PER_INSTANCE * wanted.concurrency * max(
            wanted.max_instances, 1
        ):
            raise NoInstance(429, "Rate exceeded.")
        future: asyncio.Future[Instance] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self.balance()
        try:
            async with asyncio.timeout(max(self._settings.pending_seconds, 3.5 * self._startup_seconds)):
                return await future
        except BaseException as reason:
            if future in self._waiting:
                self._waiting.remove(future)
            # The slot may have been handed over in the very moment the wait ended.
            if future.done() and not future.cancelled() and future.exception() is None:
                self.release(future.result())
            if isinstance(reason, TimeoutError):
                raise NoInstance(429, "Rate exceeded.") from None
            raise

    def release(self, instance: Instance) -> None:
        instance.give_back()
        self._hand_out()

    def _pick(self) -> Instance | None:
        """The least loaded one, and among equals the one that has rested longest."""
        free = [i for i in self.ready() if i.in_flight < self.wanted.concurrency]
        return min(free, key=lambda i: (i.in_flight, i.last_used)) if free else None

    def _hand_out(self) -> None:
        while self._waiting and (instance := self._pick()) is not None:
            future = self._waiting.popleft()
            if not future.done():
                instance.take()
                future.set_result(instance)

    # ------------------------------------------------------------------------------------------- how many

    def balance(self) -> None:
        """Starts and stops instances until there are as many as the requests of late have needed."""
        now = time.monotonic()
        if self._closed:
            return
        wanted = self.wanted
        live = [i for i in self.instances if i.state in (State.STARTING, State.READY)]
        load = sum(i.in_flight for i in live) + len(self._waiting)
        self._demand.note(now, math.ceil(load / max(wanted.concurrency, 1)))
        floor = max(wanted.min_instances, 1 if wanted.starting else 0) if not self._given_up else 0
        most = max(wanted.max_instances, 1)
        goal = min(max(self._demand.since(now - self._settings.idle_seconds), floor), most)
        if len(live) < goal and now >= self._not_before and self._may_start():
            # After a failure one at a time: a broken image must not be started by the dozen.
            for _ in range(1 if self._failures else goal - len(live)):
                self._spawn(Instance(wanted, self._settings, self.tally))
        for instance in reversed(live):
            if len(live) <= goal:
                break
            if instance.state is State.READY and not instance.in_flight:
                instance.leave()
                live.remove(instance)

    def _may_start(self) -> bool:
        return not self._given_up or bool(self._waiting)

    async def _live(self, instance: Instance) -> None:
        """One instance, from start to end."""
        try:
            try:
                await instance.start()
            except StartFailure as failure:
                self._start_failed(failure)
                return
            self._start_succeeded(instance)
            death, leaving = asyncio.create_task(instance.died()), asyncio.create_task(instance.left())
            try:
                await asyncio.wait({death, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if death.done():
                    self._died(instance, death.result())
            finally:
                death.cancel()
                leaving.cancel()
            await self._listener.stopping(instance)
            await instance.stop(self._settings.stop_grace)
        finally:
            if instance.state is not State.STOPPED:
                await instance.stop(0)
            self.instances.remove(instance)
            self._hand_out()

    def _start_succeeded(self, instance: Instance) -> None:
        self.failure = ""
        self._given_up = False
        seconds = instance.ready_since - instance.begun
        self._startup_seconds = (
            seconds if not self._startup_seconds else (self._startup_seconds + seconds) / 2
        )
        self._demand.note(time.monotonic(), 1)
        self._hand_out()
        if self.wanted.starting:
            self._listener.started(self.wanted)

    def _start_failed(self, failure: StartFailure) -> None:
        self.failure = failure.message
        self._back_off()
        if self.wanted.starting and not self._given_up:
            # The verdict on the revision is final: it is started again only when a request asks for it.
            self._given_up = True
            self._listener.failed(self.wanted, failure.reason, failure.message)
        if self._given_up or self._failures >= _HOPELESS:
            self._send_away()

    def _died(self, instance: Instance, why: str) -> None:
        self.restarts += 1
        instance.note(f"{why}; starting another instance")
        if time.time() - instance.ready_since > _STEADY_SECONDS:
            self._failures = 0
        self._back_off()

    def _back_off(self) -> None:
        self._failures += 1
        self._not_before = time.monotonic() + min(0.1 * 2**self._failures, _LONGEST_BACK_OFF)

    def _send_away(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(NoInstance(503, "The service could not start an instance."))

    def steady(self) -> None:
        """Forgets failures once an instance has stayed up for a while."""
        if self._failures and any(time.time() - i.ready_since > _STEADY_SECONDS for i in self.ready()):
            self._failures = 0

    # ------------------------------------------------------------------------------------------- the end

    async def close(self, patience: float) -> None:
        """Requests in flight may end for `patience` seconds, then the instances are stopped."""
        self._closed = True
        self._send_away()
        end = time.monotonic() + patience
        while any(i.in_flight for i in self.instances) and time.monotonic() < end:
            await asyncio.sleep(0.02)
        for instance, task in list(self._tasks.items()):
            if instance.state is State.STARTING:
                task.cancel()
            else:
                instance.leave()
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    def _spawn(self, instance: Instance) -> None:
        self.instances.append(instance)
        task = asyncio.create_task(self._live(instance))
        self._tasks[instance] = task
        task.add_done_callback(lambda _: self._tasks.pop(instance, None))


class _Peak:
    """The highest demand within a sliding window, in constant memory per change of demand."""

    def __init__(self) -> None:
        self._falling: deque[tuple[float, int]] = deque()

    def note(self, now: float, demand: int) -> None:
        while self._falling and self._falling[-1][1] <= demand:
            self._falling.pop()
        self._falling.append((now, demand))

    def since(self, start: float) -> int:
        while len(self._falling) > 1 and self._falling[0][0] < start:
            self._falling.popleft()
        return self._falling[0][1] if self._falling else 0
