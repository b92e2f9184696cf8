"""Raw points of many series → one series: ticks found, values added, distributions merged. No I/O.

Built-in metrics are cut at common times, so points of sibling series (one per response code, one per
container) usually carry equal times; where they do not, points less than half a sample period apart belong to
one tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidegate.core.samples import FloatArray

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Histogram:
    """`bounds` are the buckets' upper bounds, rising, the last one inf; `total` is the sum of the values."""

    bounds: tuple[float, ...]
    counts: FloatArray
    total: float

    @property
    def count(self) -> float:
        return float(self.counts.sum())

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def quantile(self, q: float) -> float | None:
        """Linear inside the bucket, from 0 in the first; in the last, which has no end, its lower bound."""
        seen = np.cumsum(self.counts)
        if not seen[-1]:
            return None
        rank = q * float(seen[-1])
        # An empty bucket holds no value, not even the lowest: skip those at the start for a rank of 0.
        i = int(np.flatnonzero((seen >= rank) & (self.counts > 0))[0])
        low = self.bounds[i - 1] if i else min(0.0, self.bounds[0])
        if self.bounds[i] == float("inf"):
            return low
        count = float(self.counts[i])
        return low + (self.bounds[i] - low) * (rank - (float(seen[i]) - count)) / count


def merged(histograms: Sequence[Histogram]) -> Histogram:
    """Counts per bucket added. `histograms` is not empty.

    Different bucket layouts meet on the bounds they share: what lies between two bounds cannot be split, and
    a coarser histogram is still a true one.
    """
    first, total = histograms[0], sum(h.total for h in histograms)
    if all(h.bounds == first.bounds for h in histograms):
        return Histogram(first.bounds, np.sum([h.counts for h in histograms], axis=0), total)
    bounds = tuple(sorted(set(first.bounds).intersection(*(h.bounds for h in histograms))))
    counts = np.zeros(len(bounds))
    for histogram in histograms:
        np.add.at(counts, np.searchsorted(bounds, histogram.bounds), histogram.counts)
    return Histogram(bounds, counts, total)


@dataclass(frozen=True)
class Ticks:
    """`times` of the ticks, rising; `of` gives for each series the tick of each of its points."""

    times: FloatArray
    of: tuple[IntArray, ...]


def ticks(series: Sequence[FloatArray], period: float) -> Ticks:
    """The common ticks of series whose times rise. A tick's time is that of its last point."""
    if not series:
        return Ticks(np.empty(0), ())
    distinct, index = np.unique(np.concatenate(series), return_inverse=True)
    tick, times = _joined(distinct, period / 2)
    ends = np.cumsum([len(times_) for times_ in series])[:-1]
    return Ticks(times, tuple(np.split(tick[index], ends)))


def _joined(distinct: FloatArray, reach: float) -> tuple[IntArray, FloatArray]:
    if distinct.size < 2 or np.diff(distinct).min() >= reach:
        return np.arange(distinct.size), distinct
    tick = np.empty(distinct.size, dtype=np.intp)
    number, start = 0, distinct[0]
    for i, time in enumerate(distinct):
        if time - start >= reach:
            number, start = number + 1, time
        tick[i] = number
    last = np.flatnonzero(np.diff(tick, append=number + 1))
    return tick, distinct[last]


def added(grid: Ticks, values: Sequence[FloatArray]) -> FloatArray:
    """Per tick the sum of all points: for counts per interval. Nothing at a tick adds 0."""
    total = np.zeros(grid.times.size)
    for tick, series in zip(grid.of, values, strict=True):
        np.add.at(total, tick, series)
    return total


def latest(grid: Ticks, values: Sequence[FloatArray]) -> list[tuple[IntArray, FloatArray]]:
    """Per series its ticks and the last value in each: for gauges, of which two in a tick must not add up."""
    found = []
    for tick, series in zip(grid.of, values, strict=True):
        keep = np.flatnonzero(np.diff(tick, append=grid.times.size))
        found.append((tick[keep], series[keep]))
    return found


def deltas(times: FloatArray, values: FloatArray, starts: FloatArray) -> tuple[FloatArray, FloatArray, int]:
    """Increments of a cumulative series, and how many points were dropped because they fell without a reset.

    A new start time is a reset: the value counts from zero. The first point has nothing before it and is
    lost.
    """
    grown = np.diff(values)
    reset = np.diff(starts) > 0
    grown = np.where(reset, values[1:], grown)
    good = grown >= 0
    return times[1:][good], grown[good], int((~good).sum())


def histogram_deltas(
    times: FloatArray, histograms: Sequence[Histogram], starts: FloatArray
) -> tuple[FloatArray, tuple[Histogram, ...], int]:
    """`deltas` for cumulative distributions. New bucket bounds count as a fall: they cannot be subtracted."""
    found: list[Histogram] = []
    kept: list[int] = []
    for i in range(1, len(histograms)):
        before, now = histograms[i - 1], histograms[i]
        if starts[i] > starts[i - 1]:
            grown = now
        elif before.bounds == now.bounds and (now.counts >= before.counts).all():
            grown = Histogram(now.bounds, now.counts - before.counts, now.total - before.total)
        else:
            continue
        found.append(grown)
        kept.append(i)
    return times[kept], tuple(found), max(len(histograms) - 1, 0) - len(kept)
