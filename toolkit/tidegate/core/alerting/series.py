"""The series of a case by short names: which labels each has, and promtool's notation of values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.core.alerting.subject import Series, Subject

OPTIONS = ("instance", "code", "state", "le", "container")
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_PART = re.compile(
    rf"_(?:x(?P<none>\d+))?|stale|"
    rf"(?P<first>{_NUMBER}|[+-]?Inf|NaN)(?:(?P<step>[+-](?=[\d.]){_NUMBER})?x(?P<more>\d+))?"
)
BOUND = re.compile(rf"{_NUMBER}|\+?Inf")
"""Of a bucket."""
_NAME = re.compile(r"[^{]*")
_LABEL = re.compile(r"""(\w+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)')""", re.DOTALL)


@dataclass(frozen=True)
class Metric:
    """`name` is that of `Subject.metrics`. `options` are the labels a case may set, `labels` the others.
    A `counter` only grows."""

    name: str
    meaning: str
    suffix: str = ""
    labels: str = ""
    options: tuple[str, ...] = ()
    per_instance: bool = False
    counter: bool = True


def _gauge(name: str, meaning: str, *options: str) -> Metric:
    return Metric(name, meaning, options=("instance", *options), per_instance=True, counter=False)


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
    "instance_count": Metric(
        "instances", "instances, in `state` (active)", options=("state",), counter=False
    ),
    "billable_instance_seconds": Metric("billable", "seconds billed so far"),
    "pending_requests": Metric("pending", "requests that wait for an instance", counter=False),
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
        if match is None or any(len(match[times] or "") > 9 for times in ("none", "more")):
            raise ValueError(repr(part[:40]))
        count += int(match["none"]) if match["none"] else 1 + int(match["more"] or 0)
    return count


def fall(values: str) -> tuple[float, float] | None:
    """The first sample that is less than the one before it, after that one; `values` have been counted."""
    last = -math.inf
    for part in values.split():
        match = _PART.fullmatch(part)
        if match is None or match["first"] in (None, "NaN"):
            continue
        first, step, more = float(match["first"]), float(match["step"] or 0), int(match["more"] or 0)
        if first < last:
            return last, first
        if more and first + step < first:
            return first, first + step
        last = first + step * more
    return None


def identity(series: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """What tells a series from others, in whichever order its labels stand."""
    name = _NAME.match(series)
    labels = _LABEL.finditer(series)
    return name[0].strip() if name else "", frozenset((one[1], one[2] or one[3] or "") for one in labels)
