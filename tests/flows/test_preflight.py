"""What is found before a deployment, and what follows from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fakes import NAME, FakeClock, after
from flows.rollout_world import CANDIDATE, CRITERIA, SPEC, STABLE, Behaviour, World
from tidegate.core.errors import ExitCode, RemoteError, RolloutHeld, Unreachable
from tidegate.core.incident import Incident
from tidegate.core.judge import Mode
from tidegate.core.power import plan
from tidegate.core.preflight import Kind, Preflight
from tidegate.core.rollout import Phase
from tidegate.core.spec import Alerts
from tidegate.flows.preflight import check, preflight
from tidegate.ports import ServiceName, Target

PARTS = plan((10, 50), 120.0, 120.0)
FIRING = Incident("orders (europe-west1): 5xx ratio", 1_750_000_000.0, "ERROR")


@dataclass
class FakeIncidents:
    open: tuple[Incident, ...] = ()
    error: RemoteError | None = None

    def open_incidents(self, name: ServiceName) -> tuple[Incident, ...]:
        assert name == NAME
        if self.error is not None:
            raise self.error
        return self.open


class Preflown(World):
    """The world of the rollouts, with incidents, and latency beside the other metrics."""

    incidents = FakeIncidents()
    needed = CRITERIA.min_requests
    p99 = 80.0
    extra: Mapping[str, float] = {}
    without: frozenset[str] = frozenset()

    def check(self, alerts: Alerts = SPEC.alerts, mode: Mode = Mode.REGRESSION) -> Preflight:  # type: ignore[override]
        job = replace(self.job, criteria=replace(CRITERIA, mode=mode, min_requests=self.needed))
        return check(job, PARTS, alerts, self.tools, self.incidents)

    def values(self, revision: str, time: float) -> Mapping[str, float]:
        found = {**super().values(revision, time), "latency_p99_ms": self.p99, **self.extra}
        return {metric: value for metric, value in found.items() if metric not in self.without}


@pytest.fixture
def world(tmp_path: Path) -> Preflown:
    """A service in which `orders-1` is pinned by name, as tidegate leaves it."""
    made = Preflown(tmp_path)
    made.incidents = FakeIncidents()
    assert made.cloud.service is not None
    made.cloud.change((Target(STABLE, 100),), {})
    made.clock.time += 1000
    return made


def kinds(found: Preflight) -> list[Kind]:
    return [f.kind for f in found.findings]


def only(found: Preflight, kind: Kind) -> str:
    (sentence,) = [f.sentence for f in found.findings if f.kind is kind]
    return sentence


def test_a_healthy_service_goes_and_says_how_it_is(world: Preflown) -> None:
    found = world.check()
    assert [k for k in kinds(found) if k is not Kind.LITTLE_TRAFFIC] == [Kind.HEALTHY]
    assert (found.goes, found.exit_code, found.mode) == (True, ExitCode.DONE, Mode.REGRESSION)
    assert (found.stable, found.fix()) == (STABLE, "")
    told = only(found, Kind.HEALTHY)
    assert "orders-1 is healthy: fails 0 %" in told
    assert "p99 latency 80 ms" in told
    assert "open fds per instance do not climb" in told


@pytest.mark.parametrize(
    ("behaviour", "p99", "extra", "said"),
    [
        (Behaviour(errors=0.2), 80.0, {}, "orders-1 fails 20 % of its last 250 requests, 2 % are allowed"),
        (Behaviour(errors=0.04), 80.0, {}, "orders-1 fails 4 % of its last"),
        (Behaviour(), 2600.0, {}, "p99 latency 2,600 ms on orders-1, 2,000 ms are allowed"),
        (Behaviour(leak=30.0), 80.0, {}, "open fds per instance climb 30"),
        (Behaviour(), 80.0, {"open_fds": 23_000.0}, "has 23,000 of 25,000 file descriptors open"),
        (Behaviour(), 80.0, {"open_fds": 950.0, "max_fds": 1024.0}, "has 950 of 1,024 file descriptors"),
    ],
)
def test_what_breaks_an_absolute_limit_burns_and_the_fix_is_let_out(
    world: Preflown, behaviour: Behaviour, p99: float, extra: dict[str, float], said: str
) -> None:
    world.behaviour[STABLE], world.p99, world.extra = behaviour, p99, extra
    found = world.check()
    assert Kind.HEALTHY not in kinds(found)
    assert said in "; ".join(f.sentence for f in found.burning)
    assert (found.goes, found.mode) == (True, Mode.FIX)
    assert found.fix().startswith("orders is burning: ")
    assert found.fix().endswith("; judged for improvement (fix mode)")


@pytest.mark.parametrize(
    ("behaviour", "p99", "extra"),
    [
        (Behaviour(errors=0.01), 80.0, {}),  # below the limit
        (Behaviour(), 1900.0, {}),
        (Behaviour(), 80.0, {"open_fds": 20_000.0}),
        (Behaviour(leak=0.05), 80.0, {}),
    ],
)
def test_what_is_within_its_limits_does_not_burn(
    world: Preflown, behaviour: Behaviour, p99: float, extra: dict[str, float]
) -> None:
    world.behaviour[STABLE], world.p99, world.extra = behaviour, p99, extra
    found = world.check()
    assert found.burning == ()
    assert Kind.HEALTHY in kinds(found)


def test_the_limits_are_the_lower_ones_of_the_analysis_and_of_the_alerts_that_are_on(world: Preflown) -> None:
    world.behaviour[STABLE] = Behaviour(errors=0.04)
    assert "2 % are allowed" in world.check().fix()
    off = Alerts.model_validate({"error_ratio": {"enabled": False}})
    assert world.check(off).burning == ()
    world.behaviour[STABLE] = Behaviour(errors=0.2)
    assert "5 % are allowed" in world.check(off).fix()
    high = Alerts.model_validate({"error_ratio": {"threshold": 0.5}})
    assert "5 % are allowed" in world.check(high).fix()


def test_an_outage_that_is_over_does_not_burn(world: Preflown) -> None:
    begun = world.clock.now() - 100
    quiet, outage = Behaviour(), Behaviour(errors=0.5)
    values = World.values

    def then(revision: str, time: float) -> Mapping[str, float]:
        world.behaviour[STABLE] = outage if begun < time < begun + 50 else quiet
        return values(world, revision, time)

    world.metrics.values = then
    found = world.check()
    assert found.burning == ()
    assert "fails 0 % of its last 250 requests" in only(found, Kind.HEALTHY)


def test_errors_of_which_nobody_can_be_certain_are_neither_burning_nor_healthy(world: Preflown) -> None:
    world.requests = 0.4
    world.behaviour[STABLE] = Behaviour(errors=0.5, since=world.clock.now() - 12)
    found = world.check()
    assert found.burning == ()
    told = "; ".join(f.sentence for f in found.findings if f.kind is Kind.LITTLE_TRAFFIC)
    assert "2 % are allowed: too few requests to be certain" in told
    assert Kind.HEALTHY not in kinds(found)


def test_an_alert_that_fires_burns(world: Preflown) -> None:
    world.incidents.open = (FIRING,)
    found = world.check()
    assert kinds(found)[:2] == [Kind.HEALTHY, Kind.ALERT]
    assert found.mode is Mode.FIX
    said = 'the alert "orders (europe-west1): 5xx ratio" (ERROR) fires since 2025-06-15 15:06:40 UTC'
    assert found.fix() == f"orders is burning: {said}; judged for improvement (fix mode)"


def test_a_fix_that_was_asked_for_stays_one(world: Preflown) -> None:
    assert world.check(mode=Mode.FIX).mode is Mode.FIX


# ----------------------------------------------------------------------------------------- little is known


def test_nothing_measured_is_a_finding_of_its_own(world: Preflown) -> None:
    world.metrics.values = lambda revision, time: {}
    found = world.check()
    assert kinds(found) == [Kind.NO_DATA]
    assert "nothing was measured of orders-1 in the last" in only(found, Kind.NO_DATA)
    assert (found.goes, found.mode) == (True, Mode.REGRESSION)


def test_a_required_metric_without_data_is_named(world: Preflown) -> None:
    world.without = frozenset({"open_fds"})
    found = world.check()
    assert "open_fds of orders-1 was not measured" in only(found, Kind.NO_DATA)
    assert Kind.HEALTHY in kinds(found)


@pytest.mark.parametrize("requests", [0.0, 0.2])
def test_too_few_requests_are_not_called_healthy(world: Preflown, requests: float) -> None:
    world.requests, world.needed = requests, 50
    found = world.check()
    assert Kind.HEALTHY not in kinds(found)
    told = [f.sentence for f in found.findings if f.kind is Kind.LITTLE_TRAFFIC]
    assert any("too few to call it healthy" in sentence for sentence in told)


def quiet_since(world: Preflown, since: float, requests: float) -> None:
    """So many requests a second from then on; ten before."""
    values = World.values

    def then(revision: str, time: float) -> Mapping[str, float]:
        world.requests = 10.0 if time < since else requests
        return values(world, revision, time)

    world.metrics.values = then


def test_a_service_that_has_gone_quiet_is_not_called_healthy_for_none_of_its_requests(
    world: Preflown,
) -> None:
    quiet_since(world, world.clock.now() - 60, 0.0)
    found = world.check()
    assert Kind.HEALTHY not in kinds(found)
    (told,) = [f.sentence for f in found.findings if f.revision and f.kind is Kind.LITTLE_TRAFFIC]
    assert told == (
        "orders-1 had 900 requests in the last 2 min, none in the last 25 s: too few to call it healthy"
    )


def test_where_the_last_requests_are_few_it_is_healthy_by_all_that_is_looked_at(world: Preflown) -> None:
    quiet_since(world, world.clock.now() - 60, 0.4)
    told = only(world.check(), Kind.HEALTHY)
    assert re.match(r"orders-1 is healthy: fails 0 % of [\d,]+ requests in the last 2 min, ", told)


def test_what_the_rollout_will_not_see_is_said(world: Preflown) -> None:
    told = [f for f in world.check().findings if f.kind is Kind.LITTLE_TRAFFIC]
    assert any("not seen by this rollout: " in f.sentence for f in told)
    assert all(f.way_out for f in told)


def test_monitoring_out_of_reach_stops_nothing(world: Preflown) -> None:
    world.metrics.error = Unreachable("cannot read the metrics")
    world.incidents.error = Unreachable("cannot read the open incidents")
    found = world.check()
    assert kinds(found) == [Kind.UNREAD, Kind.UNREAD]
    assert [f.sentence for f in found.findings] == [
        "how orders is cannot be told: cannot read the metrics",
        "whether alerts fire cannot be told: cannot read the open incidents",
    ]
    assert (found.goes, found.mode) == (True, Mode.REGRESSION)


def test_a_service_that_is_not_there_yet_is_a_first_deployment(tmp_path: Path) -> None:
    found = Preflown(tmp_path, empty=True).check()
    assert (kinds(found), found.goes, found.stable) == ([Kind.FIRST], True, "")


def test_only_cloud_run_itself_must_be_there(world: Preflown) -> None:
    world.cloud.faults["get_service"] = after(0, Unreachable("no network"))
    with pytest.raises(Unreachable):
        world.check()


# ----------------------------------------------------------------------------------------- traffic, locks


def test_latest_is_said_and_does_not_stop(world: Preflown) -> None:
    world.cloud.change((Target("", 100),), {})
    found = world.check()
    assert Kind.LATEST in kinds(found)
    assert (found.goes, found.stable) == (True, STABLE)


def test_split_traffic_stops_and_every_revision_that_serves_is_looked_at(world: Preflown) -> None:
    world.cloud.create(CANDIDATE)
    world.behaviour[CANDIDATE] = Behaviour(errors=0.5)
    world.shift(orders_1=50, orders_2=50)
    world.clock.time += 600
    found = world.check()
    assert only(found, Kind.SPLIT) == "the traffic of orders is split: orders-1 50 %, orders-2 50 %"
    assert (found.goes, found.exit_code, found.stable) == (False, ExitCode.HELD, "")
    assert {(f.kind, f.revision) for f in found.findings} >= {
        (Kind.HEALTHY, STABLE),
        (Kind.BURNING, CANDIDATE),
    }
    with pytest.raises(RolloutHeld, match="is split") as raised:
        preflight(world.cloud.service, Mode.REGRESSION, world.tools)
    assert raised.value.exit_code == ExitCode.BUSY


@pytest.mark.parametrize(
    ("lease", "phase", "percent", "held"),
    [
        (600.0, Phase.LOCKED, 0, True),  # somebody works on it
        (-1.0, Phase.STEP, 10, True),  # somebody died while the candidate had traffic
        (-1.0, Phase.LOCKED, 0, False),  # somebody died before
    ],
)
def test_a_service_held_by_another_rollout(
    world: Preflown, lease: float, phase: Phase, percent: int, held: bool
) -> None:
    candidate = CANDIDATE if percent else ""
    annotations = world.locked(STABLE, lease=lease, phase=phase, candidate=candidate, percent=percent)
    world.cloud.change((Target(STABLE, 100),), annotations)
    found = world.check()
    assert (Kind.HELD in kinds(found)) is held
    assert found.exit_code == (ExitCode.BUSY if held else ExitCode.DONE)
    if held:
        assert "by ci, started" in only(found, Kind.HELD)
        with pytest.raises(RolloutHeld, match="by ci, started"):
            preflight(world.cloud.service, Mode.REGRESSION, world.tools)
    else:
        assert preflight(world.cloud.service, Mode.REGRESSION, world.tools) == STABLE


class Ticking(FakeClock):
    """Time passes between two looks at it, as it does."""

    def now(self) -> float:
        self.time += 0.001
        return self.time


@pytest.mark.parametrize("percent", [10, 100])
def test_a_dead_rollout_is_known_at_once_and_nobody_is_told_to_wait_for_it(
    world: Preflown, percent: int
) -> None:
    phase = Phase.STEP if percent < 100 else Phase.BAKE
    annotations = world.locked(STABLE, phase=phase, candidate=CANDIDATE, percent=percent, holder="process-9")
    world.cloud.create(CANDIDATE)
    world.cloud.change((Target(STABLE, 100 - percent), Target(CANDIDATE, percent)), annotations)
    world.clock.__class__ = Ticking
    world.holders.dead.add("process-9")
    with pytest.raises(RolloutHeld, match=r"by ci, started .*, and nobody works on it any more") as error:
        preflight(world.cloud.service, Mode.REGRESSION, world.tools)
    assert not error.value.passes
    assert "`tidegate resume`" in error.value.hint
    assert f"`tidegate abort` sends all traffic to {STABLE}" in error.value.hint
    (finding,) = [f for f in world.check().findings if f.kind is Kind.HELD]
    assert (finding.sentence, finding.way_out) == (error.value.message, error.value.hint)


# ----------------------------------------------------------------------------------------- left undecided


def leave(world: Preflown, phase: Phase, **split: int) -> None:
    """A rollout of `orders-2` that has ended in this phase with this split."""
    world.cloud.create(CANDIDATE)
    percent = split.get("orders_2", 0)
    annotations = world.locked(
        STABLE,
        lease=0.0,
        phase=phase,
        candidate=CANDIDATE,
        percent=percent,
        exit_code=8,
        reason="inconclusive",
    )
    targets = [Target(name.replace("_", "-"), percent) for name, percent in split.items()]
    world.cloud.change(targets, annotations)
    world.clock.time += 600


@pytest.mark.parametrize(
    ("phase", "keeps"),
    [(Phase.HELD, "promote --force"), (Phase.NEEDS_PERSON, "rollback --to orders-2")],
)
def test_what_nobody_has_decided_is_no_stable_revision(world: Preflown, phase: Phase, keeps: str) -> None:
    leave(world, phase, orders_2=100)
    found = world.check()
    said = only(found, Kind.HELD)
    assert said.startswith("orders-2 has all the traffic, and rollout 20260101-000000-abcdef by ci, started ")
    assert said.endswith("waits for a decision about it: inconclusive")
    assert (found.goes, found.exit_code) == (False, ExitCode.BUSY)
    with pytest.raises(RolloutHeld, match="orders-2 has all the traffic") as error:
        preflight(world.cloud.service, Mode.REGRESSION, world.tools)
    assert not error.value.passes
    for way in (keeps, "`tidegate abort` goes back to orders-1", "--fix"):
        assert way in error.value.hint


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.NEEDS_PERSON])
def test_the_fix_for_it_goes_out(world: Preflown, phase: Phase) -> None:
    leave(world, phase, orders_2=100)
    assert preflight(world.cloud.service, Mode.FIX, world.tools) == CANDIDATE
    asked_for = world.check(mode=Mode.FIX)
    assert (asked_for.goes, asked_for.stable) == (True, CANDIDATE)
    world.behaviour[CANDIDATE] = Behaviour(errors=0.5)
    found_out = world.check()
    assert (found_out.goes, found_out.mode, found_out.burning != ()) == (True, Mode.FIX, True)


def test_split_traffic_is_no_ground_for_a_fix_either(world: Preflown) -> None:
    leave(world, Phase.HELD, orders_1=90, orders_2=10)
    found = world.check(mode=Mode.FIX)
    assert "by ci, started" in only(found, Kind.HELD)
    assert found.exit_code == ExitCode.BUSY
    with pytest.raises(RolloutHeld, match="waits for a decision: inconclusive"):
        preflight(world.cloud.service, Mode.FIX, world.tools)


def test_a_held_rollout_whose_traffic_somebody_has_taken_back_is_decided(world: Preflown) -> None:
    leave(world, Phase.HELD, orders_1=100)
    assert world.check().goes
    assert preflight(world.cloud.service, Mode.REGRESSION, world.tools) == STABLE
