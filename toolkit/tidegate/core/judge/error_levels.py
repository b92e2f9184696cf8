"""Errors known only as a ratio per sample period, of nobody knows how many requests: levels are compared."""

from __future__ import annotations

import numpy as np

from tidegate.core.judge.judged import Judged
from tidegate.core.judge.shift import Scale, Shift, shift
from tidegate.core.judge.together import moved_together
from tidegate.core.judge.view import Binned, View, after_start, before_start
from tidegate.core.judge.wording import percent
from tidegate.core.verdict import Attribution, Finding, MetricResult

METRIC = "error_ratio"
SAME = 1.5
"""Times the stable revision's error ratio up to which the candidate's may be the same old trouble."""
NOISE, PLACEMENT = 0.005, 0.002
"""Least standard deviation of a ratio that is believed, and the usual spread between placements."""


def judge_ratios(view: View) -> Judged:
    criteria, names = view.criteria, view.rollout
    mine, theirs = (
        list(view.samples.of_metric(METRIC, r)) if r else [] for r in (names.candidate, names.stable)
    )
    seen = after_start(view.mean(mine))
    if not len(seen):
        return _judged(Finding.NOT_ENOUGH_DATA, f"errors: nothing measured for {names.candidate} yet", 0)
    if not theirs:
        return _alone(view, seen)
    past = view.mean(theirs)
    # Beside the stable revision the increase counts; against its past, which is another time of day, more.
    beside = len(after_start(past)) > 0
    scale = Scale(False, criteria.error_increase if beside else criteria.error_limit, NOISE, PLACEMENT)
    alpha = criteria.alpha_of(METRIC)
    found = shift(view, mine, theirs, scale, alpha)
    if found is None:
        return _too_few(view, seen)
    own, other = float(seen.values.mean()), float((after_start(past) if beside else past).values.mean())
    told = (
        f"{names.candidate} fails {percent(own)} of its requests, {names.stable} {percent(other)} "
        f"(means of {found.samples} samples)"
    )
    if found.certain:
        return _judged(Finding.WORSE, told, found.samples, found, Attribution.REVISION)
    if moved_together(seen, past, scale, alpha) is not None:
        text = f"{told}: both fail since the rollout began, not the revision's own doing"
        return _judged(Finding.SHARED, text, found.samples, found, Attribution.SHARED)
    if _bad_before(view, seen, before_start(past)):
        text = f"{told}: {names.stable} failed as often already, a rollback would not help"
        return _judged(Finding.PRE_EXISTING, text, found.samples, found, Attribution.PRE_EXISTING)
    if found.samples < criteria.min_samples:
        return _too_few(view, seen)
    if found.sustained and found.low > scale.tolerated:
        return _judged(Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", found.samples, found)
    return _judged(Finding.FINE, told, found.samples, found, Attribution.NONE)


def _bad_before(view: View, mine: Binned, before: Binned) -> bool:
    """Both fail more often than a first deployment would be allowed to, the stable one long since."""
    criteria = view.criteria
    if min(len(mine), len(before)) < criteria.min_samples:
        return False
    own, other = (float(np.median(b.values)) for b in (mine, before))
    return min(own, other) > criteria.error_limit and own <= SAME * other


def _alone(view: View, mine: Binned) -> Judged:
    """No stable revision to compare with: the absolute limit only."""
    criteria, name = view.criteria, view.rollout.candidate
    if len(mine) < criteria.min_samples:
        return _too_few(view, mine)
    typical = float(np.median(mine.values))
    told = f"{name} fails {percent(float(mine.values.mean()))} of its requests; nothing to compare with, "
    told += f"{percent(criteria.error_limit)} are allowed"
    if typical > criteria.error_limit and float((mine.values > criteria.error_limit).mean()) >= 0.75:
        return _judged(Finding.WORSE, told, len(mine), None, Attribution.REVISION)
    return _judged(Finding.FINE, told, len(mine), None, Attribution.NONE)


def _too_few(view: View, mine: Binned) -> Judged:
    text = f"errors: {len(mine)} of {view.criteria.min_samples} samples of {view.rollout.candidate} so far"
    return _judged(Finding.NOT_ENOUGH_DATA, text, len(mine))


def _judged(
    finding: Finding,
    text: str,
    count: int,
    found: Shift | None = None,
    attribution: Attribution = Attribution.UNKNOWN,
) -> Judged:
    facts = (None,) * 5 if found is None else (found.value, found.low, found.high, found.z, found.boundary)
    return Judged(MetricResult(METRIC, finding, text, count, "ratio", *facts), attribution)
