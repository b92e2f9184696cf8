"""`tidegate status`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options

if TYPE_CHECKING:
    from tidegate.flows.status import Status


@click.command()
@options.spec_file
@options.target
@options.output
def status(file: Path, environment: str | None, target: Any, local_directory: Path | None, form: str) -> None:
    """Show the traffic and the rollout of a service."""
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.adapters.notifier import WebhookNotifier
    from tidegate.flows.deploy import name_of
    from tidegate.flows.prepare import Source, read
    from tidegate.flows.status import status as look

    settings = reading.read(target, local=local_directory)
    spec = read(Source(options.read_file(file), str(file), environment))
    with wiring.connect(settings, WebhookNotifier(()), lambda _: None) as connected:
        found = look(name_of(spec), connected.tools.cloud_run)
    if form == "json":
        options.emit(_data(found))
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: Status) -> list[str]:
    from tidegate.core.record import Record, Unreadable
    from tidegate.core.rollout import describe, when

    service = found.service
    lines = [f"service   {service.name.service}  {service.uri}", f"traffic   {describe(found.serving)}"]
    condition = service.terminal_condition
    if condition.reason:
        lines.append(f"condition {condition.type} {condition.state}: {condition.reason} {condition.message}")
    match found.rollout:
        case None:
            lines.append("rollout   none: tidegate has not deployed this service")
        case Unreadable(reason):
            lines.append(f"rollout   its record cannot be read: {reason}")
        case Record(state, updated, lease):
            lines.append(f"rollout   {state.id}: {state.phase} by {state.owner} since {when(state.started)}")
            lines.append(f"          stable {state.stable or 'none'}, candidate {state.candidate or 'none'}")
            lines += [f"          {state.reason}"] if state.reason else []
            if not state.final and time.time() > lease:
                lines.append(f"          its owner has not been heard of since {when(updated)}")
    lines += [
        f"earlier   {when(past.ended)}  {past.phase}  {past.candidate}  {past.reason}"
        for past in found.history
    ]
    return lines


def _data(found: Status) -> dict[str, Any]:
    from dataclasses import asdict

    from tidegate.core.record import Record, Unreadable

    service = found.service
    rollout: dict[str, Any] | None = None
    if isinstance(found.rollout, Record):
        rollout = asdict(found.rollout.state) | {
            "updated": found.rollout.updated,
            "lease": found.rollout.lease,
        }
    elif isinstance(found.rollout, Unreadable):
        rollout = {"unreadable": found.rollout.reason}
    return {
        "service": service.name.service,
        "project": service.name.project,
        "region": service.name.region,
        "url": service.uri,
        "traffic": found.serving,
        "tags": {t.tag: {"revision": t.revision, "url": t.uri} for t in service.traffic_statuses if t.tag},
        "rollout": rollout,
        "history": [asdict(past) for past in found.history],
    }
