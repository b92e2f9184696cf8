"""The charts a page has, in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.core.judge.wording import NOUNS
from tidegate.core.report.curves import Source, error_ratio, per_instance, rate, whole
from tidegate.core.report.numbers import percent, quantity


@dataclass(frozen=True)
class Kind:
    """One chart of the page: which metrics it is about, and how their values are told."""

    title: str
    unit: str
    metrics: tuple[str, ...]
    source: Source
    least: float
    """The axis reaches at least this far, so that noise near 0 stays small."""
    whole: bool = False
    told: Callable[[float], str] = quantity
    headroom: float = 1.04
    """The axis ends this much above the highest value; a ratio has nothing above 1."""
    expected: bool = True
    """Whether its absence is worth a word."""


KINDS = (
    Kind("Open fds per instance", "fds", ("open_fds",), per_instance("open_fds"), 10, whole=True),
    Kind(
        "TCP connections per instance",
        "connections",
        ("tcp_connections",),
        per_instance("tcp_connections"),
        10,
        whole=True,
    ),
    Kind("Request rate", "requests per second", ("request_count",), rate, 1),
    Kind(
        "Error ratio",
        "failed by all requests",
        ("error_count", "request_count"),
        error_ratio,
        0.01,
        told=percent,
        headroom=1.0,
    ),
    Kind("Median latency", "ms", ("latency_p50_ms",), whole("latency_p50_ms"), 1),
    Kind("p99 latency", "ms", ("latency_p99_ms",), whole("latency_p99_ms"), 1),
    Kind(
        "CPU use",
        "share of the limit, mean of the instances",
        ("cpu_utilization",),
        whole("cpu_utilization"),
        0.05,
        told=percent,
        headroom=1.0,
    ),
    Kind("Instances", "active and idle", ("instance_count",), whole("instance_count"), 2, whole=True),
    Kind(
        "Memory per instance",
        "MiB",
        ("memory_bytes",),
        per_instance("memory_bytes", 2.0**-20),
        1,
        expected=False,
    ),
    Kind(
        "Memory use",
        "share of the limit, mean of the instances",
        ("memory_utilization",),
        whole("memory_utilization"),
        0.05,
        told=percent,
        headroom=1.0,
        expected=False,
    ),
    Kind(
        "Billable time",
        "seconds per sample period",
        ("billable_instance_seconds",),
        whole("billable_instance_seconds"),
        1,
        expected=False,
    ),
)


def own_kind(metric: str, unit: str) -> Kind:
    """The chart of a metric of the user's own."""
    return Kind(spoken(metric), unit or "as measured", (metric,), per_instance(metric), 0.01)


def spoken(metric: str) -> str:
    """`queue_depth` → `Queue depth`; a built-in metric as the judge calls it."""
    words = NOUNS.get(metric) or metric.replace("_", " ")
    # p99 is written small, also where a title begins.
    return words if words[1:2].isdigit() else words[:1].upper() + words[1:]
