"""The series of a case by short names: which labels each has, and promtool's notation of values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.core.alerting.subject import Series, Subject

OPTIONS = ("instance", "code", "state", "le", "container")
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_PART = re.compile(
    rf"_(?:x(?P<none>\d+))?|stale|(?:{_NUMBER}|[+-]?Inf|NaN)(?:(?:[+-](?=[\d.]){_NUMBER})?x(?P<more>\d+))?"
)


@dataclass(frozen=True)
class Metric:
    """`name` is that of `Subject.metrics`. `options` are the labels a case may set, `labels` the others."""

    name: str
    meaning: str
    suffix: str = ""
    labels: str = ""
    options: tuple[str, ...] = ()
    per_instance: bool = False


def _gauge(name: str, meaning: str, *options: str) -> Metric:
    return Metric(name, meaning, options=("instance", *options), per_instance=True)


METRICS: Mapping[str, Metric] = {
    "open_fds": _gauge("open_fds", "descriptors of an instance"),
    "max_fds": _gauge("max_fds", "the process's own limit of them"),
    "tcp_connections": _gauge("tcp_connections", "its connections, in `state` (established)", "state"),
    "memory_bytes": _gauge("memory", "resident memory of an instance"),
    "request_count": Metric("requests", "requests so far, of class `code` (2xx)", options=("code",)),
    "latency_ms_bucket": Metric(
        "latencies", "requests so far that took at most `le` ms", "_bucket", options=("le", "code")
    ),
    "latency_ms_sum": Metric("latencies", "what all requests so far took, in ms", "_sum"),
    "instance_count": Metric("instances", "instances, in `state` (active)", options=("state",)),
    "billable_instance_seconds": Metric("billable", "seconds billed so far"),
    "pending_requests": Metric("pending", "requests that wait for an instance"),
    "starts": Metric("starts", "instances started so far", "_count"),
    "failed_starts": Metric(
        "probes", "startup probes failed so far", labels=',probe_type="startup",is_healthy="false"'
    ),
    "passed_starts": Metric(
        "probes", "startup probes passed so far", labels=',probe_type="startup",is_healthy="true"'
    ),
    "memory_utilization_bucket": Metric(
        "memory_ratio", "samples so far of at most `le` of the memory", "_bucket", options=("le", "container")
    ),
    "cpu_utilization_sum": Metric(
        "cpu_ratio", "shares of the CPU in use so far, added up", "_sum", options=("container",)
    ),
    "cpu_utilization_count": Metric(
        "cpu_ratio", "samples so far of the CPU in use", "_count", options=("container",)
    ),
    "log_lines": Metric("fd_errors", 'log lines so far that say "too many open files"'),
}  # fmt: skip
"""By the name in a case. What is so far is a counter: 60 a minute are `0+60x120`."""

_LABELS = {"code": "response_code_class", "container": "container_name"}
_USUAL = {"code": "2xx", "container": "app"}
_STATES = {"tcp_connections": "established", "instance_count": "active"}


@dataclass(frozen=True)
class Given:
    """What a case says of one series: `metric` of `METRICS` with `options`, or a whole `series`."""

    metric: str
    series: str
    values: str
    revision: str
    options: Mapping[str, str] = field(default_factory=dict)

    def written(self, subject: Subject) -> Series:
        """As promtool takes it."""
        if not self.metric:
            return {"series": self.series, "values": self.values}
        about = METRICS[self.metric]
        usual = {**_USUAL, "state": _STATES.get(self.metric, "")}
        labels = about.labels + "".join(
            f",{_LABELS.get(option, option)}={_quoted(self.options.get(option, usual.get(option, '')))}"
            for option in about.options
            if option != "instance"
        )
        revision = _quoted(self.revision)[1:-1]
        if about.per_instance:
            instance = _quoted(self.options.get("instance", "i1"))[1:-1]
            return subject.gauge(about.name, self.values, revision, instance, labels)
        return subject.counted(about.name, self.values, revision, labels, about.suffix)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def samples(values: str) -> int:
    """How many a text in promtool's notation has. Raises ValueError with the first part that is none."""
    count = 0
    parts = values.split()
    if not parts:
        raise ValueError("nothing")
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None or any(len(times) > 9 for times in match.groups() if times):
            raise ValueError(repr(part[:40]))
        count += int(match["none"]) if match["none"] else 1 + int(match["more"] or 0)
    return count
