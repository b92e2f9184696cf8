"""Samples → what is drawn of them: one curve per series, thinned to the width of a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tidegate.core.samples import FloatArray, Samples, Series, Window

_GAP = 3.5
"""Sample periods without a sample, from which on a line is interrupted."""


@dataclass(frozen=True)
class Curve:
    """Times (epoch seconds, increasing) and finite values. `instance` is empty for a whole revision."""

    instance: str
    times: FloatArray
    values: FloatArray

    def within(self, window: Window) -> Curve | None:
        chosen = (self.times > window.start) & (self.times <= window.end)
        return Curve(self.instance, self.times[chosen], self.values[chosen]) if chosen.any() else None

    def scaled(self, factor: float) -> Curve:
        return Curve(self.instance, self.times, self.values * factor)


Source = Callable[[Samples, str, float | None], Sequence[Curve]]
"""Samples, revision, sample period in seconds (None: not known) → its curves."""


# -------------------------------------------------------------------------------------- where they come from


def per_instance(metric: str, factor: float = 1.0) -> Source:
    """A curve per instance; the one of the whole revision where nothing finer was measured."""

    def curves(samples: Samples, revision: str, _: float | None) -> Sequence[Curve]:
        series = samples.of_metric(metric, revision)
        chosen = [s for s in series if s.key.instance] or list(series)
        return [Curve(s.key.instance, s.times, s.values).scaled(factor) for s in chosen if s.key.le is None]

    return curves


def whole(metric: str) -> Source:
    """The curve of the whole revision; those of its instances where there is none."""

    def curves(samples: Samples, revision: str, _: float | None) -> Sequence[Curve]:
        series = samples.of_metric(metric, revision)
        chosen = [s for s in series if not s.key.instance] or list(series)
        return [Curve(s.key.instance, s.times, s.values) for s in chosen if s.key.le is None]

    return curves


def rate(samples: Samples, revision: str, period: float | None) -> Sequence[Curve]:
    """Requests per second of the whole revision."""
    total = _total(samples, "request_count", revision)
    if total is None:
        return ()
    interval = period or _typical(total.times)
    return (total.scaled(1 / interval),) if interval else ()


def error_ratio(samples: Samples, revision: str, _: float | None) -> Sequence[Curve]:
    """Failed requests by all requests, where there were any; or the ratio itself where that was measured."""
    requests, errors = (_total(samples, name, revision) for name in ("request_count", "error_count"))
    if requests is None or errors is None:
        return whole("error_ratio")(samples, revision, None)
    times, mine, other = np.intersect1d(requests.times, errors.times, return_indices=True)
    counts = requests.values[mine]
    some = counts > 0
    if not some.any():
        return ()
    return (Curve("", times[some], np.clip(errors.values[other][some] / counts[some], 0, 1)),)


def _total(samples: Samples, metric: str, revision: str) -> Curve | None:
    """The sum over all series of the revision, or its aggregate where there is one."""
    series: Sequence[Series] = samples.of_metric(metric, revision)
    series = [s for s in series if not s.key.instance] or series
    if not series:
        return None
    times, index = np.unique(np.concatenate([s.times for s in series]), return_inverse=True)
    values = np.zeros(times.size)
    np.add.at(values, index.ravel(), np.concatenate([s.values for s in series]))
    return Curve("", times, values)


# --------------------------------------------------------------------------------------------- drawing less


def pieces(curve: Curve, period: float | None) -> Iterator[Curve]:
    """The curve without the gaps in which nothing was measured: a line over them would be made up."""
    gap = _GAP * max(_typical(curve.times), period or 0.0)
    cuts = np.flatnonzero(np.diff(curve.times) > (gap or np.inf)) + 1
    for times, values in zip(np.split(curve.times, cuts), np.split(curve.values, cuts), strict=True):
        yield Curve(curve.instance, times, values)


def _typical(times: FloatArray) -> float:
    return float(np.median(np.diff(times))) if times.size > 1 else 0.0


def thinned(curve: Curve, window: Window, columns: int) -> Curve:
    """First, lowest, highest and last value of each column: looks the same, and keeps every extreme."""
    if curve.times.size <= 4 * columns:
        return curve
    column = _columns(curve.times, window, columns)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], column.size) - 1
    by_value = np.lexsort((curve.values, column))
    kept = np.unique(np.concatenate([starts, ends, by_value[starts], by_value[ends]]))
    return Curve(curve.instance, curve.times[kept], curve.values[kept])


@dataclass(frozen=True)
class Envelope:
    """Lowest, middle and highest value over many curves, per time."""

    times: FloatArray
    low: FloatArray
    middle: FloatArray
    high: FloatArray


def envelope(curves: Sequence[Curve], window: Window, columns: int, period: float | None) -> Envelope:
    """Many curves as one band. A column is never finer than a sample period, or the band would flicker."""
    if period:
        columns = max(1, min(columns, int(window.seconds // period)))
    times = np.concatenate([c.times for c in curves])
    values = np.concatenate([c.values for c in curves])
    column = _columns(times, window, columns)
    order = np.lexsort((values, column))
    column, values = column[order], values[order]
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], column.size) - 1
    centres = window.start + (column[starts] + 0.5) * window.seconds / columns
    return Envelope(centres, values[starts], values[(starts + ends) // 2], values[ends])


def _columns(times: FloatArray, window: Window, columns: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    share = (times - window.start) / max(window.seconds, 1e-9)
    return np.clip((share * columns).astype(np.int64), 0, columns - 1)
