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
from dataclasses import dataclass, replace

import numpy as np

from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.view import Binned, View, after_start, before_start
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
PRIOR = 6.0
"""Instances' worth of belief in the usual spread between placements."""
KNOWN = 1000.0
"""Degrees of freedom of what is taken for known."""


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


def shift(view: View, mine: list[Series], stable: list[Series], scale: Scale, alpha: float) -> Shift | None:
    """None where there is too little to say anything. Series of one revision each: aggregate or instances."""
    candidate = after_start(view.mean(mine))
    theirs = view.mean(stable)
    if len(candidate) < FEWEST or len(theirs) < FEWEST:
        return None
    during, before = after_start(theirs), before_start(theirs)
    return compare(candidate, during, before, scale, alpha, _placement(mine, stable, scale))


def compare(
    candidate: Binned,
    during: Binned,
    before: Binned,
    scale: Scale,
    alpha: float,
    placement: tuple[float, float],
) -> Shift | None:
    """The surer of two answers: beside the stable revision, and against its past where it has no traffic.

    `placement` is the variance that placement adds to the difference, and its degrees of freedom.
    """
    beside = during.at(candidate.bins, np.nan)
    both = np.isfinite(beside)
    usual = _own_noise(scale.of(before.values))
    found: list[Shift] = []
    if both.sum() >= FEWEST:
        differences = scale.of(candidate.values[both]) - scale.of(beside[both])
        told = (float(np.median(candidate.values[both])), float(np.median(beside[both])))
        found.append(_weighed(differences, usual, (0.0, 1.0), placement, scale, alpha, told, paired=True))
    past = before if len(before) >= FEWEST else during
    if (~both).sum() >= FEWEST and len(past) >= FEWEST:
        level, alone = scale.of(past.values), candidate.values[~both]
        differences = scale.of(alone) - float(np.median(level))
        wandering = (_wandering(level, differences.size), float(len(past) - 1))
        told = (float(np.median(alone)), float(np.median(past.values)))
        weighed = _weighed(differences, usual, wandering, placement, scale, alpha, told, paired=False)
        parting = scale.of(during.values[-RECENT:]) - float(np.median(level))
        # Where the stable revision was bad already when its traffic left, whatever it is goes on elsewhere.
        went_bad = len(before) >= FEWEST and bool((parting > scale.tolerated).any())
        found.append(replace(weighed, sustained=weighed.sustained and not went_bad))
    # Beside the stable revision is the better question: the other one only counts when it is certain.
    return next((f for f in found if f.certain), found[0] if found else None)


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
    noise = _variance_of_mean(differences, scale.least, usual)
    value = float(differences.mean())
    parts = (noise, wandering, placement)
    # Two constants differ for certain, but not by an infinity of standard errors.
    variance = max(sum(v for v, _ in parts), 1e-18)
    free = round(max(variance**2 / max(sum(v**2 / df for v, df in parts), 1e-300), 1.0), 1)
    half = t_quantile(0.025, free) * math.sqrt(variance)
    return Shift(
        value=value,
        low=value - half,
        high=value + half,
        z=(value - scale.tolerated) / math.sqrt(variance),
        boundary=t_quantile(alpha / LOOKS, free),
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


def _variance_of_mean(values: FloatArray, least: float, usual: float) -> tuple[float, float]:
    """Variance of the mean of values that remember the one before, and its degrees of freedom.

    `usual` is the noise of the stable revision: a handful of samples that happen to agree is not believed.
    """
    n = values.size
    centred = values - values.mean()
    power = float(centred @ centred)
    spread = max(power / (n - 1), least**2, usual if n < 12 else 0.0)
    raw = float(centred[1:] @ centred[:-1]) / power if power > 0 else 0.0
    phi = min(max(raw + (1 + 3 * max(raw, 0.0)) / n, 0.0), 0.9)
    worth = max(n * (1 - phi) / (1 + phi), 2.0)
    return spread / worth, max(worth - 1, 1.0)


def _own_noise(values: FloatArray) -> float:
    """Variance from sample to sample, from robust differences; 0 where too little is known."""
    if values.size < 8:
        return 0.0
    steps = np.diff(values)
    return float((1.4826 * np.median(np.abs(steps - np.median(steps)))) ** 2 / 2)


def _wandering(past: FloatArray, length: int) -> float:
    """Variance of the mean over spans of `length` samples, as the past shows it."""
    spread = float(past.var(ddof=1))
    blocks = past.size // max(length, 1)
    if blocks >= 3:
        means = past[: blocks * length].reshape(blocks, length).mean(axis=1)
        return max(float(means.var(ddof=1)), spread / past.size)
    # Too short a past to see it: as if it were one wave.
    return spread * 0.5 + spread / past.size


def _placement(mine: list[Series], stable: list[Series], scale: Scale) -> tuple[float, float]:
    """Variance that placement adds to the difference of the revisions, and its degrees of freedom."""
    named = [s for s in stable if s.key.instance]
    candidates = max(len({s.key.instance for s in mine if s.key.instance}), 1)
    levels = np.array([float(np.median(scale.of(s.values))) for s in named if len(s) >= FEWEST])
    k = levels.size
    measured = float(levels.var(ddof=1)) if k >= 2 else 0.0
    free = max(k - 1, 0)
    variance = (free * measured + PRIOR * scale.placement**2) / (free + PRIOR)
    return variance * (1 / candidates + 1 / max(k, 1)), free + PRIOR if k >= 2 else KNOWN


def moved_together(mine: Binned, stable: Binned, scale: Scale, alpha: float) -> float | None:
    """The stable revision's level before the rollout, if both have been worse since, and still are."""
    during, before = after_start(stable), before_start(stable)
    if len(mine) < RECENT or len(during) < RECENT or len(before) < FEWEST:
        return None
    past = scale.of(before.values)
    usual = float(np.median(past))
    recent = [scale.of(b.values[-RECENT:]) - usual for b in (mine, during)]
    if any((r <= scale.tolerated).any() for r in recent):
        return None
    worse = scale.of(during.values) - usual > scale.tolerated
    # From where it was last as before: what began late must not be diluted by the quiet time.
    last_quiet = int(np.flatnonzero(~worse)[-1]) + 1 if (~worse).any() else 0
    since = Binned(during.bins[last_quiet:], during.values[last_quiet:])
    if len(since) < FEWEST:
        return None
    found = compare(since, Binned(during.bins[:0], during.values[:0]), before, scale, alpha, (0.0, 1.0))
    return float(np.median(before.values)) if found is not None and found.certain else None
