"""The end of a command that moved traffic: what is printed, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode, TidegateError

if TYPE_CHECKING:
    from tidegate.cli.talk import Talk
    from tidegate.core.report import Report
    from tidegate.core.rollout import State
    from tidegate.core.spec import Spec
    from tidegate.flows.job import Evidence, Job
    from tidegate.settings import Settings
    from tidegate.wiring import Connected


def tell(
    state: State, evidence: Evidence, job: Job, spec: Spec | None, environment: str | None,
    settings: Settings, connected: Connected, talk: Talk, form: str, monitoring_error: str = "",
) -> int:  # fmt: skip
    """Writes the reports, prints the outcome, and returns the exit code of the rollout."""
    from tidegate import wiring

    report = wiring.report(
        state, evidence, job, connected,
        spec=spec, environment=environment, monitoring_error=monitoring_error,
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
