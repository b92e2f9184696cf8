"""What a judge answers. Made by `core.judge`, read by `core.rollout`, shown by `core.report`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    PROMOTE = "promote"
    """All evidence asked for is in, and none of it is against the candidate."""
    ROLLBACK = "rollback"
    """The candidate is worse because of itself."""
    HOLD = "hold"
    """Something is wrong that a rollback would not mend, or nothing more can be learnt."""
    CONTINUE = "continue"
    """Not enough data yet, or nothing found so far."""


class Attribution(StrEnum):
    REVISION = "revision"
    PRE_EXISTING = "pre_existing"
    SHARED = "shared"
    TRAFFIC = "traffic"
    NONE = "none"
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """What was found for one metric."""

    FINE = "fine"
    WORSE = "worse"
    NOT_ENOUGH_DATA = "not_enough_data"
    PRE_EXISTING = "pre_existing"
    SHARED = "shared"


@dataclass(frozen=True)
class MetricResult:
    """One metric's part in the verdict.

    `estimate` and its interval are in the unit named by `unit`; None where nothing could be estimated.
    `evidence` is the test statistic and `boundary` what it is held against (both None without a test).
    """

    metric: str
    finding: Finding
    sentence: str
    samples: int = 0
    unit: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    evidence: float | None = None
    boundary: float | None = None
    decisive: bool = True


@dataclass(frozen=True)
class Verdict:
    """The answer of one look. `decided_at` is epoch seconds; `reasons` are sentences for a person on call."""

    decision: Decision
    attribution: Attribution
    decided_at: float
    reasons: tuple[str, ...]
    metrics: tuple[MetricResult, ...] = ()
    enough_data: bool = False
    """Whether every metric the policy requires could be judged. A promotion needs it."""
