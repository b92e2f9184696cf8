"""Stretches of time as documents for promtool, and what its answer says about when an alert fired.

`promtool test rules` says only of each expectation whether it was met. So at every checkpoint it is made to
expect that nothing fires, and each expectation carries a mark of ours: promtool repeats it where the
expectation failed, whatever its answer looks like otherwise. One expectation of each stretch always fails, so
that silence is never taken for an answer.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tidegate.core.alerting.rule import Rules
from tidegate.core.alerting.subject import Series
from tidegate.core.report.plain import printable

_MARK = "tidegate-checkpoint-"
_MARKS = re.compile(rf"{_MARK}(\d+)\b")
MOST_CHECKPOINTS = 1500
"""Of one alert in one stretch."""
_MOST_TOLD = 400


@dataclass(frozen=True)
class Stretch:
    """Minutes: `interval` between samples, `evaluated` between evaluations, `looked` between checkpoints.

    `revisions`: whose alerts are told apart, an empty name for one on the whole service; with none they are
    not.
    """

    name: str
    kinds: tuple[str, ...]
    series: tuple[Series, ...]
    end: int
    interval: int = 1
    evaluated: int = 1
    looked: int = 1
    revisions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    stretch: str
    kind: str
    revision: str
    minute: int


@dataclass
class Trial:
    """`files`: texts by name, those of `tests` for promtool; the marks by their number."""

    files: dict[str, str] = field(default_factory=dict)
    tests: list[str] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)
    canaries: dict[int, str] = field(default_factory=dict)
    """The stretches by the mark that is always there."""


Fired = Mapping[tuple[str, str, str], int]
"""The minute in which an alert was first seen to fire: by stretch, kind and revision."""


def trial(stretches: Sequence[Stretch], rules: Rules) -> Trial:
    """Stretches with the same kinds share a document. Their names differ; their kinds are on."""
    made = Trial()
    by = [(stretch.kinds, stretch.evaluated) for stretch in stretches]
    ordered = sorted(stretches, key=lambda stretch: by.index((stretch.kinds, stretch.evaluated)))
    for (kinds, evaluated), together in groupby(ordered, key=lambda s: (s.kinds, s.evaluated)):
        number = len(made.tests)
        made.files[f"rules-{number}.json"] = json.dumps(_rule_file(kinds, rules))
        document = {
            "rule_files": [f"rules-{number}.json"],
            "evaluation_interval": f"{evaluated}m",
            "tests": [_group(made, stretch) for stretch in together],
        }
        made.files[f"test-{number}.json"] = json.dumps(document)
        made.tests.append(f"test-{number}.json")
    return made


def _rule_file(kinds: Sequence[str], rules: Rules) -> dict[str, Any]:
    alerts = [
        {"alert": rule.kind, "expr": rule.query, "for": f"{rule.for_seconds}s"}
        for rule in map(rules.of, kinds)
    ]
    return {"groups": [{"name": "tidegate", "rules": alerts}]}


def _group(made: Trial, stretch: Stretch) -> dict[str, Any]:
    looks = dict.fromkeys((*range(stretch.looked, stretch.end, stretch.looked), stretch.end))
    expected = []
    for kind in stretch.kinds:
        for revision in stretch.revisions or (None,):
            for minute in looks:
                number = len(made.marks) + len(made.canaries)
                made.marks[number] = Mark(stretch.name, kind, revision or "", minute)
                expected.append(_expectation(_firing(kind, revision, stretch), minute, number))
    canary = len(made.marks) + len(made.canaries)
    made.canaries[canary] = stretch.name
    expected.append(_expectation("vector(1)", stretch.end, canary))
    return {
        "name": stretch.name,
        "interval": f"{stretch.interval}m",
        "input_series": list(stretch.series),
        "promql_expr_test": expected,
    }


def _firing(kind: str, revision: str | None, stretch: Stretch) -> str:
    labels = f'alertname="{kind}",alertstate="firing"'
    if revision is not None:
        labels += f",revision_name={json.dumps(revision)}"
    seen = f"ALERTS{{{labels}}}"
    if stretch.looked > stretch.evaluated:
        seen = f"count_over_time({seen}[{stretch.looked}m])"
    return f"count({seen}) or vector(0)"


def _expectation(query: str, minute: int, number: int) -> dict[str, Any]:
    return {
        "expr": f"{query} # {_MARK}{number}",
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": "{}", "value": 0}],
    }


def fired(made: Trial, answer: str) -> tuple[Fired, tuple[str, ...]]:
    """What fired when, and the stretches of which promtool said nothing, because it could not read them."""
    found = {int(number) for number in _MARKS.findall(answer)}
    first: dict[tuple[str, str, str], int] = {}
    for number, mark in made.marks.items():
        if number in found:
            key = mark.stretch, mark.kind, mark.revision
            first[key] = min(mark.minute, first.get(key, mark.minute))
    return first, tuple(name for number, name in made.canaries.items() if number not in found)


def complaint(answer: str) -> str:
    """What promtool says besides the expectations: why it could not run a test. On one line, cut to that."""
    lines = (line.strip() for line in answer.splitlines())
    said = [
        line
        for line in lines
        if line and not re.match(r"(Unit Testing:|FAILED:|SUCCESS$|(expr|exp|got): )", line)
    ]
    return textwrap.shorten(printable(" ".join(said[:3])), _MOST_TOLD, placeholder=" …")
