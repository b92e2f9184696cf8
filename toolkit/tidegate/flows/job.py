"""What a rollout is about, what it is done with, and what was seen on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.core.judge import Criteria
from tidegate.core.rollout import State
from tidegate.core.samples import Samples
from tidegate.core.trace import Rollout, Step
from tidegate.core.verdict import Verdict
from tidegate.flows import by_hand
from tidegate.flows.interruption import Interruption
from tidegate.ports import (
    Clock,
    CloudRun,
    Holders,
    Hook,
    Hooks,
    Metrics,
    Notifier,
    Probe,
    ServiceName,
    Smoke,
    Telemetry,
)

_TAG = "canary"
_SHORT_TAG = "tgc"
_LONGEST_TAGGED = 46
"""Cloud Run's limit on the length of service name and tag together."""


@dataclass(frozen=True)
class Tools:
    """The outside systems a rollout needs."""

    cloud_run: CloudRun
    metrics: Metrics
    probe: Probe
    hooks: Hooks
    clock: Clock
    notifier: Notifier
    holders: Holders
    interruption: Interruption
    by_hand: by_hand.Command = by_hand.gcloud


@dataclass(frozen=True)
class Job:
    """What this rollout is about. `apply` runs Terraform and returns when the new revision is created."""

    name: ServiceName
    telemetry: Telemetry
    criteria: Criteria
    smoke: tuple[Smoke, ...] = ()
    hooks: tuple[Hook, ...] = ()
    start_timeout: float = 600.0
    apply: Callable[[], None] = lambda: None
    on_state: Callable[[State], None] = lambda _: None
    on_verdict: Callable[[Verdict], None] = lambda _: None

    @property
    def tag(self) -> str:
        """The candidate's tag; empty for a service whose name leaves no room for one."""
        service = self.name.service
        return next((tag for tag in (_TAG, _SHORT_TAG) if len(service) + len(tag) <= _LONGEST_TAGGED), "")

    @property
    def unwatched(self) -> float:
        """Seconds that smoke checks and hooks may take, during which nothing renews the lease."""
        checks = sum(smoke.attempts * (smoke.timeout + 1) for smoke in self.smoke)
        return checks + sum(hook.timeout for hook in self.hooks)


@dataclass
class Evidence:
    """What was seen on the way: every verdict, the samples of the last look, and what served when the service
    could last be read (percent by revision)."""

    verdicts: list[Verdict] = field(default_factory=list)
    samples: Samples = field(default_factory=Samples)
    serving: dict[str, int] = field(default_factory=dict)


def rollout_of(job: Job, state: State) -> Rollout | None:
    """The rollout as the judge and the trace see it; None while the candidate has had no traffic."""
    if not (state.candidate and state.moves) or state.candidate == state.stable:
        return None
    moves = tuple(Step(m.time, m.percent) for m in state.moves)
    telemetry = job.telemetry
    return Rollout(
        service=job.name.service,
        stable=state.stable,
        candidate=state.candidate,
        steps=moves,
        end=state.entered if state.final else None,
        sample_period=telemetry.sample_period,
        ingestion_delay=telemetry.ingestion_delay,
    )
