"""Does the candidate answer with errors more often than the stable revision, by more than is tolerated?"""

from __future__ import annotations

import math

import numpy as np

from tidegate.core.judge.counts import Counts, excess_evidence, wanted
from tidegate.core.judge.error_levels import SAME, judge_ratios
from tidegate.core.judge.evidence import above, over_dispersion, upper_bound, wilson, wilson_difference
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.view import Binned, View
from tidegate.core.judge.wording import counted, enough, percent
from tidegate.core.verdict import Attribution, Finding, MetricResult

METRIC = "error_ratio"
LIKELY = 1.28
"""Standard errors by which the tolerated increase must be exceeded: nine times in ten."""
SUSPECTED = math.log(20)
"""Log evidence beside the stable revision from which on what follows without it may confirm it."""
AT_ONCE = 2
"""Sample periods after the stable revision lost its traffic that must be bad already."""
RECENT = 5
"""Sample periods that must still be bad for a trouble of both revisions to be called present."""


def judge_errors(view: View) -> Judged:
    rollout = view.rollout
    if _only_ratios(view):
        return judge_ratios(view)
    mine = error_counts(view, rollout.candidate).where(first=1)
    if not mine.n:
        return _result(mine, Finding.NOT_ENOUGH_DATA, f"errors: no request reached {rollout.candidate} yet")
    stable = error_counts(view, rollout.stable) if rollout.stable else None
    if stable is None or not stable.n:
        return _alone(view, mine)
    return _compared(view, mine, stable)


def _only_ratios(view: View) -> bool:
    """Whether the candidate's errors are known as ratios, of nobody knows how many requests."""
    known = [
        bool(view.samples.of_metric(m, view.rollout.candidate)) for m in ("error_ratio", "request_count")
    ]
    return known == [True, False]


def error_counts(view: View, revision: str) -> Counts:
    """Errors and requests; where only a ratio was measured it is turned into errors."""
    requests = view.totals("request_count", revision)
    errors = view.totals("error_count", revision)
    if not len(errors):
        ratio = view.averages("error_ratio", revision)
        if len(ratio) and not len(requests):
            # How many requests a ratio stands for is unknown; one per sample overstates nothing.
            requests = Binned(ratio.bins, np.ones(len(ratio)))
        errors = Binned(ratio.bins, np.clip(ratio.values, 0.0, 1.0) * requests.at(ratio.bins, 0.0))
    return Counts.of(errors, requests)


def _compared(view: View, mine: Counts, stable: Counts) -> Judged:
    criteria, names = view.criteria, view.rollout
    alpha = criteria.alpha_of(METRIC)
    during, before = stable.where(first=1), stable.where(last=0)
    side_by_side = during.matched(mine.bins)
    reference = during if during.n else stable
    low, high = wilson_difference(mine.k, mine.n, reference.k, reference.n)
    estimate = mine.ratio - reference.ratio
    evidence = excess_evidence(mine, during, stable)
    facts = (estimate, low, high, evidence, wanted(alpha))
    told = _told(names.candidate, mine, names.stable, reference)
    # The evidence keeps the chance of error; that the tolerance is exceeded may be half as sure.
    exceeded = (
        wilson_difference(mine.k, mine.n, reference.k, reference.n, LIKELY)[0] > criteria.error_increase
    )
    if exceeded and evidence > wanted(alpha) and mine.bad_intervals >= criteria.min_bad_intervals:
        return _result(mine, Finding.WORSE, told, facts, Attribution.REVISION)
    unmatched = mine.where(first=_last_shared(mine, side_by_side) + 1)
    alone = _evidence_alone(view, unmatched, stable)
    if alone > wanted(alpha) and unmatched.bad_intervals >= criteria.min_bad_intervals:
        if not _from_the_start(view, mine, stable):
            text = f"{told}, not since {names.stable} lost its traffic but later: whose fault cannot be told"
            return _result(mine, Finding.NOT_ENOUGH_DATA, text, (*facts[:3], alone, facts[4]))
        text = f"{told}, since {names.stable} gets no traffic any more"
        return _result(mine, Finding.WORSE, text, (*facts[:3], alone, facts[4]), Attribution.REVISION)
    confirmed = _confirmed(
        view, evidence, unmatched, mine.where(last=_last_shared(mine, side_by_side)), stable
    )
    if exceeded and confirmed > wanted(alpha) and mine.bad_intervals >= criteria.min_bad_intervals:
        facts = (*facts[:3], confirmed, facts[4])
        return _result(mine, Finding.WORSE, told, facts, Attribution.REVISION)
    if _both_bad(view, mine, during, before, alpha):
        text = f"{told}: both fail since the rollout began, not the revision's own doing"
        return _result(mine, Finding.SHARED, text, facts, Attribution.SHARED)
    if _bad_before(view, mine, before):
        text = f"{told}: {names.stable} failed as often already, a rollback would not help"
        return _result(mine, Finding.PRE_EXISTING, text, facts, Attribution.PRE_EXISTING)
    if mine.n < criteria.min_requests:
        return _result(mine, Finding.NOT_ENOUGH_DATA, _too_few(view, mine), facts)
    if low > criteria.error_increase and mine.bad_intervals >= criteria.min_bad_intervals:
        return _result(mine, Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", facts)
    return _result(mine, Finding.FINE, told, facts, Attribution.NONE)


def _last_shared(mine: Counts, other: Counts) -> float:
    shared = mine.bins[other.requests > 0]
    return float(shared[-1]) if shared.size else 0.0


def _evidence_alone(view: View, mine: Counts, stable: Counts) -> float:
    """Once the stable revision gets no traffic only its past is left to compare with: a wider tolerance."""
    criteria = view.criteria
    alpha = criteria.alpha_of(METRIC)
    if mine.n < 1 or not stable.n:
        return 0.0
    usual = upper_bound(stable.k, stable.n, alpha / 10)
    evidence = above(mine.k, mine.n, min(usual + criteria.error_limit, 1.0))
    return evidence / max(over_dispersion(c.events, c.requests) for c in (mine, stable))


def _confirmed(view: View, suspicion: float, alone: Counts, beside: Counts, stable: Counts) -> float:
    """Log evidence of both times together: beside the stable revision, and since it gets no traffic.

    Only where it was suspected already, and goes on just as before: what comes from upstream would not begin
    on the candidate alone, and what begins later is another thing. Then all that is asked is that it fails
    more often than the stable revision ever did for certain.
    """
    if suspicion < SUSPECTED or not alone.n or wilson(alone.k, alone.n)[0] > wilson(beside.k, beside.n)[1]:
        return 0.0
    usual = upper_bound(stable.k, stable.n, view.criteria.alpha_of(METRIC) / 10)
    added = above(alone.k, alone.n, min(usual, 1.0))
    added /= max(over_dispersion(c.events, c.requests) for c in (alone, stable))
    # Half of the stake goes on: what the evidence was worth before is not lost altogether.
    return suspicion + math.log(0.5 + 0.5 * math.exp(min(added, 500.0)))


def _from_the_start(view: View, mine: Counts, stable: Counts) -> bool:
    """Whether it failed as soon as it was alone: what begins in the midst of that may come from upstream."""
    allowed = stable.ratio + view.criteria.error_limit
    moved = max((s.time for s in view.rollout.steps if s.percent == 100), default=view.rollout.start)
    begins = float(view.bins_of(np.array([moved]))[0]) + 1
    first = mine.where(first=begins, last=begins + AT_ONCE - 1)
    last = stable.where(first=begins - RECENT, last=begins)
    at_once = bool((first.events > allowed * first.requests).all())
    return at_once and not bool((last.events > allowed * last.requests).any())


def _both_bad(view: View, mine: Counts, during: Counts, before: Counts, alpha: float) -> bool:
    """The stable revision failed less before the rollout than it does since, and both still fail."""
    if not before.n or not during.n:
        return False
    tolerated = upper_bound(before.k, before.n, alpha / 10) + view.criteria.error_increase
    last = max(int(mine.bins[-1]), int(during.bins[-1]))
    recent = [c.where(first=last - RECENT + 1) for c in (mine, during)]
    bursts = over_dispersion(before.events, before.requests)
    moved = above(during.k, during.n, tolerated) / bursts > wanted(alpha)
    lasting = all(c.bad_intervals >= RECENT - 1 for c in recent)
    return moved and lasting and all(c.ratio > tolerated for c in recent)


def _bad_before(view: View, mine: Counts, before: Counts) -> bool:
    """Both fail more often than a first deployment would be allowed to, the stable one long since."""
    criteria = view.criteria
    enough = mine.n >= criteria.min_requests and before.n >= criteria.min_requests
    both = enough and all(wilson(c.k, c.n)[0] > criteria.error_limit for c in (mine, before))
    return both and mine.ratio <= SAME * before.ratio


def _alone(view: View, mine: Counts) -> Judged:
    """No stable revision to compare with: the absolute limit only."""
    criteria, name = view.criteria, view.rollout.candidate
    alpha = criteria.alpha_of(METRIC)
    evidence = above(mine.k, mine.n, criteria.error_limit)
    low, high = wilson(mine.k, mine.n)
    facts = (mine.ratio, low, high, evidence, wanted(alpha))
    told = f"{_fails(name, mine)}; nothing to compare with, {percent(criteria.error_limit)} are allowed"
    if evidence > wanted(alpha) and mine.bad_intervals >= criteria.min_bad_intervals:
        return _result(mine, Finding.WORSE, told, facts, Attribution.REVISION)
    if mine.n < criteria.min_requests:
        return _result(mine, Finding.NOT_ENOUGH_DATA, _too_few(view, mine), facts)
    if low > criteria.error_limit:
        return _result(mine, Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", facts)
    return _result(mine, Finding.FINE, told, facts, Attribution.NONE)


def _fails(name: str, counts: Counts) -> str:
    return f"{name} fails {percent(counts.ratio)} of {counted(round(counts.n), 'request')}"


def _told(candidate: str, mine: Counts, stable: str, other: Counts) -> str:
    return f"{_fails(candidate, mine)}, {stable} {percent(other.ratio)} of {round(other.n):,}"


def _too_few(view: View, mine: Counts) -> str:
    return f"errors: {enough(round(mine.n), view.rollout.candidate, view.criteria.min_requests)}"


def _result(
    mine: Counts,
    finding: Finding,
    text: str,
    facts: tuple[float, float, float, float, float] | None = None,
    attribution: Attribution = Attribution.UNKNOWN,
) -> Judged:
    estimate, low, high, evidence, boundary = facts or (None, None, None, None, None)
    if evidence is not None and not math.isfinite(evidence):
        evidence = None
    result = MetricResult(
        METRIC, finding, text, round(mine.n), "ratio", estimate, low, high, evidence, boundary
    )
    return Judged(result, attribution)
