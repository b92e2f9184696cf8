"""How long it takes to be certain that a level, sampled once a period, is higher on the candidate.

The mean difference of n samples of AR(1) noise has the variance `2 sd^2 (1 + phi) / (1 - phi) / n` (Bartlett,
1946); what two healthy instances differ by on account of their machines does not shrink with n, and sets a
floor under what can be seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.chance import KNOWN
from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.shift import LOOKS
from tidegate.core.power.model import Course, Noise, first
from tidegate.core.samples import FloatArray

_SUSTAINED = 0.524
"""Standard deviations above what is tolerated, so that 70 % of the samples are."""


@dataclass(frozen=True)
class Level:
    """All of logarithms: `tolerated`, the `placement` of one instance, the least noise believed."""

    noise: Noise
    tolerated: float
    alpha: float
    placement: float
    least: float
    settling: float
    """Seconds at the beginning that do not count."""
    min_samples: int = 4

    def smallest(self, course: Course, period: float) -> FloatArray:
        """The rise, as a ratio (0.1: 10 % more), that is certain at each time; infinite before any is."""
        samples = np.maximum(course.times - self.settling, 0.0) / period
        sd = math.sqrt(2) * max(self.noise.sd, self.least / math.sqrt(2))
        worth = np.maximum(samples / self.noise.inflation, 2.0)
        of_mean, placed = sd**2 / worth, 2 * self.placement**2
        total = of_mean + placed
        df = total**2 / (of_mean**2 / np.maximum(worth - 1, 1.0) + placed**2 / KNOWN)
        wanted = np.array([t_quantile(self.alpha / LOOKS, round(float(d), 1)) for d in df])
        rise = self.tolerated + np.maximum(wanted * np.sqrt(total), _SUSTAINED * sd)
        return np.where(samples >= self.min_samples, np.expm1(np.minimum(rise, 50.0)), np.inf)

    def certain_at(self, course: Course, period: float, actual: float) -> float | None:
        """Seconds until a rise of `actual` is found out; None if it is not."""
        return first(course.times, self.smallest(course, period) <= actual)
