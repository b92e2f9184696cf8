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
    """The traffic asked for is effective."""

    at: float


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
    """Somebody else changed the traffic or the record."""

    at: float
    reason: str


@dataclass(frozen=True)
class Cancelled:
    at: float
    reason: str
    exit_code: ExitCode = ExitCode.INTERRUPTED


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
)


@dataclass(frozen=True)
class SetTraffic:
    """Write `state.split` and the record of this state in one call; then read back what is effective.

    `tag` keeps the candidate's tag address alive.
    """

    tag: bool = False


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


Effect = SetTraffic | Apply | RunSmoke | Observe | Notify | Finish
