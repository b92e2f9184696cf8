"""The series that the queries of the alerts ask for, drawn from the HCL of the monitoring module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import module_tables

from tidegate.core.spec import TelemetrySpec

MODULE = module_tables.MODULES / "monitoring"
_LOCAL = re.compile(r'^  (\w+) *= "((?:[^"\\]|\\.)*)"$', re.MULTILINE)
_BASE = re.compile(r'(\w+)=\\"((?:\$\{[^}]*\}|[^\\"$])*)\\"')
_FURTHER = re.compile(r'\b(\w+) ?(?:=~|!~|=|!=)\\?"')
_USE = re.compile(
    r"(?:by \((?P<by>[\w, ]+)\) \((?:\w+\()?)?"
    r"\$\{local\.(?P<local>\w+)\}(?P<part>_bucket|_sum|_count)?(?:\{\$\{local\.(?P<of>\w+)\}(?P<more>[^}]*)\})?"
)
_INSTANCE = ("revision_name", "instance")
"""Queries on gauges look at each instance by itself, and say of which revision it is."""


@dataclass
class Series:
    """`base` names the local value with the labels that all of its kind have."""

    name: str
    base: str
    labels: dict[str, None] = field(default_factory=dict)


def series() -> list[Series]:
    """Cloud Run's own by name, then the gauges that the collector brings."""
    named = _locals()
    own: dict[str, Series] = {}
    by: dict[str, list[str]] = {}
    for use in _uses():
        by.setdefault(use["local"], []).extend((use["by"] or "").replace(",", " ").split())
        if use["of"]:
            name = (named.get(use["local"]) or _fd_errors(use["local"])) + (use["part"] or "")
            one = own.setdefault(name, Series(name, "run"))
            further = [*_FURTHER.findall(use["more"]), *_FURTHER.findall(named[use["of"]].partition("}")[2])]
            one.labels |= dict.fromkeys([*(use["by"] or "").replace(",", " ").split(), *further])
    gauges = []
    for local, text in named.items():
        if key := re.match(r"\$\{var\.telemetry\.(\w+)\}\{", text):
            labels = [*_INSTANCE, *by.get(local, ()), *_FURTHER.findall(text)]
            name = TelemetrySpec.model_fields[key[1]].default
            gauges.append(Series(name, "target", dict.fromkeys(labels)))
    return sorted(own.values(), key=lambda one: one.name) + gauges


def base(name: str) -> dict[str, str]:
    """Labels of all of a kind, and the value where it is always the same."""
    return {label: "" if "$" in value else value for label, value in _BASE.findall(_locals()[name])}


def page(present: str) -> str:
    """The page of the alerts with the table drawn anew."""
    lines = [
        f"- All that come from Cloud Run have {_shown(base('run'))}.",
        f"- The gauges have {_shown(base('target'))}.",
        "",
        "| series | further labels |",
        "|---|---|",
        *(f"| `{one.name}` | {_shown(_further(one))} |" for one in series()),
    ]
    return module_tables.filled(present, "series", "\n".join(lines))


def _further(one: Series) -> Mapping[str, str]:
    return dict.fromkeys(sorted(set(one.labels) - set(base(one.base))), "")


def _shown(labels: Mapping[str, str]) -> str:
    return ", ".join(f'`{name}="{value}"`' if value else f"`{name}`" for name, value in labels.items())


def _locals() -> dict[str, str]:
    return dict(_LOCAL.findall((MODULE / "metrics.tf").read_text(encoding="utf-8")))


def _uses() -> Iterator[re.Match[str]]:
    for path in sorted(MODULE.glob("alerts*.tf")):
        yield from _USE.finditer(path.read_text(encoding="utf-8"))


def _fd_errors(local: str) -> str:
    if local != "fd_errors":
        raise KeyError(f"metrics.tf says nothing of local.{local}")
    return "logging_googleapis_com:user_tidegate_SERVICE_REGION_emfile"
