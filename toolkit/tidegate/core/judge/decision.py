"""From the results per metric to one answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tidegate.core.judge.criteria import Criteria, Mode
from tidegate.core.judge.error_ratio import judge_errors
from tidegate.core.judge.improvement import improvements
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.latency import judge_latency
from tidegate.core.judge.leak import growing, judge_leak
from tidegate.core.judge.own import judge_own
from tidegate.core.judge.silence import judge_traffic
from tidegate.core.judge.usage import judge_use, uses
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
    judged = tuple(_dry(j, criteria) for j in _every(view))
    decision, attribution, leading = _decide(judged, criteria)
    reasons = tuple(j.result.sentence for j in leading)
    if not rollout.stable:
        reasons += ("there is no stable revision: only absolute limits were judged",)
    if criteria.mode is Mode.FIX:
        reasons += improvements(view)
    return Verdict(
        decision,
        attribution,
        at,
        reasons,
        tuple(j.result for j in judged),
        enough_data=not _missing(judged, criteria),
    )


def _every(view: View) -> Iterator[Judged]:
    criteria = view.criteria
    yield judge_traffic(view)
    yield judge_errors(view)
    yield from judge_latency(view)
    for what in growing(criteria):
        if view.knows(what.metric):
            yield judge_leak(view, what)
    grows = {what.metric for what in growing(criteria)}
    for use in uses(criteria):
        if view.knows(use.metric):
            judged = judge_use(view, use)
            # Of what is judged as growth already, the level is only worth telling when something is wrong.
            if use.metric not in grows or judged.result.finding in (Finding.WORSE, Finding.SHARED):
                yield judged
    for own in criteria.custom:
        if not own.growth:
            yield judge_own(view, own)


def _dry(judged: Judged, criteria: Criteria) -> Judged:
    if judged.result.metric not in criteria.dry_run:
        return judged
    return Judged(replace(judged.result, decisive=False), judged.attribution)


def _missing(judged: tuple[Judged, ...], criteria: Criteria) -> tuple[Judged, ...]:
    """Required, and not judged. A metric judged in two ways counts as judged if one of them could."""
    known = {j.result.metric for j in judged if j.result.finding is not Finding.NOT_ENOUGH_DATA}
    return tuple(
        j
        for j in judged
        if j.result.metric in criteria.required
        and j.result.metric not in known
        and j.result.finding is Finding.NOT_ENOUGH_DATA
    )


def _decide(
    judged: tuple[Judged, ...], criteria: Criteria
) -> tuple[Decision, Attribution, tuple[Judged, ...]]:
    """The decision, whom it is put down to, and the results that led to it."""
    decisive = tuple(j for j in judged if j.result.decisive)

    def found(finding: Finding) -> tuple[Judged, ...]:
        return tuple(j for j in decisive if j.result.finding is finding)

    if worse := found(Finding.WORSE):
        return Decision.ROLLBACK, Attribution.REVISION, worse
    if criteria.mode is Mode.REGRESSION:
        for finding, attribution in (
            (Finding.SHARED, Attribution.SHARED),
            (Finding.PRE_EXISTING, Attribution.PRE_EXISTING),
        ):
            if found(finding):
                return Decision.HOLD, attribution, found(finding)
    # A suspicion about any metric, required or not, keeps the question open.
    open_questions = _missing(judged, criteria) or tuple(
        j for j in found(Finding.NOT_ENOUGH_DATA) if _suspected(j)
    )
    if open_questions:
        return Decision.CONTINUE, Attribution.UNKNOWN, open_questions
    by_traffic = any(j.attribution is Attribution.TRAFFIC for j in decisive)
    leading = tuple(j for j in judged if j.result.finding is not Finding.NOT_ENOUGH_DATA)
    return Decision.PROMOTE, Attribution.TRAFFIC if by_traffic else Attribution.NONE, leading


def _suspected(judged: Judged) -> bool:
    """Measured, and not cleared: as against a metric that is simply not there."""
    return judged.result.estimate is not None
