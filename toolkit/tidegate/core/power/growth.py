"""How long it takes to be certain that something grows on the candidate's instances.

The slope of n samples of AR(1) noise, a distance of `period` apart, has the standard error
`sd * sqrt((1 + phi) / (1 - phi)) * sqrt(12 / n^3) / period` (least squares; the inflation by Bartlett, "On
the theoretical specification and sampling properties of autocorrelated time-series", 1946). Taking a warm-up
out costs the part of the time's variance that the warm-up's curve explains as well: the variance inflation
factor 1 / (1 - R^2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.boundaries import boundary
from tidegate.core.judge.leak import SETTLED
from tidegate.core.power.model import Course, Noise, Present, first
from tidegate.core.samples import FloatArray

_LONGEST_CURVE = 3.0
"""In typical warm-ups: the slowest curve that the judge takes out."""
_ROUNDING = math.sqrt(1 / 12)
"""Standard deviation of what rounding to whole numbers leaves."""


@dataclass(frozen=True)
class Growth:
    """`tolerated` per minute and instance; `alpha` of the metric; the rest in seconds."""

    noise: Noise
    tolerated: float
    alpha: float
    warm_up: float
    min_samples: int

    def smallest(self, course: Course, present: Present) -> FloatArray:
        """The growth per minute and instance that is certain at each time of the course; infinite before any
        is."""
        counts, begins = _instances(course, present)
        age = np.maximum(course.times[:, None] - begins, 0.0)
        samples = np.where(age > 0, age / present.sample_period, 0.0)
        information = (samples**3 / 12) @ counts
        oldest = age.max(axis=1)
        sd = max(self.noise.sd, _ROUNDING)
        spread = sd * math.sqrt(self.noise.inflation) / present.sample_period
        with np.errstate(divide="ignore"):
            error = spread * np.sqrt(_inflation(oldest / self.warm_up) / information)
        segments = max(1, round(float(counts.sum())))
        wanted = np.array([boundary(self.alpha, segments, a) for a in (oldest / self.warm_up).tolist()])
        ready = (oldest >= SETTLED * self.warm_up) & (samples.max(axis=1) >= self.min_samples)
        return np.where(ready, self.tolerated + 60 * wanted * error, np.inf)

    def certain_at(self, course: Course, present: Present, actual: float) -> float | None:
        """Seconds until growth of `actual` per minute and instance is found out; None if it is not."""
        return first(course.times, self.smallest(course, present) <= actual)


def _instances(course: Course, present: Present) -> tuple[FloatArray, FloatArray]:
    """How many instances the candidate gets at the beginning of each part, and when, seconds."""
    wanted = [max(1, round(present.instances * part.percent / 100)) for part in course.parts]
    most = np.maximum.accumulate(wanted)
    return np.diff(most, prepend=0).astype(np.float64), np.array(course.begins)


def _inflation(spans: FloatArray) -> FloatArray:
    """Variance inflation of a slope by the slowest curve, for spans in typical warm-ups."""
    inside = np.linspace(0, 1, 60)
    age = np.maximum(spans, 1e-3)[:, None] * inside
    curve = age / (age + _LONGEST_CURVE)
    time, curve = inside - inside.mean(), curve - curve.mean(axis=1, keepdims=True)
    explained = (curve @ time) ** 2 / ((curve**2).sum(axis=1) * (time @ time))
    return np.asarray(1 / np.maximum(1 - explained, 1e-9))
