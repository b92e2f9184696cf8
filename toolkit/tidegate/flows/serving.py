"""A service as found: what it serves, whose record is on it, and whether that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tidegate.core import record
from tidegate.core.errors import NotFound, RolloutHeld
from tidegate.core.rollout import when
from tidegate.flows.job import Tools
from tidegate.ports import CloudRun, Service, ServiceName, Target


def service_of(name: ServiceName, cloud_run: CloudRun) -> Service:
    """The service as it is. Raises NotFound when there is none."""
    service = cloud_run.get_service(name)
    if service is None:
        raise NotFound(
            f"there is no service {name.service} in {name.project}, {name.region}",
            hint="`tidegate deploy` creates it",
        )
    return service


def record_of(service: Service, tools: Tools) -> record.Record | record.Unreadable | None:
    """The record on the service, and whether the process that worked on it has certainly ended."""
    found = record.find(service.annotations)
    if isinstance(found, record.Record):
        return replace(found, gone=tools.holders.gone(found.state.holder))
    return found


def held(other: record.Record, now: float) -> RolloutHeld:
    """The error for a service that another rollout holds: who, since when, and the way out."""
    state = other.state
    living = other.lives_at(now)
    if state.final:
        what = "waits for a decision"
    else:
        what = f"is in phase {state.phase}" + ("" if living else ", and nobody works on it any more")
    text = f"rollout {state.id} by {state.owner}, started {when(state.started)}, {what}"
    if living:
        return RolloutHeld(
            text,
            hint="wait for it (--wait), or ask it to go back: `tidegate abort`; without a sign of life it "
            f"counts as dead at {when(other.lease)}",
            passes=True,
        )
    if state.final or other.traffic_at_risk:
        back = f", `tidegate abort` sends all traffic to {state.stable}" if state.stable else ""
        return RolloutHeld(
            f"{text}: {state.reason}" if state.reason else text,
            hint=f"`tidegate resume` goes on with it{back}",
        )
    return RolloutHeld(text, hint="`tidegate status` shows how far it is")


def as_found(service: Service) -> tuple[Target, ...]:
    """The split and the tags as they are, to be written beside something else; LATEST by its name."""
    latest = service.latest_ready_revision
    return tuple(Target(t.revision or latest, t.percent, t.tag) for t in service.traffic)


def percents(targets: tuple[Target, ...], service: Service) -> Mapping[str, int]:
    """Percent by revision, LATEST resolved, 0 % left out."""
    found: dict[str, int] = {}
    for target in targets:
        if target.percent:
            revision = target.revision or service.latest_ready_revision
            found[revision] = found.get(revision, 0) + target.percent
    return found


def effective(service: Service) -> dict[str, int]:
    """What serves now: percent by revision."""
    return dict(percents(service.traffic_statuses, service))
