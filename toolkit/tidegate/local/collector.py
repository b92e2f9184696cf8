"""The Managed Prometheus sidecar, played by the daemon: it scrapes each instance for real.

A revision has a collector when its template has the sidecar's container, as on Google Cloud; without it
nothing counts open descriptors. The sidecar's own configuration (`RunMonitoring`, from its mounted secret)
says what is scraped and how often. Two differences: an interval may be shorter than there, and the first
scrape of a short interval does not wait for ten seconds.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import aiohttp
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tidegate.local.run_monitoring import ConfigError, Endpoint, Rule, RunMonitoring, parse
from tidegate.local.runtime import Fleet, Instance, Pool, State, is_collector
from tidegate.local.world import Distribution, Sample, WantedRevision

CONFIG_PATH = "/etc/rungmp/config.yaml"
FIRST_SCRAPE = 10.0
"""Seconds after the start, or one interval if that is shorter."""
_MOST_BYTES = 8 << 20
_TICK = 0.1
_TARGET_LABELS = ("project_id", "location", "cluster", "namespace", "job", "instance")
_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9"


class Collector:
    def __init__(self, fleet: Fleet, write: Callable[[Sample], None], now: Callable[[], float]) -> None:
        self._fleet = fleet
        self._write = write
        self._now = now
        self._scrapers: dict[str, _Scraper] = {}
        """By instance id."""

    async def run(self) -> None:
        """Follows the instances as they come and go, until cancelled."""
        async with aiohttp.ClientSession() as session:
            try:
                while True:
                    for pool in self._fleet.pools.values():
                        self._follow(pool, session)
                    await asyncio.sleep(_TICK)
            finally:
                for scraper in self._scrapers.values():
                    scraper.cancel()

    async def last_scrape(self, instance: Instance) -> None:
        """Before an instance is stopped, as the sidecar does on its own shutdown."""
        scraper = self._scrapers.pop(instance.id, None)
        if scraper is not None:
            scraper.cancel()
            await scraper.scrape_all()

    def _follow(self, pool: Pool, session: aiohttp.ClientSession) -> None:
        for instance in pool.instances:
            if instance.state is not State.READY or instance.id in self._scrapers:
                continue
            sidecar = next((c for c in instance.wanted.containers if is_collector(c.image)), None)
            if sidecar is None:
                continue
            try:
                config = parse(_mounted(instance.wanted, sidecar.name, CONFIG_PATH))
            except ConfigError as fault:
                instance.log.write(sidecar.name, f"invalid {CONFIG_PATH}: {fault}")
                config = RunMonitoring(endpoints=())
            self._scrapers[instance.id] = _Scraper(instance, config, session, self._write, self._now)


class _Scraper:
    """All endpoints of one instance."""

    def __init__(
        self,
        instance: Instance,
        config: RunMonitoring,
        session: aiohttp.ClientSession,
        write: Callable[[Sample], None],
        now: Callable[[], float],
    ) -> None:
        self._instance = instance
        self._config = config
        self._session = session
        self._write = write
        self._now = now
        self._tasks = [asyncio.create_task(self._repeat(endpoint)) for endpoint in config.endpoints]

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def scrape_all(self) -> None:
        await asyncio.gather(*(self._scrape(endpoint) for endpoint in self._config.endpoints))

    async def _repeat(self, endpoint: Endpoint) -> None:
        loop = asyncio.get_running_loop()
        beat = loop.time() + min(FIRST_SCRAPE, endpoint.interval)
        while True:
            await asyncio.sleep(beat - loop.time())
            await self._scrape(endpoint)
            beat = max(beat + endpoint.interval, loop.time())

    async def _scrape(self, endpoint: Endpoint) -> None:
        up = 0.0
        samples: list[Sample] = []
        target = _Target(self._instance, self._config, endpoint)
        try:
            text, is_openmetrics = await self._fetch(endpoint)
            end = self._now()
            parsed = (
                openmetrics.text_string_to_metric_families
                if is_openmetrics
                else text_string_to_metric_families
            )
            families = [*parsed(text)]
            samples = list(target.samples(families, endpoint.rules, self._instance.begun, end))
            up = 1.0
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._note(f"scrape of :{endpoint.port}{endpoint.path} failed: {error or type(error).__name__}")
        except (ValueError, KeyError, IndexError) as error:
            self._note(f"{endpoint.path} is not in the Prometheus text format: {error}")
        for sample in (*samples, target.gauge("up", {}, up, self._now())):
            self._write(sample)

    async def _fetch(self, endpoint: Endpoint) -> tuple[str, bool]:
        url = f"http://127.0.0.1:{self._instance.local_port(endpoint.port)}{endpoint.path}"
        async with (
            asyncio.timeout(endpoint.timeout),
            self._session.get(
                url, params=endpoint.params, headers={"Accept": _ACCEPT}, allow_redirects=False
            ) as answer,
        ):
            if answer.status != 200:
                raise OSError(f"HTTP {answer.status}")
            body = await answer.content.read(_MOST_BYTES)
            while not answer.content.at_eof():
                if len(body) >= _MOST_BYTES:
                    raise OSError(f"more than {_MOST_BYTES} bytes")
                body += await answer.content.read(_MOST_BYTES)
            return body.decode(errors="replace"), answer.content_type == "application/openmetrics-text"

    def _note(self, line: str) -> None:
        self._instance.log.write("collector", line)


class _Target:
    """The monitored resource `prometheus_target` of one endpoint of one instance, and its samples."""

    def __init__(self, instance: Instance, config: RunMonitoring, endpoint: Endpoint) -> None:
        parts = instance.wanted.service.split("/")
        self._resource = {
            "project_id": parts[1],
            "location": parts[3],
            "cluster": "__run__",
            "namespace": parts[5],
            "job": config.name,
            "instance": f"{instance.id}:{endpoint.port}",
        }
        known = {
            "service": ("service_name", parts[5]),
            "revision": ("revision_name", instance.wanted.revision),
            "configuration": ("configuration_name", parts[5]),
            "instance": ("instanceId", instance.id),
        }
        self._labels = dict(known[name] for name in config.metadata)

    def gauge(self, name: str, labels: Mapping[str, str], value: float, end: float) -> Sample:
        return self._sample(f"{name}/gauge", labels, "GAUGE", value, end, end)

    def samples(
        self, families: list[Any], rules: tuple[Rule, ...], begun: float, end: float
    ) -> Iterator[Sample]:
        """Every sample that is a finite number and survives the relabelling. Counters count from `begun`, or
        from the `process_start_time_seconds` of the page."""
        start = min(next((f.samples[0].value for f in families if _tells_start(f)), begun), end - 1e-3)
        for family in families:
            if family.type == "histogram":
                yield from self._histograms(family, rules, start, end)
                continue
            for one in family.samples:
                labels = _relabelled(one.name, one.labels, rules)
                if labels is None or not math.isfinite(one.value):
                    continue
                for suffix, kind in _suffixes(family.type, one.name, family.name):
                    begin = end if kind == "GAUGE" else start
                    yield self._sample(f"{one.name}/{suffix}", labels, kind, one.value, begin, end)

    def _histograms(self, family: Any, rules: tuple[Rule, ...], start: float, end: float) -> Iterator[Sample]:
        groups: dict[tuple[tuple[str, str], ...], _Buckets] = {}
        for one in family.samples:
            labels = {key: value for key, value in one.labels.items() if key != "le"}
            group = groups.setdefault(tuple(sorted(labels.items())), _Buckets())
            if one.name.endswith("_bucket"):
                group.upto[float(one.labels["le"])] = one.value
            elif one.name.endswith("_sum"):
                group.sum = one.value
        for key, group in groups.items():
            relabelled = _relabelled(family.name, dict(key), rules)
            if relabelled is not None and group.upto:
                name = f"{family.name}/histogram"
                yield self._sample(name, relabelled, "CUMULATIVE", group.distribution(), start, end)

    def _sample(
        self,
        name: str,
        labels: Mapping[str, str],
        kind: str,
        value: float | Distribution,
        start: float,
        end: float,
    ) -> Sample:
        own = {f"exported_{k}" if k in _TARGET_LABELS else k: v for k, v in labels.items()}
        return Sample(
            metric_type=f"prometheus.googleapis.com/{name}",
            resource_type="prometheus_target",
            resource_labels=self._resource,
            metric_labels=own | self._labels,
            kind=kind,
            value_type="DISTRIBUTION" if isinstance(value, Distribution) else "DOUBLE",
            unit="1",
            start_time=start,
            end_time=end,
            value=value,
        )


class _Buckets:
    """A histogram as Prometheus exposes it: how many are not above each bound."""

    def __init__(self) -> None:
        self.upto: dict[float, float] = {}
        self.sum = 0.0

    def distribution(self) -> Distribution:
        bounds = sorted(bound for bound in self.upto if math.isfinite(bound))
        totals = [self.upto[bound] for bound in bounds]
        count = self.upto.get(math.inf, totals[-1] if totals else 0.0)
        edges = [0.0, *totals, count]
        counts = tuple(max(0, round(b - a)) for a, b in pairwise(edges))
        return Distribution(tuple(bounds), counts, self.sum / count if count else 0.0)


def _suffixes(kind: str, sample: str, family: str) -> tuple[tuple[str, str], ...]:
    """The endings of the metric type, as Managed Prometheus gives them."""
    if kind == "counter":
        return () if sample.endswith("_created") else (("counter", "CUMULATIVE"),)
    if kind == "summary":
        if sample == f"{family}_sum":
            return (("summary:counter", "CUMULATIVE"),)
        return (("summary", "CUMULATIVE" if sample == f"{family}_count" else "GAUGE"),)
    if kind in ("unknown", "untyped"):
        return (("unknown", "GAUGE"), ("unknown:counter", "CUMULATIVE"))
    return (("gauge", "GAUGE"),)


def _tells_start(family: Any) -> bool:
    return bool(
        family.name == "process_start_time_seconds" and family.samples and family.samples[0].value > 0
    )


def _relabelled(name: str, labels: Mapping[str, str], rules: tuple[Rule, ...]) -> dict[str, str] | None:
    current: dict[str, str] | None = {"__name__": name, **labels}
    for rule in rules:
        if current is not None:
            current = rule.apply(current)
    if current is None:
        return None
    return {key: value for key, value in current.items() if not key.startswith("__") and value}


def _mounted(wanted: WantedRevision, container: str, path: str) -> bytes | None:
    """The content of a file that the container would see at `path`, from its mounted volumes."""
    volumes = {volume.name: volume for volume in wanted.volumes}
    mounts = next(c.mounts for c in wanted.containers if c.name == container)
    for mount in mounts:
        for file in volumes[mount.volume].files if mount.volume in volumes else ():
            if f"{mount.path.rstrip('/')}/{file.path}" == path:
                return file.content
    return None
