"""Every metric tidegate knows: what it means, where Cloud Monitoring keeps it, how raw points become one
series.

Points are read raw (`ALIGN_NONE`) and combined by the metrics adapter. The API refuses alignment periods
under 60 s, so an aligned query could not serve a source that samples every second, and raw points are right
at both. `aligner` and `reducer` name the server-side aggregation that shows the same number on a chart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PROMETHEUS = "prometheus.googleapis.com"


class Resource(StrEnum):
    """Monitored resource type."""

    REVISION = "cloud_run_revision"
    PROMETHEUS = "prometheus_target"


class Kind(StrEnum):
    GAUGE = "GAUGE"
    DELTA = "DELTA"


class Value(StrEnum):
    INT64 = "INT64"
    DOUBLE = "DOUBLE"
    DISTRIBUTION = "DISTRIBUTION"


class Direction(StrEnum):
    LOWER_IS_BETTER = "lower_is_better"
    NEITHER = "neither"
    """Describes load or a limit: explains the others, is not judged itself."""


class Derive(StrEnum):
    """How the points of all series of one revision (or instance) at one time become one value."""

    TOTAL = "total"
    LEAST = "least"
    MEAN = "mean"
    """Of the merged distribution."""
    BUSIEST_MEAN = "busiest_mean"
    """The highest of the containers' means: a sidecar that idles must not dilute the application."""
    QUANTILE = "quantile"
    """Of the merged distribution, linear inside the bucket."""
    BUCKETS = "buckets"
    """One series per bound of the merged distribution: how many values of the interval were at most that."""


Labels = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Source:
    """One metric type that can feed a metric.

    `type` is a full metric type; `setting` instead names the `Telemetry` field that holds the type, or the
    bare Prometheus name. `only` and `without` select series by metric label; a label that a series does not
    carry never excludes it through `without`.
    """

    type: str = ""
    setting: str = ""
    resource: Resource = Resource.REVISION
    kind: Kind = Kind.GAUGE
    value: Value = Value.INT64
    per_instance: bool = False
    derive: Derive = Derive.TOTAL
    quantile: float | None = None
    only: Labels = ()
    without: Labels = ()
    aligner: str = "ALIGN_MEAN"
    reducer: str = "REDUCE_SUM"
    group_by: tuple[str, ...] = ("resource.label.revision_name",)

    def metric_type(self, configured: Mapping[str, str]) -> str:
        """The full metric type; `configured` maps `Telemetry` fields to names. Empty when switched off."""
        name = configured.get(self.setting, "") if self.setting else self.type
        if not name or "/" in name:
            return name
        return f"{PROMETHEUS}/{name}/gauge"


@dataclass(frozen=True)
class Metric:
    """`id` is the name in samples and traces. `sources` in order of preference: the first with data
    serves."""

    id: str
    what: str
    unit: str
    direction: Direction
    sources: tuple[Source, ...]

    @property
    def per_instance(self) -> bool:
        return self.sources[0].per_instance


_RUN = "run.googleapis.com"
_PER_INSTANCE = ("metric.label.revision_name", "metric.label.instanceId")

# A closed connection stays in TIME_WAIT for a minute or so without holding a descriptor: it follows the
# request rate and would hide a leak, which shows in ESTABLISHED, CLOSE_WAIT or, for a gauge without states,
# in the sum.
_TIME_WAIT: Labels = (("state", ("time_wait", "timewait", "time-wait", "06")),)


def _prometheus(
    name: str = "", setting: str = "", derive: Derive = Derive.TOTAL, without: Labels = ()
) -> Source:
    return Source(
        type=f"{PROMETHEUS}/{name}/gauge" if name else "",
        setting=setting,
        resource=Resource.PROMETHEUS,
        value=Value.DOUBLE,
        per_instance=True,
        derive=derive,
        without=without,
        reducer="REDUCE_MIN" if derive is Derive.LEAST else "REDUCE_SUM",
        group_by=_PER_INSTANCE,
    )


def _requests(only: Labels = ()) -> Source:
    return Source(f"{_RUN}/request_count", kind=Kind.DELTA, only=only, aligner="ALIGN_DELTA")


def _latency(derive: Derive, quantile: float | None = None, reducer: str = "REDUCE_SUM") -> Source:
    return Source(
        f"{_RUN}/request_latencies",
        kind=Kind.DELTA,
        value=Value.DISTRIBUTION,
        derive=derive,
        quantile=quantile,
        aligner="ALIGN_DELTA",
        reducer=reducer,
    )


def _utilization(what: str) -> Source:
    return Source(
        f"{_RUN}/container/{what}/utilizations",
        kind=Kind.DELTA,
        value=Value.DISTRIBUTION,
        derive=Derive.BUSIEST_MEAN,
        aligner="ALIGN_DELTA",
        reducer="REDUCE_MEAN",
        group_by=("resource.label.revision_name", "metric.label.container_name"),
    )


_LOWER, _NEITHER = Direction.LOWER_IS_BETTER, Direction.NEITHER

CATALOGUE: tuple[Metric, ...] = (
    Metric(
        "request_count",
        "requests that reached an instance, per interval",
        "requests",
        _NEITHER,
        (_requests(),),
    ),
    Metric(
        "error_count",
        "requests answered with 5xx, per interval; 0 where requests were counted and none failed",
        "requests",
        _LOWER,
        (_requests((("response_code_class", ("5xx",)),)),),
    ),
    Metric(
        "latency_ms_bucket",
        "requests per interval that took at most `le`, cumulative over the bounds; the last is all of them",
        "requests",
        _LOWER,
        (_latency(Derive.BUCKETS),),
    ),
    Metric(
        "latency_p50_ms",
        "median request latency",
        "ms",
        _LOWER,
        (_latency(Derive.QUANTILE, 0.50, "REDUCE_PERCENTILE_50"),),
    ),
    Metric(
        "latency_p95_ms",
        "95th percentile of request latency",
        "ms",
        _LOWER,
        (_latency(Derive.QUANTILE, 0.95, "REDUCE_PERCENTILE_95"),),
    ),
    Metric(
        "latency_p99_ms",
        "99th percentile of request latency",
        "ms",
        _LOWER,
        (_latency(Derive.QUANTILE, 0.99, "REDUCE_PERCENTILE_99"),),
    ),
    Metric(
        "latency_mean_ms",
        "mean request latency",
        "ms",
        _LOWER,
        (_latency(Derive.MEAN, reducer="REDUCE_MEAN"),),
    ),
    Metric(
        "cpu_utilization",
        "mean CPU use over the instances, as a share of the limit, of the busiest container",
        "ratio",
        _LOWER,
        (_utilization("cpu"),),
    ),
    Metric(
        "memory_utilization",
        "mean memory use over the instances, as a share of the limit, of the fullest container",
        "ratio",
        _LOWER,
        (_utilization("memory"),),
    ),
    Metric(
        "memory_bytes",
        "resident memory of the application's processes",
        "bytes",
        _LOWER,
        (_prometheus("process_resident_memory_bytes"),),
    ),
    Metric(
        "open_fds",
        "open file descriptors of the application's processes",
        "descriptors",
        _LOWER,
        (
            _prometheus(setting="open_fds"),
            # OpenTelemetry's name since its rename, and the one before.
            _prometheus("process_unix_file_descriptor_count"),
            _prometheus("process_open_file_descriptor_count"),
        ),
    ),
    Metric(
        "max_fds",
        "limit of open file descriptors of a process; the lowest where an instance has several",
        "descriptors",
        _NEITHER,
        (_prometheus(setting="max_fds", derive=Derive.LEAST),),
    ),
    Metric(
        "tcp_connections",
        "TCP connections in any state but TIME_WAIT",
        "connections",
        _LOWER,
        (_prometheus(setting="tcp_connections", without=_TIME_WAIT),),
    ),
    Metric(
        "in_flight_requests",
        "requests being served at once",
        "requests",
        _NEITHER,
        (
            _prometheus("in_flight_requests"),
            _prometheus("http_server_active_requests"),
            # Only an average over the instances, and of each minute's peak: better than nothing, as an
            # aggregate.
            Source(
                f"{_RUN}/container/max_request_concurrencies",
                kind=Kind.DELTA,
                value=Value.DISTRIBUTION,
                derive=Derive.MEAN,
                aligner="ALIGN_DELTA",
                reducer="REDUCE_MEAN",
            ),
        ),
    ),
    Metric(
        "instance_count",
        "container instances, active and idle",
        "instances",
        _LOWER,
        (Source(f"{_RUN}/container/instance_count"),),
    ),
    Metric(
        "billable_instance_seconds",
        "billable container time, per interval",
        "s",
        _LOWER,
        (
            Source(
                f"{_RUN}/container/billable_instance_time",
                kind=Kind.DELTA,
                value=Value.DOUBLE,
                aligner="ALIGN_DELTA",
            ),
        ),
    ),
    Metric(
        "pending_requests",
        "requests waiting for an instance",
        "requests",
        _LOWER,
        (Source(f"{_RUN}/pending_queue/pending_requests"),),
    ),
)

BY_ID: Mapping[str, Metric] = {metric.id: metric for metric in CATALOGUE}
