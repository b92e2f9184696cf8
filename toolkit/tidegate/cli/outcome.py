"""The end of a command that moved traffic: what is printed, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode

if TYPE_CHECKING:
    from tidegate.core.report import Report


def emit(report: Report, places: Mapping[str, str], form: str) -> int:
    """Prints the report and returns the exit code of the rollout.

    A promotion whose alert policies could not be applied ends with Terraform's code: somebody must look.
    """
    from tidegate.core.report import summary, text

    if form == "json":
        options.emit(summary(report) | {"reports": dict(places)})
    else:
        click.echo(text(report), nl=False)
        if places:
            click.echo("\nreports")
            for path in places.values():
                click.echo(f"  {path}")
    code = report.state.exit_code or 0
    return ExitCode.TERRAFORM if code == ExitCode.DONE and report.monitoring_error else code
