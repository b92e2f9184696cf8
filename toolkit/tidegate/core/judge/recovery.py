"""After a rollback: is the stable revision as it was before the rollout?"""

from __future__ import annotations

import math

import numpy as np

from tidegate.core.judge.criteria import Criteria
from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.error_ratio import error_counts
from tidegate.core.judge.evidence import upper_bound, wilson
from tidegate.core.judge.growth import PLAUSIBLE, TAUS, Growth, growth, late_rise, pooled_dependence
from tidegate.core.judge.latency import METRIC as P99
from tidegate.core.judge.latency import histogram
from tidegate.core.judge.segments import segments
from tidegate.core.judge.view import Binned, View, before_start
from tidegate.core.judge.wording import NOUNS, duration, milliseconds, number, percent
from tidegate.core.samples import Samples
from tidegate.core.trace import Rollout
from tidegate.core.verdict import Attribution, Decision, Finding, MetricResult, Verdict

_DECISIONS = {
    Finding.FINE: Decision.PROMOTE,
    Finding.NOT_ENOUGH_DATA: Decision.CONTINUE,
    Finding.WORSE: Decision.HOLD,
    Finding.PRE_EXISTING: Decision.HOLD,
}
_CERTAIN = 0.01
"""Chance of calling a recovered revision sick, per metric; nothing is rolled back on this answer."""


def recovery(samples: Samples, rollout: Rollout, criteria: Criteria, since: float, at: float) -> Verdict:
    """PROMOTE: recovered. HOLD: not recovered. CONTINUE: not enough data since `since` (epoch seconds).

    `since` is when the stable revision had all traffic again. On a first deployment there is nothing that
    could recover: HOLD, and the reason says so.
    """
    if not rollout.stable:
        reason = "There is no stable revision that could recover."
        return Verdict(Decision.HOLD, Attribution.UNKNOWN, at, (reason,))
    view = View.of(samples, rollout, criteria, at)
    results = [
        _errors(view, since),
        *(r for r in (_latency(view, since),) if r is not None),
        *(_leak(view, metric, since) for metric in ("open_fds", "tcp_connections")),
    ]
    needed = [r for r in results if _counts(view, r)]
    decision = Decision.PROMOTE
    for finding in (Finding.WORSE, Finding.PRE_EXISTING, Finding.NOT_ENOUGH_DATA):
        if any(r.finding is finding for r in needed):
            decision = _DECISIONS[finding]
            break
    leading = [r for r in needed if _DECISIONS[r.finding] is decision]
    if not leading:
        decision, leading = Decision.CONTINUE, results
    attribution = Attribution.NONE if decision is Decision.PROMOTE else Attribution.UNKNOWN
    if any(r.finding is Finding.PRE_EXISTING for r in leading):
        attribution = Attribution.PRE_EXISTING
    reasons = tuple(r.sentence for r in leading)
    enough = decision is not Decision.CONTINUE
    return Verdict(decision, attribution, at, reasons, tuple(results), enough_data=enough)


def _counts(view: View, result: MetricResult) -> bool:
    """What was never measured on the stable revision cannot be waited for, unless it is required."""
    metric = "request_count" if result.metric == "error_ratio" else result.metric
    required = {metric, result.metric} & set(view.criteria.required)
    measured = bool(view.samples.of_metric(metric, view.rollout.stable))
    return bool(required) or measured or result.samples > 0


# --------------------------------------------------------------------------------------------- metrics


def _leak(view: View, metric: str, since: float) -> MetricResult:
    criteria, stable = view.criteria, view.rollout.stable
    after = segments(view, metric, stable, since, criteria.min_samples)
    have = max((len(s) for s in segments(view, metric, stable, since, 1)), default=0)
    if not after:
        rest = duration(max(criteria.min_samples - have, 1) * view.rollout.sample_period)
        text = (
            f"{NOUNS[metric]}: {have} of {criteria.min_samples} samples of {stable} since; about {rest} more"
        )
        return MetricResult(metric, Finding.NOT_ENOUGH_DATA, text, have, "per minute")
    best = _least_climbing(view, metric, since)
    if best is None:
        text = f"{NOUNS[metric]}: too few samples of {stable} since to tell"
        return MetricResult(metric, Finding.NOT_ENOUGH_DATA, text, have, "per minute")
    slope, delta = best.slope, criteria.leak_min_slope / 60
    statistic = (slope.value - delta) / math.sqrt(slope.variance)
    boundary = t_quantile(_CERTAIN, round(max(slope.df, 1.0), 1))
    low, high = slope.interval()
    rate = f"{number(60 * slope.value)}/min (95 % interval {number(60 * low)} to {number(60 * high)})"
    text, finding = f"{NOUNS[metric]} do not climb on {stable}: {rate}", Finding.FINE
    if statistic > boundary and late_rise(best.pairs)[1] > delta:
        text, finding = f"{NOUNS[metric]} climb {rate} on {stable}", Finding.WORSE
        if _climbed_before(view, metric, delta):
            text += ", as they did before the rollout: the rollback did not help, nor could it"
            finding = Finding.PRE_EXISTING
    elif low > delta:
        text, finding = (
            f"{NOUNS[metric]} seem to climb {rate} on {stable}; not yet certain",
            Finding.NOT_ENOUGH_DATA,
        )
    return MetricResult(
        metric, finding, text, have, "per minute", 60 * slope.value, 60 * low, 60 * high, statistic, boundary
    )


def _least_climbing(view: View, metric: str, since: float) -> Growth | None:
    """Growth since the rollback, under the plausible warm-up that leaves least of it."""
    stable, shortest = view.rollout.stable, view.criteria.min_samples
    after = segments(view, metric, stable, since, shortest)
    tried: list[Growth] = []
    for factor in TAUS:
        tau = factor * view.criteria.warm_up
        grown = growth(after, tau, pooled_dependence(after, tau))
        if grown is not None:
            tried.append(grown)
    if not tried:
        return None
    best = max(g.log_likelihood for g in tried)
    plausible = [g for g in tried if g.log_likelihood >= best - PLAUSIBLE]
    return min(plausible, key=lambda g: g.slope.value / math.sqrt(g.slope.variance))


def _climbed_before(view: View, metric: str, delta: float) -> bool:
    earlier = view.cut_at(view.rollout.start)
    grown = _least_climbing(earlier, metric, -math.inf)
    return grown is not None and grown.slope.interval(0.05)[0] > delta


def _errors(view: View, since: float) -> MetricResult:
    criteria, stable = view.criteria, view.rollout.stable
    counts = error_counts(view, stable)
    after = counts.where(first=float(view.bins_of(np.array([since]))[0] + 1))
    before = counts.where(last=0)
    allowed = criteria.error_limit
    if before.n >= criteria.min_requests:
        allowed = upper_bound(before.k, before.n, _CERTAIN) + criteria.error_increase
    low, high = wilson(after.k, after.n)
    told = f"{stable} fails {percent(after.ratio)} of {round(after.n):,} requests since the rollback"
    if before.n:
        told += f", {percent(before.ratio)} before the rollout"
    finding = Finding.FINE
    if after.n < criteria.min_requests:
        finding, told = Finding.NOT_ENOUGH_DATA, f"{round(after.n)} of {criteria.min_requests} requests since"
    elif low > allowed:
        finding = Finding.WORSE
    elif after.ratio > allowed:
        finding, told = Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain"
    return MetricResult("error_ratio", finding, told, round(after.n), "ratio", after.ratio, low, high)


def _latency(view: View, since: float) -> MetricResult | None:
    """None where latency, or its past, was never measured."""
    criteria, stable = view.criteria, view.rollout.stable
    p99 = view.averages(P99, stable)
    measured = histogram(view, stable)
    if not len(p99) and measured is not None:
        p99 = measured.percentiles(0.99)
    first = int(view.bins_of(np.array([since]))[0]) + 1
    before, after = before_start(p99), p99.where(p99.bins >= first)
    if not len(before):
        return None
    return _slower(criteria, stable, before, after)


def _slower(criteria: Criteria, stable: str, before: Binned, after: Binned) -> MetricResult:
    if len(after) < criteria.min_samples // 2:
        text = f"p99 latency: {len(after)} of {criteria.min_samples // 2} samples of {stable} since"
        return MetricResult(P99, Finding.NOT_ENOUGH_DATA, text, len(after), "ratio to before")
    # The first samples after a rollback still hold requests that had been waiting.
    recent = after.values[-criteria.min_samples :]
    now, past = float(np.median(recent)), float(np.median(before.values))
    text = f"p99 latency {milliseconds(now)} on {stable}, {milliseconds(past)} before the rollout"
    ratio = now / past if past > 0 else None
    slow = now > max(criteria.latency_tolerated(past), float(np.quantile(before.values, 0.9)))
    finding = Finding.FINE
    if slow:
        certain = len(after) >= 2 * criteria.min_samples
        finding = Finding.WORSE if certain else Finding.NOT_ENOUGH_DATA
    return MetricResult(P99, finding, text, len(after), "ratio to before", ratio)
