"""Do the candidate's instances pile up descriptors or connections that the stable ones do not?"""

from __future__ import annotations

import math

import numpy as np

from tidegate.core.judge.comparison import Comparison, compare, load_ratio
from tidegate.core.judge.growth import Growth, late_rise, outgrows_warm_up
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.leak_words import Facts, exhausted_in
from tidegate.core.judge.looks import look_at
from tidegate.core.judge.regression import plain_slope
from tidegate.core.judge.segments import Segment, segments
from tidegate.core.judge.view import View
from tidegate.core.judge.wording import NOUNS, duration
from tidegate.core.verdict import Attribution, Finding, MetricResult

LASTING = 0.7
"""A climb whose last third is slower than this part of its middle third is still settling."""

FEWEST = 5
"""Samples on either side of the start by which a stable instance is said to have changed."""


def judge_leak(view: View, metric: str) -> Judged:
    """`metric` is `open_fds` or `tcp_connections`. Slopes in the result are per instance and minute."""
    criteria, rollout = view.criteria, view.rollout
    every = segments(view, metric, rollout.candidate, rollout.start, 1)
    have = max((len(s) for s in every), default=0)
    look = look_at(view.intervals, criteria.min_samples)
    if look is None or have < criteria.min_samples:
        return _too_few(view, metric, have)
    then = view.cut_at(rollout.start + look.intervals * rollout.sample_period)
    candidate, stable = _both(then, metric)
    alpha = criteria.alpha_of(metric) * look.share
    compared = compare(candidate, stable, criteria, alpha)
    if compared is not None and compared.stable is not None and _began_with_rollout(then, compared.stable):
        # Its quiet past would make the stable revision look better than it now is.
        since = segments(then, metric, rollout.stable, rollout.start, criteria.min_samples)
        compared = compare(candidate, since or stable, criteria, alpha)
        began = True
    else:
        began = False
    if compared is None:
        return _too_few(view, metric, have)
    if rollout.stable and compared.stable is None and _was_measured(view, metric):
        return _too_few(view, metric, have, of=rollout.stable)
    return _conclude(then, metric, compared, began=began)


def _both(view: View, metric: str) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """The candidate's segments since it got traffic; the stable ones for as long, and as long before."""
    rollout, shortest = view.rollout, view.criteria.min_samples
    candidate = segments(view, metric, rollout.candidate, rollout.start, shortest)
    if not rollout.stable:
        return candidate, ()
    before = max(view.cut - rollout.start, 30 * rollout.sample_period)
    return candidate, segments(view, metric, rollout.stable, rollout.start - before, shortest)


def _was_measured(view: View, metric: str) -> bool:
    return bool(view.samples.of_metric(metric, view.rollout.stable))


# ----------------------------------------------------------------------------------------- conclusions


def _conclude(view: View, metric: str, compared: Comparison, *, began: bool) -> Judged:
    """`began`: the stable revision was flat before the candidate got traffic, and is not since."""
    criteria = view.criteria
    delta = criteria.leak_min_slope / 60
    boundary = compared.boundary
    middle, late = late_rise(compared.candidate.pairs)
    lasting = late > delta and late > LASTING * middle and outgrows_warm_up(compared.candidate.pairs)
    certain = compared.statistic > boundary and lasting
    facts = Facts(view, metric, compared)
    if certain:
        left = exhausted_in(view, metric, compared)
        if left > criteria.leak_horizon:
            return facts.judged(Finding.WORSE, facts.climbs(), Attribution.REVISION, decisive=False)
        return facts.judged(Finding.WORSE, facts.climbs(), Attribution.REVISION)
    stable = compared.stable
    if stable is not None and _climbs_surely(stable, delta, boundary):
        return _shared_or_older(facts, compared, delta, began=began)
    low = min(compared.candidate.slope.interval()[0], compared.excess.interval()[0])
    if low > delta and lasting:
        return facts.judged(Finding.NOT_ENOUGH_DATA, facts.suspected(), Attribution.UNKNOWN)
    longest = max(float(s.age[-1]) for s, _ in compared.candidate.pairs)
    if longest < 2 * criteria.warm_up and compared.candidate.slope.value > delta:
        return facts.judged(Finding.NOT_ENOUGH_DATA, facts.warming(longest), Attribution.UNKNOWN)
    if _explained_by_load(compared, delta):
        return facts.judged(Finding.FINE, facts.follows_load(), Attribution.TRAFFIC)
    return facts.judged(Finding.FINE, facts.fine(), Attribution.NONE)


def _climbs_surely(grown: Growth, delta: float, boundary: float) -> bool:
    _, late = late_rise(grown.pairs)
    surely = (grown.slope.value - delta) / math.sqrt(grown.slope.variance) > min(boundary, 6.0)
    return surely and late > delta


def _shared_or_older(facts: Facts, compared: Comparison, delta: float, *, began: bool) -> Judged:
    """The stable revision climbs for certain: is the candidate a cure, the same, or not yet known?"""
    stable = compared.stable
    assert stable is not None  # noqa: S101  the caller has looked
    mine = compared.candidate.slope
    ratio = load_ratio(compared.candidate, stable)
    # What the candidate would show with the very same fault, whether that leaks by time or by request.
    least, most = (stable.slope.value * r for r in (min(1.0, ratio), max(1.0, ratio)))
    low, high = mine.interval(0.05)
    if high < 0.5 * least:
        return facts.judged(Finding.FINE, facts.cured(), Attribution.NONE)
    if low > delta and high < 1.5 * most + delta and mine.value > 0.5 * least:
        if began:
            return facts.judged(Finding.SHARED, facts.both(since_start=True), Attribution.SHARED)
        return facts.judged(Finding.PRE_EXISTING, facts.both(since_start=False), Attribution.PRE_EXISTING)
    return facts.judged(Finding.NOT_ENOUGH_DATA, facts.undecided(), Attribution.UNKNOWN)


def _began_with_rollout(view: View, stable: Growth) -> bool:
    """Whether the stable revision was flat before the candidate got traffic, and climbs since."""
    start, delta = view.rollout.start, view.criteria.leak_min_slope / 60
    before, after = [], []
    for segment, fitted in stable.pairs:
        early = segment.times <= start
        if early.sum() >= FEWEST and (~early).sum() >= FEWEST:
            before.append(plain_slope(segment.age[early], fitted.unloaded[early]))
            after.append(plain_slope(segment.age[~early], fitted.unloaded[~early]))
    if not before:
        return False
    return float(np.mean(after)) > delta and float(np.mean(before)) < max(delta, 0.2 * float(np.mean(after)))


def _explained_by_load(compared: Comparison, delta: float) -> bool:
    """A rise in the raw values that is gone once load is taken out."""
    pairs = compared.candidate.pairs
    raw = [plain_slope(s.age, s.values) for s, _ in pairs]
    rest = [plain_slope(s.age, f.unloaded) for s, f in pairs]
    return float(np.mean(raw)) > 5 * delta and float(np.mean(rest)) < 0.3 * float(np.mean(raw))


def _too_few(view: View, metric: str, have: int, of: str = "") -> Judged:
    criteria, period = view.criteria, view.rollout.sample_period
    revision = of or view.rollout.candidate
    if of:
        text = f"{NOUNS[metric]}: no instance of {of} has {criteria.min_samples} samples yet to compare with"
    elif not have:
        text = f"{NOUNS[metric]}: nothing measured for {revision} since it got traffic"
    else:
        need = max(criteria.min_samples - have, 1)
        text = (
            f"{NOUNS[metric]}: {have} of {criteria.min_samples} samples of an instance of {revision}; "
            f"the rest takes about {duration(need * period)}"
        )
    result = MetricResult(metric, Finding.NOT_ENOUGH_DATA, text, samples=have, unit="per minute")
    return Judged(result, Attribution.UNKNOWN)
