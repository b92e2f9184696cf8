"""How a service comes to the state asked for. Pure: state and time in, changed state out.

Configuration and routes move on their own, as in Knative, so that traffic can be taken back to a good
revision while a bad one is still failing to start:

- configuration: the latest created revision starts, and becomes ready or breaks;
- routes: once every revision that the traffic names is ready, the split becomes effective after the
propagation delay.

An update has succeeded when both are through for what *it* changed. After a failure the effective traffic,
the latest ready revision and the observed generation stay those of the last success.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidegate.local.world.ground import stamp
from tidegate.local.world.protos import FAILED, LATEST, RECONCILING, REVISION, SUCCEEDED, Condition
from tidegate.local.world.run_state import (
    BROKEN,
    READY,
    STARTING,
    Assigned,
    RevisionState,
    ServiceState,
    set_reason,
)


@dataclass(frozen=True)
class Half:
    """Outcome of the configuration or of the routes."""

    state: int
    reason: str = ""
    detail: str = ""


def advance(service: ServiceState, now: float, propagation_delay: float) -> bool:
    """Bring one service forward to `now`. True when anything visible changed."""
    before = (service.message.SerializeToString(deterministic=True), service.effective, service.coming)
    for revision in service.revisions.values():
        _show_revision(service, revision, now)
    configuration = _configuration(service)
    routes = _routes(service, now, propagation_delay)
    _show_service(service, configuration, routes, now)
    for revision in service.revisions.values():
        _show_revision(service, revision, now)
    after = (service.message.SerializeToString(deterministic=True), service.effective, service.coming)
    return before != after


def outcome(service: ServiceState, revision: str) -> Half:
    """How the update that made `revision` (or none) stands: RECONCILING, SUCCEEDED or FAILED with a
    sentence."""
    made = service.revisions.get(revision)
    if made and made.phase == STARTING:
        return Half(RECONCILING)
    if made and made.phase == BROKEN:
        return Half(FAILED, made.reason, _not_ready(revision, made))
    routes = next((c for c in service.message.conditions if c.type_ == "RoutesReady"), None)
    if routes is None or routes.state not in (FAILED, SUCCEEDED):
        return Half(RECONCILING)
    return Half(routes.state, "", routes.message)


def _not_ready(name: str, revision: RevisionState) -> str:
    return f"Revision '{name}' is not ready and cannot serve traffic. {revision.detail}".rstrip()


def _configuration(service: ServiceState) -> Half:
    created = service.revisions.get(service.latest_created)
    if created is None or created.phase == STARTING:
        return Half(RECONCILING)
    if created.phase == BROKEN:
        return Half(FAILED, created.reason, _not_ready(service.latest_created, created))
    return Half(SUCCEEDED)


def _resolve(service: ServiceState) -> tuple[Assigned, ...] | Half:
    """The traffic asked for with every revision resolved, or why that cannot be done yet or at all."""
    created = service.revisions.get(service.latest_created)
    lines: list[Assigned] = []
    for target in service.message.traffic:
        latest = target.type_ == LATEST or not (target.type_ == REVISION or target.revision)
        name = service.latest_ready if latest else target.revision
        if latest and created and (created.phase == STARTING or not name):
            return _configuration(service)
        revision = service.revisions.get(name)
        if revision is None:
            return Half(
                FAILED,
                "REVISION_FAILED",
                f"Revision '{name}' does not exist or is deleted. Update all traffic to route to "
                "currently available "
                "revisions.",
            )
        if revision.phase == STARTING:
            return Half(RECONCILING)
        if revision.phase == BROKEN:
            return Half(FAILED, revision.reason, _not_ready(name, revision))
        lines.append(Assigned(latest, name, target.percent, target.tag))
    return tuple(lines)


def _routes(service: ServiceState, now: float, delay: float) -> Half:
    asked = _resolve(service)
    if isinstance(asked, Half):
        service.coming = ()
        return asked
    if asked == service.effective:
        service.coming = ()
        return Half(SUCCEEDED)
    if asked != service.coming:
        service.coming, service.due = asked, now + max(delay, 0.0)
    if now < service.due:
        return Half(RECONCILING)
    service.effective, service.coming = asked, ()
    return Half(SUCCEEDED)


def _show_service(service: ServiceState, configuration: Half, routes: Half, now: float) -> None:
    message = service.message
    settled = RECONCILING not in (configuration.state, routes.state)
    failed = next((half for half in (configuration, routes) if half.state == FAILED), None)
    ready = Half(RECONCILING) if not settled else failed or Half(SUCCEEDED)
    _show_conditions(message.conditions, {"RoutesReady": routes, "ConfigurationsReady": configuration}, now)
    holder: list[Any] = [message.terminal_condition] if message.HasField("terminal_condition") else []
    message.terminal_condition.CopyFrom(_condition("Ready", ready, holder, now))
    message.reconciling = not settled
    message.latest_created_revision = service.revision_path(service.latest_created)
    message.latest_ready_revision = service.revision_path(service.latest_ready)
    own = service.revisions.get(service.candidate)
    if settled and routes.state == SUCCEEDED and (own is None or own.phase == READY):
        message.observed_generation = message.generation
    del message.traffic_statuses[:]
    for line in service.effective:
        message.traffic_statuses.add(
            type_=LATEST if line.latest else REVISION,
            revision="" if line.latest else line.revision,
            percent=line.percent,
            tag=line.tag,
        )


def _show_revision(service: ServiceState, state: RevisionState, now: float) -> None:
    message = state.message
    short = message.name.rpartition("/")[2]
    message.reconciling = state.phase == STARTING
    message.observed_generation = 0 if state.phase == STARTING else message.generation
    if state.phase == STARTING:
        halves = dict.fromkeys(
            ("Ready", "ContainerHealthy", "ContainerReady", "ResourcesAvailable"), Half(RECONCILING)
        )
    elif state.phase == BROKEN:
        broken, fine = Half(FAILED, state.reason, state.detail), Half(SUCCEEDED)
        no_container = state.reason.startswith(("CONTAINER_", "SECRETS_", "ENCRYPTION_", "VPC_"))
        no_room = state.reason in ("MIN_INSTANCES_NOT_PROVISIONED", "ACTIVE_REVISION_LIMIT_REACHED")
        halves = {
            "Ready": Half(FAILED, state.reason, _not_ready(short, state)),
            "ContainerHealthy": fine if no_container or no_room else broken,
            "ContainerReady": broken if no_container else fine,
            "ResourcesAvailable": broken if no_room else fine,
        }
    else:
        active = short in {a.revision for a in service.effective if a.percent or a.tag}
        halves = dict.fromkeys(
            ("Ready", "ContainerHealthy", "ContainerReady", "ResourcesAvailable"), Half(SUCCEEDED)
        )
        halves["Active"] = Half(SUCCEEDED) if active else Half(FAILED, "RETIRED", "Revision retired.")
    _show_conditions(message.conditions, halves, now)


def _show_conditions(conditions: Any, halves: dict[str, Half], now: float) -> None:
    shown = [_condition(kind, half, conditions, now) for kind, half in halves.items()]
    del conditions[:]
    conditions.extend(shown)


def _condition(kind: str, half: Half, old: Any, now: float) -> Any:
    """One condition; its transition time moves only when its state does."""
    condition = Condition(type_=kind, state=half.state, message=half.detail)
    set_reason(condition, half.reason)
    if half.state == FAILED:
        condition.severity = 3 if kind == "Active" else 1
    before = next((c for c in old if c.type_ == kind), None)
    if before is not None and before.state == half.state:
        condition.last_transition_time.CopyFrom(before.last_transition_time)
    else:
        stamp(condition.last_transition_time, now)
    return condition
