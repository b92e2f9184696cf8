"""From the slopes of segments to the growth of a revision, and how surely it exceeds what is tolerated.

The evidence is a likelihood ratio over all warm-up shapes at once: how much worse do the samples fit when
growth may not exceed the tolerance, whatever the shape, than when it may? A warm-up that explains the samples
nearly as well as a leak does leaves nothing of it. Its signed root is about normal without a leak (Wilks
1938); what it is held against is simulated (`boundaries`), as the shapes overlap and every sample is a look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.trend import ROUNDING, Trends
from tidegate.core.samples import FloatArray

DISAGREE = 4.0
"""Standard deviations by which the spread between instances must exceed what their noise explains."""


@dataclass(frozen=True)
class Slope:
    """Mean slope per second over the segments of one revision."""

    value: float
    variance: float
    df: float

    def times(self, factor: float) -> Slope:
        return Slope(factor * self.value, factor * factor * self.variance, self.df)

    def interval(self, tail: float = 0.025) -> tuple[float, float]:
        half = t_quantile(tail, round(max(self.df, 1.0), 1)) * math.sqrt(self.variance)
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Means:
    """Arrays of shape (m, ...): mean slope of a revision per shape, its variance, degrees of freedom, fit."""

    slope: FloatArray
    variance: FloatArray
    df: FloatArray
    log_likelihood: FloatArray

    def at(self, shape: int) -> Slope:
        return Slope(float(self.slope[shape]), float(self.variance[shape]), float(self.df[shape]))

    @property
    def best(self) -> int:
        """The shape that fits best."""
        return int(np.argmax(self.log_likelihood))


def noise(rss: FloatArray, df: FloatArray, phi: FloatArray) -> FloatArray:
    """Variance of the transformed noise, pooled over the last axis, never under what rounding leaves."""
    pooled = rss.sum(axis=-1) / np.maximum(df.sum(axis=-1), 1.0)
    return np.asarray(np.maximum(pooled, ROUNDING * (1 - phi.mean(axis=-1)) ** 2))


def means(trends: Trends, weights: FloatArray) -> Means:
    """`weights` of shape (..., k), the spread of the segments; k is the last axis throughout."""
    share = weights / weights.sum(axis=-1, keepdims=True)
    sigma = noise(trends.rss, trends.df, trends.phi)
    value = (share * trends.slope).sum(axis=-1)
    variance = sigma * (share**2 * trends.unit_variance).sum(axis=-1)
    df = trends.df.sum(axis=-1)
    k = trends.slope.shape[-1]
    if k >= 3:
        # Instances that differ by far more than their noise: the mean is no surer than they agree.
        between = ((trends.slope - value[..., None]) ** 2 * share**2).sum(axis=-1) * k / (k - 1)
        torn = between > variance * (1 + DISAGREE * math.sqrt(2 / (k - 1)))
        variance, df = np.where(torn, between, variance), np.where(torn, float(k - 1), df)
    return Means(value, variance, df, log_likelihood(sigma, trends.df.sum(axis=-1)))


def log_likelihood(sigma: FloatArray, df: FloatArray) -> FloatArray:
    """Of each shape (first axis), up to a constant; all shapes at the degrees of freedom of the poorest."""
    n = df.min(axis=0)
    return np.asarray(-0.5 * n * np.log(sigma * df))


def signed_root(z: FloatArray, df: FloatArray, fit: FloatArray) -> FloatArray:
    """The signed root of the likelihood ratio, 0 where no shape needs the growth; first axis: shapes.

    `z` is (growth - tolerated) / standard error per shape, `fit` the log-likelihood with growth free.
    """
    held = fit - 0.5 * df * np.log1p(np.maximum(z, 0.0) ** 2 / df)
    return np.asarray(np.sqrt(2 * np.maximum(fit.max(axis=0) - held.max(axis=0), 0.0)))


def difference(candidate: Slope, stable: Slope | None) -> Slope:
    """Candidate minus stable, Welch's degrees of freedom; the candidate alone without a stable revision."""
    if stable is None:
        return candidate
    variance = candidate.variance + stable.variance
    parts = candidate.variance**2 / max(candidate.df, 1) + stable.variance**2 / max(stable.df, 1)
    df = variance**2 / parts if parts > 0 else candidate.df + stable.df
    return Slope(candidate.value - stable.value, variance, df)
