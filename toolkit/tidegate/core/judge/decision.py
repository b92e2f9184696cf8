"""From the results per metric to one answer."""

from __future__ import annotations

from tidegate.core.judge.criteria import Criteria
from tidegate.core.judge.error_ratio import judge_errors
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.latency import judge_latency
from tidegate.core.judge.leak import growing, judge_leak
from tidegate.core.judge.silence import judge_traffic
from tidegate.core.judge.view import View
from tidegate.core.samples import Samples
from tidegate.core.trace import Rollout
from tidegate.core.verdict import Attribution, Decision, Finding, Verdict


def judge(samples: Samples, rollout: Rollout, criteria: Criteria, at: float) -> Verdict:
    """Is the candidate worse because of itself, as far as one can know at `at` (epoch seconds)?

    Sees only samples older than the ingestion delay, and gives the same answer for the same arguments.
    PROMOTE means nothing is against the candidate and every required metric was judged; that the rollout
    has gone through all its steps is for the caller to know.
    """
    view = View.of(samples, rollout, criteria, at)
    traffic = judge_traffic(view)
    judged = (
        traffic.judged,
        judge_errors(view),
        judge_latency(view),
        *(judge_leak(view, what) for what in growing(criteria) if view.knows(what.metric)),
    )
    decision, attribution, leading = _decide(judged, criteria.required, silent=traffic.silent)
    missing = _missing(judged, criteria.required)
    reasons = tuple(j.result.sentence for j in leading)
    if not rollout.stable:
        reasons += ("There is no stable revision: only absolute limits were judged.",)
    return Verdict(
        decision, attribution, at, reasons, tuple(j.result for j in judged), enough_data=not missing
    )


def _missing(judged: tuple[Judged, ...], required: tuple[str, ...]) -> tuple[Judged, ...]:
    return tuple(
        j for j in judged if j.result.metric in required and j.result.finding is Finding.NOT_ENOUGH_DATA
    )


def _decide(
    judged: tuple[Judged, ...], required: tuple[str, ...], *, silent: bool
) -> tuple[Decision, Attribution, tuple[Judged, ...]]:
    """The decision, whom it is put down to, and the results that led to it."""

    def found(finding: Finding) -> tuple[Judged, ...]:
        return tuple(j for j in judged if j.result.finding is finding)

    worse = tuple(j for j in found(Finding.WORSE) if j.result.decisive)
    if worse:
        return Decision.ROLLBACK, Attribution.REVISION, worse
    if silent:
        return Decision.HOLD, Attribution.UNKNOWN, judged[:1]
    for finding, attribution in (
        (Finding.SHARED, Attribution.SHARED),
        (Finding.PRE_EXISTING, Attribution.PRE_EXISTING),
    ):
        if found(finding):
            return Decision.HOLD, attribution, found(finding)
    missing = _missing(judged, required)
    # A suspicion about any metric, required or not, keeps the question open.
    open_questions = missing or tuple(j for j in found(Finding.NOT_ENOUGH_DATA) if _suspected(j))
    if open_questions:
        return Decision.CONTINUE, Attribution.UNKNOWN, open_questions
    by_traffic = any(j.attribution is Attribution.TRAFFIC for j in judged)
    leading = tuple(j for j in judged if j.result.finding is not Finding.NOT_ENOUGH_DATA)
    return Decision.PROMOTE, Attribution.TRAFFIC if by_traffic else Attribution.NONE, leading


def _suspected(judged: Judged) -> bool:
    """Measured, and not cleared: as against a metric that is simply not there."""
    return judged.result.estimate is not None
