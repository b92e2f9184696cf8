"""Rank tests in numpy, for the rivals. Normal approximations; ties are corrected for."""

from __future__ import annotations

import numpy as np

from benchmarks.detection.noise import FloatArray


def ranks(values: FloatArray) -> FloatArray:
    """1 for the smallest; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def mann_whitney(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """U of `one` (pairs in which it is larger, ties half) and its z without continuity correction.

    Mann & Whitney 1947; variance with ties as in Lehmann, Nonparametrics (1975), 1.20.
    """
    n, m = one.size, other.size
    both = np.concatenate([one, other])
    u = float(ranks(both)[:n].sum()) - n * (n + 1) / 2
    _, counts = np.unique(both, return_counts=True)
    total = n + m
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - ties)
    return u, (u - n * m / 2) / np.sqrt(variance) if variance > 0 else 0.0


def shift(one: FloatArray, other: FloatArray, z: float) -> tuple[float, float]:
    """Lower bound and estimate of how much larger `one` is.

    The Hodges-Lehmann estimate is the median of all differences; the bound is the difference of the rank that
    Moses' interval gives (Hollander, Wolfe & Chicken, Nonparametric Statistical Methods, 4.3).
    """
    n, m = one.size, other.size
    differences = (one[:, None] - other[None, :]).ravel()
    rank = int(np.floor(n * m / 2 - z * np.sqrt(n * m * (n + m + 1) / 12)))
    middle = differences.size // 2
    if rank < 1:
        return -np.inf, float(np.median(differences))
    found = np.partition(differences, (rank - 1, middle))
    return float(found[rank - 1]), float(found[middle])


def mann_kendall(values: FloatArray) -> FloatArray:
    """z of the trend of the first k values, for every k: (n,); 0 where nothing can be said.

    Mann 1945, Kendall 1975: S counts pairs that rise less pairs that fall; its variance is corrected for
    ties, and S is drawn in by one for continuity.
    """
    n = values.size
    if n < 2:
        return np.zeros(n)
    sign = np.tril(np.sign(values[:, None] - values[None, :]), -1)
    s = np.cumsum(sign.sum(axis=1))
    equal = np.tril(values[:, None] == values[None, :], -1).sum(axis=1)
    # The k-th of a value joins k - 1 equal ones: the tie term t(t - 1)(2t + 5) grows by the difference.
    ties = np.cumsum(_ties(equal + 1) - _ties(equal))
    count = np.arange(1, n + 1)
    variance = (_ties(count) - ties) / 18
    return np.where(variance > 0, (s - np.sign(s)) / np.sqrt(np.maximum(variance, 1e-9)), 0.0)


def _ties(t: FloatArray) -> FloatArray:
    t = np.asarray(t, dtype=float)
    return t * (t - 1) * (2 * t + 5)
