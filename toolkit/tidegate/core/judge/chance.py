"""What moves a level by chance: noise between samples, slow wandering, and where instances happen to run."""

from __future__ import annotations

import numpy as np

from tidegate.core.samples import FloatArray

PRIOR = 6.0
"""Instances' worth of belief in the usual spread between placements."""
KNOWN = 1000.0
"""Degrees of freedom of what is taken for known."""


def variance_of_mean(values: FloatArray, least: float, usual: float) -> tuple[float, float]:
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


def own_noise(values: FloatArray) -> float:
    """Variance from sample to sample, from robust differences; 0 where too little is known."""
    if values.size < 8:
        return 0.0
    steps = np.diff(values)
    return float((1.4826 * np.median(np.abs(steps - np.median(steps)))) ** 2 / 2)


def wandering_of(past: FloatArray, length: int) -> float:
    """Variance of the mean over spans of `length` samples, as the past shows it."""
    spread = float(past.var(ddof=1))
    blocks = past.size // max(length, 1)
    if blocks >= 3:
        means = past[: blocks * length].reshape(blocks, length).mean(axis=1)
        return max(float(means.var(ddof=1)), spread / past.size)
    # Too short a past to see it: as if it were one wave.
    return spread * 0.5 + spread / past.size


def placement_of(levels: FloatArray, candidates: int, usual: float) -> tuple[float, float]:
    """Variance that placement adds to the difference of the revisions, and its degrees of freedom.

    `levels` are those of the stable revision's instances; `usual` the standard deviation believed in before.
    """
    k = levels.size
    measured = float(levels.var(ddof=1)) if k >= 2 else 0.0
    free = max(k - 1, 0)
    variance = (free * measured + PRIOR * usual**2) / (free + PRIOR)
    return variance * (1 / candidates + 1 / max(k, 1)), free + PRIOR if k >= 2 else KNOWN
