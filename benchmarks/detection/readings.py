"""A trace on a grid, as the rivals read it: one row per sample period since the pre-period began."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.detection.noise import FloatArray
from benchmarks.detection.trace import Trace
from tidegate.core.samples import Series


@dataclass(frozen=True)
class Readings:
    trace: Trace

    @cached_property
    def origin(self) -> float:
        return min(float(s.times[0]) for s in self.trace.samples.by_key.values())

    @property
    def start(self) -> float:
        return self.trace.rollout.start

    @cached_property
    def size(self) -> int:
        last = self.start + 60 * self.trace.minutes
        return int((last - self.origin) / self.trace.rollout.sample_period) + 2

    @cached_property
    def first(self) -> int:
        """The first row after the start of the rollout."""
        return int(np.ceil((self.start - self.origin) / self.trace.rollout.sample_period))

    def rows(self, minutes: float) -> int:
        """Rows that can be seen when the look is that many minutes of samples into the rollout."""
        seen = self.start + 60 * minutes - self.origin
        return min(self.size, int(np.floor(seen / self.trace.rollout.sample_period + 1e-6)) + 1)

    def per_minutes(self, minutes: float) -> int:
        return round(60 * minutes / self.trace.rollout.sample_period)

    def aggregate(self, metric: str, revision: str) -> FloatArray:
        """NaN where nothing was measured."""
        found = self.trace.samples.get(metric, revision)
        return self.placed(found) if isinstance(found, Series) else np.full(self.size, np.nan)

    def mean_of_instances(self, metric: str, revision: str) -> FloatArray:
        total, count = np.zeros(self.size), np.zeros(self.size)
        for one in self.trace.samples.of_metric(metric, revision):
            placed = self.placed(one)
            total += np.nan_to_num(placed)
            count += np.isfinite(placed)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def error_ratio(self, revision: str) -> FloatArray:
        if "error_ratio" in self.trace.samples.metrics():
            return self.aggregate("error_ratio", revision)
        requests, errors = self.counts(revision)
        return np.where(requests > 0, errors / np.maximum(requests, 1), np.nan)

    def counts(self, revision: str) -> tuple[FloatArray, FloatArray]:
        """Requests and errors, 0 where nothing was measured."""
        return (
            np.nan_to_num(self.aggregate("request_count", revision)),
            np.nan_to_num(self.aggregate("error_count", revision)),
        )

    def placed(self, one: Series) -> FloatArray:
        found = np.full(self.size, np.nan)
        row = np.round((one.times - self.origin) / self.trace.rollout.sample_period).astype(int)
        inside = (row >= 0) & (row < self.size)
        found[row[inside]] = one.values[inside]
        return found
