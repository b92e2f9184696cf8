"""Candidate against stable: which of the two grows faster, on which clock, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tidegate.core.judge.boundaries import boundary
from tidegate.core.judge.grown import Grown, Limits, grown_from, known_load, pooled
from tidegate.core.judge.growth import Slope, difference, log_likelihood, noise, signed_root
from tidegate.core.judge.parallel import apart
from tidegate.core.judge.segments import Segment
from tidegate.core.judge.trend import SHAPES, Clock, Stack, clocks, dependence, fit, reclocked, stack
from tidegate.core.samples import FloatArray

PLAINLY = 4.0
"""Log-likelihood that a warm-up must gain to be believed of what was there from the first sample on."""
CLIMBING = 3.0
"""Standard errors of the stable revision's slope beyond which its own climb is reckoned with."""
OTHER_LOAD = 6.0
"""Log odds against a new revision needing another number of descriptors per request than the stable one: 1
in 400. Growing traffic and a leak look alike; what load costs is better learnt where traffic goes both
ways."""
UNASKED = 3.0
"""Log-likelihood that any warm-up must gain to be believed: it is one more number to fit, and whatever the
shape, a little of it fits noise. About what Schwarz (1978) asks of one more parameter."""
ALONE = 0.25
"""Part of the chance of error that goes to the one instance that climbs alone."""


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


class Against(NamedTuple):
    """The stable revision's slope for each model of the candidate, and the one that is told."""

    values: FloatArray
    variances: FloatArray
    told: Slope


def compare(candidate: tuple[Segment, ...], stable: tuple[Segment, ...], limits: Limits) -> Comparison | None:
    """The stronger evidence of the clocks, which share alpha; None when nothing can be fitted."""
    if not candidate:
        return None
    tried = clocks(candidate) if limits.clocks > 1 else (Clock.AGE,)
    shared = limits._replace(alpha=limits.alpha / len(tried))
    other, their_phi, lengths = _stable(stable, limits)
    stacked = stack(
        candidate,
        limits.warm_up,
        limits.period,
        Clock.AGE,
        known=None if other is None else known_load(other),
    )
    prior = _prior(other, stacked)
    found = []
    for clock in tried:
        mine = stacked if clock is Clock.AGE else reclocked(stacked, clock)
        fitted = _fitted(mine, their_phi, lengths, prior)
        if fitted is not None:
            found.append(_verdict(fitted, other, shared))
    return max(found, key=lambda c: c.strength, default=None)


def _stable(stable: tuple[Segment, ...], limits: Limits) -> tuple[Grown | None, FloatArray, FloatArray]:
    """The stable revision fitted by time, with the dependence and the length of its segments.

    What counts of it is how much it gains a minute, on whatever clock the candidate is.
    """
    if not stable:
        return None, np.empty((1, 0)), np.empty(0)
    stacked = stack(stable, limits.warm_up, limits.period, Clock.AGE)
    lengths, phi = stacked.used.sum(axis=1), dependence(stacked)
    grown = grown_from(fit(stacked, pooled(phi, lengths)))
    if grown is not None and not grown.young:
        fits = grown.means.log_likelihood
        # What was there before the measurements began has no warm-up, unless it plainly shows one.
        grown = replace(grown, shape=0 if fits.max() - fits[0] < PLAINLY else grown.shape)
    return grown, phi, lengths


def _fitted(stacked: Stack, their_phi: FloatArray, lengths: FloatArray, prior: FloatArray) -> Grown | None:
    """The candidate, with one dependence for both: they run the same kind of program on the same grid."""
    m, k, _ = stacked.values.shape
    raw = np.concatenate([dependence(stacked), np.tile(their_phi, (m // their_phi.shape[0], 1))], axis=1)
    phi = pooled(raw, np.concatenate([stacked.used.sum(axis=1), lengths]))
    return grown_from(fit(stacked, phi[:, :k]), prior)


def _verdict(mine: Grown, other: Grown | None, limits: Limits) -> Comparison:
    against = _at_my_rate(mine, other)
    if len(mine.segments) < 2:
        return _together(mine, other, against, limits)
    part = limits._replace(alpha=(1 - ALONE) * limits.alpha)
    together = _together(mine, other, against, part)
    single = _single(mine, other, against, limits._replace(alpha=ALONE * limits.alpha))
    if single.strength > together.strength and apart(single.candidate, limits):
        return single
    return together


def _prior(stable: Grown | None, stacked: Stack) -> FloatArray:
    """Log odds of the candidate's models by what is known of the service beforehand."""
    models = len(stacked.values)
    known = _known_warm_up(stable, models) - UNASKED * (np.arange(models) % len(SHAPES) > 0)
    return np.asarray(known - OTHER_LOAD * stacked.free_load)


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


def _together(mine: Grown, other: Grown | None, against: Against | None, limits: Limits) -> Comparison:
    found = mine.means
    z = _standardised(found.slope, found.variance, against, limits.delta)
    statistic = float(signed_root(z, found.df, found.log_likelihood))
    excess = difference(mine.slope, None if against is None else against.told)
    limit = boundary(limits.alpha, len(mine.segments), mine.age / limits.warm_up)
    return Comparison(mine, other, excess, statistic, limit)


def _single(mine: Grown, other: Grown | None, against: Against | None, limits: Limits) -> Comparison:
    """The one instance that climbs most surely by itself: a code path that few requests take."""
    trends, found = mine.trends, mine.means
    sigma = noise(trends.rss, trends.df, trends.phi)
    each = None
    if against is not None:
        each = Against(against.values[:, None], against.variances[:, None], against.told)
    z = _standardised(trends.slope, sigma[:, None] * trends.unit_variance, each, limits.delta)
    fits = np.broadcast_to(found.log_likelihood[:, None], z.shape)
    df = np.broadcast_to(trends.df.sum(axis=-1)[:, None], z.shape)
    roots = signed_root(z, df, fits)
    best = int(np.argmax(roots))
    alone = Grown(trends, found, mine.shape, (best,))
    excess = difference(alone.slope, None if against is None else against.told)
    limit = boundary(limits.alpha / len(mine.segments), 1, alone.age / limits.warm_up)
    return Comparison(alone, other, excess, float(roots[best]), limit)


def _standardised(
    slope: FloatArray, variance: FloatArray, against: Against | None, delta: float
) -> FloatArray:
    """The smaller of the growth alone and less the stable revision's, over delta, in standard errors."""
    alone = (slope - delta) / np.sqrt(variance)
    if against is None:
        return np.asarray(alone)
    less = (slope - against.values - delta) / np.sqrt(variance + against.variances)
    return np.asarray(np.minimum(alone, less))


def load_ratio(mine: Grown, stable: Grown) -> float:
    """How many times the requests of a stable instance one of the candidate's serves; 1 if unknown."""
    if mine.requests is None or stable.requests is None or stable.requests <= 0:
        return 1.0
    return mine.requests / stable.requests


def _at_my_rate(mine: Grown, stable: Grown | None) -> Against | None:
    """The stable slope as it would be under the candidate's traffic.

    A leak per request climbs with traffic, so a busier candidate climbs faster by the same fault. That is
    granted where the stable revision climbs for certain; its noise is not multiplied.
    """
    if stable is None:
        return None
    told, factor = stable.slope, 1.0
    if told.value > CLIMBING * math.sqrt(told.variance):
        factor = max(1.0, load_ratio(mine, stable))
    models = len(mine.means.slope)
    if stable.young:
        rounds = models // len(stable.means.slope)
        values, variances = (np.tile(a, rounds) for a in (stable.means.slope, stable.means.variance))
    else:
        values, variances = np.full(models, told.value), np.full(models, told.variance)
    return Against(factor * values, factor**2 * variances, told.times(factor))
