"""How fast the instances of two revisions grow, and how surely the candidate grows faster.

Slopes of a revision's segments are averaged, each weighted by how much its length can say. Because nobody
knows how long a pool takes to fill, every time constant of the grid that fits the data nearly as well as the
best one is tried, and the one most favourable to the candidate counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.regression import Clock, Fit, fit, plain_slope, serial_dependence
from tidegate.core.judge.segments import Segment
from tidegate.core.samples import FloatArray

TAUS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""The grid of time constants, in typical warm-ups."""
DISAGREE = 4.0
"""Standard deviations by which the spread between instances must exceed what their noise explains."""
PLAUSIBLE = 3.0
"""Log-likelihood a time constant may lack of the best and still be believed."""


@dataclass(frozen=True)
class Slope:
    """Mean slope per second over the segments of one revision."""

    value: float
    variance: float
    df: float

    def times(self, factor: float) -> Slope:
        return Slope(factor * self.value, factor * factor * self.variance, self.df)

    def interval(self, tail: float = 0.025) -> tuple[float, float]:
        half = t_quantile(tail, max(self.df, 1.0)) * math.sqrt(self.variance)
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Growth:
    """One revision at one time constant."""

    slope: Slope
    log_likelihood: float
    pairs: tuple[tuple[Segment, Fit], ...]

    @property
    def requests(self) -> float | None:
        """Mean requests per instance and sample period, None where not measured."""
        known = [(s.spread, s.requests) for s, _ in self.pairs if s.requests is not None]
        total = sum(w for w, _ in known)
        return sum(w * r for w, r in known) / total if total > 0 else None


def growth(segments: tuple[Segment, ...], tau: float, phi: float, clock: Clock = Clock.AGE) -> Growth | None:
    """None when no segment is long enough to be fitted."""
    pairs = [(s, f) for s in segments if (f := fit(s, tau, phi, clock)) is not None]
    if not pairs:
        return None
    weights = np.array([s.spread for s, _ in pairs])
    weights /= weights.sum()
    slopes = np.array([f.slope for _, f in pairs])
    variances = np.array([f.variance for _, f in pairs])
    dfs = np.array([f.df for _, f in pairs])
    parts = weights**2 * variances
    variance, value = float(parts.sum()), float(weights @ slopes)
    df = variance**2 / float((parts**2 / dfs).sum()) if variance > 0 else float(dfs.sum())
    if len(pairs) >= 3:
        # Instances that differ by far more than their noise: the mean is no surer than they agree.
        free = len(pairs) - 1
        between = float(((slopes - value) ** 2 * weights**2).sum()) * len(pairs) / free
        if between > variance * (1 + DISAGREE * math.sqrt(2 / free)):
            variance, df = between, float(free)
    return Growth(Slope(value, variance, df), sum(f.log_likelihood for _, f in pairs), tuple(pairs))


def pooled_dependence(segments: tuple[Segment, ...], tau: float, clock: Clock = Clock.AGE) -> float:
    """Serial dependence over all segments, weighted by their length; one short segment says little."""
    if not segments:
        return 0.0
    weights = np.array([len(s) for s in segments], dtype=np.float64)
    phis = np.array([serial_dependence(s, tau, clock) for s in segments])
    return float(weights @ phis / weights.sum())


def difference(candidate: Slope, stable: Slope | None) -> Slope:
    """Candidate minus stable, Welch's degrees of freedom; the candidate alone without a stable revision."""
    if stable is None:
        return candidate
    variance = candidate.variance + stable.variance
    parts = candidate.variance**2 / candidate.df + stable.variance**2 / stable.df
    df = variance**2 / parts if parts > 0 else candidate.df + stable.df
    return Slope(candidate.value - stable.value, variance, df)


def late_rise(pairs: tuple[tuple[Segment, Fit], ...]) -> tuple[float, float]:
    """Slopes per second over the middle and the last third of the segments, load taken out.

    From the last third the largest single rise is taken away first: growth that stands on one jump (a
    keep-alive setting, a second pool) is not a climb.
    """
    thirds: list[tuple[float, float, float]] = []
    for segment, fitted in pairs:
        n = len(segment)
        a, b = n // 3, n - max(4, n // 3)
        middle = plain_slope(segment.age[a:b], fitted.unloaded[a:b]) if b - a >= 3 else 0.0
        last = plain_slope(segment.age[b:], _without_jump(fitted.unloaded[b:]))
        thirds.append((segment.spread, middle, last))
    total = sum(w for w, _, _ in thirds)
    return sum(w * m for w, m, _ in thirds) / total, sum(w * last for w, _, last in thirds) / total


def outgrows_warm_up(pairs: tuple[tuple[Segment, Fit], ...]) -> bool:
    """Whether the climb has gained at least as much as the warm-up did.

    No pool fills exactly exponentially, and what the curve misses looks like a climb: a small part of a large
    warm-up. A true climb gets there by lasting.
    """
    climbed = sum(s.spread * f.slope * float(s.age[-1]) for s, f in pairs)
    return climbed >= sum(s.spread * f.warmed for s, f in pairs)


def _without_jump(values: FloatArray) -> FloatArray:
    steps = np.diff(values)
    if steps.size < 4:
        return values
    largest = int(np.argmax(steps))
    typical = max(float(np.median(steps)), 0.0)
    result = values.copy()
    result[largest + 1 :] -= max(float(steps[largest]) - typical, 0.0)
    return result
