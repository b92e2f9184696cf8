"""Findings on standard output, in the format that was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.core.policy import Finding

    F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("text", "json", "sarif", "junit", "github")
MACHINES = ("sarif", "junit", "github")
"""Whole documents of findings alone."""


def output(command: F) -> F:
    return click.option(
        "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
        help="How the findings are written to standard output.",
    )(command)  # fmt: skip


def emit(findings: Sequence[Finding], form: str) -> None:
    """The findings in one of the formats of machines, as a whole document."""
    from tidegate import __version__
    from tidegate.core.policies import POLICIES
    from tidegate.core.policies.formats import github, junit, sarif

    if form == "sarif":
        click.echo(json.dumps(sarif(findings, POLICIES, __version__), indent=2, ensure_ascii=False))
    else:
        click.echo((junit if form == "junit" else github)(findings, POLICIES), nl=False)


def report(findings: Sequence[Finding], form: str, checked: str) -> int:
    """All there is to say of findings without a spec. Returns the exit code."""
    from tidegate.core.errors import ExitCode

    wrong = any(finding.severity == "error" for finding in findings)
    if form == "json":
        options.emit({"valid": not wrong, "findings": [data(finding) for finding in findings]})
    elif form == "text":
        show(findings)
    else:
        emit(findings, form)
    if form == "text" and not findings:
        click.echo(f"{checked}: nothing to say against it", err=True)
    elif form != "json":
        click.echo(f"{checked}: {_counted(findings, 'error')}, {_counted(findings, 'warning')}", err=True)
    return int(ExitCode.INVALID if wrong else ExitCode.DONE)


def _counted(findings: Sequence[Finding], severity: str) -> str:
    number = sum(finding.severity == severity for finding in findings)
    return f"{number} {severity}{'s' * (number != 1)}"


def show(findings: Sequence[Finding]) -> None:
    for finding in findings:
        click.echo(str(finding))
        click.echo(f"    {finding.hint}")


def data(finding: Finding) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "rule": finding.rule, "severity": str(finding.severity), "path": finding.path, "line": finding.line,
        "column": finding.column, "message": finding.message, "hint": finding.hint,
        **({"address": finding.address} if finding.address else {}),
    }  # fmt: skip
