"""Every metric tidegate knows by itself, as a table. docs/metrics.md is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.core.catalogue.model import (
    PROMETHEUS,
    Derive,
    Direction,
    Kind,
    Labels,
    Metric,
    Resource,
    Source,
    Value,
)

_RUN = "run.googleapis.com"
_LATENCIES = "request_latencies"
_CONCURRENCIES = "container/max_request_concurrencies"
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


def _delta(path: str, value: Value = Value.INT64, only: Labels = ()) -> Source:
    return Source(f"{_RUN}/{path}", kind=Kind.DELTA, value=value, only=only, aligner="ALIGN_DELTA")


def _spread(path: str, derive: Derive, quantile: float | None = None, reducer: str = "REDUCE_MEAN") -> Source:
    """A figure of a built-in distribution, all series of the revision merged."""
    return Source(
        f"{_RUN}/{path}",
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
        (_delta("request_count"),),
    ),
    Metric(
        "error_count",
        "requests answered with 5xx, per interval; 0 where requests were counted and none failed",
        "requests",
        _LOWER,
        (_delta("request_count", only=(("response_code_class", ("5xx",)),)),),
    ),
    Metric(
        "latency_ms_bucket",
        "requests per interval that took at most `le`, cumulative over the bounds; the last is all of them",
        "requests",
        _LOWER,
        (_spread(_LATENCIES, Derive.BUCKETS, reducer="REDUCE_SUM"),),
    ),
    Metric(
        "latency_p50_ms",
        "median request latency",
        "ms",
        _LOWER,
        (_spread(_LATENCIES, Derive.QUANTILE, 0.50, "REDUCE_PERCENTILE_50"),),
    ),
    Metric(
        "latency_p95_ms",
        "95th percentile of request latency",
        "ms",
        _LOWER,
        (_spread(_LATENCIES, Derive.QUANTILE, 0.95, "REDUCE_PERCENTILE_95"),),
    ),
    Metric(
        "latency_p99_ms",
        "99th percentile of request latency",
        "ms",
        _LOWER,
        (_spread(_LATENCIES, Derive.QUANTILE, 0.99, "REDUCE_PERCENTILE_99"),),
    ),
    Metric(
        "latency_mean_ms",
        "mean request latency",
        "ms",
        _LOWER,
        (_spread(_LATENCIES, Derive.MEAN),),
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
        (
            _prometheus(setting="memory_bytes"),
            # OpenTelemetry's, with and without the unit that exporters append.
            _prometheus("process_memory_usage_bytes"),
            _prometheus("process_memory_usage"),
        ),
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
            # Micrometer's, of Java services.
            _prometheus("process_files_open_files"),
        ),
    ),
    Metric(
        "max_fds",
        "limit of open file descriptors of a process; the lowest where an instance has several",
        "descriptors",
        _NEITHER,
        (
            _prometheus(setting="max_fds", derive=Derive.LEAST),
            _prometheus("process_files_max_files", derive=Derive.LEAST),
        ),
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
            _spread(_CONCURRENCIES, Derive.MEAN),
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
        (_delta("container/billable_instance_time", Value.DOUBLE),),
    ),
    Metric(
        "pending_requests",
        "requests waiting for an instance",
        "requests",
        _LOWER,
        (Source(f"{_RUN}/pending_queue/pending_requests"),),
    ),
    Metric(
        "max_concurrency",
        "requests that an instance served at once at most, 99th percentile over the instances",
        "requests",
        _NEITHER,
        (_spread(_CONCURRENCIES, Derive.QUANTILE, 0.99, "REDUCE_PERCENTILE_99"),),
    ),
    Metric(
        "startup_latency_ms",
        "mean time that starting instances took",
        "ms",
        _LOWER,
        (_spread("container/startup_latencies", Derive.MEAN),),
    ),
    Metric(
        "failed_probes",
        "health probes that failed, per interval; 0 where probes ran and none failed",
        "probes",
        _LOWER,
        (_delta("container/completed_probe_count", only=(("is_healthy", ("false",)),)),),
    ),
    Metric(
        "network_received_bytes",
        "bytes received from anywhere, per interval",
        "bytes",
        _NEITHER,
        (_delta("container/network/received_bytes_count"),),
    ),
    Metric(
        "network_sent_bytes",
        "bytes sent to anywhere, per interval",
        "bytes",
        _NEITHER,
        (_delta("container/network/sent_bytes_count"),),
    ),
)

BY_ID: Mapping[str, Metric] = {metric.id: metric for metric in CATALOGUE}
