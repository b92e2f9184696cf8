"""Traffic: how many requests come, and how they are divided between the two revisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.detection.noise import FloatArray, ar1
from tidegate.core.trace import Step

Traffic = Callable[[np.random.Generator, FloatArray], FloatArray]
"""Seconds since the start of the rollout to the factor on the mean rate."""


def flat(_: np.random.Generator, t: FloatArray) -> FloatArray:
    return np.ones_like(t)


def daily(rng: np.random.Generator, t: FloatArray) -> FloatArray:
    """A sine with a day of 2 to 24 hours: within an hour a slope, a peak, or both."""
    day = np.exp(rng.uniform(np.log(2.0), np.log(24.0))) * 3600.0
    return 1.0 + rng.uniform(0.3, 0.85) * np.sin(2 * np.pi * (t / day + rng.random()))


def one_day(rng: np.random.Generator, t: FloatArray) -> FloatArray:
    """A sine with a day of 24 hours."""
    return 1.0 + rng.uniform(0.3, 0.85) * np.sin(2 * np.pi * (t / 86400.0 + rng.random()))


def bursty(rng: np.random.Generator, t: FloatArray) -> FloatArray:
    """A wandering rate with rushes of one to five minutes."""
    rate = np.exp(ar1(rng, 1, t.size, rng.uniform(0.6, 0.95), rng.uniform(0.1, 0.35))[0])
    for _ in range(rng.poisson(4 * times_over(t))):
        begin = rng.uniform(t[0], t[-1])
        rate[(t > begin) & (t <= begin + rng.uniform(60, 300))] *= rng.uniform(1.5, 3.5)
    return rate


def on_and_off(rng: np.random.Generator, t: FloatArray) -> FloatArray:
    """Traffic in spells of 4 to 20 minutes, and none at all for 6 to 30 minutes between them."""
    rate = np.zeros_like(t)
    at = t[0] - rng.uniform(0, 1200)
    while at < t[-1]:
        busy = rng.uniform(240, 1200)
        rate[(t > at) & (t <= at + busy)] = rng.uniform(0.5, 1.5)
        at += busy + rng.uniform(360, 1800)
    return rate


def times_over(t: FloatArray) -> int:
    """How many times two hours, at least once: how often things befall a service is given for as long."""
    return max(round((t[-1] - t[0]) / 7200), 1)


def share(steps: Sequence[Step], t: FloatArray, period: float, lag: float) -> FloatArray:
    """Mean part of the traffic on the candidate in the sample period before each time.

    A step takes `lag` seconds to take hold, in a straight line.
    """
    times, parts, before = [], [], 0.0
    for step in steps:
        times += [step.time, step.time + max(lag, 1e-3)]
        parts += [before, step.percent / 100]
        before = step.percent / 100
    fine = t[:, None] - period * np.linspace(1, 0, 7)[None, :]
    return np.interp(fine, times, parts).mean(axis=1)


def overlap(t: FloatArray, period: float, begin: float, end: float) -> FloatArray:
    """Part of the sample period before each time that lies between `begin` and `end`."""
    return np.clip((np.minimum(t, end) - np.maximum(t - period, begin)) / period, 0.0, 1.0)
