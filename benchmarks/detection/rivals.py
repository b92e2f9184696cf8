"""Other rules on the same traces, written anew from what their makers publish.

Each sees what the judge sees, with one advantage: samples that come late are on time for them. None of them
says whose fault something is, so only their rollbacks are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from benchmarks.detection.noise import FloatArray
from benchmarks.detection.outcome import End, Outcome
from benchmarks.detection.ranks import mann_kendall, shift
from benchmarks.detection.readings import Readings
from benchmarks.detection.trace import Trace

Z98 = 2.3263
"""Both ends of an interval of 98 %, and one end of a test of 1 %."""


def _back(trace: Trace, minutes: float) -> Outcome:
    since = (trace.truth.onset - trace.rollout.start) / 60
    return Outcome(End.ROLLED_BACK, minutes - since)


def _through(trace: Trace) -> Outcome:
    return Outcome(End.PROMOTED, float(trace.minutes))


def always_promote(readings: Readings) -> Outcome:
    """Nothing is ever rolled back."""
    return _through(readings.trace)


def release_manager(readings: Readings) -> Outcome:
    """Google's Cloud Run Release Manager, with its defaults, at a look every minute.

    Over the last 30 minutes of the candidate: fewer than 100 requests is inconclusive; more than 1 % errors
    is unhealthy and rolled back. Latency is off by default; here its p99 may be twice that of the stable
    revision in the pre-period, which is what a careful user would enter. Percentiles of several periods are
    merged by their requests. Nothing measured is 0, and so healthy.
    """
    trace = readings.trace
    stable, candidate = trace.rollout.stable, trace.rollout.candidate
    requests, errors = readings.counts(candidate)
    p99 = readings.aggregate("latency_p99_ms", candidate)
    before = readings.aggregate("latency_p99_ms", stable)[: readings.first]
    had = readings.counts(stable)[0][: readings.first]
    threshold = 2 * _weighted(before, had)
    window = readings.per_minutes(30)
    for minutes in range(1, trace.minutes + 1):
        end = readings.rows(minutes)
        seen = slice(max(end - window, readings.first - 1), end)
        count = requests[seen].sum()
        if count < 100:
            continue
        slow = _weighted(p99[seen], requests[seen])
        if errors[seen].sum() / count > 0.01 or (threshold > 0 and slow > threshold):
            return _back(trace, minutes)
    return _through(trace)


def _weighted(values: FloatArray, weights: FloatArray) -> float:
    known = np.isfinite(values) & (weights > 0)
    return float(np.average(values[known], weights=weights[known])) if known.any() else 0.0


def kayenta(readings: Readings) -> Outcome:
    """Spinnaker's judge (NetflixACAJudge), every 5 minutes from the 10th on, over all since the start.

    A metric is `High` when the lower end of the 98 % interval of the shift between candidate and stable
    exceeds a quarter of the Hodges-Lehmann estimate. Four groups of equal weight: errors (ratio), latency
    (p50, p99), saturation (CPU, memory), descriptors (fds, connections); a group scores its share of metrics
    that pass; without any data it scores nothing. A sum below 75 (marginal) is rolled back at once, one below
    95 (pass) at the last look. Metrics are means over instances; direction: increase. Where only the mean
    latency is known, it takes the place of the percentiles.
    """
    trace = readings.trace
    metrics = _compared(readings)
    last = trace.minutes - trace.minutes % 5
    for minutes in range(10, last + 1, 5):
        seen = slice(readings.first, readings.rows(minutes))
        score = 0.0
        for group in metrics:
            passed = [p for p in (_passes(one[seen], other[seen]) for one, other in group) if p is not None]
            score += 100 / len(metrics) * (sum(passed) / len(passed)) if passed else 0.0
        if score < 75 or (minutes == last and score < 95):
            return _back(trace, minutes)
    return _through(trace)


def _compared(readings: Readings) -> list[list[tuple[FloatArray, FloatArray]]]:
    """Groups of candidate and stable series."""
    rollout = readings.trace.rollout
    both = (rollout.candidate, rollout.stable)

    def pair(read: Callable[[str], FloatArray]) -> tuple[FloatArray, FloatArray]:
        return read(both[0]), read(both[1])

    def total(metric: str) -> tuple[FloatArray, FloatArray]:
        return pair(lambda revision: readings.aggregate(metric, revision))

    def mean(metric: str) -> tuple[FloatArray, FloatArray]:
        return pair(lambda revision: readings.mean_of_instances(metric, revision))

    percentiles = "latency_p99_ms" in readings.trace.samples.metrics()
    latencies = ("latency_p50_ms", "latency_p99_ms") if percentiles else ("latency_mean_ms",)
    return [
        [pair(readings.error_ratio)],
        [total(metric) for metric in latencies],
        [total("cpu_utilization"), mean("memory_bytes")],
        [mean("open_fds"), mean("tcp_connections")],
    ]


def _passes(one: FloatArray, other: FloatArray) -> bool | None:
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if not one.size or not other.size:
        return None
    low, estimate = shift(one, other, Z98)
    return not low > 0.25 * abs(estimate)


def alerts(readings: Readings) -> Outcome:
    """Alert policies on the candidate, any of which rolls it back.

    More than 80 % of 25,000 descriptors for 5 minutes; more than 2 descriptors a minute by least squares over
    the last 30 minutes of an instance (at least 20 of them measured); more than 2 % errors of at least 20
    requests in 5 minutes; a p99 over 2 s in 5 minutes.
    """
    trace, candidate = readings.trace, readings.trace.rollout.candidate
    requests, errors = readings.counts(candidate)
    p99 = readings.aggregate("latency_p99_ms", candidate)
    instances = [readings.placed(s) for s in trace.samples.of_metric("open_fds", candidate)]
    five, thirty = readings.per_minutes(5), readings.per_minutes(30)
    growth = 2 * trace.rollout.sample_period / 60
    for minutes in range(1, trace.minutes + 1):
        end = readings.rows(minutes)
        recent, long = slice(max(end - five, 0), end), slice(max(end - thirty, 0), end)
        count = requests[recent].sum()
        fires = count >= 20 and errors[recent].sum() / count > 0.02
        fires = fires or (minutes >= 5 and _weighted(p99[recent], requests[recent]) > 2000)
        fires = fires or any(np.all(one[recent] > 20_000) for one in instances)
        fires = fires or any(_slope(one[long], readings.per_minutes(20)) > growth for one in instances)
        if fires:
            return _back(trace, minutes)
    return _through(trace)


def _slope(values: FloatArray, least: int) -> float:
    """Per row; minus infinity with fewer than `least` values."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size < least:
        return -np.inf
    x = known - known.mean()
    return float(x @ values[known] / (x @ x))


def trend(readings: Readings) -> Outcome:
    """Mann-Kendall on the descriptors of each candidate instance, one-sided at 1 %, from 10 samples on."""
    trace = readings.trace
    start = trace.rollout.start
    earliest = np.inf
    for one in trace.samples.of_metric("open_fds", trace.rollout.candidate):
        z = mann_kendall(one.values)
        rising = np.flatnonzero((z > Z98) & (np.arange(1, z.size + 1) >= 10) & (one.times > start))
        if rising.size:
            earliest = min(earliest, float(one.times[rising[0]]))
    minutes = np.ceil((earliest - start) / 60 - 1e-9)
    return _back(trace, float(minutes)) if minutes <= trace.minutes else _through(trace)


RIVALS: Mapping[str, Callable[[Readings], Outcome]] = MappingProxyType(
    {
        "release manager": release_manager,
        "Kayenta": kayenta,
        "alerts": alerts,
        "Mann-Kendall": trend,
        "always promote": always_promote,
    }
)
