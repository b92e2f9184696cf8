"""A replay as plain text: one trace with what was known when, or several as one table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tidegate.core.replay.stepping import Replayed
from tidegate.core.report.numbers import duration, offset, percent, quantity
from tidegate.core.report.plain import aligned, printable
from tidegate.core.verdict import MetricResult

_WIDTH = 100
_REASON_WIDTH = 80


def text(replayed: Replayed) -> str:
    """The verdict, its reasons, every metric, and the looks at which something else was found."""
    rollout = replayed.rollout
    head = (
        f"{replayed.decision} {rollout.candidate} (attribution: {replayed.attribution}), decided "
        f"{duration(replayed.seconds)} after its first traffic, at look {replayed.looks}"
    )
    lines = [printable(head), *(line for reason in replayed.reasons for line in _wrapped(reason))]
    if replayed.metrics:
        lines += ["", _metrics(replayed)]
    lines += ["", "what was known when", *_timeline(replayed)]
    return "\n".join(lines) + "\n"


def table(results: Mapping[str, Replayed | str]) -> str:
    """A line per trace: its verdict, or the sentence that says why it could not be judged."""
    head = ("trace", "verdict", "attribution", "decided in", "why")
    rows = [
        (printable(name), "error", "", "", _short(found))
        if isinstance(found, str)
        else (
            printable(name),
            str(found.decision),
            str(found.attribution),
            duration(found.seconds),
            _short(found.reasons[0] if found.reasons else ""),
        )
        for name, found in results.items()
    ]
    return aligned((head, *rows)) + "\n" + _counted(results) + "\n"


def _counted(results: Mapping[str, Replayed | str]) -> str:
    outcomes = ["error" if isinstance(r, str) else str(r.decision) for r in results.values()]
    told = [f"{outcomes.count(name)} {name}" for name in ("promote", "rollback", "hold", "error")]
    return f"{len(outcomes)} traces: " + ", ".join(t for t in told if not t.startswith("0 "))


def _metrics(replayed: Replayed) -> str:
    head = ("metric", "finding", "estimate", "interval", "evidence", "samples", "")
    rows = [
        (
            m.metric,
            str(m.finding).replace("_", " "),
            _value(m, m.estimate),
            _interval(m),
            _evidence(m),
            f"{m.samples:,}",
            _role(m, replayed.required),
        )
        for m in replayed.metrics
    ]
    return aligned((head, *rows))


def _role(metric: MetricResult, required: tuple[str, ...]) -> str:
    if not metric.decisive:
        return "not decisive"
    return "required" if metric.metric in required else ""


def _value(metric: MetricResult, value: float | None) -> str:
    if value is None:
        return ""
    return percent(value) if metric.unit == "ratio" else f"{quantity(value)} {metric.unit}".rstrip()


def _interval(metric: MetricResult) -> str:
    if metric.low is None and metric.high is None:
        return ""
    scale = 100 if metric.unit == "ratio" else 1
    ends = ("" if end is None else quantity(scale * end) for end in (metric.low, metric.high))
    return " to ".join(ends).strip()


def _evidence(metric: MetricResult) -> str:
    if metric.evidence is None or metric.boundary is None:
        return ""
    return f"{quantity(metric.evidence)} of {quantity(metric.boundary)}"


def _timeline(replayed: Replayed) -> list[str]:
    start = replayed.rollout.start
    moved = [
        (step.time, 0, f"{step.percent} % of the traffic to {replayed.rollout.candidate}")
        for step in replayed.rollout.steps
        if step.time <= replayed.decided_at
    ]
    found = [
        (c.time, 1, f"{c.metric}: {str(c.finding).replace('_', ' ')}. {c.sentence}") for c in replayed.changes
    ]
    ended = (replayed.decided_at, 2, f"{replayed.decision}")
    lines = []
    for time, _, told in sorted((*moved, *found, ended), key=lambda row: row[:2]):
        first, *rest = textwrap.wrap(printable(told), _WIDTH - 16) or [""]
        lines += [f"  {offset(time - start):>12}  {first}", *(" " * 16 + line for line in rest)]
    return lines


def _wrapped(reason: str) -> list[str]:
    return textwrap.wrap(printable(reason), _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _short(reason: str) -> str:
    return textwrap.shorten(printable(reason), _REASON_WIDTH, placeholder=" …")
