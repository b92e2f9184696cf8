"""What is stored of a Cloud Run service: the message as written, its revisions, and where its traffic really
goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tidegate.local.world.protos import COMMON_REASONS, REVISION_REASONS

STARTING, READY, BROKEN = "starting", "ready", "broken"


@dataclass(frozen=True)
class Assigned:
    """One line of the traffic with LATEST resolved to the revision it means at that time."""

    latest: bool
    revision: str
    percent: int
    tag: str


@dataclass
class RevisionState:
    """`message` is the API's revision, `template` what it was made of; `phase` is STARTING, READY or
    BROKEN."""

    message: Any
    template: Any
    phase: str = STARTING
    reason: str = ""
    detail: str = ""


@dataclass
class ServiceState:
    path: str
    message: Any
    counter: int = 0
    """Revisions made so far; never goes back."""
    revisions: dict[str, RevisionState] = field(default_factory=dict)
    """By short name, oldest first."""
    latest_created: str = ""
    candidate: str = ""
    """The revision that the last update made; empty when it made none."""
    effective: tuple[Assigned, ...] = ()
    coming: tuple[Assigned, ...] = ()
    """Accepted traffic on its way, effective at `due`; empty when none is."""
    due: float = 0.0
    at_rest: bool = False
    """Nothing more happens to it by itself: until it is written to, or a revision starts, breaks or goes."""

    @property
    def short(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        return self.path.partition("/services/")[0]

    @property
    def latest_ready(self) -> str:
        ready = [name for name, revision in self.revisions.items() if revision.phase == READY]
        return ready[-1] if ready else ""

    def revision_path(self, revision: str) -> str:
        return f"{self.path}/revisions/{revision}" if revision else ""

    def addressed(self) -> set[str]:
        """Revisions that carry a percentage or a tag, now or as asked for."""
        named = {target.revision for target in self.message.traffic if target.percent or target.tag}
        lines = {a.revision for a in (*self.effective, *self.coming) if a.percent or a.tag}
        return {name for name in named | lines if name}


def set_reason(condition: Any, reason: str) -> None:
    """Put a reason into the field it belongs to; one that the API does not have becomes UNKNOWN."""
    if reason in REVISION_REASONS:
        condition.revision_reason = REVISION_REASONS[reason]
    elif reason:
        condition.reason = COMMON_REASONS.get(reason, COMMON_REASONS["UNKNOWN"])
