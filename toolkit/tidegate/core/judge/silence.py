"""Does the candidate say anything at all, and has it had enough requests?"""

from __future__ import annotations

import math

import numpy as np

from tidegate.core.judge.judged import Judged
from tidegate.core.judge.view import Binned, IntArray, View, after_start
from tidegate.core.judge.wording import counted, duration, enough
from tidegate.core.samples import FloatArray
from tidegate.core.trace import BUCKETS
from tidegate.core.verdict import Attribution, Finding, MetricResult

METRIC = "request_count"
EXPECTED = 12.0
"""Requests the candidate should have had before its silence means anything: by chance alone one healthy
revision in 160,000 would have had none (Poisson)."""
UNCOUNTED = 20.0
"""The same where requests are not counted and their number is inferred."""
SPOKEN_OF = ("error_ratio", "latency_mean_ms", "latency_p99_ms", "latency_p95_ms", "latency_p50_ms", BUCKETS)
"""Metrics of which a sample says that there was a request."""


def judge_traffic(view: View) -> Judged:
    criteria, rollout = view.criteria, view.rollout
    requests = after_start(view.totals(METRIC, rollout.candidate))
    count = round(float(requests.values.sum()))
    silent = _silent_for(view)
    if silent:
        since = duration(silent * rollout.sample_period)
        text = (
            f"{rollout.candidate} gets {rollout.percent_at(view.cut)} % of the traffic and has not been "
            f"heard of for {since}, while {rollout.stable} goes on as before"
        )
        return _judged(Finding.WORSE, text, count, Attribution.REVISION)
    if quiet := _quiet_for(view):
        since = duration(quiet * rollout.sample_period)
        text = f"nothing has been heard of {rollout.candidate} for {since}, and nothing else has traffic"
        return _judged(Finding.NOT_ENOUGH_DATA, text, count)
    if not view.knows(METRIC):
        return _judged(Finding.NOT_ENOUGH_DATA, "requests were not counted", None)
    if count < criteria.min_requests:
        text = enough(count, rollout.candidate, criteria.min_requests)
        rate = count / max(view.intervals, 1)
        if rate > 0:
            rest = (criteria.min_requests - count) / rate * rollout.sample_period
            text += f"; the rest takes about {duration(rest)} at this traffic"
        return _judged(Finding.NOT_ENOUGH_DATA, text, count)
    text = f"{counted(count, 'request')} reached {rollout.candidate}"
    return _judged(Finding.FINE, text, count, Attribution.NONE)


def _silent_for(view: View) -> int:
    """Sample periods for which nothing told of a request on the candidate although some should have come.

    0 when it was heard of, when its silence may be chance, or when the stable revision fell silent too.
    """
    rollout, silent = view.rollout, _unheard_for(view)
    if not silent:
        return 0
    # Only periods in which it had traffic from beginning to end.
    bins = np.arange(view.intervals - silent + 1, view.intervals + 1)
    counted_ = bool(view.samples.of_metric(METRIC, rollout.stable))
    return silent if _expected(view, bins, counted_) >= (EXPECTED if counted_ else UNCOUNTED) else 0


def _quiet_for(view: View) -> int:
    """The same where all traffic is the candidate's: nobody can say whether there was any."""
    return _unheard_for(view) if view.rollout.percent_at(view.cut) == 100 else 0


def _unheard_for(view: View) -> int:
    """Sample periods since the candidate was last heard of; 0 while that is as usual for this service."""
    rollout, k = view.rollout, view.criteria.silent_intervals
    if not rollout.stable or not rollout.percent_at(view.cut):
        return 0
    heard = _heard(view, rollout.candidate)
    last = int(heard.bins[-1]) if len(heard) else 0
    silent = view.intervals - max(last, 0)
    # Who has spoken once is given longer: its samples may merely be late or lost.
    usual = max(2 * k if last > 0 else k, 2 * _longest_gap(view) + 1)
    return silent if silent >= usual else 0


def _longest_gap(view: View) -> int:
    """Sample periods that the stable revision itself, while it had traffic, once went unheard.

    Whoever is idle for twenty minutes, or loses every third sample, makes silence mean that much less.
    """
    heard = _heard(view, view.rollout.stable)
    if len(heard) < 2:
        return view.intervals
    gaps = np.diff(heard.bins) - 1
    until_now = view.intervals - int(heard.bins[-1]) if view.rollout.percent_at(view.cut) < 100 else 0
    return max(int(gaps.max()), until_now)


def _heard(view: View, revision: str) -> Binned:
    """Requests in the sample periods that had any; one where only a ratio or a latency tells of it."""
    counted_ = view.totals(METRIC, revision)
    if len(counted_):
        return counted_.where(counted_.values > 0)
    series = [s for metric in SPOKEN_OF for s in view.samples.of_metric(metric, revision)]
    if not series:
        return counted_
    bins = np.unique(np.concatenate([view.bins_of(s.times) for s in series]))
    return Binned(bins, np.ones(bins.size))


def _expected(view: View, bins: IntArray, counted_: bool) -> float:
    """Requests that the candidate should have had in these sample periods, by what the stable one had then.

    Where all traffic is the candidate's nobody can say: its silence then leaves the question open.
    """
    rollout = view.rollout
    middles = rollout.start + (bins - 0.5) * rollout.sample_period
    shares = np.array([rollout.percent_at(t) for t in middles.tolist()]) / 100
    partial = (shares > 0) & (shares < 1)
    if not partial.any():
        return 0.0
    beside = _heard(view, rollout.stable).at(bins[partial], 0.0)
    rate = beside if counted_ else np.full(beside.size, _rate(beside))
    return float((rate * shares[partial] / (1 - shares[partial])).sum())


def _rate(heard: FloatArray) -> float:
    """Requests per sample period, at least, by how many periods had any (Poisson: 1 - exp(-rate))."""
    part = min(float((heard > 0).mean()), 1 - 0.5 / heard.size)
    return -math.log1p(-part)


def _judged(
    finding: Finding, text: str, count: int | None, attribution: Attribution = Attribution.UNKNOWN
) -> Judged:
    estimate = None if count is None else float(count)
    return Judged(MetricResult(METRIC, finding, text, count or 0, "requests", estimate), attribution)
