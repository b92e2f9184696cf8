"""Is a level higher on the candidate than on the stable revision, by more than is tolerated?

For what is measured as a level every sample period (a ratio, a percentile, a use per request), not as a
count. Where both revisions have samples of the same period their difference is taken, which takes out
whatever both go through; otherwise the stable revision's past is the reference. The mean difference is
weighed against three kinds of chance: noise from sample to sample, which remembers the one before (variance
of the mean of an AR(1) process, Bartlett 1935); the wandering of a level over spans as long as the
candidate's; and placement: two healthy instances of one version never quite agree, on account of their
machines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tidegate.core.judge.chance import own_noise, placement_of, variance_of_mean, wandering_of
from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.view import LARGEST, Binned, IntArray, View, after_start, before_start
from tidegate.core.samples import FloatArray, Series

LOOKS = 4.0
"""What looking again and again costs a test whose healthy mean lies well below what is tolerated: the largest
of all looks exceeds a quantile about so many times as often as one look does."""
SUSTAINED = 0.7
"""Part of a few samples, and of the later half of them, that must be worse than tolerated."""
QUARTERED = 12
"""Samples from which the means of three quarters of them, the last among them, must be worse instead."""
FEWEST = 4
"""Samples of the candidate below which nothing is said."""
RECENT = 3
"""Samples that must still be worse for a trouble of both revisions to be called present."""
LATEST = 20
"""The youngest samples beside the stable revision, which are also judged on their own: what begins late must
not be diluted by the good time before it. So many that a spell of a few minutes is not most of them."""
EXCEEDED = 0.01
"""Chance, at one look, of taking a difference for more than is tolerated where it is just that. That there is
any must be far surer: this is what keeps healthy revisions safe."""


@dataclass(frozen=True)
class Scale:
    """How a level is compared. Values are transformed first: their logarithm, or as they are."""

    relative: bool
    """Compare ratios (logarithms) rather than differences."""
    tolerated: float
    """Change for the worse that is tolerated: of the logarithm, or of the value."""
    least: float
    """Standard deviation below which no noise is believed, in the same scale."""
    placement: float
    """Usual standard deviation between instances of one version, in the same scale."""
    higher_is_worse: bool = True

    def of(self, values: FloatArray) -> FloatArray:
        scaled = np.log(np.maximum(values, 1e-12)) if self.relative else values
        return scaled if self.higher_is_worse else -scaled


@dataclass(frozen=True)
class Shift:
    """The candidate's level less the stable revision's, in the scale; positive is worse."""

    value: float
    low: float
    high: float
    z: float
    boundary: float
    samples: int
    sustained: bool
    paired: bool
    mine: float
    """Typical value of the candidate (median), as measured; `other` of the reference."""
    other: float

    @property
    def certain(self) -> bool:
        return self.z > self.boundary and self.sustained


def shift(
    view: View,
    mine: list[Series],
    stable: list[Series],
    scale: Scale,
    alpha: float,
    *,
    follows_load: bool = False,
) -> Shift | None:
    """None where there is too little to say anything. Series of one revision each: aggregate or instances.

    `follows_load`: what is measured may rise and fall with a revision's share of the traffic.
    """
    candidate = after_start(view.mean(mine))
    theirs = view.mean(stable)
    if len(candidate) < FEWEST or len(theirs) < FEWEST:
        return None
    during, before = after_start(theirs), before_start(theirs)
    alike = shared_until(view, 50 if follows_load else 99)
    return compare(candidate, during, before, scale, alpha, _placed(mine, stable, scale), alike)


def shared_until(view: View, percent: float) -> int:
    """The last bin before the candidate had more than `percent` of the traffic."""
    moved = [s.time for s in view.rollout.steps if s.percent > percent]
    return int(view.bins_of(np.array([min(moved)]))[0]) if moved else int(LARGEST)


def compare(
    candidate: Binned,
    during: Binned,
    before: Binned,
    scale: Scale,
    alpha: float,
    placement: tuple[float, float],
    alike: int,
    doubt: Callable[[IntArray], float] = lambda bins: 0.0,
) -> Shift | None:
    """The surer of two answers: beside the stable revision, and against its past where it has no traffic.

    `placement` is the variance that placement adds to the difference, and its degrees of freedom; `doubt` is,
    for given bins, the variance of what the values were reckoned with. `alike` is the last bin in which both
    revisions served enough to be compared there and then.
    """

    def placed(bins: IntArray) -> tuple[float, float]:
        return placement[0] + doubt(bins), placement[1]

    beside = during.at(candidate.bins, np.nan)
    both = np.isfinite(beside)
    usual = own_noise(scale.of(before.values))
    found: list[Shift] = []
    if both.sum() >= FEWEST:
        differences = scale.of(candidate.values[both]) - scale.of(beside[both])
        told = (float(np.median(candidate.values[both])), float(np.median(beside[both])))
        # Half of alpha is for the whole of it, half for its youngest part.
        where = placed(candidate.bins[both])
        found.append(_weighed(differences, usual, (0.0, 1.0), where, scale, alpha / 2, told, paired=True))
        recent = np.flatnonzero(both & (candidate.bins <= alike))
        if recent.size >= LATEST + FEWEST:
            last = recent[-LATEST:]
            mine, other, where = candidate.values[last], beside[last], placed(candidate.bins[last])
            found.append(_latest(mine, other, usual, where, scale, alpha / 2))
    past = before if len(before) >= FEWEST else during
    if (~both).sum() >= FEWEST and len(past) >= FEWEST:
        level, alone = scale.of(past.values), candidate.values[~both]
        differences = scale.of(alone) - float(np.median(level))
        wandering = (wandering_of(level, differences.size), float(len(past) - 1))
        told = (float(np.median(alone)), float(np.median(past.values)))
        where = placed(candidate.bins[~both])
        weighed = _weighed(differences, usual, wandering, where, scale, alpha, told, paired=False)
        parting = scale.of(during.values[-RECENT:]) - float(np.median(level))
        # Where the stable revision was bad already when its traffic left, whatever it is goes on elsewhere.
        went_bad = len(before) >= FEWEST and bool((parting > scale.tolerated).any())
        found.append(replace(weighed, sustained=weighed.sustained and not went_bad))
    # Beside the stable revision and over the whole is the better question: the others count when certain.
    return next((f for f in found if f.certain), found[0] if found else None)


def _latest(
    mine: FloatArray,
    beside: FloatArray,
    usual: float,
    placement: tuple[float, float],
    scale: Scale,
    alpha: float,
) -> Shift:
    """The same question of the youngest samples alone.

    All of their quarters must be worse, not three of four: here a spell would be a large part.
    """
    differences = scale.of(mine) - scale.of(beside)
    told = (float(np.median(mine)), float(np.median(beside)))
    found = _weighed(differences, usual, (0.0, 1.0), placement, scale, alpha, told, paired=True)
    lasting = all(float(q.mean()) > scale.tolerated for q in np.array_split(differences, 4))
    return replace(found, sustained=found.sustained and lasting)


def _weighed(
    differences: FloatArray,
    usual: float,
    wandering: tuple[float, float],
    placement: tuple[float, float],
    scale: Scale,
    alpha: float,
    told: tuple[float, float],
    *,
    paired: bool,
) -> Shift:
    """One question; variances come with their degrees of freedom (Welch-Satterthwaite)."""
    noise = variance_of_mean(differences, scale.least, usual)
    value = float(differences.mean())
    parts = (noise, wandering, placement)
    # Two constants differ for certain, but not by an infinity of standard errors.
    variance = max(sum(v for v, _ in parts), 1e-18)
    free = round(max(variance**2 / max(sum(v**2 / df for v, df in parts), 1e-300), 1.0), 1)
    error = math.sqrt(variance)
    half = t_quantile(0.025, free) * error
    boundary = t_quantile(alpha / LOOKS, free)
    z = (value - scale.tolerated) / error
    if paired:
        z = min(value / error, z * boundary / t_quantile(EXCEEDED, free))
    return Shift(
        value=value,
        low=value - half,
        high=value + half,
        z=z,
        boundary=boundary,
        samples=int(differences.size),
        sustained=_sustained(differences, scale.tolerated, from_the_start=not paired),
        paired=paired,
        mine=told[0],
        other=told[1],
    )


def _sustained(differences: FloatArray, tolerated: float, *, from_the_start: bool) -> bool:
    """Whether it is so most of the time and to the end, rather than on account of a few wild samples.

    Without a stable revision beside, also from the start: what begins later may come from upstream.
    """
    worse = differences > tolerated
    if differences.size < QUARTERED:
        halves = worse[: worse.size // 2].mean() if from_the_start else 1.0
        return bool(min(worse.mean(), worse[worse.size // 2 :].mean(), halves) >= SUSTAINED)
    quarters = [float(q.mean()) > tolerated for q in np.array_split(differences, 4)]
    throughout = quarters[0] or not from_the_start
    enough = sum(quarters) >= 3 and quarters[-1] and throughout
    return enough and float(np.median(differences)) > tolerated


def _placed(mine: list[Series], stable: list[Series], scale: Scale) -> tuple[float, float]:
    named = [s for s in stable if s.key.instance]
    candidates = max(len({s.key.instance for s in mine if s.key.instance}), 1)
    levels = np.array([float(np.median(scale.of(s.values))) for s in named if len(s) >= FEWEST])
    return placement_of(levels, candidates, scale.placement)
