"""What a service is like at present, asked of its cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fakes import NAME, READY, FakeClock, FakeCloudRun, FakeMetrics
from tidegate.core.power import Present
from tidegate.core.samples import NoData
from tidegate.flows.power import present
from tidegate.ports import Target, Telemetry

TELEMETRY = Telemetry(sample_period=10.0, ingestion_delay=20.0)
NOW = 1_750_000_000.0


def values(revision: str, time: float) -> Mapping[str, float]:
    if time < NOW - 1800:
        return {}  # it is half an hour old
    each = {"orders-1": 90.0, "orders-2": 10.0}.get(revision, 1e6)
    return {"request_count": each, "error_count": each / 100, "open_fds": 20.0, "instance_count": 2.0}


def test_all_revisions_that_serve_are_the_service() -> None:
    clock = FakeClock(NOW)
    cloud_run, metrics = FakeCloudRun(clock), FakeMetrics(clock, values)
    for revision in ("orders-0", "orders-1", "orders-2"):
        cloud_run.create(revision, READY)
    cloud_run.change([Target("orders-1", 90), Target("orders-2", 10), Target("orders-0", 0, "old")], {})
    found = present(NAME, TELEMETRY, cloud_run, metrics, clock)
    assert isinstance(found, Present)
    assert found.rate == pytest.approx(10, rel=0.02)  # over the half hour that it exists
    assert (found.error_ratio, found.instances) == (0.01, 4.0)
    assert found.fds is not None
    assert found.fds.sd < 1e-6


def test_no_service_and_no_traffic_are_no_data() -> None:
    clock = FakeClock(NOW)
    cloud_run, metrics = FakeCloudRun(clock), FakeMetrics(clock, values)
    missing = present(NAME, TELEMETRY, cloud_run, metrics, clock)
    assert isinstance(missing, NoData)
    assert "no service orders" in missing.reason
    cloud_run.create("orders-1", READY)
    assert cloud_run.service is not None
    idle = replace(metrics, values=lambda revision, time: {})
    found = present(NAME, TELEMETRY, cloud_run, idle, clock)
    assert isinstance(found, NoData)
    assert "no request" in found.reason
    cloud_run.service = replace(cloud_run.service, traffic_statuses=())
    assert isinstance(present(NAME, TELEMETRY, cloud_run, metrics, clock), NoData)
