"""Does the candidate answer more slowly than the stable revision, by more than the tolerated ratio?

With histograms requests are counted: how many exceed the tolerated multiple of the stable revision's own
percentile. Without them there is only a percentile per sample period, and the periods are counted instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.counts import Counts, wanted
from tidegate.core.judge.evidence import above, more_than_share, over_dispersion
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.view import Binned, View, after_start, before_start
from tidegate.core.judge.wording import milliseconds
from tidegate.core.samples import FloatArray
from tidegate.core.trace import BUCKETS
from tidegate.core.verdict import Attribution, Finding, MetricResult

METRIC = "latency_p99_ms"
MOST_LINGERING = 0.6
"""Serial correlation of percentiles beyond which more would only mean that the load itself moves."""


def judge_latency(view: View) -> Judged:
    rollout = view.rollout
    mine = histogram(view, rollout.candidate)
    stable = histogram(view, rollout.stable) if rollout.stable else None
    if mine is not None and stable is not None and stable.after(1).n > 0:
        return _by_histograms(view, mine, stable)
    p99 = after_start(view.averages(METRIC, rollout.candidate))
    if mine is not None and not len(p99):
        p99 = after_start(mine.percentiles(0.99))
    other = view.averages(METRIC, rollout.stable) if rollout.stable else None
    if stable is not None and (other is None or not len(other)):
        other = stable.percentiles(0.99)
    if not len(p99):
        return _judged(
            Finding.NOT_ENOUGH_DATA, f"p99 latency: nothing measured for {rollout.candidate} yet", 0
        )
    if other is None or not len(other):
        return _alone(view, p99)
    return _by_percentiles(view, p99, other)


# ------------------------------------------------------------------------------------------ histograms


@dataclass(frozen=True)
class Histogram:
    """`cumulative[i, j]`: requests of sample period `bins[i]` that took at most `bounds[j]` ms."""

    bins: np.ndarray[tuple[int], np.dtype[np.int64]]
    bounds: FloatArray
    cumulative: FloatArray
    requests: FloatArray

    @property
    def n(self) -> float:
        return float(self.requests.sum())

    def after(self, first: int) -> Histogram:
        chosen = self.bins >= first
        return Histogram(self.bins[chosen], self.bounds, self.cumulative[chosen], self.requests[chosen])

    def slower_than(self, bound: float) -> Counts:
        """Requests slower than `bound`, which must be one of `bounds`."""
        column = int(np.searchsorted(self.bounds, bound))
        slow = np.clip(self.requests - self.cumulative[:, column], 0.0, self.requests)
        return Counts(self.bins, slow, self.requests)

    def quantile(self, q: float) -> float:
        """The bound of the bucket that holds the quantile, infinity if it is the last."""
        within = self.cumulative.sum(axis=0) >= q * self.n - 1e-9
        return float(self.bounds[int(np.argmax(within))]) if within.any() else math.inf

    def percentiles(self, q: float) -> Binned:
        """The quantile of every sample period that had requests and did not end in the last bucket."""
        reached = self.cumulative >= q * self.requests[:, None] - 1e-9
        usable = reached.any(axis=1) & (self.requests > 0)
        values = self.bounds[np.argmax(reached, axis=1)]
        usable &= np.isfinite(values)
        return Binned(self.bins[usable], values[usable])


def histogram(view: View, revision: str) -> Histogram | None:
    """The revision's latency histogram; None when there is none, or when it is not cumulative in `le`."""
    series = view.samples.of_metric(BUCKETS, revision)
    bounds = np.array(sorted({s.key.le for s in series if s.key.le is not None}))
    if not bounds.size:
        return None
    columns = [view.summed([s for s in series if s.key.le == bound]) for bound in bounds.tolist()]
    bins = np.unique(np.concatenate([c.bins for c in columns]))
    cumulative = np.column_stack([c.at(bins, np.nan) for c in columns])
    complete = np.isfinite(cumulative).all(axis=1)
    bins, cumulative = bins[complete], cumulative[complete]
    if not bins.size or (np.diff(cumulative, axis=1) < -1e-6).any():
        return None
    requests = cumulative[:, -1]
    if math.isfinite(bounds[-1]):
        requests = np.maximum(requests, view.totals("request_count", revision).at(bins, 0.0))
    return Histogram(bins, bounds, cumulative, requests)


def _by_histograms(view: View, mine: Histogram, stable: Histogram) -> Judged:
    criteria, names = view.criteria, view.rollout
    during, candidate = stable.after(1), mine.after(1)
    alpha = criteria.alpha_of(METRIC) / 2
    worst: tuple[float, int] = (-math.inf, 0)
    for q in (0.99, 0.5):
        typical = during.quantile(q)
        bound = _bound_at_least(criteria.latency_tolerated(typical), mine.bounds, stable.bounds)
        if bound is None:
            continue
        slow, other = candidate.slower_than(bound), during.slower_than(bound)
        matched = other.matched(slow.bins)
        evidence = min(
            above(slow.k, slow.n, 1 - q),
            more_than_share(slow.events, slow.requests, matched.events, matched.requests),
        ) / over_dispersion(other.events, other.requests)
        worst = max(worst, (evidence, slow.bad_intervals))
    p99, reference = candidate.quantile(0.99), during.quantile(0.99)
    told = f"p99 latency {_ms(p99)} on {names.candidate}, {_ms(reference)} on {names.stable}"
    ratio = p99 / reference if 0 < reference < math.inf and math.isfinite(p99) else None
    count = round(candidate.n)
    facts = (ratio, max(worst[0], 0.0), wanted(alpha))
    if worst[0] > wanted(alpha) and worst[1] >= criteria.min_bad_intervals:
        return _judged(Finding.WORSE, told, count, facts, Attribution.REVISION)
    if candidate.n < criteria.min_requests:
        text = f"p99 latency: {count} of {criteria.min_requests} requests to {names.candidate} so far"
        return _judged(Finding.NOT_ENOUGH_DATA, text, count, facts)
    return _with_past(
        view,
        told,
        count,
        facts,
        after_start(stable.percentiles(0.99)),
        before_start(stable.percentiles(0.99)),
        after_start(mine.percentiles(0.99)),
    )


def _bound_at_least(wish: float, mine: FloatArray, other: FloatArray) -> float | None:
    """The smallest finite bound both histograms have that is not below `wish`."""
    shared = [b for b in mine.tolist() if b >= wish and math.isfinite(b) and b in other]
    return min(shared, default=None)


def _ms(value: float) -> str:
    return milliseconds(value) if math.isfinite(value) else "beyond the last bucket"


# ----------------------------------------------------------------------------------------- percentiles


def _by_percentiles(view: View, mine: Binned, stable: Binned) -> Judged:
    criteria, names = view.criteria, view.rollout
    alpha = criteria.alpha_of(METRIC)
    during, before = after_start(stable), before_start(stable)
    reference = during if len(during) else before
    other = during.at(mine.bins, np.nan)
    # Once the stable revision has no traffic, its own past has to do.
    other = np.where(np.isfinite(other), other, float(np.median(reference.values)))
    tolerated = np.maximum(criteria.latency_ratio * other, other + criteria.latency_increase_ms)
    slower = mine.values > tolerated
    evidence = above(float(slower.sum()), float(slower.size), 0.5) / _lingering(stable)
    typical, typical_other = float(np.median(mine.values)), float(np.median(other))
    ratio = typical / typical_other if typical_other > 0 else None
    told = (
        f"p99 latency {milliseconds(typical)} on {names.candidate}, {milliseconds(typical_other)} on "
        f"{names.stable} (medians of {len(mine)} samples)"
    )
    facts = (ratio, evidence, wanted(alpha))
    is_slow = typical > criteria.latency_tolerated(typical_other)
    if evidence > wanted(alpha) and is_slow:
        return _judged(Finding.WORSE, told, len(mine), facts, Attribution.REVISION)
    if len(mine) < criteria.min_samples:
        text = f"p99 latency: {len(mine)} of {criteria.min_samples} samples of {names.candidate} so far"
        return _judged(Finding.NOT_ENOUGH_DATA, text, len(mine), facts)
    if slower.mean() > 0.75 and is_slow:
        return _judged(Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", len(mine), facts)
    return _with_past(view, told, len(mine), facts, during, before, mine)


def _lingering(stable: Binned) -> float:
    """How many samples of a percentile are worth one independent one, from the stable revision's own."""
    logs = np.log(np.maximum(stable.values, 1e-9))
    centred = logs - logs.mean()
    power = float(centred @ centred)
    if len(stable) < 8 or power <= 0:
        return 1.0
    rho = min(max(float(centred[1:] @ centred[:-1]) / power, 0.0), MOST_LINGERING)
    return (1 + rho) / (1 - rho)


def _with_past(
    view: View,
    told: str,
    count: int,
    facts: tuple[float | None, float, float],
    during: Binned,
    before: Binned,
    mine: Binned,
) -> Judged:
    """Not worse than stable: but are both slower than stable was before the rollout?"""
    criteria, names = view.criteria, view.rollout
    if len(before) >= criteria.min_samples and len(during) >= criteria.min_samples and len(mine):
        past = float(np.median(before.values))
        slower = during.values > criteria.latency_tolerated(past)
        moved = above(float(slower.sum()), float(slower.size), 0.5) / _lingering(before)
        both = float(np.median(mine.values)) > criteria.latency_tolerated(past) and bool(slower[-3:].all())
        if moved > wanted(criteria.alpha_of(METRIC)) and both:
            text = f"{told}; {names.stable} had {milliseconds(past)} before: both slowed down together"
            return _judged(Finding.SHARED, text, count, facts, Attribution.SHARED)
    return _judged(Finding.FINE, told, count, facts, Attribution.NONE)


def _alone(view: View, mine: Binned) -> Judged:
    """No stable revision to compare with: the absolute limit, if there is one."""
    criteria, name = view.criteria, view.rollout.candidate
    typical = float(np.median(mine.values))
    told = f"p99 latency {milliseconds(typical)} on {name}; nothing to compare with"
    limit = criteria.latency_limit_ms
    if len(mine) < criteria.min_samples:
        text = f"p99 latency: {len(mine)} of {criteria.min_samples} samples of {name} so far"
        return _judged(Finding.NOT_ENOUGH_DATA, text, len(mine))
    if limit is None:
        return _judged(Finding.FINE, f"{told} and no limit set", len(mine), None, Attribution.NONE)
    over = mine.values > limit
    evidence = above(float(over.sum()), float(over.size), 0.5) / _lingering(mine)
    facts = (None, evidence, wanted(criteria.alpha_of(METRIC)))
    told += f", {milliseconds(limit)} are allowed"
    if evidence > facts[2] and typical > limit:
        return _judged(Finding.WORSE, told, len(mine), facts, Attribution.REVISION)
    if over.mean() > 0.75:
        return _judged(Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", len(mine), facts)
    return _judged(Finding.FINE, told, len(mine), facts, Attribution.NONE)


def _judged(
    finding: Finding,
    text: str,
    count: int,
    facts: tuple[float | None, float, float] | None = None,
    attribution: Attribution = Attribution.UNKNOWN,
) -> Judged:
    ratio, evidence, boundary = facts or (None, None, None)
    result = MetricResult(
        METRIC, finding, text, count, "ratio to stable", ratio, None, None, evidence, boundary
    )
    return Judged(result, attribution)
