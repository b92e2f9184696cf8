"""The latency histogram of one revision: how many requests of each sample period took at most how long."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.counts import Counts
from tidegate.core.judge.view import Binned, IntArray, View
from tidegate.core.samples import FloatArray
from tidegate.core.trace import BUCKETS


@dataclass(frozen=True)
class Histogram:
    """`cumulative[i, j]`: requests of sample period `bins[i]` that took at most `bounds[j]` ms."""

    bins: IntArray
    bounds: FloatArray
    cumulative: FloatArray
    requests: FloatArray

    @property
    def n(self) -> float:
        return float(self.requests.sum())

    def after(self, first: int) -> Histogram:
        chosen = self.bins >= first
        return Histogram(self.bins[chosen], self.bounds, self.cumulative[chosen], self.requests[chosen])

    def slower_than(self, bound: float) -> Counts | None:
        """Requests slower than `bound` ms, spread evenly inside a bucket; None past the last finite bound."""
        column = int(np.searchsorted(self.bounds, bound))
        if column >= self.bounds.size or not math.isfinite(self.bounds[column]):
            return None
        upper = self.cumulative[:, column]
        lower = self.cumulative[:, column - 1] if column else np.zeros_like(upper)
        floor = float(self.bounds[column - 1]) if column else 0.0
        part = (bound - floor) / (float(self.bounds[column]) - floor)
        slow = np.clip(self.requests - (lower + part * (upper - lower)), 0.0, self.requests)
        return Counts(self.bins, slow, self.requests)

    def quantile(self, q: float) -> float:
        """The quantile over all periods, spread evenly inside its bucket; infinity if that is the last."""
        total = self.cumulative.sum(axis=0)
        within = total >= q * self.n - 1e-9
        column = int(np.argmax(within))
        if not within.any() or not math.isfinite(self.bounds[column]):
            return math.inf
        below, floor = (float(total[column - 1]), float(self.bounds[column - 1])) if column else (0.0, 0.0)
        inside = max(float(total[column]) - below, 1e-9)
        return floor + (q * self.n - below) / inside * (float(self.bounds[column]) - floor)

    def percentiles(self, q: float) -> Binned:
        """The quantile of every sample period that had requests and did not end in the last bucket."""
        reached = self.cumulative >= q * self.requests[:, None] - 1e-9
        usable = reached.any(axis=1) & (self.requests > 0)
        values = self.bounds[np.argmax(reached, axis=1)]
        usable &= np.isfinite(values)
        return Binned(self.bins[usable], values[usable])


def histogram(view: View, revision: str) -> Histogram | None:
    """The revision's latency histogram; None when there is none, or when it is not cumulative in `le`."""
    series = view.samples.of_metric(BUCKETS, revision)
    bounds = np.array(sorted({s.key.le for s in series if s.key.le is not None}))
    if not bounds.size:
        return None
    columns = [view.summed([s for s in series if s.key.le == bound]) for bound in bounds.tolist()]
    bins = columns[0].bins
    if all(np.array_equal(c.bins, bins) for c in columns[1:]):
        cumulative = np.column_stack([c.values for c in columns])
    else:
        bins = np.unique(np.concatenate([c.bins for c in columns]))
        cumulative = np.column_stack([c.at(bins, np.nan) for c in columns])
    complete = np.isfinite(cumulative).all(axis=1)
    bins, cumulative = bins[complete], cumulative[complete]
    if not bins.size or (np.diff(cumulative, axis=1) < -1e-6).any():
        return None
    requests = cumulative[:, -1]
    if math.isfinite(bounds[-1]):
        requests = np.maximum(requests, view.totals("request_count", revision).at(bins, 0.0))
    return Histogram(bins, bounds, cumulative, requests)
