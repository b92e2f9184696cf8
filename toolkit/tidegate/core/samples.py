"""Measurements as values. Nothing measured is a type (`NoData`), never 0 or -1.

Times are epoch seconds (UTC). A metric is named by its catalogue id (`open_fds`, `request_count`, ...);
what the id means, its unit and where it comes from is in `catalogue`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """Half-open interval (start, end], epoch seconds: a sample at `end` counts, one at `start` does not."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not self.end >= self.start:
            raise ValueError(f"a window ends before it starts: {self.start} .. {self.end}")

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, order=True)
class Key:
    """Which series: `instance` is empty for an aggregate, `le` the upper bound of a histogram bucket (ms)."""

    metric: str
    revision: str
    instance: str = ""
    le: float | None = None


@dataclass(frozen=True)
class NoData:
    """Nothing was measured, and why, in words for a person."""

    reason: str

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Series:
    """Times (strictly increasing, epoch seconds) and finite values of the same length, at least one."""

    key: Key
    times: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        if self.times.shape != self.values.shape or self.times.ndim != 1 or not self.times.size:
            raise ValueError(f"{self.key}: times and values must be flat, of equal length, and not empty")
        if not (np.isfinite(self.times).all() and np.isfinite(self.values).all()):
            raise ValueError(f"{self.key}: times and values must be finite")
        if not (np.diff(self.times) > 0).all():
            raise ValueError(f"{self.key}: times must increase")
        self.times.flags.writeable = False
        self.values.flags.writeable = False

    def __len__(self) -> int:
        return int(self.times.size)

    def within(self, window: Window) -> Series | NoData:
        first, last = np.searchsorted(self.times, (window.start, window.end), side="right").tolist()
        if first >= last:
            return NoData(f"no sample of {self.key.metric} for {self.key.revision} in the window")
        return self if last - first == len(self) else self._part(slice(first, last))

    def _part(self, chosen: slice) -> Series:
        """A run of the samples. They have been checked, and are shared: the arrays cannot be written to."""
        part = object.__new__(Series)
        for name, value in (
            ("key", self.key),
            ("times", self.times[chosen]),
            ("values", self.values[chosen]),
        ):
            object.__setattr__(part, name, value)
        return part


@dataclass(frozen=True)
class Samples:
    """All series of one rollout, at most one per key."""

    by_key: Mapping[Key, Series] = field(default_factory=lambda: MappingProxyType({}))

    @staticmethod
    def of(series: Iterable[Series]) -> Samples:
        found: dict[Key, Series] = {}
        for one in series:
            if one.key in found:
                raise ValueError(f"two series for {one.key}")
            found[one.key] = one
        return Samples(MappingProxyType(dict(sorted(found.items(), key=lambda kv: _order(kv[0])))))

    def get(self, metric: str, revision: str, instance: str = "", le: float | None = None) -> Series | NoData:
        key = Key(metric, revision, instance, le)
        return self.by_key.get(key) or NoData(f"{metric} of {revision} was never measured")

    def of_metric(self, metric: str, revision: str) -> tuple[Series, ...]:
        """Every series of the metric: one per instance, or one per histogram bucket."""
        return self._by_metric.get((metric, revision), ())

    @cached_property
    def _by_metric(self) -> Mapping[tuple[str, str], tuple[Series, ...]]:
        found: dict[tuple[str, str], tuple[Series, ...]] = {}
        for key, series in self.by_key.items():
            where = (key.metric, key.revision)
            found[where] = (*found.get(where, ()), series)
        return found

    def metrics(self) -> frozenset[str]:
        return frozenset(k.metric for k in self.by_key)

    def until(self, end: float) -> Samples:
        """Only what is not younger than `end`: what a look at that time may see."""
        return self.within(Window(float("-inf"), end))

    def after(self, start: float) -> Samples:
        """Only what is younger than `start`."""
        return self.within(Window(start, float("inf")))

    def within(self, window: Window) -> Samples:
        cut = (s.within(window) for s in self.by_key.values())
        return Samples.of(s for s in cut if isinstance(s, Series))


def joined(earlier: Samples, later: Samples, at: float) -> Samples:
    """`earlier` up to `at` (epoch seconds) and `later` after it, as if both had been read at once.

    Where one half knows the instances of a metric and the other only the whole revision, which is what a
    second source has, the instances count. A histogram's bounds are those of both halves: bounds at which
    nothing happened may have been left out, and count as many as the next lower one.
    """
    first, second = earlier.until(at), later.after(at)
    halves = _of_one_kind(first, second)
    bounds = {
        metric: sorted({k.le for half in halves for k in half if k.metric == metric and k.le is not None})
        for metric in {k.metric for half in halves for k in half if k.le is not None}
    }
    series: dict[Key, list[Series]] = {}
    for half in halves:
        for one in _with_bounds(half, bounds):
            series.setdefault(one.key, []).append(one)
    return Samples.of(
        Series(
            key,
            np.concatenate([one.times for one in parts]),
            np.concatenate([one.values for one in parts]),
        )
        for key, parts in series.items()
    )


def _of_one_kind(*halves: Samples) -> tuple[dict[Key, Series], ...]:
    """Without the whole revision's series where another half has those of its instances."""
    named = [{(k.metric, k.revision) for k in half.by_key if k.instance} for half in halves]
    every = set().union(*named)
    return tuple(
        {
            k: s
            for k, s in half.by_key.items()
            if k.instance or (k.metric, k.revision) not in every or (k.metric, k.revision) in mine
        }
        for half, mine in zip(halves, named, strict=True)
    )


def _with_bounds(half: Mapping[Key, Series], bounds: Mapping[str, list[float]]) -> Iterable[Series]:
    histograms: dict[Key, dict[float, Series]] = {}
    for key, series in half.items():
        if key.le is None:
            yield series
        else:
            histograms.setdefault(replace(key, le=None), {})[key.le] = series
    for key, known in histograms.items():
        below: Series | None = None
        lowest = known[min(known)]
        for le in bounds[key.metric]:
            below = known.get(le, below)
            source = lowest if below is None else below
            values = source.values.copy() if below is not None else np.zeros(len(lowest))
            yield Series(replace(key, le=le), source.times.copy(), values)


def _order(key: Key) -> tuple[str, str, str, float]:
    return key.metric, key.revision, key.instance, -1.0 if key.le is None else key.le
