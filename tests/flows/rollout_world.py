"""A service, what its revisions do, and deployments onto it; and what must hold after every one of them."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from fakes import (
    NAME,
    FakeClock,
    FakeCloudRun,
    FakeHolders,
    FakeHooks,
    FakeMetrics,
    FakeNotifier,
    FakeProbe,
    FakeTerraform,
)
from tidegate.core import record
from tidegate.core.errors import ExitCode
from tidegate.core.judge import Criteria
from tidegate.core.rollout import Phase, Settings, State
from tidegate.core.spec import load
from tidegate.core.verdict import Decision
from tidegate.flows.deploy import Outcome, deploy
from tidegate.flows.interruption import Interruption
from tidegate.flows.job import Job, Tools
from tidegate.flows.operate import Answer, Command, Wish, operate
from tidegate.flows.planning import Request, Roots
from tidegate.flows.rollback import RolledBack, rollback
from tidegate.ports import Condition, ConditionState, Hook, Smoke, Target, Telemetry

STABLE, CANDIDATE = "orders-1", "orders-2"
SETTINGS = Settings(
    steps=(10, 50), step_duration=120.0, bake=120.0, look_every=15.0, settle=5.0, recovery=150.0
)
TELEMETRY = Telemetry(sample_period=5.0, ingestion_delay=5.0)
CRITERIA = Criteria(warm_up=10.0, min_requests=20)
STOPS_WITH = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
BROKEN = Condition(
    "Ready", ConditionState.FAILED, "HealthCheckContainerError", "the container did not listen"
)
CHANGED: Mapping[str, Any] = {
    "format_version": "1.2",
    "resource_changes": [
        {
            "address": "module.service.google_cloud_run_v2_service.this",
            "type": "google_cloud_run_v2_service",
            "name": "this",
            "change": {"actions": ["update"], "before": {"x": 1}, "after": {"x": 2}},
        }
    ],
}
SPEC = load(
    b"service: orders\nproject: demo-project\nregion: europe-west1\ncontainers: [{port: 8080}]\n", "s"
)


@dataclass
class Behaviour:
    """What an instance does while it serves: fds it loses a minute, and the part of its answers that fail,
    from a time on."""

    leak: float = 0.0
    errors: float = 0.0
    since: float = 0.0


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


def die() -> None:
    raise Killed


class Gone(Exception):
    """Whoever asked does not wait for the answer."""


class Impatient(FakeClock):
    def sleep(self, seconds: float) -> None:
        raise Gone


def ask(world: World, wish: Wish) -> Callable[[], None]:
    """Somebody who asks and does not wait."""

    def write() -> None:
        clock = Impatient(world.clock.now())
        tools = replace(world.tools, clock=clock, holders=FakeHolders("of ann"))
        with pytest.raises(Gone):
            operate(Command(wish, world.job.name, "ann"), tools)

    return write


@dataclass
class World:
    """Made with `orders-1` serving everything, unless `empty`. `says` holds what signals led to."""

    directory: Path
    empty: bool = False
    propagation: float = 0.0
    settings: Settings = SETTINGS
    criteria: Criteria = CRITERIA
    behaviour: dict[str, Behaviour] = field(default_factory=dict)
    smoke: tuple[Smoke, ...] = (Smoke("/healthz"),)
    wanted_hooks: tuple[Hook, ...] = ()
    requests: float = 10.0
    says: list[str] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    awaited: dict[Phase, Callable[[], object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.cloud = FakeCloudRun(self.clock)
        if not self.empty:
            self.clock.time -= 2000
            self.cloud.create(STABLE)
            self.clock.time += 2000
        self.cloud.propagation = self.propagation
        self.metrics = FakeMetrics(self.clock, self.values)
        self.terraform = FakeTerraform(
            plans={"service": CHANGED}, on_apply={"service": lambda: self.cloud.create(CANDIDATE)}
        )
        self.probe = FakeProbe()
        self.hooks = FakeHooks()
        self.holders = FakeHolders()
        self.notifier = FakeNotifier()
        self.interruption = Interruption(self.says.append)

    @property
    def tools(self) -> Tools:
        return Tools(
            self.cloud, self.metrics, self.probe, self.hooks, self.clock, self.notifier, self.holders,
            self.interruption,
        )  # fmt: skip

    @property
    def job(self) -> Job:
        return Job(
            NAME,
            TELEMETRY,
            self.criteria,
            self.smoke,
            self.wanted_hooks,
            start_timeout=60.0,
            on_state=self.note,
        )

    def deploy(self, **changes: Any) -> Outcome:
        """A deployment with the signal handlers of the command, and whatever must hold afterwards."""
        roots = Roots(self.directory, lambda: None)
        request = replace(Request(SPEC, "ci", roots, with_monitoring=False), **changes)
        with self.interruption.installed():
            outcome = deploy(request, self.job, self.settings, self.terraform, self.tools)
        self.check(outcome)
        return outcome

    def rollback(self, to: str = "", *, take_over: bool = False) -> RolledBack:
        with self.interruption.installed():
            ended = rollback(self.job, self.settings, self.tools, owner="person", to=to, take_over=take_over)
        assert ended is not None
        self.check(ended)
        return ended

    def operate(self, wish: Wish, *, by: str = "ann", **changes: Any) -> Answer:
        """What somebody says to the rollout from elsewhere: another process, with no spec."""
        tools = replace(self.tools, holders=FakeHolders(f"process of {by}", self.holders.dead))
        return operate(Command(wish, NAME, by, **changes), tools)

    def locked(self, stable: str, *, lease: float = 600.0, **changes: Any) -> dict[str, str]:
        """The annotations of a rollout by `ci` that has begun now."""
        now = self.clock.now()
        fields = {"phase": Phase.LOCKED, "stable": stable, "entered": now, **changes}
        state = State("20260101-000000-abcdef", "ci", now, settings=self.settings, **fields)
        return {record.ROLLOUT: record.encode(state, now=now, lease=now + lease)}

    # ------------------------------------------------------------------------------- what goes on outside

    def on_phase(self, phase: Phase, happens: Callable[[], object], *, delay: float = 1.0) -> None:
        """`happens`, once, `delay` seconds after the rollout has entered the phase (or its next sleep)."""
        self.awaited[phase] = lambda: self.clock.at(self.clock.now() + delay, happens)

    def note(self, state: State) -> None:
        self.states.append(state)
        self.awaited.pop(state.phase, lambda: None)()

    def values(self, revision: str, time: float) -> Mapping[str, float]:
        share = next((split for since, split in reversed(self.cloud.effective) if since <= time), {})
        percent = share.get(revision, 0)
        begun = next((since for since, split in self.cloud.effective if split.get(revision)), time)
        does = self.behaviour.get(revision, Behaviour())
        ripple = math.sin(time * 1.7)
        held = 40 + ripple + (does.leak * (time - begun) / 60 if percent else 0)
        if not percent:
            return {"open_fds": held} if revision == STABLE and time > begun else {}
        count = round(self.requests * TELEMETRY.sample_period * percent / 100)
        failed = round(count * does.errors) if time >= does.since else 0
        return {
            "open_fds": held,
            "tcp_connections": held - 20,
            "request_count": float(count),
            "error_count": float(failed),
        }

    # ------------------------------------------------------------------------------- what must hold

    @property
    def serving(self) -> dict[str, int]:
        assert self.cloud.service is not None
        return {t.revision: t.percent for t in self.cloud.service.traffic_statuses if t.percent}

    @property
    def recorded(self) -> record.Record:
        assert self.cloud.service is not None
        found = record.find(self.cloud.service.annotations)
        assert isinstance(found, record.Record)
        return found

    def check(self, outcome: Outcome | RolledBack) -> None:
        """Every write is a whole split over names; none gives more after a failing verdict; the record and
        the traffic on the service are those of the state."""
        state = outcome.state
        assert state.final
        for write in self.cloud.writes:
            assert sum(target.percent for target in write.traffic) == 100
            assert all(target.revision for target in write.traffic)
        failing = [v for v in outcome.evidence.verdicts if v.decision is Decision.ROLLBACK]
        if failing and state.candidate:
            after = [w.share(state.candidate) for w in self.cloud.writes if w.time >= failing[0].decided_at]
            assert after == sorted(after, reverse=True)
        unwritten = state.phase in (Phase.NEEDS_PERSON, Phase.HELD) or (
            state.first and state.phase is Phase.ABORTED
        )
        if not unwritten:
            assert self.recorded.state == record.as_read(state)
            assert self.serving == dict(state.split)
            assert self.recorded.held_at(self.clock.now()) is (state.phase is Phase.PAUSED)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        signal.raise_signal(number)

    def shift(self, **split: int) -> None:
        """Somebody else moves the traffic: `shift(orders_1=50, …)`."""
        assert self.cloud.service is not None
        traffic = [Target(name.replace("_", "-"), percent) for name, percent in split.items() if percent]
        self.cloud.change(traffic, self.cloud.service.annotations)

    def touch(self) -> None:
        """Somebody else writes something that is none of ours."""
        assert self.cloud.service is not None
        self.cloud.change(self.cloud.service.traffic, {**self.cloud.service.annotations, "team": "payments"})
