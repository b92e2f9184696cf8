"""The rollout as a table: `step(state, event) -> (state, effects)`.

Everything that decides where traffic goes is in this file. The flow performs one effect after the other,
feeds each event back, and knows nothing else. An event a phase does not list raises `IllegalEvent` and
changes nothing. Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from tidegate.core.errors import ExitCode
from tidegate.core.rollout.events import (
    Applied,
    Apply,
    ApplyFailed,
    Cancelled,
    Effect,
    Event,
    Finish,
    Interfered,
    Judged,
    Notify,
    Observe,
    RunSmoke,
    SetTraffic,
    SmokeFailed,
    SmokePassed,
    Started,
    TrafficFailed,
    TrafficSet,
)
from tidegate.core.rollout.state import FINAL, Moved, Phase, State
from tidegate.core.verdict import Attribution, Decision

Result = tuple[State, tuple[Effect, ...]]


class IllegalEvent(Exception):
    """A bug in whoever sent the event: the table does not list it for this phase."""


# ------------------------------------------------------------------------------------------- moves


def _enter(state: State, phase: Phase, at: float, **changes: Any) -> State:
    return replace(state, phase=phase, entered=at, **changes)


def _move(state: State, phase: Phase, at: float, percent: int, **changes: Any) -> State:
    """Into a phase with another share for the candidate; the move goes into the evidence."""
    moves = state.moves
    if percent != state.percent:
        moves = (*moves, Moved(at, percent))
    return _enter(state, phase, at, percent=percent, moves=moves, **changes)


def _end(state: State, phase: Phase, at: float, exit_code: ExitCode, reason: str) -> State:
    return _enter(state, phase, at, exit_code=int(exit_code), reason=reason or state.reason)


def _finish(state: State, *, write: bool = True, tag: bool = False) -> Result:
    """The last effects of an ended rollout: the record is written once more, people are told."""
    return state, ((SetTraffic(tag=tag), Finish()) if write else (Finish(),))


def _start(state: State, event: Started) -> Result:
    locked = _enter(state, Phase.LOCKED, event.at, stable=event.stable)
    if locked.first:
        # There is no service (or nothing on it that serves) to carry a record yet: Terraform creates it.
        return locked, (Apply(),)
    return locked, (SetTraffic(),)


def _pinned(state: State, _: TrafficSet) -> Result:
    return state, (Apply(),)


def _applied(state: State, event: Applied) -> Result:
    if event.candidate == state.stable:
        same = _end(
            state, Phase.PROMOTED, event.at, ExitCode.DONE, f"no new revision: {state.stable} already serves"
        )
        return _finish(replace(same, candidate=event.candidate, percent=100))
    ready = _enter(state, Phase.SMOKE, event.at, candidate=event.candidate)
    if ready.first:
        # What Terraform created serves already; pin it by name, and let the record say so.
        ready = _move(ready, Phase.SMOKE, event.at, 100)
    return ready, (SetTraffic(tag=True),)


def _tagged(state: State, _: TrafficSet) -> Result:
    return state, (RunSmoke(),)


def _smoke_passed(state: State, event: SmokePassed) -> Result:
    return _advance(state, event.at)


def _advance(state: State, at: float) -> Result:
    """The next step, or the bake once all steps are through."""
    steps = () if state.first else tuple(p for p in state.settings.steps if p < 100)
    index = state.step + 1 if state.phase is Phase.STEP else 0
    if index < len(steps):
        percent = steps[index]
        moved = _move(state, Phase.STEP, at, percent, step=index)
        return moved, (
            Notify("step", f"{percent} % of the traffic to {state.candidate}"),
            SetTraffic(tag=True),
        )
    moved = _move(state, Phase.BAKE, at, 100, step=index)
    return moved, (Notify("step", f"100 % of the traffic to {state.candidate}; bake"), SetTraffic(tag=True))


def _watch(state: State, event: TrafficSet) -> Result:
    """The clock of a step starts when its traffic is effective, and so does its evidence."""
    *before, last = state.moves
    started = replace(state, entered=event.at, moves=(*before, replace(last, time=event.at)))
    return started, (Observe(event.at + state.settings.look_every),)


def _judged(state: State, event: Judged) -> Result:
    verdict = event.verdict
    reason = "; ".join(verdict.reasons)
    # What else a rollback would not mend (an outage, say) is held, whatever the spec says of old faults.
    wish = state.settings.on_pre_existing if verdict.attribution is Attribution.PRE_EXISTING else "hold"
    match verdict.decision:
        case Decision.ROLLBACK:
            return _roll_back(replace(state, decided=event.at), event.at, reason)
        case Decision.HOLD if wish == "hold":
            return _hold(replace(state, decided=event.at), event.at, reason)
        case Decision.HOLD if wish == "rollback":
            why = f"{reason}; rolled back as the spec asks"
            return _roll_back(replace(state, decided=event.at), event.at, why)
    duration = state.settings.bake if state.phase is Phase.BAKE else state.settings.step_duration
    due = state.entered + duration + state.settings.settle
    if event.at < due:
        return state, (Observe(min(event.at + state.settings.look_every, due)),)
    if verdict.decision is not Decision.CONTINUE and verdict.enough_data:
        return _on(replace(state, decided=event.at), event.at, reason)
    if event.at < due + duration:
        return state, (Observe(min(event.at + state.settings.look_every, due + duration)),)
    return _inconclusive(replace(state, decided=event.at), event.at, reason)


def _on(state: State, at: float, reason: str) -> Result:
    if state.phase is not Phase.BAKE:
        return _advance(state, at)
    ended = _end(state, Phase.PROMOTED, at, ExitCode.DONE, reason)
    return _finish(ended)


def _inconclusive(state: State, at: float, reason: str) -> Result:
    if state.first:
        # It has all the traffic already, and there is nothing to go back to: say what was not seen, and end.
        return _on(state, at, f"first deployment, not enough was seen to judge it: {reason}")
    match state.settings.on_inconclusive:
        case "promote":
            return _on(state, at, f"inconclusive, promoted as the spec asks: {reason}")
        case "rollback":
            return _roll_back(state, at, f"inconclusive: {reason}")
    return _hold(state, at, f"inconclusive: {reason}")


def _hold(state: State, at: float, reason: str) -> Result:
    held = _end(state, Phase.HELD, at, ExitCode.HELD, reason)
    return _finish(held, tag=True)


def _roll_back(state: State, at: float, reason: str) -> Result:
    if state.first:
        return _hold(state, at, f"{reason}; there is no earlier revision to roll back to")
    back = _move(state, Phase.ROLLING_BACK, at, 0, reason=reason)
    return back, (SetTraffic(), Notify("verdict", f"rolling back {state.candidate}: {reason}"))


def _back(state: State, event: TrafficSet) -> Result:
    back = _enter(state, Phase.ROLLED_BACK, event.at, restored=event.at)
    return back, (SetTraffic(), Observe(event.at + state.settings.look_every, recovery=True))


def _recovery(state: State, event: Judged) -> Result:
    reason = "; ".join(event.verdict.reasons)
    match event.verdict.decision:
        case Decision.PROMOTE:
            ended = _enter(state, Phase.RECOVERED, event.at, exit_code=int(ExitCode.ROLLED_BACK))
            return _finish(ended)
        case Decision.ROLLBACK | Decision.HOLD:
            why = f"{state.reason}; the rollback did not help: {reason}"
            ended = _end(state, Phase.NOT_RECOVERED, event.at, ExitCode.NEEDS_PERSON, why)
            return _finish(ended)
    if event.at < state.entered + state.settings.recovery + state.settings.settle:
        return state, (Observe(event.at + state.settings.look_every, recovery=True),)
    why = f"{state.reason}; whether the rollback helped could not be told: {reason}"
    ended = _end(state, Phase.ROLLED_BACK, event.at, ExitCode.ROLLED_BACK, why)
    return _finish(ended)


def _smoke_failed(state: State, event: SmokeFailed) -> Result:
    if state.first:
        return _hold(replace(state, decided=event.at), event.at, f"smoke checks failed: {event.reason}")
    why = f"smoke checks failed, no traffic was moved: {event.reason}"
    ended = _end(replace(state, decided=event.at), Phase.ABORTED, event.at, ExitCode.ROLLED_BACK, why)
    return _finish(ended)


def _apply_failed(state: State, event: ApplyFailed) -> Result:
    ended = _end(state, Phase.ABORTED, event.at, event.exit_code, event.reason)
    return _finish(ended, write=not state.first)


def _cancelled(state: State, event: Cancelled) -> Result:
    """A person or the machine asked to stop: traffic goes to, or stays on, the stable revision."""
    if state.first:
        ended = _end(
            state, Phase.ABORTED, event.at, event.exit_code, f"{event.reason} during the first deployment"
        )
        return _finish(ended, write=bool(state.candidate))
    ended = _move(
        state, Phase.ABORTED, event.at, 0, exit_code=int(event.exit_code),
        reason=f"{event.reason}; traffic is on {state.stable}",
    )  # fmt: skip
    return _finish(ended)


def _cancelled_after(state: State, event: Cancelled) -> Result:
    """The rollback itself is never cancelled; only watching whether it helped is cut short."""
    why = f"{state.reason}; {event.reason} before the recovery could be told; traffic is on {state.stable}"
    ended = _end(state, Phase.ROLLED_BACK, event.at, event.exit_code, why)
    return _finish(ended)


def _traffic_failed(state: State, event: TrafficFailed) -> Result:
    """Before any traffic moved this ends the rollout; afterwards the candidate loses what it has."""
    if state.phase in (Phase.STEP, Phase.BAKE) and not state.first:
        return _roll_back(
            replace(state, decided=event.at), event.at, f"traffic did not move as asked: {event.reason}"
        )
    return _lost(state, event)


def _lost(state: State, event: TrafficFailed | Interfered) -> Result:
    ended = _end(state, Phase.NEEDS_PERSON, event.at, ExitCode.NEEDS_PERSON, event.reason)
    return _finish(ended, write=False)


def _interfered(state: State, event: Interfered) -> Result:
    """Somebody else moved it: do not fight, do not overwrite their record."""
    ended = _end(state, Phase.HELD, event.at, ExitCode.HELD, event.reason)
    return _finish(ended, write=False)


def _written(state: State, _: TrafficSet) -> Result:
    """The last write of an ended rollout is through; nothing follows from it."""
    return state, ()


def _unwritten(state: State, event: TrafficFailed | Interfered) -> Result:
    """The last write is not through: what was decided stands, and a person must look."""
    if not state.final:
        return _lost(state, event)
    if state.phase is Phase.PROMOTED:
        return replace(state, reason=f"{state.reason}; the record could not be written: {event.reason}"), ()
    why = f"{state.reason}; {event.reason}"
    return _end(state, Phase.NEEDS_PERSON, event.at, ExitCode.NEEDS_PERSON, why), ()


@dataclass(frozen=True)
class Transition:
    """`move` makes the next state; `to` are the phases it may lead to, which the diagram is drawn from."""

    move: Callable[[State, Any], Result]
    to: tuple[Phase, ...]


_P = Phase


def _ended(phase: Phase) -> Mapping[type, Transition]:
    """What can still happen to an ended rollout: its last write arrives, or does not."""
    lost = _P.PROMOTED if phase is _P.PROMOTED else _P.NEEDS_PERSON
    return {
        TrafficSet: Transition(_written, (phase,)),
        TrafficFailed: Transition(_unwritten, (lost,)),
        Interfered: Transition(_unwritten, (lost,)),
    }


TRANSITIONS: Mapping[Phase, Mapping[type, Transition]] = MappingProxyType(
    {
        _P.NEW: {
            Started: Transition(_start, (_P.LOCKED,)),
        },
        _P.LOCKED: {
            TrafficSet: Transition(_pinned, (_P.LOCKED,)),
            TrafficFailed: Transition(_traffic_failed, (_P.NEEDS_PERSON,)),
            Applied: Transition(_applied, (_P.SMOKE, _P.PROMOTED)),
            ApplyFailed: Transition(_apply_failed, (_P.ABORTED,)),
            Interfered: Transition(_interfered, (_P.HELD,)),
            Cancelled: Transition(_cancelled, (_P.ABORTED,)),
        },
        _P.SMOKE: {
            TrafficSet: Transition(_tagged, (_P.SMOKE,)),
            TrafficFailed: Transition(_traffic_failed, (_P.NEEDS_PERSON,)),
            SmokePassed: Transition(_smoke_passed, (_P.STEP, _P.BAKE)),
            SmokeFailed: Transition(_smoke_failed, (_P.ABORTED, _P.HELD)),
            Interfered: Transition(_interfered, (_P.HELD,)),
            Cancelled: Transition(_cancelled, (_P.ABORTED,)),
        },
        _P.STEP: {
            TrafficSet: Transition(_watch, (_P.STEP,)),
            TrafficFailed: Transition(_traffic_failed, (_P.ROLLING_BACK,)),
            Judged: Transition(_judged, (_P.STEP, _P.BAKE, _P.ROLLING_BACK, _P.HELD)),
            Interfered: Transition(_interfered, (_P.HELD,)),
            Cancelled: Transition(_cancelled, (_P.ABORTED,)),
        },
        _P.BAKE: {
            TrafficSet: Transition(_watch, (_P.BAKE,)),
            TrafficFailed: Transition(_traffic_failed, (_P.ROLLING_BACK, _P.NEEDS_PERSON)),
            Judged: Transition(_judged, (_P.BAKE, _P.PROMOTED, _P.ROLLING_BACK, _P.HELD)),
            Interfered: Transition(_interfered, (_P.HELD,)),
            Cancelled: Transition(_cancelled, (_P.ABORTED,)),
        },
        _P.ROLLING_BACK: {
            TrafficSet: Transition(_back, (_P.ROLLED_BACK,)),
            TrafficFailed: Transition(_lost, (_P.NEEDS_PERSON,)),
            Interfered: Transition(_lost, (_P.NEEDS_PERSON,)),
        },
        _P.ROLLED_BACK: {
            **_ended(_P.ROLLED_BACK),
            Judged: Transition(_recovery, (_P.RECOVERED, _P.NOT_RECOVERED, _P.ROLLED_BACK)),
            Cancelled: Transition(_cancelled_after, (_P.ROLLED_BACK,)),
        },
        **{phase: _ended(phase) for phase in sorted(FINAL)},
    }
)


def step(state: State, event: Event) -> Result:
    """The next state and what to do about it. Raises IllegalEvent, and then nothing has changed."""
    transition = TRANSITIONS[state.phase].get(type(event))
    if transition is None or (state.final and type(event) not in _ended(state.phase)):
        raise IllegalEvent(f"{type(event).__name__} in phase {state.phase}")
    after, effects = transition.move(state, event)
    if after.phase not in transition.to:
        raise IllegalEvent(f"{type(event).__name__} led from {state.phase} to {after.phase}")
    return after, effects
