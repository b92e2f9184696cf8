"""Numbers as people on call read them."""

from __future__ import annotations

from tidegate.core.judge.criteria import Criteria

NOUNS = {
    "open_fds": "open fds per instance",
    "tcp_connections": "TCP connections per instance",
    "memory_bytes": "bytes of memory per instance",
    "memory_utilization": "memory use",
    "cpu_utilization": "CPU per request",
    "billable_instance_seconds": "billable time per request",
    "error_ratio": "error ratio",
    "latency_p99_ms": "p99 latency",
    "latency_mean_ms": "mean latency",
    "request_count": "requests",
}


def noun(metric: str, criteria: Criteria) -> str:
    """What a sentence calls the metric."""
    own = {c.metric: c.noun or c.metric for c in criteria.custom}
    return NOUNS.get(metric) or own.get(metric, metric)


def amount(metric: str, value: float) -> str:
    """A value of the metric with its unit, where that is not in its noun."""
    if metric != "memory_bytes":
        return f"{value:,.0f}" if value >= 1000 else number(value)
    for unit, size in (("GiB", 2.0**30), ("MiB", 2.0**20)):
        if abs(value) >= size:
            return f"{number(value / size)} {unit}"
    return f"{number(value / 1024)} KiB"


def number(value: float) -> str:
    size = abs(value)
    if size < 0.005:
        return "0"  # what rounding leaves of nothing
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 1 else f"{value:.2g}"


def percent(ratio: float) -> str:
    return f"{100 * ratio:.2g} %" if 1e-5 < ratio < 0.1 else f"{abs(100 * ratio):.0f} %"


def milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:,.0f} d"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def enough(requests: int, candidate: str, needed: int) -> str:
    """How many requests there were of those that something can be said from."""
    return f"{counted(requests, 'request')} to {candidate} so far, of the {needed:,} it takes"
