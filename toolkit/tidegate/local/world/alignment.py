"""Aggregation of time series: per-series alignment, then reduction across series. Pure.

Alignment periods end at the end of the interval and go back from there: (end - p, end], (end - 2p, end - p],
… A period in which nothing was measured has no point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor, sqrt
from types import MappingProxyType

from tidegate.local.world.errors import invalid
from tidegate.local.world.histogram import merge, percentile, subtract
from tidegate.local.world.model import Distribution

Value = float | int | str | Distribution


@dataclass(frozen=True)
class Point:
    """A value over (start, end], epoch seconds; of a gauge start == end."""

    start: float
    end: float
    value: Value


@dataclass(frozen=True)
class Line:
    """One time series, points oldest first."""

    metric_type: str
    metric_labels: Mapping[str, str]
    resource_type: str
    resource_labels: Mapping[str, str]
    kind: str
    value_type: str
    unit: str
    points: tuple[Point, ...]

    def field(self, selector: str) -> str | None:
        """The value of `metric.type`, `metric.labels.x`, `resource.type`, `resource.labels.x` or
        `project`."""
        if selector == "metric.type":
            return self.metric_type
        if selector == "resource.type":
            return self.resource_type
        if selector == "project":
            return self.resource_labels.get("project_id")
        for root, labels in (("metric", self.metric_labels), ("resource", self.resource_labels)):
            if selector.startswith(f"{root}.labels."):
                return labels.get(selector[len(root) + 8 :])
        return None


@dataclass(frozen=True)
class Aggregation:
    """`period` in seconds; names without their prefix (`DELTA`, `PERCENTILE_99`); normalised group-by
    selectors."""

    period: float = 0.0
    aligner: str = "NONE"
    reducer: str = "NONE"
    group_by: tuple[str, ...] = ()


_PERCENTILES = {"PERCENTILE_99": 99.0, "PERCENTILE_95": 95.0, "PERCENTILE_50": 50.0, "PERCENTILE_05": 5.0}
_NUMERIC = ("INT64", "DOUBLE")


def aggregate(lines: Iterable[Line], how: Aggregation, start: float, end: float) -> list[Line]:
    """Raises INVALID_ARGUMENT for a combination that the API does not have."""
    if how.aligner == "NONE":
        if how.reducer != "NONE":
            invalid("aggregation: a cross_series_reducer needs a per_series_aligner other than ALIGN_NONE.")
        return [line for line in (_cut(line, start, end) for line in lines) if line.points]
    aligned = [line for line in (_align(line, how, start, end) for line in lines) if line.points]
    return aligned if how.reducer == "NONE" else _reduce(aligned, how)


def _cut(line: Line, start: float, end: float) -> Line:
    return replace(
        line, points=tuple(p for p in line.points if start < p.end <= end or p.end == start == end)
    )


# ------------------------------------------------------------------------------------------------ alignment


def _align(line: Line, how: Aggregation, start: float, end: float) -> Line:
    points = _differences(line) if line.kind == "CUMULATIVE" else line.points
    kind = "DELTA" if line.kind == "CUMULATIVE" else line.kind
    value_type, over_time = _shape(how.aligner, kind, line.value_type)
    periods = max(1, ceil((end - start) / how.period - 1e-9))
    inside: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        index = floor((end - point.end) / how.period + 1e-9)
        if point.end <= end and index < periods:
            inside[index].append(point)
    if how.aligner in ("DELTA", "RATE") and line.value_type != "DISTRIBUTION":
        values = _changes(points, kind, line.value_type, how, periods, end)
    elif how.aligner in ("INTERPOLATE", "NEXT_OLDER"):
        values = _held(points, how, periods, end)
    else:
        folded = {index: _fold(how.aligner, found, line.value_type) for index, found in inside.items()}
        values = {index: value for index, value in folded.items() if value is not None}
    aligned = []
    for index in range(periods - 1, -1, -1):
        value = values.get(index)
        if value is not None:
            upper = end - index * how.period
            aligned.append(Point(upper - how.period if over_time else upper, upper, value))
    return replace(line, kind="DELTA" if over_time else "GAUGE", value_type=value_type, points=tuple(aligned))


def _shape(aligner: str, kind: str, value_type: str) -> tuple[str, bool]:
    """(type of the aligned values, whether they are deltas), or the API's refusal."""
    distribution, numeric = value_type == "DISTRIBUTION", value_type in _NUMERIC
    fits = {
        "DELTA": kind == "DELTA" and (numeric or distribution),
        "RATE": numeric,
        "INTERPOLATE": kind == "GAUGE" and numeric,
        "NEXT_OLDER": kind == "GAUGE",
        "SUM": numeric or distribution,
        "COUNT": numeric or value_type == "BOOL",
        **dict.fromkeys(("MIN", "MAX", "MEAN", "STDDEV"), numeric),
        **dict.fromkeys(
            ("COUNT_TRUE", "COUNT_FALSE", "FRACTION_TRUE"), value_type == "BOOL" and kind == "GAUGE"
        ),
        **dict.fromkeys(_PERCENTILES, distribution),
    }
    if aligner not in fits:
        invalid(f"aggregation.per_series_aligner: ALIGN_{aligner} is not supported.")
    if not fits[aligner]:
        invalid(
            f"The aligner cannot be applied to metrics with kind {kind} and value type {value_type}: "
            f"ALIGN_{aligner}."
        )
    if aligner in ("COUNT", "COUNT_TRUE", "COUNT_FALSE"):
        return "INT64", False
    if aligner in ("DELTA", "SUM", "MIN", "MAX", "NEXT_OLDER"):
        return value_type, aligner == "DELTA" or (aligner == "SUM" and kind == "DELTA")
    return "DOUBLE", False


def _differences(line: Line) -> tuple[Point, ...]:
    """A cumulative series as deltas; a new start time or a smaller value is a reset and counts from zero."""
    changes: list[Point] = []
    before: Point | None = None
    for point in line.points:
        if before is None or point.start > before.start:
            changes.append(point)
        elif isinstance(point.value, Distribution) and isinstance(before.value, Distribution):
            changes.append(Point(before.end, point.end, subtract(point.value, before.value)))
        elif number(point.value) < number(before.value):
            changes.append(Point(before.end, point.end, point.value))
        else:
            changes.append(Point(before.end, point.end, number(point.value) - number(before.value)))
        before = point
    return tuple(changes)


def number(value: Value) -> float | int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    raise TypeError(f"not a number: {type(value).__name__}")


def _changes(
    points: Sequence[Point], kind: str, value_type: str, how: Aggregation, periods: int, end: float
) -> dict[int, Value]:
    """DELTA and RATE. A delta across the border of two periods is shared between them by time."""
    whole = value_type == "INT64" and how.aligner == "DELTA"
    shares: dict[int, float] = {}
    if kind == "GAUGE":
        for older, newer in pairwise(points):
            index = floor((end - newer.end) / how.period + 1e-9)
            shares[index] = shares.get(index, 0.0) + number(newer.value) - number(older.value)
    for point in points if kind == "DELTA" else ():
        _share(shares, point, how.period, end, whole)
    kept = {index: change for index, change in shares.items() if 0 <= index < periods}
    if how.aligner == "RATE":
        return {index: change / how.period for index, change in kept.items()}
    return {index: round(change) if whole else change for index, change in kept.items()}


def _share(shares: dict[int, float], point: Point, period: float, end: float, whole: bool) -> None:
    value = number(point.value)
    last = floor((end - point.end) / period + 1e-9)
    length = point.end - point.start
    first = max(last, ceil((end - point.start) / period - 1e-9) - 1) if length > 0 else last
    given = 0.0
    for index in range(first, last - 1, -1):
        reached = value if index == last else value * (end - index * period - point.start) / length
        if whole:
            reached = round(reached)
        shares[index] = shares.get(index, 0) + reached - given
        given = reached


def _held(points: Sequence[Point], how: Aggregation, periods: int, end: float) -> dict[int, Value]:
    values: dict[int, Value] = {}
    for index in range(periods):
        upper = end - index * how.period
        older = [p for p in points if p.end <= upper]
        newer = next((p for p in points if p.end > upper), None)
        if how.aligner == "NEXT_OLDER":
            if older and upper - older[-1].end < how.period:
                values[index] = older[-1].value
        elif older and older[-1].end == upper:
            values[index] = float(number(older[-1].value))
        elif older and newer:
            low, high = number(older[-1].value), number(newer.value)
            values[index] = low + (high - low) * (upper - older[-1].end) / (newer.end - older[-1].end)
    return values


# ------------------------------------------------------------------------------------------------ reduction


def _reduce(lines: list[Line], how: Aggregation) -> list[Line]:
    groups: dict[tuple[str | None, ...], list[Line]] = defaultdict(list)
    for line in lines:
        groups[tuple(line.field(selector) for selector in how.group_by)].append(line)
    return [_reduce_group(group, how) for _, group in sorted(groups.items(), key=lambda item: str(item[0]))]


def _reduce_group(lines: list[Line], how: Aggregation) -> Line:
    first = lines[0]
    value_type = _reduced_type(how.reducer, first.value_type)
    columns: dict[float, list[Point]] = defaultdict(list)
    for line in lines:
        for point in line.points:
            columns[point.end].append(point)
    points = []
    for end, column in sorted(columns.items()):
        value = _fold(how.reducer, column, first.value_type)
        if value is not None:
            keeps_span = how.reducer in ("SUM", "NONE")
            points.append(Point(column[0].start if keeps_span else end, end, value))
    kept = {s: v for s in how.group_by if (v := first.field(s)) is not None}
    metric = {s.removeprefix("metric.labels."): v for s, v in kept.items() if s.startswith("metric.labels.")}
    resource = {
        s.removeprefix("resource.labels."): v for s, v in kept.items() if s.startswith("resource.labels.")
    }
    if "project_id" in first.resource_labels:
        # The project is where the answer lies, and is never aggregated away.
        resource["project_id"] = first.resource_labels["project_id"]
    return replace(
        first,
        metric_labels=MappingProxyType(metric),
        resource_labels=MappingProxyType(resource),
        kind=first.kind if how.reducer == "SUM" else "GAUGE",
        value_type=value_type,
        points=tuple(points),
    )


def _reduced_type(reducer: str, value_type: str) -> str:
    distribution, numeric = value_type == "DISTRIBUTION", value_type in _NUMERIC
    fits = {
        "SUM": numeric or distribution,
        "MEAN": numeric or distribution,
        "COUNT": True,
        **dict.fromkeys(("MIN", "MAX", "STDDEV"), numeric),
        **dict.fromkeys(("COUNT_TRUE", "COUNT_FALSE", "FRACTION_TRUE"), value_type == "BOOL"),
        **dict.fromkeys(_PERCENTILES, numeric or distribution),
    }
    if not fits.get(reducer, False):
        invalid(f"The reducer cannot be applied to metrics with value type {value_type}: REDUCE_{reducer}.")
    if reducer.startswith("COUNT"):
        return "INT64"
    return value_type if reducer in ("SUM", "MIN", "MAX") else "DOUBLE"


# -------------------------------------------------------------------------------------------- folding values


def _fold(name: str, points: Sequence[Point], value_type: str) -> Value | None:
    """One value from those of a period or of a column; None when there is nothing to say."""
    if name == "COUNT":
        return len(points)
    if value_type == "BOOL":
        return _fold_truth(name, [bool(point.value) for point in points])
    if value_type == "DISTRIBUTION":
        merged = merge([point.value for point in points if isinstance(point.value, Distribution)])
        if name in _PERCENTILES:
            return percentile(merged, _PERCENTILES[name])
        if name == "MEAN":
            return merged.mean if merged.count else None
        return merged
    numbers = [number(point.value) for point in points]
    if name in _PERCENTILES:
        return _percentile_of(sorted(numbers), _PERCENTILES[name])
    return _FOLDS[name](numbers)


def _fold_truth(name: str, values: Sequence[bool]) -> Value:
    if name == "FRACTION_TRUE":
        return sum(values) / len(values)
    return sum(values) if name == "COUNT_TRUE" else len(values) - sum(values)


def _percentile_of(ordered: Sequence[float], percent: float) -> float:
    rank = (len(ordered) - 1) * percent / 100.0
    low = floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _deviation(numbers: Sequence[float]) -> float:
    mean = sum(numbers) / len(numbers)
    return sqrt(sum((value - mean) ** 2 for value in numbers) / len(numbers))


_FOLDS: Mapping[str, Callable[[Sequence[float]], float]] = MappingProxyType(
    {
        "SUM": sum,
        "MIN": min,
        "MAX": max,
        "MEAN": lambda numbers: sum(numbers) / len(numbers),
        "STDDEV": _deviation,
    }
)
