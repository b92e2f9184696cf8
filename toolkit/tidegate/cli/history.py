"""`tidegate history`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from tidegate.cli import options
from tidegate.cli.subject import Subject, chosen


@click.command()
@chosen
@options.target
@options.output
def history(subject: Subject, target: Any, local_directory: Any, form: str) -> None:
    """Show the last ten rollouts of a service, the newest first."""
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.adapters.notifier import WebhookNotifier
    from tidegate.core import record
    from tidegate.core.report.numbers import duration
    from tidegate.core.rollout import when
    from tidegate.flows.serving import service_of

    settings = reading.read(target, local=local_directory)
    with wiring.connect(settings, WebhookNotifier(()), lambda _: None) as connected:
        past = record.history(service_of(subject.name, connected.tools.cloud_run).annotations)
    if form == "json":
        options.emit([asdict(one) for one in past])
        return
    if not past:
        click.echo(f"tidegate has not ended a rollout of {subject.name.service} yet")
    for one in past:
        lasted = duration(round(one.ended - one.started))
        click.echo(
            f"{when(one.started)}  {one.phase:<13}  {one.stable or 'none'} → {one.candidate or 'none'}  "
            f"{lasted}  by {one.owner}  {one.reason}".rstrip()
        )
