"""Do both revisions go the same way at the same time?

Whatever begins on both at once (an upstream that holds connections, a shared pool that runs dry) is not the
candidate's doing, whenever it began and however quiet the stable revision was before.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tidegate.core.judge.grown import Grown, Limits, known_load
from tidegate.core.judge.segments import Segment
from tidegate.core.judge.trend import segment_loads
from tidegate.core.samples import FloatArray

FEWEST = 8
"""Samples of the same time below which nothing is said."""
SURELY = 3.0
"""Standard errors from which one is taken to climb faster than the other."""
FAIRLY = 0.5
"""Part of the candidate's climb from which the stable revision's may be the same."""


class Course(NamedTuple):
    """Mean course of the instances of a revision: sample periods since the epoch, and values."""

    bins: FloatArray
    values: FloatArray


class Climb(NamedTuple):
    """Slope per second by least squares, and its standard error for AR(1) noise (Bartlett 1935)."""

    slope: float
    error: float


def climbs_too(candidate: Grown, beside: tuple[Segment, ...], before: Grown | None, limits: Limits) -> bool:
    """Whether the stable revision (`beside`) climbs as well, over the whole time or its later half.

    Looked at as measured, and less what load cost it `before` the rollout: a leak that began while the
    traffic moved can pass for an effect of load.
    """
    effect = None if before is None else known_load(before)
    for load in (None, effect):
        mine = _course(candidate.spoken_of, load, limits)
        theirs = _course(beside, load, limits)
        bins = np.intersect1d(mine.bins, theirs.bins)
        for since in (0, bins.size // 2):
            window = bins[since:]
            if window.size >= FEWEST and _together(_at(mine, window), _at(theirs, window), limits):
                return True
    return False


def apart(candidate: Grown, limits: Limits) -> bool:
    """Whether the one instance that is spoken of climbs away from its siblings; true where all are."""
    alone = set(candidate.chosen)
    if len(alone) == len(candidate.segments):
        return True
    siblings = tuple(s for i, s in enumerate(candidate.segments) if i not in alone)
    mine, others = _course(candidate.spoken_of, None, limits), _course(siblings, None, limits)
    bins = np.intersect1d(mine.bins, others.bins)
    if bins.size < FEWEST:
        return True
    gap = _at(mine, bins).values - _at(others, bins).values
    climb = _climb(Course(bins, gap), limits)
    return climb.slope - limits.delta > SURELY * climb.error


def _together(mine: Course, theirs: Course, limits: Limits) -> bool:
    own, other = _climb(mine, limits), _climb(theirs, limits)
    climbing = other.slope > max(FAIRLY * own.slope, limits.delta)
    faster = own.slope - other.slope - limits.delta > SURELY * math.hypot(own.error, other.error)
    return climbing and not faster


def _climb(course: Course, limits: Limits) -> Climb:
    at = course.bins * limits.period
    centred = at - at.mean()
    power = float(centred @ centred)
    slope = float(centred @ course.values) / power
    rest = course.values - course.values.mean() - slope * centred
    left = float(rest @ rest)
    n = at.size
    raw = float(rest[1:] @ rest[:-1]) / left if left > 0 else 0.0
    phi = min(max(raw + 2 * (1 + 2 * max(raw, 0.0)) / n, 0.0), 0.9)
    variance = max(left / (n - 2), 1 / 12) * (1 + phi) / (1 - phi) / power
    return Climb(slope, math.sqrt(variance))


def _at(course: Course, bins: FloatArray) -> Course:
    return Course(bins, course.values[np.searchsorted(course.bins, bins)])


def _course(segments: tuple[Segment, ...], effect: FloatArray | None, limits: Limits) -> Course:
    """Of the segments together; `effect` of one unit of each load is taken out."""
    bins, values = [], []
    for segment in segments:
        cost = 0.0 if effect is None else segment_loads(segment) @ np.nan_to_num(effect)
        bins.append(np.round(segment.times / limits.period))
        values.append(segment.values - cost)
    every, inverse = np.unique(np.concatenate(bins), return_inverse=True)
    count = np.bincount(inverse)
    return Course(every, np.bincount(inverse, weights=np.concatenate(values)) / count)
