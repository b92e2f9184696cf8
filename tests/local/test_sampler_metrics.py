"""What is written to Cloud Monitoring, from real requests to real processes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from local.cloud_parts import SERVICE, Stand, stand, until, wanted
from tidegate.core.catalogue import CATALOGUE, Resource
from tidegate.local.collector import Collector
from tidegate.local.run_monitoring import ConfigError, RunMonitoring, parse, seconds
from tidegate.local.runtime import is_collector
from tidegate.local.sampler import Sampler
from tidegate.local.tally import LATENCY_BOUNDS_MS, Histogram
from tidegate.local.world import Container, Distribution, Mount, Sample, SecretFile, Volume, WantedRevision

SIDECAR = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"
CONFIG = """
apiVersion: monitoring.googleapis.com/v1beta
kind: RunMonitoring
metadata: {name: orders-metrics}
spec:
  endpoints:
    - {port: 8080, path: /metrics, interval: 200ms, metricRelabeling: [
       {action: drop, sourceLabels: [__name__], regex: "dull_.*"}]}
"""
PAGE = """\
# TYPE process_open_fds gauge
process_open_fds 17
# TYPE tcp_connections gauge
tcp_connections{state="established",instance="mine"} 4
# TYPE http_requests_total counter
http_requests_total{code="200"} 12
# TYPE seconds histogram
seconds_bucket{le="0.1"} 3
seconds_bucket{le="1"} 5
seconds_bucket{le="+Inf"} 6
seconds_sum 4.5
seconds_count 6
# TYPE size summary
size{quantile="0.5"} 10
size_sum 100
size_count 9
# TYPE dull_things gauge
dull_things 1
# TYPE odd gauge
odd NaN
stray 3
"""


def of(samples: list[Sample], metric: str) -> list[Sample]:
    return [
        s
        for s in samples
        if s.metric_type in (f"run.googleapis.com/{metric}", f"prometheus.googleapis.com/{metric}")
    ]


async def get(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        await answer.read()
        return answer.status


def test_one_round_says_what_cloud_run_says(tmp_path: Path) -> None:
    async def scene() -> list[Sample]:
        written: list[Sample] = []
        async with stand(tmp_path) as one:
            sampler = Sampler(one.fleet, written.append, time.time, 1.0)
            url = await one.run(wanted(min_instances=2))
            for _ in range(10):
                await get(url)
            await get(url + "/status?500")
            await get(url + "/slow?0.2")
            sampler.sample()
            return written

    written = asyncio.run(scene())
    assert {s.resource_type for s in written} == {"cloud_run_revision"}
    assert written[0].resource_labels == {
        "project_id": "p",
        "location": "europe-west1",
        "service_name": "orders",
        "configuration_name": "orders",
        "revision_name": "orders-1",
    }
    counts = {s.metric_labels["response_code"]: s for s in of(written, "request_count")}
    assert {code: s.value for code, s in counts.items()} == {"200": 11, "500": 1}
    assert counts["500"].metric_labels["response_code_class"] == "5xx"
    assert (counts["200"].kind, counts["200"].value_type) == ("DELTA", "INT64")
    assert counts["200"].start_time < counts["200"].end_time
    latency = next(s for s in of(written, "request_latencies") if s.metric_labels["response_code"] == "200")
    assert isinstance(latency.value, Distribution)
    assert latency.value.count == 11
    assert latency.unit == "ms"
    above = sum(
        n for n, low in zip(latency.value.counts[1:], latency.value.bounds, strict=True) if low >= 150
    )
    assert above == 1
    states = {s.metric_labels["state"]: s.value for s in of(written, "container/instance_count")}
    assert sum(map(int, map(str, states.values()))) == 2
    assert all(s.start_time == s.end_time for s in of(written, "container/instance_count"))
    (memory,) = of(written, "container/memory/utilizations")
    assert isinstance(memory.value, Distribution)
    assert memory.value.count == 2
    assert 0.005 < memory.value.mean < 1
    (startup,) = of(written, "container/startup_latencies")
    assert isinstance(startup.value, Distribution)
    assert startup.value.count == 2
    (billable,) = of(written, "container/billable_instance_time")
    assert isinstance(billable.value, float)
    assert billable.value > 0.2
    assert of(written, "pending_queue/pending_requests")[0].value == 0
    probes = of(written, "container/completed_probe_count")
    assert [s.metric_labels["is_healthy"] for s in probes] == ["true"]


def test_all_that_the_catalogue_takes_from_cloud_run_is_written_as_it_expects(tmp_path: Path) -> None:
    async def scene() -> list[Sample]:
        written: list[Sample] = []
        async with stand(tmp_path) as one:
            sampler = Sampler(one.fleet, written.append, time.time, 1.0)
            url = await one.run(wanted())
            for _ in range(2):  # CPU is what was used between two rounds
                await get(url)
                sampler.sample()
        return written

    found = {(s.metric_type, s.resource_type, s.kind, s.value_type) for s in asyncio.run(scene())}
    sources = [s for metric in CATALOGUE for s in metric.sources if s.resource is Resource.REVISION]
    assert {(s.type, str(s.resource), str(s.kind), str(s.value)) for s in sources} <= found


def test_rounds_join_without_gap_or_overlap_and_count_once(tmp_path: Path) -> None:
    async def scene() -> list[Sample]:
        written: list[Sample] = []
        async with stand(tmp_path) as one:
            sampler = Sampler(one.fleet, written.append, time.time, 1.0)
            url = await one.run(wanted())
            for _ in range(3):
                await get(url)
                sampler.sample()
            one.fleet.reconcile([])
            await until(lambda: not one.fleet.pools)
            await asyncio.sleep(0.3)
            sampler.sample()
            sampler.sample()
            sampler.sample()
            return written

    written = asyncio.run(scene())
    counts = of(written, "request_count")
    assert [s.value for s in counts] == [1, 1, 1]
    assert [s.end_time for s in counts[:-1]] == [s.start_time for s in counts[1:]]
    idle = [s.value for s in of(written, "container/instance_count") if s.metric_labels["state"] == "idle"]
    assert idle[-1] == 0
    (cpu, *_) = of(written, "container/cpu/utilizations")
    assert isinstance(cpu.value, Distribution)


def test_a_histogram_keeps_count_mean_and_spread() -> None:
    histogram = Histogram(LATENCY_BOUNDS_MS)
    values = [0.0, 1.0, 2.5, 100.0, 10_000_000.0]
    for value in values:
        histogram.add(value)
    found = histogram.distribution()
    mean = sum(values) / len(values)
    assert found.count == 5
    assert found.mean == pytest.approx(mean)
    assert found.sum_of_squared_deviation == pytest.approx(sum((v - mean) ** 2 for v in values))
    assert found.counts[-1] == 1
    assert found.counts[0] == 1


# ----------------------------------------------------------------------------------------------- collector


def collected(config: str | None = CONFIG, page: str = PAGE) -> WantedRevision:
    app = wanted(env={"METRICS": page})
    files = () if config is None else (SecretFile("config.yaml", config.encode()),)
    sidecar = Container("collector", SIDECAR, mounts=(Mount("config", "/etc/rungmp"),), depends_on=("app",))
    return dataclasses.replace(
        app, containers=(*app.containers, sidecar), volumes=(Volume("config", "secret", files),)
    )


@contextlib.asynccontextmanager
async def collecting(directory: Path, revision: WantedRevision) -> AsyncIterator[tuple[Stand, list[Sample]]]:
    written: list[Sample] = []
    async with stand(directory) as one:
        collector = Collector(one.fleet, written.append, time.time)
        one.fleet.before_stop = collector.last_scrape
        task = asyncio.create_task(collector.run())
        await one.run(revision)
        try:
            yield one, written
        finally:
            await one.fleet.close(0)
            task.cancel()


def test_the_collector_scrapes_every_instance_as_the_sidecar_does(tmp_path: Path) -> None:
    async def scene() -> tuple[list[Sample], str]:
        async with collecting(tmp_path, collected()) as (one, written):
            await until(lambda: len(of(written, "process_open_fds/gauge")) >= 2)
            return written, one.fleet.pools[SERVICE, "orders-1"].instances[0].id

    written, instance = asyncio.run(scene())
    fds = of(written, "process_open_fds/gauge")[0]
    assert fds.value == 17
    assert fds.resource_type == "prometheus_target"
    assert fds.resource_labels == {
        "project_id": "p",
        "location": "europe-west1",
        "cluster": "__run__",
        "namespace": "orders",
        "job": "orders-metrics",
        "instance": f"{instance}:8080",
    }
    assert fds.metric_labels == {
        "service_name": "orders",
        "revision_name": "orders-1",
        "configuration_name": "orders",
        "instanceId": instance,
    }
    (connections, *_) = of(written, "tcp_connections/gauge")
    assert connections.metric_labels["exported_instance"] == "mine"
    (requests, *_) = of(written, "http_requests_total/counter")
    assert (requests.kind, requests.value) == ("CUMULATIVE", 12)
    assert requests.start_time < requests.end_time
    (seconds_, *_) = of(written, "seconds/histogram")
    assert isinstance(seconds_.value, Distribution)
    assert (seconds_.value.bounds, seconds_.value.counts) == ((0.1, 1.0), (3, 2, 1))
    assert seconds_.value.mean == pytest.approx(0.75)
    assert {s.metric_type.rpartition("/")[2] for s in written if "/size" in s.metric_type} == {
        "summary",
        "summary:counter",
    }
    assert of(written, "stray/unknown")
    assert of(written, "stray/unknown:counter")
    assert of(written, "up/gauge")[0].value == 1
    assert not of(written, "dull_things/gauge")
    assert not of(written, "odd/gauge")
    assert all(not isinstance(s.value, float) or math.isfinite(s.value) for s in written)


def test_the_last_scrape_comes_before_the_end(tmp_path: Path) -> None:
    slow = CONFIG.replace("200ms", "1h")

    async def scene() -> list[Sample]:
        async with collecting(tmp_path, collected(slow)) as (_, written):
            await asyncio.sleep(0.3)
            assert of(written, "process_open_fds/gauge") == []
        return written

    assert len(of(asyncio.run(scene()), "process_open_fds/gauge")) == 1


def test_without_the_sidecar_nothing_is_collected(tmp_path: Path) -> None:
    async def scene() -> list[Sample]:
        async with collecting(tmp_path, wanted(env={"METRICS": PAGE})) as (_, written):
            await asyncio.sleep(0.3)
        return written

    assert asyncio.run(scene()) == []


@pytest.mark.parametrize("page", ["{{{ not metrics", "x 1 2 3 4\nx{ 1\n"])
def test_a_page_that_cannot_be_read_is_a_target_that_is_down(tmp_path: Path, page: str) -> None:
    async def scene() -> list[Sample]:
        async with collecting(tmp_path, collected(page=page)) as (_, written):
            await until(lambda: of(written, "up/gauge"))
        return written

    written = asyncio.run(scene())
    assert {s.value for s in of(written, "up/gauge")} == {0.0}


@pytest.mark.parametrize(
    ("image", "is_one"),
    [(SIDECAR, True), (SIDECAR.replace(":1.2.0", "@sha256:" + "a" * 64), True), ("demo/orders:v1", False)],
)
def test_the_sidecar_is_known_by_its_repository(image: str, is_one: bool) -> None:
    assert is_collector(image) is is_one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "flow"),
        ("- 1", "not a mapping"),
        ("kind: RunMonitoring", "apiVersion must be"),
        ("apiVersion: monitoring.googleapis.com/v1beta\nkind: Pod", "kind must be"),
        (CONFIG.replace("8080", "http"), "port of an endpoint"),
        (CONFIG.replace("200ms", "soon"), "not a duration"),
        (CONFIG.replace("200ms", "200ms, timeout: 1s"), "must not be greater"),
        (CONFIG.replace("action: drop", "action: hash"), "is not one of"),
        (CONFIG.replace('"dull_.*"', '"("'), "regex"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(text.encode())


def test_the_configuration_has_the_sidecars_defaults() -> None:
    for content in (None, b"", b"  \n"):
        assert parse(content) == RunMonitoring()
    (endpoint,) = RunMonitoring().endpoints
    assert (endpoint.port, endpoint.path, endpoint.interval) == (8080, "/metrics", 30.0)


@pytest.mark.parametrize(
    ("text", "value"), [("30s", 30), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1d", 86400)]
)
def test_durations_are_those_of_prometheus(text: str, value: float) -> None:
    assert seconds(text) == value


def test_relabelling_replaces_and_drops_labels() -> None:
    rules = (
        "[{sourceLabels: [code], regex: '(.)..', targetLabel: class, replacement: '${1}xx'},"
        " {action: labeldrop, regex: code}, {action: keep, sourceLabels: [class], regex: 5xx}]"
    )
    text = CONFIG.partition("metricRelabeling:")[0] + f"metricRelabeling: {rules}}}\n"
    (endpoint,) = parse(text.encode()).endpoints
    labels: dict[str, str] | None = {"__name__": "n", "code": "503"}
    for rule in endpoint.rules:
        assert labels is not None
        labels = rule.apply(labels)
    assert labels == {"__name__": "n", "class": "5xx"}
    assert endpoint.rules[2].apply({"__name__": "n", "class": "2xx"}) is None
