"""What is read of a rollout, how often, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from fakes import NAME, FakeClock, FakeCloudRun, FakeMetrics, after
from tidegate.core.errors import Unreachable
from tidegate.core.samples import Samples, Series, Window
from tidegate.flows.reading import Reading
from tidegate.ports import ServiceName, Telemetry

STABLE, CANDIDATE = "orders-1", "orders-2"
TELEMETRY = Telemetry(sample_period=60.0, ingestion_delay=180.0)
DAY = 86400.0


@dataclass
class Noted(FakeMetrics):
    """Metrics that remember what they were asked for."""

    windows: list[tuple[tuple[str, ...], Window]] = field(default_factory=list)

    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        self.windows.append((tuple(revisions), window))
        return super().samples(name, revisions, window, telemetry)


@dataclass
class Scene:
    """`age` is that of the stable revision in seconds when the rollout starts."""

    age: float = 10 * DAY
    telemetry: Telemetry = TELEMETRY

    def __post_init__(self) -> None:
        self.clock = FakeClock(1_750_000_033.0)
        self.cloud = FakeCloudRun(self.clock)
        self.clock.time -= self.age
        self.cloud.create(STABLE)
        self.clock.time += self.age
        self.started = self.clock.time
        self.metrics = Noted(self.clock, self.values)
        self.reading = Reading(NAME, self.telemetry, 120.0, self.metrics, self.cloud)

    def values(self, revision: str, time: float) -> Mapping[str, float]:
        if revision == CANDIDATE and time <= self.started:
            return {}
        return {"open_fds": time % 1000, "request_count": 5.0, "error_count": 0.0, "latency_p99_ms": 80.0}

    def look(self, after: float) -> Samples:
        self.clock.time = self.started + after
        self.metrics.windows.clear()
        return self.reading.samples(STABLE, CANDIDATE, self.started, self.clock.time)

    def seconds(self, samples: Samples, metric: str, revision: str, instance: str = "") -> list[float]:
        """Times since the rollout started."""
        found = samples.get(metric, revision, instance)
        return [t - self.started for t in found.times.tolist()] if isinstance(found, Series) else []


def test_the_past_is_long_enough_to_know_the_stable_revision_by() -> None:
    scene = Scene(telemetry=Telemetry(sample_period=60.0, ingestion_delay=0.0))
    past = [t for t in scene.seconds(scene.look(0.0), "latency_p99_ms", STABLE) if t <= 0]
    assert len(past) >= 59
    quick = Scene(telemetry=Telemetry(sample_period=1.0, ingestion_delay=0.0))
    assert min(quick.seconds(quick.look(0.0), "latency_p99_ms", STABLE)) == pytest.approx(-600, abs=1)


def test_every_look_sees_what_a_single_read_would_have_seen() -> None:
    scene, once = Scene(), Scene()
    for seconds in range(60, 7200, 60):
        found = scene.look(seconds)
    at_once = once.look(7140)
    assert found.by_key.keys() == at_once.by_key.keys()
    for key, series in found.by_key.items():
        assert (series.times.tolist(), series.values.tolist()) == (
            at_once.by_key[key].times.tolist(),
            at_once.by_key[key].values.tolist(),
        )


def test_what_is_too_old_to_change_is_not_read_again() -> None:
    scene = Scene()
    scene.look(600)
    assert len(scene.metrics.windows) == 2
    scene.look(7200)
    scene.look(7260)
    ((revisions, window),) = scene.metrics.windows
    assert revisions == (STABLE, CANDIDATE)
    assert window.end - window.start < 20 * 60


def test_a_sample_that_comes_late_is_still_seen() -> None:
    scene = Scene()
    scene.look(1200)
    times = scene.seconds(scene.look(1200), "latency_p99_ms", CANDIDATE)
    late = max(times) - 120
    hidden = scene.values

    def without(revision: str, time: float) -> Mapping[str, float]:
        return {} if time - scene.started == late else hidden(revision, time)

    again = Scene()
    again.metrics.values = lambda revision, time: without(revision, time)
    again.look(1200)
    again.metrics.values = hidden
    assert late in again.seconds(again.look(1320), "latency_p99_ms", CANDIDATE)


def test_the_stable_revision_s_own_start_is_read_once_per_instance_and_with_its_load() -> None:
    scene = Scene()
    for seconds in (300, 360, 420):
        found = scene.look(seconds)
        if seconds > 300:
            assert len(scene.metrics.windows) == 1
    ages = [t + scene.age for t in scene.seconds(found, "open_fds", STABLE, "i1")]
    young = [age for age in ages if age < DAY]
    assert 0 <= min(young) <= 60
    assert max(young) >= 2 * 120 + 15 * 60
    assert [t + scene.age for t in scene.seconds(found, "request_count", STABLE)][: len(young)] == young
    assert min(t + scene.age for t in scene.seconds(found, "latency_p99_ms", STABLE)) > DAY
    assert len(ages) > len(young) + 50


def test_a_young_stable_revision_is_read_without_a_gap() -> None:
    scene = Scene(age=4010.0)
    times = scene.seconds(scene.look(300), "open_fds", STABLE, "i1")
    assert min(times) <= -3900
    assert max(b - a for a, b in pairwise(times)) <= 60


def test_what_keeps_the_past_from_being_read_does_not_spoil_the_look() -> None:
    scene = Scene()
    scene.cloud.faults = {"get_revision": after(0, Unreachable("no answer"))}
    assert scene.seconds(scene.look(300), "open_fds", CANDIDATE, "i1")
    ages = [t + scene.age for t in scene.seconds(scene.look(360), "open_fds", STABLE, "i1")]
    assert min(ages) < DAY


def test_a_first_deployment_has_only_itself() -> None:
    scene = Scene()
    scene.clock.time += 300
    found = scene.reading.samples("", CANDIDATE, scene.started, scene.clock.time)
    assert {key.revision for key in found.by_key} == {CANDIDATE}
