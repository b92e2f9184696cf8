"""The rollout as a table: `step(state, event) -> (state, effects)`.

Everything that decides where traffic goes is here and in `moves`. The flow performs one effect after the
other, feeds each event back, and knows nothing else. An event a phase does not list raises `IllegalEvent`
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tidegate.core.rollout import moves
from tidegate.core.rollout.events import (
    AbortAsked,
    Applied,
    ApplyFailed,
    Asked,
    Cancelled,
    Event,
    Interfered,
    Judged,
    PauseAsked,
    PromoteAsked,
    ResumeAsked,
    SmokeFailed,
    SmokePassed,
    Started,
    TrafficFailed,
    TrafficSet,
)
from tidegate.core.rollout.moves import Result
from tidegate.core.rollout.state import ENDED, WAITING, Phase, State


class IllegalEvent(Exception):
    """A bug in whoever sent the event: the table does not list it for this phase."""


@dataclass(frozen=True)
class Transition:
    """`move` makes the next state; `to` are the phases it may lead to, which the diagram is drawn from."""

    move: Callable[[State, Any], Result]
    to: tuple[Phase, ...]


_P = Phase
_ASKED = Asked.__args__


def _row(move: Callable[[State, Any], Result], *to: Phase) -> Transition:
    return Transition(move, to)


def _ended(phase: Phase) -> Mapping[type, Transition]:
    """What can still happen to a rollout nobody works on: its last write arrives, or does not."""
    lost = _P.PROMOTED if phase is _P.PROMOTED else _P.NEEDS_PERSON
    return {
        TrafficSet: _row(moves.written, phase),
        TrafficFailed: _row(moves.unwritten, lost),
        Interfered: _row(moves.unwritten, lost),
    }


# On a first deployment there is nothing to go back to: what would be a rollback is held.
_ABORT = _row(moves.abort, _P.ROLLING_BACK, _P.HELD, _P.ABORTED)
_PROMOTE = _row(moves.promote, _P.BAKE)
_PROMOTE_WAITING = _row(moves.promote, _P.APPLIED, _P.BAKE)
_PAUSE = _row(moves.pause, _P.PAUSED)
_INTERFERED = _row(moves.interfered, _P.HELD)
_WATCHED: Mapping[type, Transition] = MappingProxyType(
    {
        Interfered: _INTERFERED,
        Cancelled: _row(moves.cancelled, _P.ABORTED, _P.PAUSED),
        PauseAsked: _PAUSE,
        AbortAsked: _ABORT,
        PromoteAsked: _PROMOTE,
    }
)
"""What a rollout whose candidate has traffic can be told at any time."""

TRANSITIONS: Mapping[Phase, Mapping[type, Transition]] = MappingProxyType(
    {
        _P.NEW: {
            Started: _row(moves.start, _P.LOCKED),
        },
        _P.LOCKED: {
            TrafficSet: _row(moves.pinned, _P.LOCKED),
            TrafficFailed: _row(moves.traffic_failed, _P.NEEDS_PERSON),
            Applied: _row(moves.applied, _P.APPLIED, _P.PROMOTED),
            ApplyFailed: _row(moves.apply_failed, _P.ABORTED),
            Interfered: _INTERFERED,
            Cancelled: _row(moves.cancelled, _P.ABORTED),
            ResumeAsked: _row(moves.resume, _P.LOCKED),
            AbortAsked: _ABORT,
        },
        _P.APPLIED: {
            TrafficSet: _row(moves.tagged, _P.SMOKE),
            TrafficFailed: _row(moves.traffic_failed, _P.NEEDS_PERSON),
            Interfered: _INTERFERED,
            Cancelled: _row(moves.cancelled, _P.ABORTED),
            ResumeAsked: _row(moves.resume, _P.APPLIED),
            PauseAsked: _PAUSE,
            AbortAsked: _ABORT,
            PromoteAsked: _row(moves.promote, _P.APPLIED),
        },
        _P.SMOKE: {
            SmokePassed: _row(moves.smoke_passed, _P.STEP, _P.BAKE, _P.PAUSED),
            SmokeFailed: _row(moves.smoke_failed, _P.ABORTED, _P.HELD),
            TrafficFailed: _row(moves.traffic_failed, _P.NEEDS_PERSON),
            Interfered: _INTERFERED,
            Cancelled: _row(moves.cancelled, _P.ABORTED),
            ResumeAsked: _row(moves.resume, _P.APPLIED),
            PauseAsked: _PAUSE,
            AbortAsked: _ABORT,
            PromoteAsked: _row(moves.promote, _P.SMOKE),
        },
        _P.STEP: {
            **_WATCHED,
            TrafficSet: _row(moves.watch, _P.STEP),
            TrafficFailed: _row(moves.traffic_failed, _P.ROLLING_BACK),
            Judged: _row(moves.judged, _P.STEP, _P.BAKE, _P.PAUSED, _P.ROLLING_BACK, _P.HELD),
            ResumeAsked: _row(moves.resume, _P.STEP),
        },
        _P.BAKE: {
            **_WATCHED,
            TrafficSet: _row(moves.watch, _P.BAKE, _P.PROMOTED),
            TrafficFailed: _row(moves.traffic_failed, _P.ROLLING_BACK, _P.NEEDS_PERSON),
            Judged: _row(moves.judged, _P.BAKE, _P.PROMOTED, _P.ROLLING_BACK, _P.HELD),
            ResumeAsked: _row(moves.resume, _P.BAKE),
        },
        _P.PAUSED: {
            **_ended(_P.PAUSED),
            ResumeAsked: _row(moves.resume, _P.APPLIED, _P.STEP, _P.BAKE),
            AbortAsked: _ABORT,
            PromoteAsked: _PROMOTE_WAITING,
        },
        _P.ROLLING_BACK: {
            TrafficSet: _row(moves.back, _P.ROLLED_BACK),
            TrafficFailed: _row(moves.lost, _P.NEEDS_PERSON),
            Interfered: _row(moves.lost, _P.NEEDS_PERSON),
            ResumeAsked: _row(moves.resume, _P.ROLLING_BACK),
            AbortAsked: _row(moves.resume, _P.ROLLING_BACK),
        },
        _P.ROLLED_BACK: {
            **_ended(_P.ROLLED_BACK),
            Judged: _row(moves.recovery, _P.RECOVERED, _P.NOT_RECOVERED, _P.ROLLED_BACK),
            Cancelled: _row(moves.cancelled_after, _P.ROLLED_BACK),
            ResumeAsked: _row(moves.resume, _P.ROLLED_BACK),
            AbortAsked: _row(moves.resume, _P.ROLLED_BACK),
        },
        _P.HELD: {
            **_ended(_P.HELD),
            ResumeAsked: _row(moves.resume, _P.APPLIED, _P.STEP, _P.BAKE, _P.ABORTED),
            AbortAsked: _ABORT,
            PromoteAsked: _PROMOTE_WAITING,
        },
        _P.NEEDS_PERSON: {
            **_ended(_P.NEEDS_PERSON),
            AbortAsked: _ABORT,
        },
        **{phase: _ended(phase) for phase in sorted(ENDED)},
    }
)


def allows(state: State, kind: type) -> bool:
    """Whether an event of this kind may happen to the rollout as it stands."""
    if kind not in TRANSITIONS[state.phase]:
        return False
    if kind is PromoteAsked and not state.candidate:
        return False  # it ended before there was anything to promote
    if not state.final:
        return True
    return kind in _ended(state.phase) or (kind in _ASKED and state.phase in WAITING)


def step(state: State, event: Event) -> Result:
    """The next state and what to do about it. Raises IllegalEvent, and then nothing has changed."""
    if not allows(state, type(event)):
        raise IllegalEvent(f"{type(event).__name__} in phase {state.phase}")
    transition = TRANSITIONS[state.phase][type(event)]
    after, effects = transition.move(state, event)
    if after.phase not in transition.to:
        raise IllegalEvent(f"{type(event).__name__} led from {state.phase} to {after.phase}")
    return after, effects
