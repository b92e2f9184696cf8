"""Candidate against stable: which of the two grows faster, on which clock, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tidegate.core.judge.boundaries import boundary
from tidegate.core.judge.growth import Means, Slope, difference, log_likelihood, means, noise, signed_root
from tidegate.core.judge.segments import Segment
from tidegate.core.judge.trend import Clock, Trends, clocks, dependence, fit, plain_slope, stack
from tidegate.core.samples import FloatArray

CLIMBING = 3.0
"""Standard errors of the stable revision's slope beyond which its own climb is reckoned with."""


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
    def requests(self) -> float | None:
        """Mean requests per instance and sample period, None where not measured."""
        known = [(s.spread, s.requests) for s in self.segments if s.requests is not None]
        total = sum(w for w, _ in known)
        return sum(w * r for w, r in known if r is not None) / total if total > 0 else None

    def unloaded(self) -> tuple[tuple[Segment, FloatArray], ...]:
        """The segments with their values less what load explains."""
        return tuple((self.segments[i], self.trends.unloaded(self.shape, i)) for i in self.chosen)

    def late_slope(self) -> float:
        """Slope per second over the second half of the segments, load and one-time jumps taken out."""
        total = weighted = 0.0
        for segment, values in self.unloaded():
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


MISSED = 1 / 3
"""Part of a warm-up that a fitted curve may miss."""
OTHER_LOAD = 4.5
"""Log odds against a new revision needing another number of descriptors per request than the stable one: 1
in 90. Growing traffic and a leak look alike; what load costs is better learnt where traffic goes both
ways."""


@dataclass(frozen=True)
class Comparison:
    """Candidate against stable (None: nothing to compare with) on the clock that counts."""

    candidate: Grown
    stable: Grown | None
    excess: Slope
    statistic: float
    """Signed root of the likelihood ratio; `growth` says of what."""
    boundary: float

    @property
    def strength(self) -> float:
        """Evidence as a part of what is asked for; above 1 the climb is certain."""
        return self.statistic / self.boundary


class Limits(NamedTuple):
    """What growth is held against: tolerated per second, and the chance of being wrong."""

    delta: float
    alpha: float
    warm_up: float
    period: float


def compare(candidate: tuple[Segment, ...], stable: tuple[Segment, ...], limits: Limits) -> Comparison | None:
    """The stronger evidence of the clocks, which share alpha; None when nothing can be fitted."""
    if not candidate:
        return None
    tried = clocks(candidate)
    shared = limits._replace(alpha=limits.alpha / len(tried))
    found = [_on_clock(candidate, stable, shared, clock) for clock in tried]
    return max((c for c in found if c is not None), key=lambda c: c.strength, default=None)


def grow(segments: tuple[Segment, ...], limits: Limits, clock: Clock = Clock.AGE) -> Grown | None:
    """One revision alone, under the shape that fits best; None when too little is left to tell noise."""
    if not segments:
        return None
    stacked = stack(segments, limits.warm_up, limits.period, clock)
    phi = _pooled(dependence(stacked), stacked.used.sum(axis=1))
    return _grown(fit(stacked, phi))


def certainty(grown: Grown, delta: float) -> float:
    """The statistic of one revision alone against `delta` per second."""
    z = (grown.means.slope - delta) / np.sqrt(grown.means.variance)
    return float(signed_root(z, grown.means.df, grown.means.log_likelihood))


def _on_clock(
    candidate: tuple[Segment, ...], stable: tuple[Segment, ...], limits: Limits, clock: Clock
) -> Comparison | None:
    mine, other = _both(candidate, stable, limits, clock)
    if mine is None:
        return None
    known = _known_warm_up(other, len(mine.means.slope)) - OTHER_LOAD * mine.trends.stack.free_load
    against = _at_my_rate(mine, other)
    overall = _verdict(mine, other, against, limits, known)
    if len(candidate) < 2:
        return overall
    halved = limits._replace(alpha=limits.alpha / 2)
    single = _single(mine, other, against, halved, known)
    overall = _verdict(mine, other, against, halved, known)
    return max(overall, single, key=lambda c: c.strength)


def _both(
    candidate: tuple[Segment, ...], stable: tuple[Segment, ...], limits: Limits, clock: Clock
) -> tuple[Grown | None, Grown | None]:
    """Both revisions fitted with one dependence: they run the same kind of program on the same grid."""
    scale = (limits.warm_up, limits.period, clock)
    if not stable:
        alone = stack(candidate, *scale)
        return _grown(fit(alone, _pooled(dependence(alone), alone.used.sum(axis=1)))), None
    theirs = stack(stable, *scale)
    their_phi = dependence(theirs)
    known = _known_load(fit(theirs, _pooled(their_phi, theirs.used.sum(axis=1))))
    mine = stack(candidate, *scale, known=known)
    rounds = mine.values.shape[0] // their_phi.shape[0]
    k = len(candidate)
    raw = np.concatenate([dependence(mine), np.tile(their_phi, (rounds, 1))], axis=1)
    phi = _pooled(raw, np.concatenate([s.used.sum(axis=1) for s in (mine, theirs)]))
    return _grown(fit(mine, phi[:, :k])), _grown(fit(theirs, phi[: their_phi.shape[0], k:]))


def _known_load(stable: Trends) -> FloatArray | None:
    """What one unit of load costs by the stable revision's long record; None where that says too little."""
    grown = _grown(stable)
    if grown is None:
        return None
    model = grown.shape
    sigma = float(noise(stable.rss, stable.df, stable.phi)[model])
    active = np.abs(stable.stack.columns[model, :, :, 3:5]).max(axis=1) > 0
    precision = np.where(active, 1 / np.maximum(stable.unit_load_variances[model], 1e-300), 0.0) / sigma
    total = precision.sum(axis=0)
    if not total.any():
        return None
    value = (precision * stable.coefficients[model, :, 3:5]).sum(axis=0) / np.maximum(total, 1e-300)
    return np.where(total > 0, value, np.nan)


def _pooled(raw: FloatArray, lengths: FloatArray) -> FloatArray:
    """Dependence per shape over all segments, by their length; one short segment says little."""
    phi = (raw * lengths).sum(axis=-1, keepdims=True) / lengths.sum()
    return np.asarray(np.broadcast_to(phi, raw.shape))


def _grown(trends: Trends) -> Grown | None:
    if (trends.df.sum(axis=-1) < 3).any():
        return None
    found = means(trends, np.array([s.spread for s in trends.stack.segments]))
    return Grown(trends, found, found.best, tuple(range(len(trends.stack.segments))))


def _known_warm_up(stable: Grown | None, shapes: int) -> FloatArray:
    """What the stable revision's own cold starts say about the shape of a warm-up; zeros for nothing."""
    if stable is None:
        return np.zeros(shapes)
    young = [i for i, s in enumerate(stable.segments) if s.born]
    if not young:
        return np.zeros(shapes)
    trends = stable.trends
    rss, df, phi = trends.rss[:, young], trends.df[:, young], trends.phi[:, young]
    fits = log_likelihood(noise(rss, df, phi), df.sum(axis=-1))
    return np.tile(fits, shapes // fits.size)


def _verdict(
    mine: Grown, other: Grown | None, against: Slope | None, limits: Limits, known: FloatArray
) -> Comparison:
    found = mine.means
    z = _standardised(found.slope, found.variance, against, limits.delta)
    statistic = float(signed_root(z, found.df, found.log_likelihood + known))
    excess = difference(mine.slope, against)
    return Comparison(mine, other, excess, statistic, boundary(limits.alpha, len(mine.segments)))


def _single(
    mine: Grown, other: Grown | None, against: Slope | None, limits: Limits, known: FloatArray
) -> Comparison:
    """The one instance that climbs most surely by itself: a code path that few requests take."""
    trends, found = mine.trends, mine.means
    sigma = noise(trends.rss, trends.df, trends.phi)
    z = _standardised(trends.slope, sigma[:, None] * trends.unit_variance, against, limits.delta)
    fits = np.broadcast_to((found.log_likelihood + known)[:, None], z.shape)
    df = np.broadcast_to(trends.df.sum(axis=-1)[:, None], z.shape)
    roots = signed_root(z, df, fits)
    best = int(np.argmax(roots))
    alone = Grown(trends, found, mine.shape, (best,))
    limit = boundary(limits.alpha / len(mine.segments), 1)
    return Comparison(alone, other, difference(alone.slope, against), float(roots[best]), limit)


def _standardised(slope: FloatArray, variance: FloatArray, against: Slope | None, delta: float) -> FloatArray:
    """The smaller of the growth alone and less the stable revision's, over delta, in standard errors."""
    alone = (slope - delta) / np.sqrt(variance)
    if against is None:
        return np.asarray(alone)
    return np.asarray(
        np.minimum(alone, (slope - against.value - delta) / np.sqrt(variance + against.variance))
    )


def load_ratio(mine: Grown, stable: Grown) -> float:
    """How many times the requests of a stable instance one of the candidate's serves; 1 if unknown."""
    if mine.requests is None or stable.requests is None or stable.requests <= 0:
        return 1.0
    return mine.requests / stable.requests


def _at_my_rate(mine: Grown, stable: Grown | None) -> Slope | None:
    """The stable slope as it would be under the candidate's traffic.

    A leak per request climbs with traffic, so a busier candidate climbs faster by the same fault. That is
    granted where the stable revision climbs for certain; its noise is not multiplied.
    """
    if stable is None:
        return None
    slope = stable.slope
    certain = slope.value > CLIMBING * math.sqrt(slope.variance)
    return slope.times(max(1.0, load_ratio(mine, stable))) if certain else slope
