"""Measurements as values. Nothing measured is a type (`NoData`), never 0 or -1.

Times are epoch seconds (UTC). A metric is named by its catalogue id (`open_fds`, `request_count`, ...);
what the id means, its unit and where it comes from is in `catalogue`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


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
        chosen = (self.times > window.start) & (self.times <= window.end)
        if not chosen.any():
            return NoData(f"no sample of {self.key.metric} for {self.key.revision} in the window")
        return Series(self.key, self.times[chosen].copy(), self.values[chosen].copy())


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
        return tuple(s for k, s in self.by_key.items() if k.metric == metric and k.revision == revision)

    def metrics(self) -> frozenset[str]:
        return frozenset(k.metric for k in self.by_key)

    def until(self, end: float) -> Samples:
        """Only what is not younger than `end`: what a look at that time may see."""
        cut = (s.within(Window(float("-inf"), end)) for s in self.by_key.values())
        return Samples.of(s for s in cut if isinstance(s, Series))


def _order(key: Key) -> tuple[str, str, str, float]:
    return key.metric, key.revision, key.instance, -1.0 if key.le is None else key.le
