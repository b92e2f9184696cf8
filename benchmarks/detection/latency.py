"""Latencies as Cloud Monitoring keeps them: a histogram per sample period, percentiles read off it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.noise import FloatArray

BOUNDS = 4.0 * 1.4 ** np.arange(24)
"""Upper bounds in ms, each 1.4 times the one before; the last bucket is open."""
_Z = np.linspace(-6, 6, 2401)
_PHI = np.array([0.5 * (1 + math.erf(z / math.sqrt(2))) for z in _Z])
_EDGES = np.concatenate([[0.0], BOUNDS, [BOUNDS[-1] * 1.4]])
_MIDDLE = (_EDGES[1:] + _EDGES[:-1]) / 2


@dataclass(frozen=True)
class Mix:
    """Lognormal latencies, a part of which is slow. Medians in ms, one per time."""

    median: FloatArray
    sigma: float
    slow_part: FloatArray
    slow_median: FloatArray
    slow_sigma: float

    def up_to(self, bound: FloatArray) -> FloatArray:
        """Part of the requests answered within each bound: (T, len(bound))."""
        fast = _normal((np.log(bound)[None, :] - np.log(self.median)[:, None]) / self.sigma)
        slow = _normal((np.log(bound)[None, :] - np.log(self.slow_median)[:, None]) / self.slow_sigma)
        part = self.slow_part[:, None]
        return (1 - part) * fast + part * slow

    def percentile(self, q: float) -> float:
        """Of the mixture with its middle medians and part, in ms."""
        middle = (np.array([np.median(x)]) for x in (self.median, self.slow_part, self.slow_median))
        median, part, slow = middle
        grid = np.exp(np.linspace(0, math.log(60_000), 1200))
        return float(np.interp(q, Mix(median, self.sigma, part, slow, self.slow_sigma).up_to(grid)[0], grid))


def _normal(z: FloatArray) -> FloatArray:
    return np.interp(z, _Z, _PHI)


def histograms(rng: np.random.Generator, mix: Mix, requests: FloatArray) -> FloatArray:
    """Requests per bucket: (T, len(BOUNDS) + 1)."""
    below = mix.up_to(BOUNDS)
    parts = np.diff(below, axis=1, prepend=0.0, append=1.0)
    parts = np.maximum(parts, 0.0)
    return rng.multinomial(requests.astype(np.int64), parts / parts.sum(axis=1, keepdims=True)).astype(float)


def percentiles(counts: FloatArray, q: float) -> FloatArray:
    """Interpolated within the bucket, NaN without requests: (T,)."""
    total = counts.sum(axis=1)
    cumulative = np.cumsum(counts, axis=1)
    rank = q * total
    bucket = np.minimum((cumulative < rank[:, None]).sum(axis=1), counts.shape[1] - 1)
    rows = np.arange(counts.shape[0])
    inside = counts[rows, bucket]
    below = cumulative[rows, bucket] - inside
    part = (rank - below) / np.where(inside > 0, inside, 1.0)
    value = _EDGES[bucket] + np.clip(part, 0, 1) * (_EDGES[bucket + 1] - _EDGES[bucket])
    return np.where(total > 0, value, np.nan)


def means(counts: FloatArray) -> FloatArray:
    total = counts.sum(axis=1)
    return np.where(total > 0, (counts @ _MIDDLE) / np.maximum(total, 1.0), np.nan)
