"""All findings together, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tidegate.core.errors import RolloutHeld
from tidegate.core.judge import Criteria, Mode
from tidegate.core.preflight.health import CURE, LATER, POWER, health
from tidegate.core.preflight.model import Finding, Kind, Look, Preflight
from tidegate.core.record import Record, Unreadable
from tidegate.core.rollout import Phase, State, describe, when
from tidegate.core.samples import NoData


def occupied(
    found: Record | Unreadable | None, serving: Mapping[str, int], now: float, mode: Mode
) -> Record | None:
    """The record of another rollout that holds the service, or waits for a decision about it; else None.

    It waits where it has left the traffic split, or all of it on its candidate: the next rollout would take
    that for the known good revision, which nobody has called it. The fix for it may go out all the same.
    """
    if not isinstance(found, Record):
        return None
    undecided = found.state.phase in (Phase.HELD, Phase.NEEDS_PERSON) and (
        len(serving) > 1 or (kept(found.state, serving) and mode is not Mode.FIX)
    )
    return found if found.held_at(now) or undecided else None


def kept(state: State, serving: Mapping[str, int]) -> bool:
    """Whether its candidate has all the traffic, although there is a revision to go back to."""
    return not state.first and state.candidate != state.stable and set(serving) == {state.candidate}


def undecided(state: State) -> RolloutHeld:
    """The error for a service whose traffic is all on the candidate of a rollout that nobody has decided."""
    keep = "promote --force" if state.phase is Phase.HELD else f"rollback --to {state.candidate}"
    why = f": {state.reason}" if state.reason else ""
    return RolloutHeld(
        f"{state.candidate} has all the traffic, and rollout {state.id} by {state.owner}, started "
        f"{when(state.started)}, waits for a decision about it{why}",
        hint=f"`tidegate {keep}` keeps it, `tidegate abort` goes back to {state.stable}; "
        "a fix for it goes out with `tidegate deploy --fix`",
    )


def assess(look: Look, criteria: Criteria) -> Preflight:
    """`criteria` are those of `limits`."""
    findings = tuple(_findings(look, criteria))
    burns = any(f.kind in (Kind.BURNING, Kind.ALERT) for f in findings)
    mode = Mode.FIX if burns else criteria.mode
    stable = next(iter(look.serving)) if len(look.serving) == 1 else ""
    return Preflight(look.service, findings, mode, stable, dict(look.serving))


def _findings(look: Look, criteria: Criteria) -> Iterator[Finding]:
    if look.held is not None:
        yield Finding(Kind.HELD, look.held.message, look.held.hint)
    elif len(look.serving) > 1:
        yield split(look.service, look.serving)
    if look.latest and look.serving:
        yield Finding(
            Kind.LATEST,
            f"the traffic of {look.service} follows LATEST: whatever becomes ready gets all of it",
            "a deployment pins it to the serving revision by name before it applies",
        )
    if not look.serving:
        text = f"nothing serves {look.service} yet: the first revision gets all the traffic"
        yield Finding(Kind.FIRST, text, "it is judged on absolute limits only")
    elif isinstance(look.samples, NoData):
        text = f"how {look.service} is cannot be told: {look.samples.reason}"
        yield Finding(Kind.UNREAD, text, LATER)
    else:
        for revision in sorted(look.serving):
            yield from health(look, look.samples, revision, criteria)
    yield from _alerts(look)
    for spot in look.blind_spots:
        yield Finding(Kind.LITTLE_TRAFFIC, f"not seen by this rollout: {spot}", POWER)


def split(service: str, serving: Mapping[str, int]) -> Finding:
    return Finding(
        Kind.SPLIT,
        f"the traffic of {service} is split: {describe(serving)}",
        "`tidegate rollback --to REVISION` sends all of it to one revision",
    )


def _alerts(look: Look) -> Iterator[Finding]:
    if isinstance(look.incidents, NoData):
        text = f"whether alerts fire cannot be told: {look.incidents.reason}"
        yield Finding(Kind.UNREAD, text, "a deployment goes on without")
        return
    for incident in look.incidents:
        since = "" if incident.opened is None else f" since {when(incident.opened)}"
        severity = f" ({incident.severity})" if incident.severity else ""
        yield Finding(Kind.ALERT, f'the alert "{incident.policy}"{severity} fires{since}', CURE)
