"""The catalogue is a table others build on: its ids, and that each row makes sense."""

from __future__ import annotations

import pytest

from tidegate.core.catalogue import BY_ID, CATALOGUE, Derive, Direction, Kind, Metric, Resource, Source, Value

TRACE_IDS = {
    "request_count",
    "error_count",
    "latency_ms_bucket",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_mean_ms",
    "cpu_utilization",
    "memory_utilization",
    "memory_bytes",
    "open_fds",
    "max_fds",
    "tcp_connections",
    "in_flight_requests",
    "instance_count",
    "billable_instance_seconds",
    "pending_requests",
}
ROWS = [
    pytest.param(metric, source, id=f"{metric.id}-{i}")
    for metric in CATALOGUE
    for i, source in enumerate(metric.sources)
]


def test_the_ids_are_those_of_the_trace_format() -> None:
    assert {metric.id for metric in CATALOGUE} == TRACE_IDS
    assert len(CATALOGUE) == len(BY_ID)


def test_only_per_instance_sources_come_before_others() -> None:
    assert {m.id for m in CATALOGUE if m.per_instance} == {
        "open_fds",
        "max_fds",
        "tcp_connections",
        "memory_bytes",
        "in_flight_requests",
    }


@pytest.mark.parametrize(("metric", "source"), ROWS)
def test_a_row_is_consistent(metric: Metric, source: Source) -> None:
    assert metric.what
    assert metric.unit
    assert bool(source.type) != bool(source.setting)
    assert (source.resource is Resource.PROMETHEUS) == source.per_instance
    over_distribution = source.derive not in (Derive.TOTAL, Derive.LEAST)
    assert over_distribution == (source.value is Value.DISTRIBUTION)
    assert (source.quantile is not None) == (source.derive is Derive.QUANTILE)
    assert (source.aligner == "ALIGN_DELTA") == (source.kind is Kind.DELTA)
    assert source.group_by


@pytest.mark.parametrize("quantile", [50, 95, 99])
def test_a_percentile_is_reduced_with_itself(quantile: int) -> None:
    (source,) = BY_ID[f"latency_p{quantile}_ms"].sources
    assert source.quantile == quantile / 100
    assert source.reducer == f"REDUCE_PERCENTILE_{quantile}"


def test_load_and_limits_are_not_judged() -> None:
    neither = {m.id for m in CATALOGUE if m.direction is Direction.NEITHER}
    assert neither == {"request_count", "max_fds", "in_flight_requests"}


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("app_fds", "prometheus.googleapis.com/app_fds/gauge"),
        ("prometheus.googleapis.com/app_fds/unknown", "prometheus.googleapis.com/app_fds/unknown"),
        ("", ""),
    ],
)
def test_configured_names_become_metric_types(configured: str, expected: str) -> None:
    assert BY_ID["open_fds"].sources[0].metric_type({"open_fds": configured}) == expected


def test_the_names_of_opentelemetry_are_known() -> None:
    types = [source.type for source in BY_ID["open_fds"].sources]
    assert "prometheus.googleapis.com/process_unix_file_descriptor_count/gauge" in types
