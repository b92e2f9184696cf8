"""In-memory stand-ins for the outside systems of `tidegate.ports`, with time that passes only when slept."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import Conflict, RemoteError
from tidegate.core.samples import Key, Samples, Series, Window
from tidegate.ports import (
    Condition,
    ConditionState,
    Diagnostic,
    Hook,
    HookResult,
    Notice,
    OnProgress,
    Revision,
    SavedPlan,
    Service,
    ServiceName,
    Smoke,
    SmokeResult,
    Target,
    Telemetry,
    TerraformVersion,
)

READY = Condition("Ready", ConditionState.SUCCEEDED)
NAME = ServiceName("demo-project", "europe-west1", "orders")


class FakeClock:
    """`sleep` returns at once. What `at` has been given happens when its time is slept through."""

    def __init__(self, start: float = 1_750_000_000.0) -> None:
        self.time = start
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], object]]] = []

    def now(self) -> float:
        return self.time

    def at(self, time: float, happens: Callable[[], object]) -> None:
        heapq.heappush(self._due, (time, next(self._order), happens))

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self._due and self._due[0][0] <= end:
            time, _, happens = heapq.heappop(self._due)
            self.time = max(self.time, time)
            happens()
        self.time = max(self.time, end)


@dataclass(frozen=True)
class Write:
    """One accepted update."""

    time: float
    traffic: tuple[Target, ...]
    annotations: Mapping[str, str]

    def share(self, revision: str) -> int:
        return sum(target.percent for target in self.traffic if target.revision == revision)


@dataclass(frozen=True)
class Lost:
    """The effect happens, the answer does not arrive."""

    error: RemoteError
    then: Callable[[], object] = lambda: None


Fault = RemoteError | Lost | Callable[[], object] | None


def after(number: int, *faults: Fault) -> deque[Fault]:
    """Faults for `FakeCloudRun`: `number` calls go well, the next ones do not."""
    return deque([*[None] * number, *faults])


@dataclass
class FakeCloudRun:
    """One service. `faults` are taken call by call: an error instead of the effect, or `Lost` after it."""

    clock: FakeClock
    service: Service | None = None
    revisions: dict[str, Revision] = field(default_factory=dict)
    propagation: float = 0.0
    writes: list[Write] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    effective: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    """Percent by revision from a time on, oldest first."""
    _versions: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def get_service(self, name: ServiceName) -> Service | None:
        self._strike("get_service")
        return self.service

    def get_revision(self, name: ServiceName, revision: str) -> Revision | None:
        self._strike("get_revision")
        return self.revisions.get(revision)

    def update(
        self, service: Service, traffic: Sequence[Target], annotations: Mapping[str, str | None]
    ) -> Service:
        lost = self._strike("update")
        assert self.service is not None
        if service.etag != self.service.etag:
            raise Conflict("the etag is stale")
        merged = {**service.annotations, **annotations}
        accepted = self.change(traffic, {k: v for k, v in merged.items() if v is not None})
        self.writes.append(Write(self.clock.now(), tuple(traffic), accepted.annotations))
        if lost is not None:
            lost.then()
            raise lost.error
        return accepted

    def check_access(self, project: str, region: str) -> None:
        self._strike("check_access")

    def change(self, traffic: Sequence[Target], annotations: Mapping[str, str]) -> Service:
        """A write by anybody: a new etag, and the traffic moves after the propagation delay."""
        assert self.service is not None
        number = next(self._versions)
        changed = replace(
            self.service, etag=f"etag-{number}", generation=number, observed_generation=number,
            reconciling=True, traffic=tuple(traffic), annotations=dict(annotations),
        )  # fmt: skip
        self.service = changed
        if self.propagation:
            self.clock.at(self.clock.now() + self.propagation, lambda: self._arrive(number))
        else:
            self._arrive(number)
        return changed

    def _arrive(self, generation: int) -> None:
        if self.service is None or self.service.generation != generation:
            return
        latest = self.service.latest_ready_revision
        statuses = tuple(
            replace(t, revision=t.revision or latest, uri=f"https://{t.tag}---orders.test" if t.tag else "")
            for t in self.service.traffic
        )
        self.service = replace(self.service, reconciling=False, traffic_statuses=statuses)
        self.effective.append((self.clock.now(), {t.revision: t.percent for t in statuses if t.percent}))

    def _strike(self, method: str) -> Lost | None:
        waiting = self.faults.get(method)
        fault = waiting.popleft() if waiting else None
        if isinstance(fault, RemoteError):
            raise fault
        if isinstance(fault, Lost):
            return fault
        if fault is not None:
            fault()
        return None

    def create(self, revision: str, ready: Condition = READY) -> None:
        """A new revision by a new template, and the service where there is none, which then serves it."""
        self.revisions[revision] = Revision(revision, "demo/orders:v", self.clock.now(), ready)
        started = ready.state is ConditionState.SUCCEEDED
        if self.service is None:
            self.service = Service(
                NAME, "https://orders.test", "etag-0", 0, 0, False, ready, (), (), (),
                latest_ready_revision="", latest_created_revision="", annotations={},
            )  # fmt: skip
        self.service = replace(
            self.service, latest_created_revision=revision,
            latest_ready_revision=revision if started else self.service.latest_ready_revision,
        )  # fmt: skip
        traffic = self.service.traffic or ((Target("", 100),) if started else ())
        self.change(traffic, self.service.annotations)


@dataclass
class FakeMetrics:
    """`values` gives what one instance of a revision reports at a time, by metric; nothing where it is idle.

    Samples younger than the ingestion delay are not there yet. While `error` is set nothing can be read.
    """

    clock: FakeClock
    values: Callable[[str, float], Mapping[str, float]]
    error: RemoteError | None = None
    asked: int = 0
    revisions: tuple[str, ...] = ()
    """All there are, for who does not name them."""

    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        self.asked += 1
        if self.error is not None:
            raise self.error
        period = telemetry.sample_period
        end = min(window.end, self.clock.now() - telemetry.ingestion_delay)
        times = np.arange(np.ceil(window.start / period) * period, end, period)
        found: dict[Key, list[tuple[float, float]]] = {}
        for revision in revisions:
            for time in times:
                for metric, value in self.values(revision, float(time)).items():
                    instance = "i1" if metric in ("open_fds", "tcp_connections") else ""
                    found.setdefault(Key(metric, revision, instance), []).append((float(time), value))
        return Samples.of(Series(key, *np.array(points).T.copy()) for key, points in found.items())

    def requests(self, name: ServiceName, window: Window, telemetry: Telemetry) -> Samples:
        found = self.samples(name, self.revisions, window, telemetry)
        return Samples.of(
            s
            for key, s in found.by_key.items()
            if key.metric == "request_count" and float(s.values.sum()) > 0
        )

    def check_access(self, project: str) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class FakeTerraform:
    """Plans and applies are noted in `calls`; what an apply does to the world is `on_apply[root]`."""

    plans: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    on_apply: dict[str, Callable[[], object]] = field(default_factory=dict)
    on_plan: dict[str, Callable[[], object]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def version(self) -> TerraformVersion:
        return TerraformVersion("terraform", (1, 11, 0), ("terraform",))

    def init(self, directory: Path) -> None:
        self.calls.append(("init", directory.name))

    def validate(self, directory: Path) -> tuple[Diagnostic, ...]:
        self.calls.append(("validate", directory.name))
        return ()

    def plan(
        self, directory: Path, *, destroy: bool = False, on_progress: OnProgress | None = None
    ) -> SavedPlan:
        self.calls.append(("plan", directory.name))
        self.on_plan.get(directory.name, lambda: None)()
        plan = self.plans.get(directory.name, {"format_version": "1.2"})
        return SavedPlan(directory / "tfplan", plan, bool(plan.get("resource_changes")))

    def apply(self, directory: Path, plan: SavedPlan, *, on_progress: OnProgress | None = None) -> None:
        self.calls.append(("apply", directory.name))
        self.on_apply.get(directory.name, lambda: None)()

    def push(self, directory: Path) -> str:
        return ""

    def outputs(self, directory: Path) -> Mapping[str, Any]:
        return {}


@dataclass
class FakeProbe:
    """Every check is well unless `sentence` says what is wrong. `asked` holds the addresses."""

    sentence: str = ""
    before: Callable[[], object] = lambda: None
    asked: list[str] = field(default_factory=list)

    def check(self, base_url: str, smoke: Smoke) -> SmokeResult:
        self.asked.append(base_url + smoke.path)
        self.before()
        return SmokeResult(not self.sentence, self.sentence or f"GET {smoke.path}: 200", 0.01)


@dataclass
class FakeHooks:
    """Every hook is well unless `failing` has a sentence for its name. `ran`: names and contexts in order.

    `before` happens while a hook runs: what it raises (a signal's exception, say) goes through.
    """

    failing: dict[str, str] = field(default_factory=dict)
    before: Callable[[Hook], object] = lambda hook: None
    ran: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.ran]

    def run(self, hook: Hook, context: Mapping[str, str]) -> HookResult:
        self.ran.append((hook.name, dict(context)))
        self.before(hook)
        sentence = self.failing.get(hook.name)
        return HookResult(sentence is None, sentence or f"hook {hook.name}: done", 0.01)


@dataclass
class FakeHolders:
    """`dead` are the processes that have certainly ended."""

    mine: str = "process-1"
    dead: set[str] = field(default_factory=set)

    def gone(self, holder: str) -> bool:
        return holder in self.dead


@dataclass
class FakeNotifier:
    told: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        self.told.append(notice)
