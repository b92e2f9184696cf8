"""Monitoring v3: reading and writing time series."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud import monitoring_v3

from tidegate.local.world import histogram
from tidegate.local.world.alignment import Aggregation, Line, Point, aggregate
from tidegate.local.world.descriptors import KINDS, TYPES, USER_PREFIXES, Descriptors
from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.filters import normalise, parse
from tidegate.local.world.ground import Ground, fingerprint, stamp
from tidegate.local.world.model import Distribution, Sample
from tidegate.local.world.names import project_of
from tidegate.local.world.protos import ListTimeSeriesResponse
from tidegate.local.world.series import Series

_PAGE = 100_000
_PER_REQUEST = 200
_SPACING = 10.0
"""Least seconds between two user-written points of one series."""
_RESOURCES: dict[str, tuple[str, ...]] = {
    "global": (),
    "generic_node": ("location", "namespace", "node_id"),
    "generic_task": ("location", "namespace", "job", "task_id"),
    "gce_instance": ("instance_id", "zone"),
    "prometheus_target": ("location", "cluster", "namespace", "job", "instance"),
    "k8s_container": ("location", "cluster_name", "namespace_name", "pod_name", "container_name"),
    "k8s_pod": ("location", "cluster_name", "namespace_name", "pod_name"),
}
"""Resource types that users may write on, and the labels they must give besides project_id."""
_HEADERS = 1


@dataclass(frozen=True)
class _Query:
    project: str
    start: float
    end: float
    first: Aggregation
    second: Aggregation
    headers: bool
    size: int


class Metrics:
    def __init__(self, ground: Ground, series: Series, descriptors: Descriptors) -> None:
        self._ground = ground
        self._series = series
        self._descriptors = descriptors

    # ------------------------------------------------------------------------------------------ reading

    def list(self, request: Any) -> Any:
        query = self._query(request)
        chosen = parse(request.filter)
        if not chosen.metric_type:
            invalid('The filter must specify a single metric type with metric.type = "...".')
        _check_fields(chosen.fields)
        if not self._descriptors.exists(query.project, chosen.metric_type):
            not_found(
                f'Cannot find metric(s) that match type = "{chosen.metric_type}". If a metric was created '
                "recently, it could take up to 10 minutes to become available. Please try again soon."
            )
        offset, visible = self._position(request)
        lines = [
            line
            for line in self._series.lines(chosen.metric_type, query.project, visible)
            if chosen.matches(line.field)
        ]
        found = aggregate(lines, query.first, query.start, query.end)
        if query.second.aligner != "NONE":
            found = aggregate(found, query.second, query.start, query.end)
        return _respond(request, query, found, offset, visible)

    def _query(self, request: Any) -> _Query:
        interval = request.interval
        if not interval.HasField("end_time"):
            invalid("Field interval.endTime is required.")
        end = _seconds(interval.end_time)
        start = _seconds(interval.start_time) if interval.HasField("start_time") else end
        if start > end:
            invalid("Field interval had an invalid value: the start time must be before the end time.")
        if request.page_size < 0:
            invalid("Field pageSize must not be negative.")
        size = min(request.page_size or _PAGE, _PAGE)
        first, second = (
            self._aggregation(request.aggregation),
            self._aggregation(request.secondary_aggregation),
        )
        return _Query(project_of(request.name), start, end, first, second, request.view == _HEADERS, size)

    def _aggregation(self, message: Any) -> Aggregation:
        aligners, reducers = monitoring_v3.Aggregation.Aligner, monitoring_v3.Aggregation.Reducer
        aligner = aligners(message.per_series_aligner).name.removeprefix("ALIGN_")
        reducer = reducers(message.cross_series_reducer).name.removeprefix("REDUCE_")
        period = message.alignment_period.seconds + message.alignment_period.nanos / 1e9
        least = self._ground.knobs.minimum_alignment
        if aligner != "NONE" and period < least:
            invalid(
                f"Field aggregation.alignmentPeriod had an invalid value: it must be at least {least:g}s."
            )
        group_by = tuple(normalise(name) for name in message.group_by_fields)
        _check_fields(group_by)
        return Aggregation(period, aligner, reducer, group_by)

    def _position(self, request: Any) -> tuple[int, float]:
        """(points already given, newest visible time), both kept by the page token so that pages fit
        together."""
        if not request.page_token:
            return 0, self._ground.now() - self._ground.knobs.ingestion_delay
        try:
            offset, visible, query = json.loads(base64.urlsafe_b64decode(request.page_token))
        except (ValueError, binascii.Error) as error:
            raise ApiError("INVALID_ARGUMENT", "Field pageToken had an invalid value.") from error
        if query != _same_query(request):
            invalid("Field pageToken had an invalid value: it belongs to another request.")
        return int(offset), float(visible)

    # ------------------------------------------------------------------------------------------ writing

    def create(self, request: Any) -> None:
        project = project_of(request.name)
        if not 1 <= len(request.time_series) <= _PER_REQUEST:
            invalid(
                f"Field timeSeries had an invalid value: between 1 and {_PER_REQUEST} time series are "
                "required."
            )
        troubles: list[str] = []
        seen: set[bytes] = set()
        for position, message in enumerate(request.time_series):
            identity = message.metric.SerializeToString(deterministic=True)
            identity += message.resource.SerializeToString(deterministic=True)
            try:
                if identity in seen:
                    invalid(
                        "Duplicate TimeSeries encountered. Only one point can be written per "
                        "TimeSeries per request."
                    )
                seen.add(identity)
                self._series.write(self._acceptable(project, message))
            except ApiError as error:
                troubles.append(
                    f'timeSeries[{position}] (metric.type="{message.metric.type}"): {error.message}'
                )
        self._ground.touch()
        if troubles:
            invalid(f"One or more TimeSeries could not be written: {'; '.join(troubles)}")

    def _acceptable(self, project: str, message: Any) -> Sample:
        sample = self._sample(project, message)
        needed = _RESOURCES.get(sample.resource_type)
        if needed is None:
            invalid(f"Custom metrics cannot be written on monitored resource '{sample.resource_type}'.")
        absent = [label for label in needed if label not in sample.resource_labels]
        if absent:
            invalid(f"The set of resource labels is incomplete. Missing labels: ({' '.join(absent)}).")
        if not sample.metric_type.startswith(USER_PREFIXES):
            invalid("The metric type must be under custom.googleapis.com or another user domain.")
        now = self._ground.now()
        if not now - 25 * 3600 <= sample.end_time <= now + 300:
            invalid(
                "The end time of a point must not be more than 25 hours in the past or 5 minutes in "
                "the future."
            )
        last = self._series.last(sample)
        if last and sample.end_time <= last.end:
            invalid(
                "Points must be written in order. One or more of the points specified had an older "
                "end time than the "
                "most recent point."
            )
        if last and sample.end_time - last.end < _SPACING:
            invalid(
                "One or more points were written more frequently than the maximum sampling period of "
                "the metric."
            )
        return sample

    def _sample(self, project: str, message: Any) -> Sample:
        if len(message.points) != 1:
            invalid(
                "Field points had an invalid value: exactly one point is required, "
                f"{len(message.points)} given."
            )
        point = message.points[0]
        field = point.value.WhichOneof("value")
        if field is None or not point.interval.HasField("end_time"):
            invalid("A point needs an end time and a value.")
        value_type = field.removesuffix("_value").upper()
        name = f"projects/{project}/metricDescriptors/{message.metric.type}"
        known = self._descriptors.find(name)
        kind = _name(KINDS, known.metric_kind if known else message.metric_kind) or "GAUGE"
        if known and TYPES[value_type] != known.value_type:
            invalid(f"Value type for metric {message.metric.type} must be {_name(TYPES, known.value_type)}.")
        end = _seconds(point.interval.end_time)
        start = _seconds(point.interval.start_time) if point.interval.HasField("start_time") else end
        if kind == "DELTA" or (kind == "CUMULATIVE" and start >= end) or (kind == "GAUGE" and start != end):
            invalid(f"The interval or the kind {kind} is not valid for a user-written point.")
        resource = {"project_id": project, **message.resource.labels}
        return Sample(
            message.metric.type, message.resource.type or "global", resource, dict(message.metric.labels),
            kind, value_type, known.unit if known else message.unit, start, end, _value(point.value, field),
        )  # fmt: skip


# --------------------------------------------------------------------------------------------------- messages


def _respond(request: Any, query: _Query, lines: Sequence[Line], offset: int, visible: float) -> Any:
    """One page. Its size counts points, or series when only headers are asked for."""
    response = ListTimeSeriesResponse()
    units = {line.unit for line in lines}
    response.unit = units.pop() if len(units) == 1 else ""
    passed = 0
    for line in lines:
        newest_first = [None] if query.headers else list(reversed(line.points))
        skip = max(0, offset - passed)
        room = offset + query.size - passed
        passed += len(newest_first)
        part = newest_first[skip : max(room, 0)]
        if part:
            _write_line(response.time_series.add(), line, [point for point in part if point])
    if passed > offset + query.size:
        token = json.dumps([offset + query.size, visible, _same_query(request)])
        response.next_page_token = base64.urlsafe_b64encode(token.encode()).decode()
    return response


def _write_line(message: Any, line: Line, points: Sequence[Point]) -> None:
    message.metric.type = line.metric_type
    message.metric.labels.update(line.metric_labels)
    message.resource.type = line.resource_type
    message.resource.labels.update(line.resource_labels)
    message.metric_kind, message.value_type = KINDS[line.kind], TYPES[line.value_type]
    for point in points:
        written = message.points.add()
        stamp(written.interval.start_time, point.start)
        stamp(written.interval.end_time, point.end)
        if isinstance(point.value, Distribution):
            histogram.write(point.value, written.value.distribution_value)
        else:
            field = f"{line.value_type.lower()}_value"
            setattr(written.value, field, _cast(line.value_type, point.value))


def _cast(value_type: str, value: float | int | str) -> float | int | str | bool:
    if value_type == "INT64":
        return round(float(value))
    if value_type == "BOOL":
        return bool(value)
    return value


def _value(typed: Any, field: str) -> float | int | str | Distribution:
    if field != "distribution_value":
        value: float | int | str = getattr(typed, field)
        return value
    try:
        return histogram.read(typed.distribution_value)
    except ValueError as error:
        raise ApiError(
            "INVALID_ARGUMENT", f"Field distributionValue had an invalid value: {error}."
        ) from error


def _seconds(timestamp: Any) -> float:
    return float(timestamp.seconds + timestamp.nanos / 1e9)


def _same_query(request: Any) -> str:
    plain = type(request)()
    plain.CopyFrom(request)
    plain.page_token = ""
    plain.page_size = 0
    return fingerprint(plain.SerializeToString(deterministic=True))[:16]


def _name(table: dict[str, int], number: int) -> str:
    return next((name for name, value in table.items() if value == number), "")


def _check_fields(fields: Sequence[str] | frozenset[str]) -> None:
    known = ("metric.labels.", "resource.labels.", "metadata.")
    for name in fields:
        if name not in ("metric.type", "resource.type", "project", "project.id") and not name.startswith(
            known
        ):
            invalid(f"Field filter or groupByFields had an invalid value: unknown selector '{name}'.")
