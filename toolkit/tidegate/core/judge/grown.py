"""The segments of one revision, fitted: how fast they grow, and by which warm-up that is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tidegate.core.judge.growth import Means, Slope, means, noise, signed_root
from tidegate.core.judge.segments import Segment
from tidegate.core.judge.trend import Clock, Trends, dependence, fit, plain_slope, stack
from tidegate.core.samples import FloatArray

MISSED = 1 / 2
"""Part of a warm-up that a fitted curve may miss."""


class Limits(NamedTuple):
    """What growth is held against: tolerated per second, and the chance of being wrong."""

    delta: float
    alpha: float
    warm_up: float
    period: float
    clocks: int = 2
    """1: growth by time only; 2: by requests served as well."""


@dataclass(frozen=True)
class Grown:
    """The segments of one revision, fitted, and the warm-up shape that is believed."""

    trends: Trends
    means: Means
    shape: int
    chosen: tuple[int, ...]
    """The segments that are spoken of: all, or the one that climbs alone."""

    @property
    def slope(self) -> Slope:
        if len(self.chosen) == len(self.segments):
            return self.means.at(self.shape)
        (i,) = self.chosen
        sigma = noise(self.trends.rss, self.trends.df, self.trends.phi)
        variance = float(sigma[self.shape] * self.trends.unit_variance[self.shape, i])
        return Slope(float(self.trends.slope[self.shape, i]), variance, float(self.means.df[self.shape]))

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.trends.stack.segments

    @property
    def spoken_of(self) -> tuple[Segment, ...]:
        return tuple(self.segments[i] for i in self.chosen)

    @property
    def young(self) -> bool:
        """Whether any segment was seen from its start, and so has a warm-up in it."""
        return any(s.born for s in self.segments)

    @property
    def age(self) -> float:
        """Seconds that the oldest of the segments spoken of has been watched."""
        return max(s.span for s in self.spoken_of)

    @property
    def gained(self) -> float:
        """What the climb has added to the longest-watched instance so far, warm-up and load apart."""
        return self.slope.value * self.age

    @property
    def requests(self) -> float | None:
        """Mean requests per instance and sample period, None where not measured."""
        known = [(s.spread, s.requests) for s in self.segments if s.requests is not None]
        total = sum(w for w, _ in known)
        return sum(w * r for w, r in known if r is not None) / total if total > 0 else None

    def unloaded(self, *, jumps: bool = False) -> tuple[tuple[Segment, FloatArray], ...]:
        """The segments with their values less what load explains, and `jumps` that stand out."""
        return tuple(
            (self.segments[i], self.trends.unloaded(self.shape, i, jumps=jumps)) for i in self.chosen
        )

    def late_slope(self) -> float:
        """Slope per second over the second half of the segments, load and one-time jumps taken out."""
        total = weighted = 0.0
        for segment, values in self.unloaded(jumps=True):
            half = len(segment) // 2
            weighted += segment.spread * plain_slope(segment.age[half:], values[half:])
            total += segment.spread
        return weighted / total

    def outgrows_warm_up(self) -> bool:
        """Whether the climb has gained a fair part of what the warm-up did.

        No pool fills exactly as a curve says, and what the curve misses looks like a climb: a small part of
        a large warm-up. A true climb gets there by lasting.
        """
        gained = [
            (s.spread, self.trends.slope[self.shape, i] * s.span, self.trends.warmed[self.shape, i])
            for i, s in zip(self.chosen, self.spoken_of, strict=True)
        ]
        return bool(sum(w * g for w, g, _ in gained) >= MISSED * sum(w * c for w, _, c in gained))


def grow(segments: tuple[Segment, ...], limits: Limits, clock: Clock = Clock.AGE) -> Grown | None:
    """One revision alone, under the shape that fits best; None when too little is left to tell noise."""
    if not segments:
        return None
    stacked = stack(segments, limits.warm_up, limits.period, clock)
    phi = pooled(dependence(stacked), stacked.used.sum(axis=1))
    return grown_from(fit(stacked, phi))


def grown_from(trends: Trends, prior: FloatArray | None = None) -> Grown | None:
    """`prior` are log odds of the models, from elsewhere; shape (m,)."""
    if (trends.df.sum(axis=-1) < 3).any():
        return None
    found = means(trends, np.array([s.spread for s in trends.stack.segments]))
    if prior is not None:
        found = replace(found, log_likelihood=found.log_likelihood + prior)
    return Grown(trends, found, found.best, tuple(range(len(trends.stack.segments))))


def certainty(grown: Grown, delta: float) -> float:
    """The statistic of one revision alone against `delta` per second."""
    z = (grown.means.slope - delta) / np.sqrt(grown.means.variance)
    return float(signed_root(z, grown.means.df, grown.means.log_likelihood))


def known_load(grown: Grown) -> FloatArray | None:
    """What one unit of load costs by the stable revision's long record; None where that says too little."""
    stable, model = grown.trends, grown.shape
    sigma = float(noise(stable.rss, stable.df, stable.phi)[model])
    active = np.abs(stable.stack.columns[model, :, :, 3:5]).max(axis=1) > 0
    precision = np.where(active, 1 / np.maximum(stable.unit_load_variances[model], 1e-300), 0.0) / sigma
    total = precision.sum(axis=0)
    if not total.any():
        return None
    value = (precision * stable.coefficients[model, :, 3:5]).sum(axis=0) / np.maximum(total, 1e-300)
    # More load never takes fewer: a leak that began while traffic moved away would look like that.
    return np.where(total > 0, np.maximum(value, 0.0), np.nan)


def pooled(raw: FloatArray, lengths: FloatArray) -> FloatArray:
    """Dependence per shape over all segments, by their length; one short segment says little."""
    phi = (raw * lengths).sum(axis=-1, keepdims=True) / lengths.sum()
    return np.asarray(np.broadcast_to(phi, raw.shape))
