"""What can happen to a rollout (events), and what it can ask for (effects). Both are plain data."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.errors import ExitCode
from tidegate.core.verdict import Verdict


@dataclass(frozen=True)
class Started:
    """The service as found: `stable` has all the traffic (empty: there is nothing that serves)."""

    at: float
    stable: str


@dataclass(frozen=True)
class TrafficSet:
    """The traffic asked for is effective. `already`: it was so before it was asked for."""

    at: float
    already: bool = False


@dataclass(frozen=True)
class TrafficFailed:
    """It is not, or nobody knows."""

    at: float
    reason: str


@dataclass(frozen=True)
class Applied:
    """Terraform is through; `candidate` is the newest revision there is."""

    at: float
    candidate: str


@dataclass(frozen=True)
class ApplyFailed:
    """Nothing was applied, or the new revision does not start. `exit_code` says which kind."""

    at: float
    reason: str
    exit_code: ExitCode = ExitCode.TERRAFORM


@dataclass(frozen=True)
class SmokePassed:
    at: float


@dataclass(frozen=True)
class SmokeFailed:
    at: float
    reason: str


@dataclass(frozen=True)
class Judged:
    at: float
    verdict: Verdict


@dataclass(frozen=True)
class Interfered:
    """Somebody else changed the service. `percent` is what the candidate was found with, where the record
    is still this rollout's; None when another one's record is there."""

    at: float
    reason: str
    percent: int | None = None


@dataclass(frozen=True)
class Cancelled:
    at: float
    reason: str
    exit_code: ExitCode = ExitCode.INTERRUPTED


@dataclass(frozen=True)
class ResumeAsked:
    """Somebody wants a rollout that waits, or whose process died, to go on."""

    at: float
    by: str


@dataclass(frozen=True)
class PauseAsked:
    at: float
    by: str


@dataclass(frozen=True)
class AbortAsked:
    """Somebody wants all traffic on the stable revision, now."""

    at: float
    by: str


@dataclass(frozen=True)
class PromoteAsked:
    """Somebody wants all traffic on the candidate, whatever the judge says."""

    at: float
    by: str


Asked = ResumeAsked | PauseAsked | AbortAsked | PromoteAsked

Event = (
    Started
    | TrafficSet
    | TrafficFailed
    | Applied
    | ApplyFailed
    | SmokePassed
    | SmokeFailed
    | Judged
    | Interfered
    | Cancelled
    | Asked
)


@dataclass(frozen=True)
class SetTraffic:
    """Write `state.split` and the record of this state in one call; then read back what is effective.

    `tag` keeps the candidate's tag address alive.
    """

    tag: bool = False


@dataclass(frozen=True)
class WriteRecord:
    """Write the record of this state alone, the traffic as it is found; no event unless that fails."""


@dataclass(frozen=True)
class Apply:
    """Plan, pass the gate, apply."""


@dataclass(frozen=True)
class RunSmoke:
    """The smoke checks against the candidate's tag address."""


@dataclass(frozen=True)
class Observe:
    """Wait until `at`, then judge the rollout, or (`recovery`) the stable revision since the rollback."""

    at: float
    recovery: bool = False


@dataclass(frozen=True)
class Notify:
    event: str
    sentence: str


@dataclass(frozen=True)
class Finish:
    """Tell people how it ended, and stop. The exit code is the state's."""


Effect = SetTraffic | WriteRecord | Apply | RunSmoke | Observe | Notify | Finish
