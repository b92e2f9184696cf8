"""`tidegate status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.cli.subject import Subject, chosen

if TYPE_CHECKING:
    from tidegate.core.record import Record
    from tidegate.flows.status import Status


@click.command()
@chosen
@options.target
@options.output
def status(subject: Subject, target: Any, local_directory: Any, form: str) -> None:
    """Show the traffic and the rollout of a service, and what can be seen of it now."""
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.adapters.notifier import WebhookNotifier
    from tidegate.flows.status import status as look

    settings = reading.read(target, local=local_directory)
    with wiring.connect(settings, WebhookNotifier(()), lambda _: None, glance=True) as connected:
        found = look(subject.job(settings), connected.tools)
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
        case Record():
            lines += _rollout(found, found.rollout)
    lines += [
        f"earlier   {when(past.ended)}  {past.phase}  {past.candidate}  {past.reason}"
        for past in found.history
    ]
    return lines


def _rollout(found: Status, rollout: Record) -> list[str]:
    from tidegate.core.rollout import ENDED, when

    state = rollout.state
    lines = [
        f"rollout   {state.id}: {state.phase} by {state.owner} since {when(state.started)}",
        f"          stable {state.stable or 'none'}, candidate {state.candidate or 'none'}",
    ]
    if state.phase not in ENDED and state.candidate:
        lines.append(f"          {state.percent} % for the candidate since {when(state.entered)}")
    lines += [f"          {state.reason}"] if state.reason else []
    if found.living:
        lines.append(f"          somebody works on it, heard of {when(rollout.updated)}")
    elif not state.final:
        lines.append(f"          nobody works on it any more, last heard of {when(rollout.updated)}")
        lines.append("          `tidegate resume` goes on with it, `tidegate abort` takes it back")
    if found.request is not None:
        lines.append(f"          {found.request.by} has asked it to {found.request.wish}")
    if found.verdict is not None:
        reasons = "; ".join(found.verdict.reasons)
        lines.append(f"evidence  {found.verdict.decision}: {reasons}")
        lines += [f"          {m.metric} {m.finding}: {m.sentence}" for m in found.verdict.metrics]
    elif found.unseen:
        lines.append(f"evidence  cannot be read: {found.unseen}")
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
            "living": found.living,
            "request": asdict(found.request) if found.request else None,
        }
    elif isinstance(found.rollout, Unreadable):
        rollout = {"unreadable": found.rollout.reason}
    verdict = found.verdict
    return {
        "service": service.name.service,
        "project": service.name.project,
        "region": service.name.region,
        "url": service.uri,
        "traffic": found.serving,
        "tags": {t.tag: {"revision": t.revision, "url": t.uri} for t in service.traffic_statuses if t.tag},
        "rollout": rollout,
        "evidence": None if verdict is None else {
            "decision": str(verdict.decision),
            "attribution": str(verdict.attribution),
            "reasons": list(verdict.reasons),
            "metrics": {
                m.metric: {"finding": str(m.finding), "sentence": m.sentence} for m in verdict.metrics
            },
        },
        "unseen": found.unseen,
        "history": [asdict(past) for past in found.history],
    }  # fmt: skip
