"""The catalogue is a table others build on: its ids, and that each row makes sense."""

from __future__ import annotations

import pytest

from tidegate.core.catalogue import (
    BY_ID,
    CATALOGUE,
    CustomMetric,
    Derive,
    Direction,
    Kind,
    Metric,
    Resource,
    Source,
    Value,
    filled,
)
from tidegate.core.catalogue.custom import label, metric_type, unknown_placeholders
from tidegate.core.judge import JUDGED

IDS = {
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
    "max_concurrency",
    "startup_latency_ms",
    "failed_probes",
    "network_received_bytes",
    "network_sent_bytes",
}
ROWS = [
    pytest.param(metric, source, id=f"{metric.id}-{i}")
    for metric in CATALOGUE
    for i, source in enumerate(metric.sources)
]


def test_the_ids_stand_in_traces_and_reports_and_stay() -> None:
    assert {metric.id for metric in CATALOGUE} == IDS
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
    assert neither == {
        "request_count",
        "max_fds",
        "in_flight_requests",
        "max_concurrency",
        "network_received_bytes",
        "network_sent_bytes",
    }
    assert not neither & set(JUDGED) - {"request_count"}


def test_everything_that_is_judged_is_in_the_catalogue() -> None:
    counted = {"error_ratio"}  # of request_count and error_count
    assert set(JUDGED) <= set(BY_ID) | counted


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


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("open_fds", "process_unix_file_descriptor_count"),
        ("memory_bytes", "process_memory_usage_bytes"),
        ("in_flight_requests", "http_server_active_requests"),
    ],
)
def test_the_names_of_opentelemetry_are_known(metric: str, name: str) -> None:
    assert f"prometheus.googleapis.com/{name}/gauge" in [source.type for source in BY_ID[metric].sources]


# ------------------------------------------------------------------------------------------ a user's own


@pytest.mark.parametrize(
    ("filter_", "revision_label", "expected"),
    [
        ('metric.type="custom.googleapis.com/depth"', "", "metric.labels.revision_name"),
        ('metric.type="prometheus.googleapis.com/depth/gauge"', "", "metric.labels.revision_name"),
        ('metric.type="run.googleapis.com/container/x"', "", "resource.labels.revision_name"),
        (
            "metric.type='x.example.com/y' AND resource.type='cloud_run_revision'",
            "",
            "resource.labels.revision_name",
        ),
        ('metric.type="custom.googleapis.com/depth"', "metric.label.version", "metric.labels.version"),
    ],
)
def test_a_series_of_a_filter_has_its_revision_where_its_writer_can_put_it(
    filter_: str, revision_label: str, expected: str
) -> None:
    assert str(CustomMetric("depth", filter=filter_, revision_label=revision_label).revision) == expected


def test_a_filter_names_one_metric_type() -> None:
    assert metric_type('metric.type = "a.example.com/b" AND resource.type="x"') == "a.example.com/b"
    assert metric_type('metric.type="a/b" OR metric.type="a/c"') == ""
    assert metric_type('resource.type="generic_task"') == ""


def test_placeholders_are_filled_and_others_are_noticed() -> None:
    values = {"service": "orders", "project": "p", "region": "r"}
    assert filled('x{service_name="${service}",a=~"b$"}', values) == 'x{service_name="orders",a=~"b$"}'
    assert unknown_placeholders("${service} ${revision} ${") == ["revision", ""]


def test_what_is_no_label_is_refused() -> None:
    with pytest.raises(ValueError, match="revision_name"):
        label("revision_name")
