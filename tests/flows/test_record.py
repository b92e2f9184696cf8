"""A past rollout recorded: found by tidegate's own record, its history, or the requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from builders import a_state
from fakes import NAME, READY, FakeClock, FakeCloudRun, FakeMetrics
from tidegate.core import record as records
from tidegate.core.errors import ExitCode, UsageError
from tidegate.core.rollout import Moved, Phase
from tidegate.core.samples import Window
from tidegate.core.trace import Step, read, write
from tidegate.flows.record import BEFORE, Recording, Wanted, record
from tidegate.ports import Telemetry

TELEMETRY = Telemetry(sample_period=10.0, ingestion_delay=20.0)
WANTED = Wanted(NAME, TELEMETRY)
T0 = 1_750_000_000.0
"""When the second revision got its first traffic."""


class World:
    """`orders-1`, then a canary of `orders-2` for 20 minutes; looked at an hour later."""

    def __init__(self) -> None:
        self.clock = FakeClock(T0 + 3600)
        self.cloud_run = FakeCloudRun(self.clock)
        self.cloud_run.create("orders-1", READY)
        self.metrics = FakeMetrics(self.clock, self.values, revisions=("orders-1", "orders-2", "orders-3"))
        self.third = 0.0

    def values(self, revision: str, time: float) -> Mapping[str, float]:
        share = 0.0 if time <= T0 else 0.25 if time <= T0 + 600 else 0.5 if time <= T0 + 1200 else 1.0
        requests = 200 * {"orders-1": 1 - share, "orders-2": share, "orders-3": self.third}[revision]
        return {"request_count": requests, "open_fds": 10.0} if requests else {}

    def annotate(self, **annotations: str) -> None:
        assert self.cloud_run.service is not None
        service = self.cloud_run.service
        self.cloud_run.service = replace(service, annotations=annotations)

    def record(self, wanted: Wanted = WANTED) -> Recording:
        return record(wanted, self.cloud_run, self.metrics, self.clock)


STATE = a_state(
    id="r1", started=T0 - 30, phase=Phase.PROMOTED, stable="orders-1", candidate="orders-2", percent=100,
    entered=T0 + 1800, exit_code=ExitCode.DONE,
    moves=(Moved(T0 + 1, 25), Moved(T0 + 601, 50), Moved(T0 + 1201, 100)),
)  # fmt: skip


def test_a_rollout_of_anybody_is_found_by_the_requests() -> None:
    world = World()
    found = world.record()
    rollout = found.rollout
    assert (rollout.service, rollout.stable, rollout.candidate) == ("orders", "orders-1", "orders-2")
    assert rollout.steps == (Step(T0, 25), Step(T0 + 600, 50), Step(T0 + 1200, 100))
    assert rollout.end == T0 + 3600
    assert (rollout.sample_period, rollout.ingestion_delay) == (10.0, 20.0)
    assert found.source == "the requests of each revision"
    assert {key.revision for key in found.samples.by_key} == {"orders-1", "orders-2"}
    files = write(rollout, found.samples)
    assert read(*files.values())[0] == rollout


def test_a_service_that_is_gone_leaves_its_samples() -> None:
    world = World()
    world.cloud_run.service = None
    assert world.record().rollout.candidate == "orders-2"


def test_the_record_of_the_last_rollout_knows_the_steps() -> None:
    world = World()
    world.annotate(**{records.ROLLOUT: records.encode(STATE, now=T0 + 1800, lease=T0 + 1800)})
    found = world.record()
    assert found.rollout.steps == (Step(T0 + 1, 25), Step(T0 + 601, 50), Step(T0 + 1201, 100))
    assert found.rollout.end == T0 + 1800
    assert "rollout r1" in found.source
    (series,) = found.samples.of_metric("request_count", "orders-1")
    assert T0 - 30 - BEFORE <= series.times[0] < T0 - BEFORE
    (series,) = found.samples.of_metric("request_count", "orders-2")
    assert series.times[-1] < T0 + 1800


def test_a_running_rollout_has_no_end() -> None:
    world = World()
    running = replace(STATE, phase=Phase.BAKE, exit_code=None)
    world.annotate(**{records.ROLLOUT: records.encode(running, now=T0, lease=T0 + 9999)})
    assert world.record().rollout.end is None


def test_an_earlier_rollout_of_the_history_takes_its_steps_from_the_requests() -> None:
    world = World()
    newer = replace(STATE, id="r2", started=T0 + 2400, stable="orders-2", candidate="orders-3")
    past = {records.HISTORY: records.remember({}, STATE, now=T0 + 1800)}
    world.annotate(**{
        records.ROLLOUT: records.encode(newer, now=T0 + 2400, lease=T0),
        records.HISTORY: records.remember(past, newer, now=T0 + 3000),
    })  # fmt: skip
    found = world.record(replace(WANTED, candidate="orders-2"))
    assert [step.percent for step in found.rollout.steps] == [25, 50, 100]
    assert found.rollout.end == T0 + 1800
    assert "history" in found.source
    assert "r1" in found.source
    both = replace(WANTED, window=Window(T0 - 600, T0 + 3000))
    with pytest.raises(UsageError, match=r"2 rollouts of orders lie in that time: orders-3 .*orders-2 after"):
        world.record(both)


def test_a_rollout_of_another_time_is_not_taken() -> None:
    world = World()
    old = replace(STATE, id="r0", candidate="orders-0", started=T0 - 90_000, entered=T0 - 80_000)
    world.annotate(**{records.ROLLOUT: records.encode(old, now=T0 - 80_000, lease=T0)})
    found = world.record(replace(WANTED, window=Window(T0 - 600, T0 + 3000)))
    assert found.rollout.candidate == "orders-2"
    assert found.source == "the requests of each revision"
    assert found.rollout.end == T0 + 3000


def test_revisions_that_are_named_need_no_other() -> None:
    world = World()
    world.third = 0.5
    with pytest.raises(UsageError, match="orders-3"):
        world.record()
    named = replace(WANTED, stable="orders-1", candidate="orders-2")
    found = world.record(named)
    assert [step.percent for step in found.rollout.steps] == [25, 50, 100]


def test_a_first_deployment() -> None:
    world = World()
    first = replace(WANTED, stable="", candidate="orders-2")
    found = world.record(first)
    assert found.rollout.stable == ""
    assert found.rollout.steps == (Step(T0, 100),)


def test_traffic_that_did_not_move_is_refused_with_what_was_seen() -> None:
    world = World()
    with pytest.raises(UsageError, match=r"traffic moving to orders-9; seen: orders-1") as caught:
        world.record(replace(WANTED, stable="orders-1", candidate="orders-9"))
    assert "--candidate" in caught.value.hint
    quiet = replace(WANTED, window=Window(T0 - 6000, T0 - 5000))
    with pytest.raises(UsageError, match="no revision got its first traffic"):
        world.record(quiet)
