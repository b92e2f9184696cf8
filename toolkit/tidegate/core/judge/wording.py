"""Numbers as people on call read them."""

from __future__ import annotations

NOUNS = {
    "open_fds": "open fds per instance",
    "tcp_connections": "TCP connections per instance",
    "error_ratio": "error ratio",
    "latency_p99_ms": "p99 latency",
    "request_count": "requests",
}


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
