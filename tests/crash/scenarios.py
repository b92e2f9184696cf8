"""What goes on in the process that is killed: one function a scenario, each with everything real."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crash.fuse import Fuse
from crash.place import Templates, name_of
from tidegate.core.judge import JUDGED, Criteria
from tidegate.core.record import Record
from tidegate.core.rollout import Phase, Settings, State
from tidegate.core.spec import load as load_spec
from tidegate.core.verdict import Verdict
from tidegate.flows.deploy import deploy
from tidegate.flows.job import Job, Tools
from tidegate.flows.operate import Command, operate
from tidegate.flows.planning import Request, Roots
from tidegate.flows.rollback import rollback
from tidegate.flows.serving import record_of, service_of
from tidegate.ports import Diagnostic, OnProgress, SavedPlan, Smoke, Telemetry, TerraformVersion

PERIOD = 0.25
SETTINGS = Settings(
    steps=(50,), step_duration=0.2, bake=0.2, look_every=0.5, settle=PERIOD, recovery=1.5,
    on_inconclusive="promote",
)  # fmt: skip
PATIENT = replace(SETTINGS, step_duration=30.0, on_inconclusive="hold")
"""A step that only a verdict ends."""
TELEMETRY = Telemetry(sample_period=PERIOD, ingestion_delay=PERIOD)
_DECIDING = ("request_count", "error_ratio")
CRITERIA = Criteria(
    warm_up=0.5, min_requests=12, required=(), dry_run=tuple(m for m in JUDGED if m not in _DECIDING)
)
"""Only errors decide: how fast a busy machine answers says nothing of a revision."""
_SPEC = load_spec(
    b"service: orders\nproject: demo-project\nregion: europe-west1\ncontainers: [{port: 8080}]\n", "s"
)
_UPDATE = {
    "address": "module.service.google_cloud_run_v2_service.this",
    "type": "google_cloud_run_v2_service",
    "name": "this",
    "change": {"actions": ["update"], "before": {"x": 1}, "after": {"x": 2}},
}


@dataclass
class Actor:
    """A process at work on `service`: `tools` may kill it, `plain` are the same without a fuse."""

    service: str
    tools: Tools
    plain: Callable[[], Tools]
    fuse: Fuse
    templates: Templates
    verdicts: Path
    awaited: dict[Phase, Callable[[], object]] = field(default_factory=dict)

    @property
    def job(self) -> Job:
        return Job(
            name_of(self.service), TELEMETRY, CRITERIA, (Smoke("/healthz"),), start_timeout=20.0,
            on_state=self._on_state, on_verdict=self._on_verdict,
        )  # fmt: skip

    def deploy(self, settings: Settings = SETTINGS, image: str = "v2") -> State:
        roots = Roots(self.verdicts.parent, lambda: None)
        request = Request(_SPEC, "first", roots, with_monitoring=False)
        terraform = ByHand(self, image)
        with self.tools.interruption.installed():
            return deploy(request, self.job, settings, terraform, self.tools).state

    def expect(self, state: State | None, *phases: Phase) -> None:
        """How it ends where nothing is done to it; an answer that got lost may have ended it otherwise."""
        if self.fuse.kind == "never":
            assert state is not None
            assert state.phase in phases, state

    def _on_state(self, state: State) -> None:
        self.awaited.pop(state.phase, lambda: None)()

    def _on_verdict(self, verdict: Verdict) -> None:
        with self.verdicts.open("a") as file:
            file.write(f"{verdict.decided_at} {verdict.decision}\n")


@dataclass(frozen=True)
class ByHand:
    """Implements `ports.Terraform` where only what an apply does matters."""

    actor: Actor
    image: str

    def version(self) -> TerraformVersion:
        return TerraformVersion("terraform", (1, 11, 0), ("terraform",))

    def init(self, directory: Path) -> None: ...

    def validate(self, directory: Path) -> tuple[Diagnostic, ...]:
        return ()

    def plan(
        self, directory: Path, *, destroy: bool = False, on_progress: OnProgress | None = None
    ) -> SavedPlan:
        plan: Mapping[str, Any] = {"format_version": "1.2", "resource_changes": [_UPDATE]}
        return SavedPlan(directory / "tfplan", plan, has_changes=True)

    def apply(self, directory: Path, plan: SavedPlan, *, on_progress: OnProgress | None = None) -> None:
        actor = self.actor
        there = actor.plain().cloud_run.get_service(name_of(actor.service))
        send = actor.templates.send_new if there is None else actor.templates.send
        actor.fuse.around("template", lambda: send(self.image))
        actor.fuse.around("started", actor.templates.wait)

    def untaint(self, directory: Path, address: str) -> None: ...

    def push(self, directory: Path) -> str:
        return ""

    def outputs(self, directory: Path) -> Mapping[str, Any]:
        return {}


# ------------------------------------------------------------------------------------------- what happens


def promoted(actor: Actor) -> None:
    actor.expect(actor.deploy(), Phase.PROMOTED)


def rolled_back(actor: Actor) -> None:
    actor.expect(actor.deploy(PATIENT, "bad"), Phase.RECOVERED, Phase.ROLLED_BACK)


def cancelled(actor: Actor) -> None:
    actor.awaited[Phase.STEP] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    actor.expect(actor.deploy(), Phase.ABORTED)


def paused(actor: Actor) -> None:
    """Waits for approval before all of the traffic moves, and gets it."""
    actor.expect(actor.deploy(replace(SETTINGS, pauses=(1,))), Phase.PAUSED)
    answer = operate(Command("resume", name_of(actor.service), "second"), actor.tools)
    actor.expect(answer.state, Phase.PROMOTED)


def aborted(actor: Actor) -> None:
    """Somebody else asks, through the record, for an end of the rollout in its step."""

    over = threading.Event()

    def ask() -> None:
        # Once the step is written: two who write at the same time write another number of times each time.
        tools, name = actor.plain(), name_of(actor.service)
        while not over.wait(0.02):
            found = record_of(service_of(name, tools.cloud_run), tools)
            if isinstance(found, Record) and found.state.phase is Phase.STEP:
                operate(Command("abort", name, "operator"), tools)
                return

    operator = threading.Thread(target=ask, daemon=True)
    actor.awaited[Phase.STEP] = operator.start
    state = actor.deploy(replace(SETTINGS, step_duration=10.0, recovery=0.5))
    over.set()
    if operator.ident is not None:
        operator.join()
    actor.expect(state, Phase.ROLLED_BACK)


def by_hand(actor: Actor) -> None:
    """Back to the first revision, after the second was put there by other means."""
    service = actor.plain().cloud_run.get_service(name_of(actor.service))
    assert service is not None
    first = service.latest_ready_revision
    actor.templates.send("v2")
    actor.templates.wait()
    done = rollback(actor.job, replace(SETTINGS, recovery=0.5), actor.tools, owner="first", to=first)
    actor.expect(None if done is None else done.state, Phase.ROLLED_BACK)


@dataclass(frozen=True)
class Scenario:
    """`rate` of requests a second; `good` are the images that may serve in the end."""

    run: Callable[[Actor], None]
    rate: float = 0.0
    exists: bool = True
    good: tuple[str, ...] = ("v1", "v2")


SCENARIOS: Mapping[str, Scenario] = {
    "promoted": Scenario(promoted),
    "rolled back": Scenario(rolled_back, rate=40.0, good=("v1",)),
    "cancelled": Scenario(cancelled),
    "paused": Scenario(paused),
    "aborted": Scenario(aborted),
    "first deployment": Scenario(promoted, exists=False),
    "rollback by hand": Scenario(by_hand),
}
