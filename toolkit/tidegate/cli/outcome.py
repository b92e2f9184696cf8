"""The end of a command that moved traffic: what is printed, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode, TidegateError

if TYPE_CHECKING:
    from tidegate.cli.subject import Subject
    from tidegate.cli.talk import Talk
    from tidegate.core.report import Report
    from tidegate.core.rollout import State
    from tidegate.flows.job import Evidence, Job
    from tidegate.settings import Settings
    from tidegate.wiring import Connected


@dataclass(frozen=True)
class Ended:
    """A rollout that this command has worked on."""

    state: State
    evidence: Evidence
    job: Job
    monitoring_error: str = ""


def tell(
    ended: Ended, subject: Subject, settings: Settings, connected: Connected, talk: Talk, form: str
) -> int:
    """Writes the reports, prints the outcome, and returns the exit code of the rollout."""
    from tidegate import wiring

    report = wiring.report(
        ended.state, ended.evidence, ended.job, connected,
        spec=subject.spec, environment=subject.environment, monitoring_error=ended.monitoring_error,
    )  # fmt: skip
    places: dict[str, str] = {}
    try:
        places = wiring.write_report(settings, report)
    except TidegateError as error:
        talk.say(f"the report could not be written: {error.message}")
    return emit(report, places, form)


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
