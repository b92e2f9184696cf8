"""How a deployment in several regions stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase


class Stand(StrEnum):
    WAITING = "waiting"
    """Its wave has not begun."""
    RUNNING = "running"
    STOPPING = "stopping"
    """Asked to go back because of another region; its deployment is still under way."""
    RETURNING = "returning"
    """Its deployment is over; because of another region it is sent back."""
    PROMOTED = "promoted"
    UNCHANGED = "unchanged"
    """There was nothing to change: it had this revision before."""
    REGRESSED = "regressed"
    """Went back because the revision is worse."""
    RETURNED = "returned"
    """Went back because of another region."""
    ABORTED = "aborted"
    """Ended before a promotion for a reason that is not the revision's; nothing is on the candidate."""
    PAUSED = "paused"
    HELD = "held"
    """A person must decide; the candidate may have traffic."""
    FAILED = "failed"
    """Ended with an error before anything was moved."""
    NEEDS_PERSON = "needs_person"
    LOST = "lost"
    """Its process died. The record on the service says how far it was."""


_CODES: Mapping[Stand, int] = {
    Stand.WAITING: ExitCode.DONE,
    Stand.UNCHANGED: ExitCode.DONE,
    Stand.RETURNED: ExitCode.DONE,
    Stand.REGRESSED: ExitCode.ROLLED_BACK,
    Stand.NEEDS_PERSON: ExitCode.NEEDS_PERSON,
    Stand.LOST: ExitCode.NEEDS_PERSON,
    Stand.HELD: ExitCode.HELD,
}
"""Exit codes of their own; the others have that of the process that brought them there."""
_SIGNALS = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
_WORST = (
    ExitCode.NEEDS_PERSON, ExitCode.ROLLED_BACK, ExitCode.TERMINATED, ExitCode.INTERRUPTED, ExitCode.BUG,
    ExitCode.TERRAFORM, ExitCode.PLAN_REFUSED, ExitCode.INVALID, ExitCode.USAGE, ExitCode.REMOTE,
    ExitCode.BUSY, ExitCode.HELD, ExitCode.DONE,
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a process ended that worked on one region. `code` is negative where it was killed.

    `phase` is that of the rollout, None where the process told of none; `started` is the rollout's, epoch
    seconds; `asked`: a person has ended it. `data` is what the process printed as JSON.
    """

    code: int
    phase: Phase | None = None
    stable: str = ""
    candidate: str = ""
    started: float = 0.0
    reason: str = ""
    asked: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Region:
    """`outcome` is that of its deployment, `back` that of what sent it back because of another region."""

    stand: Stand = Stand.WAITING
    outcome: Outcome | None = None
    back: Outcome | None = None
    note: str = ""
    """What the outcomes do not tell."""

    @property
    def code(self) -> int:
        last = self.back or self.outcome
        if self.stand is Stand.LOST and last is not None and last.code in _SIGNALS:
            return last.code
        return _CODES.get(self.stand, 0 if last is None else abs(last.code))

    @property
    def reason(self) -> str:
        last = self.back if self.back is not None and self.stand is not Stand.RETURNED else self.outcome
        return self.note or ("" if last is None else last.reason)


@dataclass(frozen=True)
class Waves:
    """`regions` by name; `began` is when the whole began, epoch seconds."""

    waves: tuple[tuple[str, ...], ...]
    regions: Mapping[str, Region]
    began: float = 0.0
    cause: str = ""
    """The region whose trouble sends the others back."""
    stopped_by: tuple[str, ...] = ()
    """Regions because of which no further wave begins."""
    signal: int = 0
    """Exit code of the signal that was got, or 0."""

    @property
    def exit_code(self) -> int:
        """The worst of all regions."""
        return worst((*(region.code for region in self.regions.values()), self.signal))

    def having(self, *stands: Stand) -> tuple[str, ...]:
        """The regions that stand so, in the order of the waves."""
        return tuple(r for wave in self.waves for r in wave if self.regions[r].stand in stands)

    def put(self, name: str, **changes: Any) -> Waves:
        region = replace(self.regions[name], **changes)
        return replace(self, regions={**self.regions, name: region})


def worst(codes: tuple[int, ...]) -> int:
    """7 before 6 before whatever else went wrong, before 8, before 0."""
    known = [code if code in _WORST else int(ExitCode.BUG) for code in codes]
    return int(min(known, key=lambda code: _WORST.index(ExitCode(code)), default=0))
