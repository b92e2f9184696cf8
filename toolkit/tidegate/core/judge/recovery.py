"""After a rollback: is the stable revision as it was before the rollout?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from tidegate.core.judge.boundaries import boundary
from tidegate.core.judge.criteria import Criteria
from tidegate.core.judge.error_ratio import error_counts
from tidegate.core.judge.evidence import upper_bound, wilson
from tidegate.core.judge.grown import Grown, Limits, certainty, grow
from tidegate.core.judge.histogram import histogram
from tidegate.core.judge.latency import TAIL as P99
from tidegate.core.judge.leak import Growing, growing
from tidegate.core.judge.segments import segments
from tidegate.core.judge.view import Binned, View, before_start
from tidegate.core.judge.wording import amount, duration, milliseconds, noun, percent
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
        reason = "there is no stable revision that could recover"
        return Verdict(Decision.HOLD, Attribution.UNKNOWN, at, (reason,))
    view = View.of(samples, rollout, criteria, at)
    results = [
        _errors(view, since),
        *(r for r in (_latency(view, since),) if r is not None),
        *(_leak(view, what, since) for what in growing(criteria) if view.knows(what.metric)),
    ]
    results = [replace(r, decisive=_decides(view, r)) for r in results]
    needed = [r for r in results if r.decisive and _counts(view, r)]
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


def _decides(view: View, result: MetricResult) -> bool:
    """A dry run never does; what is not worth a hold, such as caches that fill, only if it is required."""
    criteria = view.criteria
    if result.metric in criteria.dry_run:
        return False
    reported = {w.metric for w in growing(criteria) if not w.holds}
    return result.metric not in reported or result.metric in criteria.required


def _counts(view: View, result: MetricResult) -> bool:
    """What was never measured on the stable revision cannot be waited for, unless it is required."""
    metric = "request_count" if result.metric == "error_ratio" else result.metric
    required = {metric, result.metric} & set(view.criteria.required)
    measured = bool(view.samples.of_metric(metric, view.rollout.stable))
    return bool(required) or measured or result.samples > 0


# --------------------------------------------------------------------------------------------- metrics


def _leak(view: View, what: Growing, since: float) -> MetricResult:
    criteria, stable = view.criteria, view.rollout.stable
    metric, name = what.metric, noun(what.metric, view.criteria)
    after = segments(view, metric, stable, since, criteria.min_samples)
    have = max((len(s) for s in segments(view, metric, stable, since, 1)), default=0)
    if not after:
        rest = duration(max(criteria.min_samples - have, 1) * view.rollout.sample_period)
        text = f"{name}: {have} of {criteria.min_samples} samples of {stable} since; about {rest} more"
        return MetricResult(metric, Finding.NOT_ENOUGH_DATA, text, have, "per minute")
    grown = _grown(view, what, since)
    if grown is None:
        text = f"{name}: too few samples of {stable} since to tell"
        return MetricResult(metric, Finding.NOT_ENOUGH_DATA, text, have, "per minute")
    slope, delta = grown.slope, what.tolerated / 60
    statistic, limit = (
        certainty(grown, delta),
        boundary(_CERTAIN, len(grown.segments), grown.age / criteria.warm_up),
    )
    low, high = slope.interval()
    per_minute = [amount(metric, 60 * v) for v in (slope.value, low, high)]
    rate = "{}/min (95 % interval {} to {})".format(*per_minute)
    text, finding = f"{name} do not climb on {stable}: {rate}", Finding.FINE
    if statistic > limit and grown.late_slope() > delta:
        text, finding = f"{name} climb {rate} on {stable}", Finding.WORSE
        if _climbed_before(view, what):
            text += ", as they did before the rollout: the rollback did not help, nor could it"
            finding = Finding.PRE_EXISTING
    elif low > delta and statistic > 0:
        text, finding = f"{name} seem to climb {rate} on {stable}; not yet certain", Finding.NOT_ENOUGH_DATA
    return MetricResult(
        metric, finding, text, have, "per minute", 60 * slope.value, 60 * low, 60 * high, statistic, limit
    )


def _grown(view: View, what: Growing, since: float) -> Grown | None:
    criteria = view.criteria
    limits = Limits(what.tolerated / 60, _CERTAIN, criteria.warm_up, view.rollout.sample_period)
    found = segments(view, what.metric, view.rollout.stable, since, criteria.min_samples, drops=what.drops)
    return grow(found, limits)


def _climbed_before(view: View, what: Growing) -> bool:
    grown = _grown(view.cut_at(view.rollout.start), what, -math.inf)
    return grown is not None and grown.slope.interval(0.05)[0] > what.tolerated / 60


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
