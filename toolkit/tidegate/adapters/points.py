"""`TimeSeries` messages, page by page → compact columns of numbers. What cannot be used is dropped and
counted."""

from __future__ import annotations

import itertools
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidegate.adapters.merging import Histogram, deltas, histogram_deltas
from tidegate.core.samples import FloatArray, Window

_DELTA, _CUMULATIVE = 2, 3
"""Of `MetricDescriptor.MetricKind`."""


@dataclass(frozen=True)
class Raw:
    """One series as stored: times rise, values are finite. `histograms` replaces `values` for
    distributions; `counts` says that values are amounts per interval."""

    metric_labels: Mapping[str, str]
    resource_labels: Mapping[str, str]
    times: FloatArray
    values: FloatArray
    histograms: tuple[Histogram, ...] = ()
    counts: bool = False

    @property
    def revision(self) -> str:
        return self.metric_labels.get("revision_name") or self.resource_labels.get("revision_name", "")

    @property
    def instance(self) -> str:
        """The instance's id, also out of `<id>:<port>`, as the collector writes the `instance` label.

        Those who write on a resource of their own have `generic_task` or `generic_node` for it.
        """
        label = self.metric_labels.get("instanceId") or self.metric_labels.get("instance_id")
        if label:
            return label
        resource = self.resource_labels
        target = resource.get("instance") or resource.get("task_id") or resource.get("node_id", "")
        name, separator, port = target.rpartition(":")
        return name if separator and port.isdigit() else target


@dataclass
class _Column:
    metric_labels: dict[str, str]
    resource_labels: dict[str, str]
    kind: int
    ends: array[float] = field(default_factory=lambda: array("d"))
    starts: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    histograms: list[Histogram] = field(default_factory=list)


class Collector:
    """Takes the pages of one query in turn. Keeps only numbers, so a page can be freed before the next
    comes."""

    def __init__(self, window: Window, *, counts: bool) -> None:
        """`counts`: the values are amounts per interval, of which a negative one makes no sense."""
        self._after, self._until = (round(edge * 1_000_000) for edge in (window.start, window.end))
        self._counts = counts
        self._columns: dict[Any, _Column] = {}
        self._bounds: dict[bytes, tuple[float, ...]] = {}
        self.dropped: Counter[str] = Counter()
        self.points = 0

    def take(self, page: Iterable[Any]) -> None:
        """`page` yields protobuf (not proto-plus) TimeSeries; one series may continue over several pages."""
        for series in page:
            column = self._column(series)
            for point in series.points:
                self._point(column, point)

    def series(self) -> list[Raw]:
        """Every series with at least one usable point. Clears what was collected."""
        columns, self._columns = self._columns, {}
        found = (self._raw(column) for column in columns.values())
        return [raw for raw in found if raw.times.size]

    def _column(self, series: Any) -> _Column:
        metric, resource = dict(series.metric.labels), dict(series.resource.labels)
        key = (series.resource.type, tuple(sorted(metric.items())), tuple(sorted(resource.items())))
        if key not in self._columns:
            self._columns[key] = _Column(metric, resource, series.metric_kind)
        return self._columns[key]

    def _point(self, column: _Column, point: Any) -> None:
        self.points += 1
        end, start = _micros(point.interval.end_time), _micros(point.interval.start_time)
        # The API reads intervals as half-open, too; a lenient server must not change what a look may see.
        if not self._after < end <= self._until:
            self.dropped["outside the window"] += 1
            return
        kind = point.value.WhichOneof("value")
        if kind == "distribution_value":
            histogram = self._histogram(point.value.distribution_value)
            if histogram is None:
                self.dropped["malformed distribution"] += 1
                return
            column.histograms.append(histogram)
            value = 0.0
        elif kind in ("int64_value", "double_value", "bool_value"):
            value = float(getattr(point.value, kind))
        else:
            self.dropped["not a number"] += 1
            return
        if not math.isfinite(value):
            self.dropped["not finite"] += 1
        elif value < 0 and self._counts:
            self.dropped["negative count"] += 1
        else:
            column.ends.append(end / 1_000_000)
            column.starts.append(start / 1_000_000)
            column.values.append(value)

    def _histogram(self, found: Any) -> Histogram | None:
        options = found.bucket_options
        key = options.SerializeToString(deterministic=True)
        if key not in self._bounds:
            self._bounds[key] = _upper_bounds(options)
        bounds = self._bounds[key]
        known = len(found.bucket_counts)
        if not bounds or known > len(bounds) or not math.isfinite(found.mean):
            return None
        counts = np.zeros(len(bounds))  # empty buckets at the end are left out on the wire
        counts[:known] = found.bucket_counts
        return Histogram(bounds, counts, found.mean * found.count) if (counts >= 0).all() else None

    def _raw(self, column: _Column) -> Raw:
        ends = np.frombuffer(column.ends, dtype=np.float64) if column.ends else np.empty(0)
        times, index = np.unique(ends, return_index=True)
        self.dropped["duplicate"] += int(ends.size - times.size)
        values = np.array(column.values, dtype=np.float64)[index]
        starts = np.array(column.starts, dtype=np.float64)[index]
        counts, fell = column.kind in (_DELTA, _CUMULATIVE), 0
        chosen: tuple[Histogram, ...] = ()
        if column.histograms:
            # A series holds distributions only, or numbers only: the value type belongs to the metric.
            chosen = tuple(column.histograms[i] for i in index) if len(column.histograms) == ends.size else ()
            times = times[: len(chosen)]
            if column.kind == _CUMULATIVE and chosen:
                times, chosen, fell = histogram_deltas(times, chosen, starts)
        elif column.kind == _CUMULATIVE and times.size:
            times, values, fell = deltas(times, values, starts)
        self.dropped["counter fell without a reset"] += fell
        return Raw(column.metric_labels, column.resource_labels, times, values, chosen, counts)


def _micros(timestamp: Any) -> int:
    """Epoch microseconds: what a float of epoch seconds can tell apart, so that edges compare exactly."""
    return int(timestamp.seconds) * 1_000_000 + int(timestamp.nanos) // 1000


def _upper_bounds(options: Any) -> tuple[float, ...]:
    """Upper bounds of all buckets, the last inf; empty when the options make no sense."""
    kind = options.WhichOneof("options")
    if kind == "explicit_buckets":
        finite = [float(bound) for bound in options.explicit_buckets.bounds]
    elif kind == "linear_buckets":
        linear = options.linear_buckets
        finite = [linear.offset + linear.width * i for i in range(linear.num_finite_buckets + 1)]
    elif kind == "exponential_buckets":
        exponential = options.exponential_buckets
        finite = [
            exponential.scale * exponential.growth_factor**i
            for i in range(exponential.num_finite_buckets + 1)
        ]
    else:
        return ()
    rising = all(a < b for a, b in itertools.pairwise(finite)) and all(map(math.isfinite, finite))
    return (*finite, math.inf) if finite and rising else ()
