"""What one look may see: samples old enough to be certainly there, on a grid of sample periods."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from tidegate.core.judge.criteria import Criteria
from tidegate.core.samples import FloatArray, Samples, Series
from tidegate.core.trace import Rollout

IntArray = npt.NDArray[np.int64]


LARGEST = 1e15
"""More than any count, size or time here can be."""
SMALLEST = 1e-9
"""Less than anything measured here; taken for 0."""
LONGEST = 1e9
"""Seconds before the start of a rollout beyond which a sample tells nothing about it."""


@dataclass(frozen=True)
class Binned:
    """Values on the grid: `bins` counts sample periods since the rollout's start, strictly increasing."""

    bins: IntArray
    values: FloatArray

    def __len__(self) -> int:
        return int(self.bins.size)

    def at(self, bins: IntArray, missing: float) -> FloatArray:
        """Values at the given bins, `missing` where there is none."""
        if not len(self):
            return np.full(bins.size, missing)
        index = np.clip(np.searchsorted(self.bins, bins), 0, len(self) - 1)
        return np.where(self.bins[index] == bins, self.values[index], missing)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Binned:
        return Binned(self.bins[chosen], self.values[chosen])


EMPTY = Binned(np.empty(0, dtype=np.int64), np.empty(0))


@dataclass(frozen=True)
class View:
    """`samples` hold nothing younger than `cut`, epoch seconds."""

    samples: Samples
    rollout: Rollout
    criteria: Criteria
    cut: float
    _totals: dict[tuple[str, str], Binned] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(samples: Samples, rollout: Rollout, criteria: Criteria, at: float) -> View:
        cut = at - rollout.ingestion_delay
        own = {c.metric for c in criteria.custom}
        seen = (
            (k, _believable(s, rollout.start, -LARGEST if k.metric in own else 0.0))
            for k, s in samples.until(cut).by_key.items()
        )
        kept = Samples(MappingProxyType({k: s for k, s in seen if s is not None}))
        return View(kept, rollout, criteria, cut)

    def knows(self, metric: str) -> bool:
        """Whether it was measured on either revision, or must be."""
        return metric in self.criteria.required or any(
            self.samples.of_metric(metric, r) for r in (self.rollout.candidate, self.rollout.stable)
        )

    def cut_at(self, time: float) -> View:
        """The same look, taken earlier."""
        return View(self.samples.until(time), self.rollout, self.criteria, min(self.cut, time))

    @property
    def intervals(self) -> int:
        """Whole sample periods since the candidate got traffic; 0 before that."""
        periods = (self.cut - self.rollout.start) / self.rollout.sample_period
        return max(0, math.floor(periods + 1e-9))

    def bins_of(self, times: FloatArray) -> IntArray:
        """A sample at `start + k * period`, give or take half a period, belongs to bin k."""
        periods = (times - self.rollout.start) / self.rollout.sample_period
        return np.floor(np.clip(periods, -1e15, 1e15) + 0.5).astype(np.int64)

    def totals(self, metric: str, revision: str) -> Binned:
        """The metric of the whole revision: its aggregate, or the sum over its instances."""
        if (metric, revision) not in self._totals:
            series = self.samples.of_metric(metric, revision)
            whole = [s for s in series if not s.key.instance]
            self._totals[metric, revision] = self.summed(whole or list(series))
        return self._totals[metric, revision]

    def averages(self, metric: str, revision: str) -> Binned:
        """The metric averaged over all series and samples that fall into a bin; for ratios and quantiles."""
        series = self.samples.of_metric(metric, revision)
        return self.mean([s for s in series if not s.key.instance] or list(series))

    def mean(self, series: list[Series]) -> Binned:
        """The mean of all samples of the series that fall into a bin."""
        total = self.summed(series)
        count = self.summed([Series(s.key, s.times.copy(), np.ones(len(s))) for s in series])
        return Binned(total.bins, total.values / np.maximum(count.values, 1))

    def alive(self, series: list[Series]) -> Binned:
        """How many of the series have a sample in each bin."""
        bins = [np.unique(self.bins_of(s.times)) for s in series]
        unique, count = np.unique(np.concatenate(bins), return_counts=True)
        return Binned(unique, count.astype(np.float64))

    def summed(self, series: list[Series]) -> Binned:
        if not series:
            return EMPTY
        if len(series) == 1:
            bins = self.bins_of(series[0].times)
            if (bins[1:] > bins[:-1]).all():
                return Binned(bins, series[0].values)
        bins = np.concatenate([self.bins_of(s.times) for s in series])
        unique, inverse = np.unique(bins, return_inverse=True)
        values = np.concatenate([s.values for s in series])
        sums = np.bincount(inverse, weights=values, minlength=unique.size)
        return Binned(unique, np.asarray(sums, dtype=np.float64))


def _believable(series: Series, start: float, least: float) -> Series | None:
    """The series without values no metric can have: one broken exporter must not decide a rollout."""
    values, times = series.values, series.times
    low = float(values.min())
    if low >= least and values.max() <= LARGEST and times[0] > start - LONGEST:
        smallest = low if low > 0 else float(np.min(values, where=values > 0, initial=np.inf))
        if smallest >= SMALLEST:
            return series
    good = (values >= least) & (values <= LARGEST) & (times > start - LONGEST)
    dust = (values > 0) & (values < SMALLEST)
    cleaned = np.where(dust, 0.0, values)
    return Series(series.key, times[good], cleaned[good]) if good.any() else None


def after_start(binned: Binned) -> Binned:
    """A sample in bin 0 still counts traffic from before the first step, so bin 1 is the first."""
    return binned.where(binned.bins >= 1)


def before_start(binned: Binned) -> Binned:
    return binned.where(binned.bins <= 0)
