"""Does the candidate answer more slowly than the stable revision, by more than the tolerated ratio?

With histograms requests are counted: how many exceed the tolerated multiple of the stable revision's own
percentile. Without them there is only a value per sample period, and levels are compared. The tail (p99) and
the typical request (the mean, or the median) are judged apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.counts import wanted
from tidegate.core.judge.criteria import Criteria
from tidegate.core.judge.evidence import above, more_than_share, over_dispersion
from tidegate.core.judge.histogram import Histogram, histogram
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.shift import Scale, Shift, shift
from tidegate.core.judge.together import moved_together
from tidegate.core.judge.view import Binned, View, after_start
from tidegate.core.judge.wording import NOUNS, enough, milliseconds
from tidegate.core.samples import Key, Series
from tidegate.core.verdict import Attribution, Finding, MetricResult

TAIL, TYPICAL = "latency_p99_ms", "latency_mean_ms"
NOISE, PLACEMENT = 0.05, 0.04
"""Of logarithms of latency: the least noise believed, and the usual spread between placements."""


@dataclass(frozen=True)
class Side:
    """What is judged: the metric of the result, the series that can feed it, the quantile of a histogram."""

    metric: str
    sources: tuple[str, ...]
    quantile: float


SIDES = (
    Side(TAIL, ("latency_p99_ms", "latency_p95_ms"), 0.99),
    Side(TYPICAL, ("latency_mean_ms", "latency_p50_ms"), 0.5),
)


def judge_latency(view: View) -> tuple[Judged, ...]:
    """The tail always; the typical request where it was measured."""
    rollout = view.rollout
    mine = histogram(view, rollout.candidate)
    stable = histogram(view, rollout.stable) if rollout.stable else None
    found = []
    for side in SIDES:
        if mine is not None and stable is not None and stable.after(1).n > 0:
            found.append(_by_histograms(view, side, mine, stable))
        elif (source := _source(view, side)) or side.metric == TAIL or side.metric in view.criteria.required:
            found.append(_by_levels(view, side, source or side.metric, mine, stable))
    return tuple(found)


def tolerated(criteria: Criteria, side: Side, reference: float, *, beside: bool = True) -> float:
    """Milliseconds still tolerated where the stable revision has `reference`.

    The typical request moves less by chance than the slowest, so half of the ratio is allowed when the two
    revisions are compared side by side (`beside`) rather than with the past.
    """
    ratio = criteria.latency_ratio
    if side.metric == TYPICAL and beside:
        ratio = 1 + (ratio - 1) / 2
    return max(ratio * reference, reference + criteria.latency_increase_ms)


def _source(view: View, side: Side) -> str:
    """The metric that the candidate has, or else the stable revision; empty for none."""
    for revision in (view.rollout.candidate, view.rollout.stable):
        for name in side.sources:
            if view.samples.of_metric(name, revision):
                return name
    return ""


# ------------------------------------------------------------------------------------------ histograms


def _by_histograms(view: View, side: Side, mine: Histogram, stable: Histogram) -> Judged:
    criteria, names, q = view.criteria, view.rollout, side.quantile
    during, candidate = stable.after(1), mine.after(1 + _settling(view))
    alpha = criteria.alpha_of(side.metric)
    value, reference = candidate.quantile(q) if candidate.n else math.nan, during.quantile(q)
    told = _told(side, names.candidate, value, names.stable, reference, q=q)
    bound = tolerated(criteria, side, reference)
    slow, other = candidate.slower_than(bound), during.slower_than(bound)
    evidence, bad = 0.0, 0
    if slow is not None and other is not None and slow.n:
        matched = other.matched(slow.bins)
        evidence = min(
            above(slow.k, slow.n, 1 - q),
            more_than_share(slow.events, slow.requests, matched.events, matched.requests),
        ) / over_dispersion(other.events, other.requests)
        bad = slow.bad_intervals
    ratio = value / reference if 0 < reference < math.inf and math.isfinite(value) else None
    facts = (ratio, None, None, max(evidence, 0.0), wanted(alpha))
    count = round(candidate.n)
    if evidence > wanted(alpha) and bad >= criteria.min_bad_intervals:
        return _judged(side, Finding.WORSE, told, count, facts, Attribution.REVISION)
    if candidate.n < criteria.min_requests:
        text = f"{_noun(side, q)}: {enough(count, names.candidate, criteria.min_requests)}"
        return _judged(side, Finding.NOT_ENOUGH_DATA, text, count, facts)
    theirs = stable.percentiles(q)
    return _with_past(view, side, told, count, facts, after_start(mine.percentiles(q)), theirs)


# ------------------------------------------------------------------------------------------ levels


def _by_levels(
    view: View, side: Side, source: str, mine: Histogram | None, stable: Histogram | None
) -> Judged:
    names, criteria = view.rollout, view.criteria
    candidate = _series(view, source, side, names.candidate, mine)
    theirs = _series(view, source, side, names.stable, stable)
    settled = [s for s in (_settled(view, one) for one in candidate) if s is not None]
    seen = after_start(view.mean(settled)) if settled else None
    if seen is None or not len(seen):
        text = f"{NOUNS[side.metric]}: nothing measured for {names.candidate} yet"
        return _judged(side, Finding.NOT_ENOUGH_DATA, text, 0)
    if not theirs:
        return _alone(view, side, seen)
    scale = scale_for(view, side, view.mean(theirs))
    found = shift(view, settled, theirs, scale, criteria.alpha_of(side.metric))
    if found is None:
        text = f"{NOUNS[side.metric]}: {len(seen)} samples of {names.candidate} so far"
        return _judged(side, Finding.NOT_ENOUGH_DATA, text, len(seen))
    told = _told(side, names.candidate, found.mine, names.stable, found.other, count=found.samples)
    facts = _facts(found)
    if found.certain:
        return _judged(side, Finding.WORSE, told, found.samples, facts, Attribution.REVISION)
    if found.samples < criteria.min_samples and not found.sustained:
        text = f"{NOUNS[side.metric]}: {found.samples} of {criteria.min_samples} samples of {names.candidate}"
        return _judged(side, Finding.NOT_ENOUGH_DATA, f"{text} so far", found.samples, facts)
    if found.sustained and found.low > scale.tolerated:
        return _judged(side, Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", found.samples, facts)
    return _with_past(view, side, told, found.samples, facts, seen, view.mean(theirs))


def scale_for(view: View, side: Side, stable: Binned) -> Scale:
    """How latencies are compared where the stable revision had `stable`."""
    during = after_start(stable)
    reference = float(np.median(during.values if len(during) else stable.values))
    limit = tolerated(view.criteria, side, reference, beside=len(during) > 0)
    return Scale(True, math.log(limit / max(reference, 1e-9)), NOISE, PLACEMENT)


def _settling(view: View) -> int:
    """Sample periods in which caches fill and code is compiled, which say nothing about the revision."""
    return math.ceil(view.criteria.warm_up / view.rollout.sample_period)


def _settled(view: View, series: Series) -> Series | None:
    kept = view.bins_of(series.times) > _settling(view)
    return Series(series.key, series.times[kept], series.values[kept]) if kept.any() else None


def _series(view: View, source: str, side: Side, revision: str, measured: Histogram | None) -> list[Series]:
    if not revision:
        return []
    found = list(view.samples.of_metric(source, revision))
    if not found and measured is not None:
        levels = measured.percentiles(side.quantile)
        if len(levels):
            times = view.rollout.start + levels.bins.astype(np.float64) * view.rollout.sample_period
            found = [Series(Key(side.metric, revision), times, levels.values.copy())]
    return found


def _with_past(
    view: View,
    side: Side,
    told: str,
    count: int,
    facts: tuple[float | None, ...],
    mine: Binned,
    stable: Binned,
) -> Judged:
    """Not worse than stable: but are both slower than stable was before the rollout?"""
    past = None
    if len(stable):
        scale = scale_for(view, side, stable)
        past = moved_together(mine, stable, scale, view.criteria.alpha_of(side.metric))
    if past is None:
        return _judged(side, Finding.FINE, told, count, facts, Attribution.NONE)
    text = f"{told}; {view.rollout.stable} had {milliseconds(past)} before: both slowed down together"
    return _judged(side, Finding.SHARED, text, count, facts, Attribution.SHARED)


def _alone(view: View, side: Side, mine: Binned) -> Judged:
    """No stable revision to compare with: the absolute limit, if there is one."""
    criteria, name = view.criteria, view.rollout.candidate
    typical = float(np.median(mine.values))
    told = f"{NOUNS[side.metric]} {milliseconds(typical)} on {name}; nothing to compare with"
    limit = criteria.latency_limit_ms
    if len(mine) < criteria.min_samples:
        text = f"{NOUNS[side.metric]}: {len(mine)} of {criteria.min_samples} samples of {name} so far"
        return _judged(side, Finding.NOT_ENOUGH_DATA, text, len(mine))
    if limit is None or side.metric != TAIL:
        return _judged(side, Finding.FINE, f"{told} and no limit set", len(mine), None, Attribution.NONE)
    over = mine.values > limit
    alpha = criteria.alpha_of(side.metric)
    evidence = above(float(over.sum()), float(over.size), 0.5)
    facts = (None, None, None, evidence, wanted(alpha))
    told += f", {milliseconds(limit)} are allowed"
    if evidence > wanted(alpha) and typical > limit:
        return _judged(side, Finding.WORSE, told, len(mine), facts, Attribution.REVISION)
    if over.mean() > 0.75:
        return _judged(side, Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", len(mine), facts)
    return _judged(side, Finding.FINE, told, len(mine), facts, Attribution.NONE)


# ------------------------------------------------------------------------------------------ words


def _told(
    side: Side, candidate: str, mine: float, stable: str, other: float, *, count: int = 0, q: float = 0.0
) -> str:
    text = f"{_noun(side, q)} {_ms(mine)} on {candidate}, {_ms(other)} on {stable}"
    return f"{text} (medians of {count} samples)" if count else text


def _noun(side: Side, q: float) -> str:
    """A histogram has no mean: there the median is the typical request."""
    return "typical latency (median)" if q == 0.5 else NOUNS[side.metric]


def _ms(value: float) -> str:
    return milliseconds(value) if math.isfinite(value) else "beyond the last bucket"


def _facts(found: Shift) -> tuple[float | None, ...]:
    ratio, low, high = (math.exp(v) if abs(v) < 50 else None for v in (found.value, found.low, found.high))
    return ratio, low, high, found.z, found.boundary


def _judged(
    side: Side,
    finding: Finding,
    text: str,
    count: int,
    facts: tuple[float | None, ...] | None = None,
    attribution: Attribution = Attribution.UNKNOWN,
) -> Judged:
    ratio, low, high, evidence, boundary = facts or (None,) * 5
    result = MetricResult(
        side.metric, finding, text, count, "ratio to stable", ratio, low, high, evidence, boundary
    )
    return Judged(result, attribution)
