"""What a rollout is: its phase, who takes part, how the traffic should be split."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Wish = Literal["hold", "rollback", "promote"]
OnCancel = Literal["rollback", "keep"]


class Phase(StrEnum):
    NEW = "new"
    LOCKED = "locked"
    """The record is on the service, traffic is pinned to the stable revision by name."""
    APPLIED = "applied"
    """The candidate exists and starts; with 0 % and a tag address, once that is written."""
    SMOKE = "smoke"
    """The candidate is tried out on its tag address."""
    STEP = "step"
    BAKE = "bake"
    PAUSED = "paused"
    """Stopped where it was because the spec or a person asked for it; somebody must say how it goes on."""
    PROMOTED = "promoted"
    ROLLING_BACK = "rolling_back"
    """Traffic was sent back; not yet seen to be effective."""
    ROLLED_BACK = "rolled_back"
    """Traffic is effectively back; whether that helped is being watched, or could not be told."""
    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    HELD = "held"
    """Stopped where it was, for a person to decide; the reason says why."""
    ABORTED = "aborted"
    """Ended before a promotion for a reason other than a verdict; traffic is on the stable revision."""
    NEEDS_PERSON = "needs_person"
    """What the service serves now is not what was asked for, or is not known."""


ENDED = frozenset({Phase.PROMOTED, Phase.RECOVERED, Phase.NOT_RECOVERED, Phase.ABORTED})
"""The rollout is over. ROLLED_BACK ends one only when the recovery could not be told."""

WAITING = frozenset({Phase.PAUSED, Phase.HELD, Phase.NEEDS_PERSON})
"""Nothing happens by itself any more; a person says how it goes on."""


@dataclass(frozen=True)
class Settings:
    """How this rollout goes. `settle` is the ingestion delay: how long after its end a step can be judged."""

    steps: tuple[int, ...] = (5, 25, 50)
    step_duration: float = 600.0
    bake: float = 1800.0
    look_every: float = 60.0
    settle: float = 180.0
    recovery: float = 900.0
    on_inconclusive: Wish = "hold"
    on_pre_existing: Wish = "hold"
    """What to do when the stable revision has the candidate's fault as well."""
    pauses: tuple[int, ...] = ()
    """Indexes of the steps before which somebody must approve; `len(steps)` is before 100 %."""
    on_cancel: OnCancel = "rollback"
    """What a signal does to traffic that has moved."""

    def share(self, index: int) -> int:
        """Percent of the step with this index; what comes after the last is the bake."""
        return self.steps[index] if index < len(self.steps) else 100


@dataclass(frozen=True)
class Moved:
    """Traffic of the candidate from `time` on."""

    time: float
    percent: int


@dataclass(frozen=True)
class State:
    """One rollout. `stable` is empty on a first deployment, `candidate` until it exists."""

    id: str
    owner: str
    """Who a colleague would ask."""
    started: float
    phase: Phase = Phase.NEW
    stable: str = ""
    candidate: str = ""
    step: int = 0
    percent: int = 0
    entered: float = 0.0
    moves: tuple[Moved, ...] = ()
    reason: str = ""
    decided: float | None = None
    """When the deciding verdict fell."""
    restored: float | None = None
    """When the stable revision effectively had all traffic again."""
    next: int | None = None
    """Index of the step that waits for approval."""
    forced: bool = False
    """Somebody has promoted it over the judge's head; where it has no traffic, after the smoke checks."""
    aborted: bool = False
    """Somebody has asked for its end."""
    hooked: tuple[Phase, ...] = ()
    """The endings after which the hooks of the spec have had their turn."""
    holder: str = ""
    """The process that works on it: a resumed rollout has another one, of the same owner or not."""
    exit_code: int | None = None
    """Set once the process that worked on it has nothing more to do."""
    settings: Settings = field(default_factory=Settings)

    @property
    def first(self) -> bool:
        return not self.stable

    @property
    def final(self) -> bool:
        """Whether nobody works on it any more: it is over, or waits for a person."""
        return self.exit_code is not None

    @property
    def split(self) -> tuple[tuple[str, int], ...]:
        """What the traffic should be, by revision, in whole percents that total 100."""
        if not self.candidate or self.percent == 0:
            return ((self.stable, 100),) if self.stable else ()
        if self.percent == 100 or not self.stable:
            return ((self.candidate, 100),)
        return ((self.stable, 100 - self.percent), (self.candidate, self.percent))
