"""Writes what Cloud Run itself writes to Cloud Monitoring, from the proxy's tally and from `/proc`.

Metric types, resources, labels and units are Google's; only the period is shorter. What a real service writes
only when there is something to say (a latency distribution, a start-up) is written only then here, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tidegate import procfs
from tidegate.local.runtime import Fleet, Instance, Pool, State
from tidegate.local.tally import (
    COUNT_BOUNDS,
    RATIO_BOUNDS,
    STARTUP_BOUNDS_MS,
    Tally,
    distribution,
)
from tidegate.local.world import Distribution, Sample, WantedRevision

_PREFIX = "run.googleapis.com/"


def revision_labels(wanted: WantedRevision) -> dict[str, str]:
    """Of the monitored resource `cloud_run_revision`."""
    parts = wanted.service.split("/")
    return {
        "project_id": parts[1],
        "location": parts[3],
        "service_name": parts[5],
        "revision_name": wanted.revision,
        "configuration_name": parts[5],
    }


@dataclass(frozen=True)
class _Point:
    """One value on its way to a sample."""

    metric: str
    kind: str
    value: float | int | Distribution
    unit: str = "1"
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def value_type(self) -> str:
        if isinstance(self.value, Distribution):
            return "DISTRIBUTION"
        return "INT64" if isinstance(self.value, int) else "DOUBLE"


class Sampler:
    def __init__(
        self, fleet: Fleet, write: Callable[[Sample], None], now: Callable[[], float], period: float
    ):
        """`period` in seconds; `write` takes one sample."""
        self._fleet = fleet
        self._write = write
        self._now = now
        self._period = period
        self._last = now()
        self._cpu: dict[tuple[str, str], tuple[float, float]] = {}
        """By instance and container: when, and the CPU seconds used until then."""
        self._codes: dict[Pool, set[int]] = {}
        self._had_instances: set[Pool] = set()

    async def run(self) -> None:
        """One round per period, until cancelled; a round missed by a busy machine is not made up."""
        loop = asyncio.get_running_loop()
        beat = loop.time()
        while True:
            beat = max(beat + self._period, loop.time())
            await asyncio.sleep(beat - loop.time())
            self.sample()

    def sample(self) -> None:
        """Everything since the last round."""
        start, end = self._last, self._now()
        if end <= start:
            return
        self._last = end
        usage = procfs.usage_by_session()
        pools = self._fleet.to_sample()
        for pool in pools:
            labels = revision_labels(pool.wanted)
            for point in self._points(pool, usage):
                self._write(_sample(point, labels, start, end))
        self._forget(pools)

    def _points(self, pool: Pool, usage: Mapping[int, procfs.Usage]) -> Iterator[_Point]:
        for instance in pool.instances:
            instance.bill()
        tally = pool.tally.take()
        alive = [i for i in pool.instances if i.state is not State.STOPPED]
        yield from self._requests(pool, tally, bool(alive))
        yield from self._instances(pool, alive)
        yield from self._utilizations(pool, alive, usage)
        if tally.billable_seconds:
            yield _Point("container/billable_instance_time", "DELTA", tally.billable_seconds, "s")
        if tally.startups:
            value = distribution(STARTUP_BOUNDS_MS, tally.startups)
            yield _Point("container/startup_latencies", "DELTA", value, "ms")
        for (container, probe_type, action, healthy), count in tally.probes.items():
            labels = (
                ("container_name", container),
                ("probe_type", probe_type),
                ("probe_action", action),
                ("is_healthy", str(healthy).lower()),
            )
            yield _Point("container/completed_probe_count", "DELTA", count, labels=labels)

    def _requests(self, pool: Pool, tally: Tally, alive: bool) -> Iterator[_Point]:
        known = self._codes.setdefault(pool, set())
        known |= set(tally.requests)
        for code in sorted(known):
            labels = (("response_code", str(code)), ("response_code_class", f"{code // 100}xx"))
            if tally.requests[code] or alive:
                yield _Point("request_count", "DELTA", tally.requests[code], labels=labels)
            if code in tally.latencies:
                value = tally.latencies[code].distribution()
                yield _Point("request_latencies", "DELTA", value, "ms", labels)
        if alive or pool.pending:
            yield _Point("pending_queue/pending_requests", "GAUGE", pool.pending)
        if alive:
            kind = (("kind", "internet"),)
            received, sent = tally.received_bytes, tally.sent_bytes
            yield _Point("container/network/received_bytes_count", "DELTA", received, "By", kind)
            yield _Point("container/network/sent_bytes_count", "DELTA", sent, "By", kind)

    def _instances(self, pool: Pool, alive: list[Instance]) -> Iterator[_Point]:
        # One zero after the last instance is gone, and then silence.
        if not alive and pool not in self._had_instances:
            return
        (self._had_instances.add if alive else self._had_instances.discard)(pool)
        busy: dict[str, list[float]] = {"active": [], "idle": []}
        for instance in alive:
            most = max(instance.most_in_flight, instance.in_flight)
            instance.most_in_flight = instance.in_flight
            busy["active" if most else "idle"].append(float(most))
        for state, most_requests in busy.items():
            labels = (("state", state),)
            yield _Point("container/instance_count", "GAUGE", len(most_requests), labels=labels)
            if most_requests:
                value = distribution(COUNT_BOUNDS, most_requests)
                yield _Point("container/max_request_concurrencies", "DELTA", value, labels=labels)

    def _utilizations(
        self, pool: Pool, alive: list[Instance], usage: Mapping[int, procfs.Usage]
    ) -> Iterator[_Point]:
        now = time.monotonic()
        for container in pool.wanted.containers:
            cpu: list[float] = []
            memory: list[float] = []
            for instance in alive:
                process = instance.processes.get(container.name)
                used = usage.get(process.pid) if process else None
                if used is None:
                    continue
                memory.append(used.memory_bytes / container.memory)
                before = self._cpu.get((instance.id, container.name))
                self._cpu[instance.id, container.name] = (now, used.cpu_seconds)
                if before is not None and now > before[0]:
                    seconds = max(0.0, used.cpu_seconds - before[1])
                    cpu.append(seconds / (now - before[0]) / container.cpu)
            for name, values in (("cpu", cpu), ("memory", memory)):
                if values:
                    labels = (("container_name", container.name),)
                    value = distribution(RATIO_BOUNDS, values)
                    yield _Point(f"container/{name}/utilizations", "DELTA", value, "10^2.%", labels)

    def _forget(self, pools: list[Pool]) -> None:
        instances = {i.id for pool in pools for i in pool.instances}
        self._cpu = {key: value for key, value in self._cpu.items() if key[0] in instances}
        self._codes = {pool: codes for pool, codes in self._codes.items() if pool in pools}
        self._had_instances &= set(pools)


def _sample(point: _Point, labels: Mapping[str, str], start: float, end: float) -> Sample:
    return Sample(
        metric_type=_PREFIX + point.metric,
        resource_type="cloud_run_revision",
        resource_labels=labels,
        metric_labels=dict(point.labels),
        kind=point.kind,
        value_type=point.value_type,
        unit=point.unit,
        start_time=end if point.kind == "GAUGE" else start,
        end_time=end,
        value=point.value,
    )
