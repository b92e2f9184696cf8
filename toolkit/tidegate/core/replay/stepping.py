"""The looks one after the other, to the verdict that a live rollout would have come to.

Differences from a live rollout (`core.rollout.table`), which has to do something with the traffic: a faulty
first deployment is called `rollback` here, although there is nothing to go back to, and one that could not be
judged is not promoted for that; steps are as long as they were, and nothing is prolonged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from tidegate.core.judge import Criteria, judge
from tidegate.core.replay.doubts import doubts
from tidegate.core.replay.looks import look_times
from tidegate.core.samples import Samples
from tidegate.core.trace import Rollout
from tidegate.core.verdict import Attribution, Decision, Finding, MetricResult, Verdict

Then = Literal["hold", "rollback", "promote"]


@dataclass(frozen=True)
class Policy:
    """What to do where the judge does not decide."""

    on_inconclusive: Then = "hold"
    on_pre_existing: Then = "hold"


@dataclass(frozen=True)
class Change:
    """At `time` (epoch seconds) the look found something else for the metric than the look before."""

    time: float
    metric: str
    finding: Finding
    sentence: str
    number: int = 1
    """Which of the metric's results, where it is judged in several ways."""


@dataclass(frozen=True)
class Looked:
    """How far a replay is: the look just taken, its number (from 1), and how many there are at most."""

    number: int
    most: int
    verdict: Verdict


@dataclass(frozen=True)
class Replayed:
    """The final verdict: `decision` is PROMOTE, ROLLBACK or HOLD. `decided_at` is the time of the last look.

    `warnings` say what is doubtful about the samples, `required` what had to be judged for a promotion.
    """

    rollout: Rollout
    decision: Decision
    attribution: Attribution
    decided_at: float
    reasons: tuple[str, ...]
    metrics: tuple[MetricResult, ...]
    looks: int
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """From the candidate's first traffic to the decision."""
        return self.decided_at - self.rollout.start


def replay(
    rollout: Rollout,
    samples: Samples,
    criteria: Criteria,
    policy: Policy | None = None,
    *,
    times: tuple[float, ...] | None = None,
) -> Generator[Looked, None, Replayed]:
    """Judges at `times` (`look_times` unless given), yields each look, and returns the verdict.

    Ends with the first look that rolls back or holds. A look at `t` is a function of the samples up to `t`
    less the ingestion delay.
    """
    policy = policy or Policy()
    times = times or look_times(rollout, samples)
    doubtful = doubts(rollout, samples)
    changes: list[Change] = []
    for number, time in enumerate(times, 1):
        verdict = judge(samples, rollout, criteria, time)
        changes += _changes(changes, verdict)
        yield Looked(number, len(times), verdict)
        if _decides(verdict, policy):
            break
    decision, attribution, reasons = _end(verdict, rollout, criteria, policy)
    if grave := tuple(d.sentence for d in doubtful if d.grave):
        decision, attribution, reasons = _doubted(decision, attribution, reasons, grave)
    return Replayed(
        rollout, decision, attribution, verdict.decided_at, reasons, verdict.metrics, number, tuple(changes),
        tuple(d.sentence for d in doubtful), criteria.required,
    )  # fmt: skip


def _decides(verdict: Verdict, policy: Policy) -> bool:
    if verdict.decision is Decision.HOLD and verdict.attribution is Attribution.PRE_EXISTING:
        return policy.on_pre_existing != "promote"
    return verdict.decision in (Decision.ROLLBACK, Decision.HOLD)


_End = tuple[Decision, Attribution, tuple[str, ...]]


def _end(verdict: Verdict, rollout: Rollout, criteria: Criteria, policy: Policy) -> _End:
    decision, attribution, reasons = verdict.decision, verdict.attribution, verdict.reasons
    if decision is Decision.ROLLBACK and not rollout.stable:
        live = f"There is no earlier revision to go back to: live, {rollout.candidate} is held."
        return decision, attribution, (*reasons, live)
    if decision is Decision.HOLD and attribution is Attribution.PRE_EXISTING:
        if policy.on_pre_existing == "promote" and not verdict.enough_data:
            return _inconclusive(verdict, policy)
        told = (
            ()
            if policy.on_pre_existing == "hold"
            else (f"The policy says on_pre_existing: {policy.on_pre_existing}.",)
        )
        return Decision(policy.on_pre_existing), attribution, (*reasons, *told)
    if decision is Decision.PROMOTE and verdict.enough_data and criteria.required:
        return decision, attribution, reasons
    if decision in (Decision.PROMOTE, Decision.CONTINUE):
        return _inconclusive(verdict, policy)
    return decision, attribution, reasons


def _inconclusive(verdict: Verdict, policy: Policy) -> _End:
    missing = verdict.reasons or ("nothing that can be judged was measured",)
    reasons = tuple(f"Not enough was seen to decide: {reason}" for reason in missing)
    if policy.on_inconclusive != "hold":
        reasons += (f"The policy says on_inconclusive: {policy.on_inconclusive}.",)
    return Decision(policy.on_inconclusive), Attribution.UNKNOWN, reasons


def _doubted(
    decision: Decision, attribution: Attribution, reasons: tuple[str, ...], grave: tuple[str, ...]
) -> _End:
    """Whatever the samples say, they are not to be trusted: no promotion, and the doubt comes first."""
    if decision is Decision.PROMOTE:
        return Decision.HOLD, Attribution.UNKNOWN, (*(f"Not promoted on this evidence: {g}" for g in grave),)
    return decision, attribution, reasons


def _changes(before: list[Change], verdict: Verdict) -> list[Change]:
    """Not having enough data is what every metric begins with, and nothing to tell.

    A metric can be judged in two ways, its level and its growth: its first result and its second one.
    """
    known = {(change.metric, change.number): change.finding for change in before}
    found: list[Change] = []
    seen: Counter[str] = Counter()
    for m in verdict.metrics:
        seen[m.metric] += 1
        number = seen[m.metric]
        if known.get((m.metric, number), Finding.NOT_ENOUGH_DATA) is not m.finding:
            found.append(Change(verdict.decided_at, m.metric, m.finding, m.sentence, number))
    return found
