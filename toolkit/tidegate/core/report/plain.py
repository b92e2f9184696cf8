"""A report as plain text, as Markdown for the summary of a CI job, and several as one table."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.core.report.model import Report, finding, serving
from tidegate.core.report.numbers import duration
from tidegate.core.rollout import sentence, when

_WHY_WIDTH = 64
_REPLACED = "\N{REPLACEMENT CHARACTER}"
_BIDI = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Direction overrides, which show text in another order than it is in."""


def text(report: Report) -> str:
    """For a terminal: the outcome first, then what it rests on."""
    lines = [printable(sentence(report.state)), ""]
    facts = _facts(report)
    width = 2 + max(len(name) for name, _ in facts)
    lines += [f"{name:<{width}}{printable(value)}" for name, value in facts]
    if report.deciding is not None and report.deciding.metrics:
        lines += ["", "what was seen"]
        for metric in report.deciding.metrics:
            lines += [f"  {metric.metric} ({finding(metric, report)})"]
            lines += textwrap.wrap(
                printable(metric.sentence), 96, initial_indent="    ", subsequent_indent="    "
            )
    if report.monitoring_error:
        lines += ["", f"the monitoring root failed: {printable(report.monitoring_error)}"]
    return "\n".join(lines) + "\n"


def markdown(report: Report) -> str:
    """GitHub's Markdown. Whatever comes from outside is escaped."""
    lines = [f"## {_escaped(report.service)}: {report.verdict}", "", _escaped(sentence(report.state)), ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {name} | {_escaped(value)} |" for name, value in _facts(report)]
    if report.deciding is not None and report.deciding.metrics:
        lines += ["", "| metric | finding | |", "|---|---|---|"]
        lines += [
            f"| `{metric.metric}` | {finding(metric, report)} | {_escaped(metric.sentence)} |"
            for metric in report.deciding.metrics
        ]
    if report.monitoring_error:
        lines += ["", f"**The monitoring root failed:** {_escaped(report.monitoring_error)}"]
    return "\n".join(lines) + "\n"


def table(summaries: Sequence[Mapping[str, Any]]) -> str:
    """A line per rollout, out of their summaries: what became of it, why, and how quickly."""
    head = ("revision", "verdict", "why", "decided in", "restored in")
    cells = [
        (
            printable(str(row["revision"] or "none")),
            str(row["verdict"]),
            textwrap.shorten(printable(str(row["why"])), _WHY_WIDTH, placeholder=" …"),
            _duration(row["seconds_to_decide"]),
            _duration(row["seconds_to_restore"]),
        )
        for row in summaries
    ]
    return aligned((head, *cells))


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, a rule under the first row."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def _facts(report: Report) -> list[tuple[str, str]]:
    state = report.state
    facts = [
        ("service", f"{report.service} ({report.project}, {report.region})"),
        ("url", report.url),
        ("revision", state.candidate or "none"),
        ("before", state.stable or "none, this was the first deployment"),
        ("image", report.image),
        ("traffic", serving(report)),
        ("started", when(state.started)),
        ("ended", when(state.entered)),
        ("decided in", _duration(report.seconds_to_decide)),
        ("restored in", _duration(report.seconds_to_restore)),
        ("rollout", f"{state.id} by {state.owner}"),
    ]
    return [(name, value) for name, value in facts if value]


def _duration(value: float | None) -> str:
    return "" if value is None else duration(value)


def printable(value: str) -> str:
    """On one line, and without what a terminal would obey instead of showing."""
    line = " ".join(value.split())
    return "".join(_REPLACED if unicodedata.category(c) == "Cc" or c in _BIDI else c for c in line)


def _escaped(value: str) -> str:
    escaped = printable(value).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for mark in "`*_[]|":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped
