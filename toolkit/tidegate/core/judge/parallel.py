"""Does the candidate pull away from the stable revision, or do both go the same way at the same time?

The two are subtracted sample by sample, so whatever begins on both at once (an upstream that holds
connections, a shared pool that runs dry) is gone, whenever it began and however it runs.
"""

from __future__ import annotations

import math

import numpy as np

from tidegate.core.judge.comparison import known_load
from tidegate.core.judge.grown import Grown, Limits
from tidegate.core.judge.segments import Segment
from tidegate.core.judge.trend import segment_loads
from tidegate.core.samples import FloatArray

FEWEST = 8
"""Samples of the same time below which nothing is said."""


def parallel(
    candidate: tuple[Segment, ...], beside: tuple[Segment, ...], stable: Grown, limits: Limits
) -> float:
    """Standard errors by which the difference climbs more than is tolerated; infinity: cannot be compared.

    As measured, and less what load costs the stable revision: the smaller of the two, since a leak that began
    while the traffic moved can pass for an effect of load.
    """
    return min(_climb(candidate, beside, effect, limits) for effect in (None, known_load(stable)))


def _climb(
    candidate: tuple[Segment, ...], beside: tuple[Segment, ...], effect: FloatArray | None, limits: Limits
) -> float:
    """Slope by least squares, its variance for AR(1) noise (Bartlett 1935)."""
    mine, theirs = (_course(s, effect, limits) for s in (candidate, beside))
    bins = np.intersect1d(mine[0], theirs[0])
    if bins.size < FEWEST or bins.size < mine[0].size / 2:
        return math.inf
    gap = mine[1][np.searchsorted(mine[0], bins)] - theirs[1][np.searchsorted(theirs[0], bins)]
    at = bins * limits.period
    centred = at - at.mean()
    power = float(centred @ centred)
    slope = float(centred @ gap) / power
    rest = gap - gap.mean() - slope * centred
    left = float(rest @ rest)
    n = bins.size
    raw = float(rest[1:] @ rest[:-1]) / left if left > 0 else 0.0
    phi = min(max(raw + 2 * (1 + 2 * max(raw, 0.0)) / n, 0.0), 0.9)
    variance = max(left / (n - 2), 1 / 12) * (1 + phi) / (1 - phi) / power
    return (slope - limits.delta) / math.sqrt(variance)


def _course(
    segments: tuple[Segment, ...], effect: FloatArray | None, limits: Limits
) -> tuple[FloatArray, FloatArray]:
    """Mean course of the segments: sample periods since the epoch, and values less what load costs."""
    bins, values = [], []
    for segment in segments:
        loads = segment_loads(segment)
        plain = segment.values - (0.0 if effect is None else loads @ np.nan_to_num(effect))
        bins.append(np.round(segment.times / limits.period))
        values.append(plain)
    every, inverse = np.unique(np.concatenate(bins), return_inverse=True)
    count = np.bincount(inverse)
    return every, np.bincount(inverse, weights=np.concatenate(values)) / count
