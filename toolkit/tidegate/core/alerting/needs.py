"""Which metrics a query names, which of them it cannot do without, and how far back it looks.

As much of PromQL as that takes. Without data of what it needs a query has no answer, which is no news; what
only stands behind `unless`, or in one of several alternatives of `or`, may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidegate.core.policies.promql import outside

_SELECTOR = r"[A-Za-z_:][\w:]*\s*\{(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^{}\"'])*\}"
_PART = re.compile(rf"#.*|({_SELECTOR}|\b(?:and|or|unless|absent|absent_over_time)\b|[(),])")
_REACH = re.compile(r"(\[|\boffset)\s*((?:\d+(?:ms|[smhdwy]))+)")
_LENGTH = re.compile(r"(\d+)(ms|[smhdwy])")
_UNITS = {
    "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0,
}  # fmt: skip


def metrics_of(query: str) -> dict[str, tuple[str, ...]]:
    """Metric → its selectors with their labels, in the order in which they stand there.

    The queries of the monitoring module name what they judge first. A metric without braces is not seen.
    """
    found: dict[str, dict[str, None]] = {}
    for part in _parts(query):
        if part.endswith("}"):
            found.setdefault(_metric(part), {})[part] = None
    return {name: tuple(ones) for name, ones in found.items()}


def needed(query: str) -> frozenset[str]:
    """The metrics without which the query has no answer, whatever the others are."""
    return _needed(_parts(query))


def reach(query: str) -> float:
    """At most so many seconds before an evaluation lies what the query looks at: its longest window, from its
    farthest offset."""
    found = {"[": 0.0, "offset": 0.0}
    for kind, given in _REACH.findall(outside(query)):
        found[kind] = max(found[kind], sum(float(n) * _UNITS[unit] for n, unit in _LENGTH.findall(given)))
    return sum(found.values())


def _parts(query: str) -> Iterator[str]:
    return (part[1] for part in _PART.finditer(query) if part[1])


def _metric(selector: str) -> str:
    return selector.partition("{")[0].strip()


def _needed(parts: Iterator[str]) -> frozenset[str]:
    """Up to the closing parenthesis. `unless` and `and` bind alike, and more than `or`."""
    whole: set[str] = set()  # of the arguments before this one
    alternatives: list[set[str]] = [set()]
    spared = absent = False
    for part in parts:
        if part == ")":
            break
        if part == "(":
            inner = _needed(parts)
            alternatives[-1] |= inner if not (spared or absent) else set()
            absent = False
        elif part == ",":
            whole |= set.intersection(*alternatives)
            alternatives, spared = [set()], False
        elif part == "or":
            alternatives.append(set())
            spared = False
        elif part in ("and", "unless"):
            spared = part == "unless"
        elif part.endswith("}"):
            alternatives[-1] |= {_metric(part)} if not spared else set()
        else:
            absent = True
    return frozenset(whole | set.intersection(*alternatives))
