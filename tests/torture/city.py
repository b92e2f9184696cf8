"""One service that several processes work on, and how each sees it, with the faults of a schedule."""

from __future__ import annotations

import itertools
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from fakes import NAME, READY, FakeCloudRun, FakeHolders, FakeTerraform
from flows.rollout_world import BROKEN, CHANGED, STABLE, World
from tidegate.core.errors import (
    Conflict,
    Denied,
    OutcomeUnknown,
    RemoteError,
    TerraformError,
    TidegateError,
    Unreachable,
)
from tidegate.core.judge import Criteria
from tidegate.core.rollout import State
from tidegate.core.samples import Key, Samples, Series, Window
from tidegate.core.verdict import Verdict
from tidegate.flows.job import Job
from tidegate.ports import Revision, Service, ServiceName, Smoke, SmokeResult, Target, Telemetry
from torture.lockstep import Actor, Killed, Stage
from torture.schedule import Call, Does, Fault, Process, Schedule
from torture.watch import Watch

T = TypeVar("T")

START = 1_750_000_000.0
LONGEST = 10 * 3600.0
TELEMETRY = Telemetry(sample_period=10.0, ingestion_delay=5.0)
CRITERIA = Criteria(warm_up=10.0, min_requests=20, min_bad_intervals=2, required=("request_count",))
_STALL = 1500.0
"""Longer than any lease."""
_LATE = (0.7, 3.0, 25.0, 70.0)
_STALE = 60.0
"""Seconds for which a read may still be answered with what was so before."""
_PASSING = {Fault.REFUSED, Fault.ABORTED, Fault.UNKNOWN, Fault.LOST, Fault.LATE, Fault.STALE}
_FEW = 3
_SLOW = 60.0
_FAILING = 0.3
_BAD_AFTER = 100.0


@dataclass
class Cloud(FakeCloudRun):
    """Each change takes its own time to become effective, and what was so before is remembered."""

    delays: itertools.cycle[float] = field(default_factory=lambda: itertools.cycle([0.0]))
    past: list[tuple[float, Service]] = field(default_factory=list)
    """What the service was, and until when."""

    def change(self, traffic: Sequence[Target], annotations: Mapping[str, str]) -> Service:
        self.propagation = next(self.delays)
        if self.service is not None:
            self.past.append((self.clock.now(), self.service))
        return super().change(traffic, annotations)

    def stale(self, number: int) -> Service | None:
        """What was so a while ago."""
        recent = [s for until, s in self.past[-4:] if until >= self.clock.now() - _STALE]
        return recent[-1 - number % len(recent)] if recent else self.service


class City:
    def __init__(self, schedule: Schedule, directory: Path) -> None:
        self.schedule = schedule
        self.directory = directory
        self.stage = Stage(START, end=START + LONGEST)
        self.cloud = Cloud(self.stage, delays=itertools.cycle(schedule.propagation))  # type: ignore[arg-type]
        self.does: dict[str, Does] = {}
        self.gone: set[str] = set()
        self.calm = False
        """No more faults."""
        self.latest = itertools.count(2)
        if not schedule.first:
            self.stage.time -= 2000
            self.cloud.create(STABLE)
            self.stage.time += 2000
            self.cloud._arrive(self.cloud.service.generation)  # type: ignore[union-attr]
        self.watch = Watch(self.stage, self.cloud, {STABLE})
        self.seats: list[Seat] = []

    def out(self, what: str) -> bool:
        now = self.stage.now() - START
        return not self.calm and any(
            o.what == what and o.at <= now < o.at + o.seconds for o in self.schedule.outages
        )

    def unseen(self) -> list[tuple[float, float]]:
        return [
            (START + o.at, START + o.at + o.seconds) for o in self.schedule.outages if o.what == "samples"
        ]

    def create(self, who: str, does: Does, planned: Service | None) -> str:
        """What an apply does: it sends what its plan saw of traffic and annotations, and a new template."""
        before, name = self.cloud.service, f"orders-{next(self.latest)}"
        if before is not None:
            if planned is None:
                raise TerraformError("the service exists already")
            self.cloud.service = replace(before, traffic=planned.traffic, annotations=planned.annotations)
        self.does[name] = does
        self.cloud.create(name, BROKEN if does == "not start" else READY)
        if does != "not start" and not any(t.revision for t in self.cloud.service.traffic):  # type: ignore[union-attr]
            self.watch.good.add(name)  # LATEST: it serves because it was made, tidegate has not begun
        self.watch.applied(who, name, before)
        return name


class Seat:
    """One process: the outside systems as it sees them."""

    def __init__(self, city: City, process: Process, name: str) -> None:
        self.city, self.process, self.name = city, process, name
        self.stage = city.stage
        self.faults = {(call, number): fault for call, number, fault in reversed(process.faults)}
        self.pace = itertools.cycle(process.pace)
        self.calls: Counter[Call] = Counter()
        self.planned: Service | None = None
        self.actor: Actor | None = None
        world = World(city.directory, empty=True, settings=city.schedule.settings)
        world.clock = world.metrics = world.probe = self  # type: ignore[assignment]
        world.cloud = self  # type: ignore[assignment]
        world.holders = FakeHolders(name, city.gone if city.schedule.one_machine else set())
        self.world = world
        self.terraform = FakeTerraform(
            plans={"service": CHANGED}, on_plan={"service": self._plan}, on_apply={"service": self._apply}
        )
        self.interruption = world.interruption
        self.tools = world.tools
        # What `watch` keeps about it.
        self.state: State | None = None
        self.claimed = ""
        self.generation = 0
        self.robbed = ""
        self.made = ""
        self.began = 0.0
        self.over = False
        city.seats.append(self)

    @property
    def living(self) -> bool:
        return not self.over and self.name not in self.city.gone

    @property
    def misled(self) -> bool:
        """Whether it was told old news again and again: it cannot know better."""
        return sum(fault is Fault.STALE for fault in self.faults.values()) > 1

    @property
    def untroubled(self) -> bool:
        """Whether nothing befalls it that does not pass by itself."""
        schedule = self.city.schedule
        passing = len(self.faults) <= _FEW and set(self.faults.values()) <= _PASSING
        spreads = max(schedule.propagation) < _SLOW
        return passing and spreads and not schedule.outages and not schedule.hands

    @property
    def robs(self) -> bool:
        return self.process.command.endswith("of the living")

    @property
    def job(self) -> Job:
        def note(state: State) -> None:
            self.state = state

        def judged(verdict: Verdict) -> None:
            self.city.watch.judged(self, verdict)

        return Job(
            NAME,
            TELEMETRY,
            CRITERIA,
            (Smoke("/healthz"),),
            start_timeout=60.0,
            on_state=note,
            on_verdict=judged,
        )

    # ------------------------------------------------------------------------------- every call

    def _fault(self, call: Call) -> Fault | None:
        number = self.calls[call]
        self.calls[call] += 1
        if self.city.calm:
            return None
        fault = self.faults.get((call, number))
        if fault is not None:
            self.city.watch.log(self.name, f"{call} {number}: {fault.value}")
        return fault

    def _call(
        self,
        doing: Call,
        effect: Callable[[], T],
        error: Callable[[Fault], TidegateError],
        *,
        time: float = 0.0,
    ) -> T:
        fault = self._fault(doing)
        self._wait(time + next(self.pace))
        if fault is Fault.STALLED:
            self._wait(_STALL)
        if fault is Fault.SIGNAL:
            self._signal()
        if fault is Fault.KILLED:
            self._die()
        if fault in (Fault.LATE, Fault.KILLED_LATE):
            self._later(doing, effect)
            if fault is Fault.KILLED_LATE:
                self._die()
        if self.city.out("everything") and fault is not Fault.LATE:
            fault = Fault.REFUSED
        if fault in (Fault.REFUSED, Fault.ABORTED, Fault.DENIED, Fault.UNKNOWN, Fault.LATE):
            raise error(fault)
        result = effect()
        self._wait(next(self.pace))
        if fault is Fault.STALLED_AFTER:
            self._wait(_STALL)
        if fault is Fault.SIGNAL_AFTER:
            self._signal()
        if fault is Fault.KILLED_AFTER:
            self._die()
        if fault is Fault.LOST:
            raise error(fault)
        return result

    def _wait(self, seconds: float) -> None:
        assert self.actor is not None
        if self.name in self.city.gone:
            raise Killed
        self.stage.wait(self.actor, seconds)

    def _signal(self) -> None:
        # `installed()` is for the main thread only; this is all the handler would do.
        self.interruption._handle(signal.SIGTERM, None)

    def _die(self) -> None:
        self.city.watch.log(self.name, "dies")
        self.city.gone.add(self.name)
        raise Killed

    def _later(self, doing: Call, effect: Callable[[], object]) -> None:
        def arrive() -> None:
            try:
                effect()
            except TidegateError:
                return
            self.city.watch.log(self.name, f"{doing}: has arrived late")

        if doing in ("update", "apply"):
            self.stage.at(self.stage.now() + _LATE[self.calls[doing] % len(_LATE)], arrive)

    # ------------------------------------------------------------------------------- ports.Clock

    def now(self) -> float:
        return self.stage.now() + self.process.ahead

    def sleep(self, seconds: float) -> None:
        fault = self._fault("sleep")
        if fault in (Fault.SIGNAL, Fault.SIGNAL_AFTER):
            self._wait(seconds / 2)
            self._signal()
            seconds /= 2
        if fault in (Fault.STALLED, Fault.STALLED_AFTER):
            seconds += _STALL
        self._wait(seconds)
        if fault in (Fault.KILLED, Fault.KILLED_AFTER, Fault.KILLED_LATE):
            self._die()

    # ------------------------------------------------------------------------------- ports.CloudRun

    def get_service(self, name: ServiceName) -> Service | None:
        cloud = self.city.cloud
        number = self.calls["read"]
        if self.faults.get(("read", number)) is Fault.STALE and not self.city.calm:
            found = self._call("read", lambda: cloud.stale(number), _unread)
        else:
            found = self._call("read", lambda: cloud.service, _unread)
        self.city.watch.read(self, found)
        return found

    def get_revision(self, name: ServiceName, revision: str) -> Revision | None:
        return self._call("read", lambda: self.city.cloud.revisions.get(revision), _unread)

    def update(
        self, service: Service, traffic: Sequence[Target], annotations: Mapping[str, str | None]
    ) -> Service:
        def write() -> Service:
            before = self.city.cloud.service
            assert before is not None
            accepted = self.city.cloud.update(service, traffic, annotations)
            self.city.watch.wrote(self, before, accepted)
            return accepted

        return self._call("update", write, _unwritten)

    # ------------------------------------------------------------------------------- Metrics, Probe

    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        def read() -> Samples:
            if self.city.out("metrics"):
                raise Unreachable("the metrics are out")
            period = telemetry.sample_period
            end = min(window.end, self.stage.now() - telemetry.ingestion_delay)
            times = np.arange(np.ceil(window.start / period) * period, end, period)
            for since, until in self.city.unseen():
                times = times[(times < since) | (times >= until)]
            return Samples.of(s for revision in revisions for s in self._series(revision, times, period))

        return self._call("samples", read, _unread)

    def _series(self, revision: str, times: np.ndarray, period: float) -> list[Series]:
        effective = self.city.cloud.effective
        since = np.array([at for at, _ in effective])
        shares = np.array([split.get(revision, 0) for _, split in effective], dtype=float)
        shares = np.concatenate(([0.0], shares))[np.searchsorted(since, times, side="right")]
        serving = shares > 0
        if not serving.any():
            return []
        times, counts = times[serving], np.round(shares[serving] / 100 * 10 * period)
        begun = next(at for at, split in effective if split.get(revision))
        match self.city.does.get(revision, "well"):
            case "badly":
                failing = np.full(len(times), _FAILING)
            case "badly later":
                failing = np.where(times >= begun + _BAD_AFTER, _FAILING, 0.0)
            case _:
                failing = np.zeros(len(times))
        return [
            Series(Key("request_count", revision, ""), times, counts),
            Series(Key("error_count", revision, ""), times, np.round(counts * failing)),
        ]

    def check(self, base_url: str, smoke: Smoke) -> SmokeResult:
        try:
            self._call("smoke", lambda: None, _unread)
        except RemoteError:
            return SmokeResult(False, f"GET {smoke.path}: no answer", 1.0)
        return SmokeResult(True, f"GET {smoke.path}: 200", 0.1)

    # ------------------------------------------------------------------------------- Terraform

    def _plan(self) -> None:
        def look() -> None:
            self.planned = self.city.cloud.service

        self._call("plan", look, _terraform, time=5.0)

    def _apply(self) -> None:
        def make() -> None:
            self.made = self.city.create(self.name, self.process.does, self.planned)

        self._call("apply", make, _terraform, time=20.0)


def _unread(fault: Fault) -> TidegateError:
    return Denied("not allowed") if fault is Fault.DENIED else Unreachable(f"no answer ({fault.value})")


def _unwritten(fault: Fault) -> TidegateError:
    match fault:
        case Fault.REFUSED:
            return Unreachable("not available, or the quota is used up")
        case Fault.ABORTED:
            return Conflict("aborted")
        case Fault.DENIED:
            return Denied("not allowed")
    return OutcomeUnknown("no answer in time")


def _terraform(fault: Fault) -> TidegateError:
    return TerraformError(f"terraform failed ({fault.value})")
