"""What follows from each outcome: `step(waves, event) -> (waves, effects)`.

A regression, or trouble for which a person is needed, sends every region back that this deployment has moved.
Everything else that is no promotion only keeps further waves from beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.core.waves.state import Outcome, Stand, Waves

_S = Stand
MOVING = frozenset({_S.RUNNING, _S.STOPPING, _S.RETURNING})
"""A process works on it."""
_DONE = (_S.PROMOTED, _S.UNCHANGED)
_BACK = (Phase.ROLLED_BACK, Phase.RECOVERED, Phase.ABORTED)
_STRUCK = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
_UNTOLD = (ExitCode.DONE, ExitCode.BUG, *_STRUCK)
"""Exit codes that say nothing of the traffic where the process said nothing of the rollout."""
_NOTHING_EARLIER = "it stays: this was its first deployment, there is no earlier revision to go back to"

# ------------------------------------------------------------------------------------------- what happens


@dataclass(frozen=True)
class Ended:
    """The deployment of a region."""

    region: str
    outcome: Outcome


@dataclass(frozen=True)
class Returned:
    """An abort or a `rollback` of a region that was asked for here."""

    region: str
    outcome: Outcome
    rollback: bool = False


@dataclass(frozen=True)
class Signalled:
    """`code` is the exit code that goes with the signal. The processes under way have got it too."""

    code: int


Event = Ended | Returned | Signalled


@dataclass(frozen=True)
class Deploy:
    region: str


@dataclass(frozen=True)
class Abort:
    """Until the deployment has ended: one that has only just begun has no record yet that could be found."""

    region: str


@dataclass(frozen=True)
class Rollback:
    region: str
    to: str


Effect = Deploy | Abort | Rollback
Result = tuple[Waves, tuple[Effect, ...]]
Others = Literal["go on", "no further wave", "back"]

CONSEQUENCES: Mapping[Stand, Others] = MappingProxyType(
    {
        _S.PROMOTED: "go on",
        _S.UNCHANGED: "go on",
        _S.REGRESSED: "back",
        _S.NEEDS_PERSON: "back",
        _S.ABORTED: "no further wave",
        _S.PAUSED: "no further wave",
        _S.HELD: "no further wave",
        _S.FAILED: "no further wave",
        _S.LOST: "no further wave",
    }
)
"""What the end of a region's deployment means for the other regions."""

# ------------------------------------------------------------------------------------------- the steps


def begin(waves: Waves) -> Result:
    """Regions that are known to be unchanged need not be begun."""
    return _next_wave(waves)


def step(waves: Waves, event: Event) -> Result:
    match event:
        case Signalled():
            return replace(waves, signal=waves.signal or event.code), ()
        case Ended():
            return _ended(waves, event.region, event.outcome)
        case Returned():
            return _returned(waves, event)


def _ended(waves: Waves, name: str, outcome: Outcome) -> Result:
    stopping = waves.regions[name].stand is Stand.STOPPING
    stand = _stand(outcome)
    if stopping and stand is Stand.ABORTED:
        stand = Stand.RETURNED
    waves = waves.put(name, stand=stand, outcome=outcome)
    if waves.cause:
        return _send_back(waves, name)
    consequence = CONSEQUENCES[stand]
    if consequence == "go on":
        return _next_wave(waves)
    waves = replace(waves, stopped_by=(*waves.stopped_by, name))
    if consequence == "no further wave":
        return waves, ()
    waves = replace(waves, cause=name)
    effects: tuple[Effect, ...] = ()
    for other in waves.regions:
        waves, more = _send_back(waves, other)
        effects += more
    return waves, effects


def _stand(outcome: Outcome) -> Stand:
    match outcome.phase:
        case Phase.PROMOTED:
            unchanged = outcome.candidate in ("", outcome.stable)
            return Stand.UNCHANGED if unchanged else Stand.PROMOTED
        case Phase.ROLLED_BACK | Phase.RECOVERED:
            return Stand.ABORTED if outcome.asked else Stand.REGRESSED
        case Phase.ABORTED:
            # The smoke checks failed: no traffic had moved, and it is a fault of the revision all the same.
            return Stand.REGRESSED if outcome.code == ExitCode.ROLLED_BACK else Stand.ABORTED
        case Phase.HELD:
            return Stand.HELD
        case Phase.PAUSED:
            return Stand.PAUSED
        case None if outcome.code < 0 or outcome.code in _UNTOLD:
            return Stand.LOST
        case None if outcome.code != ExitCode.NEEDS_PERSON:
            return Stand.FAILED
    return Stand.NEEDS_PERSON


def _send_back(waves: Waves, name: str) -> Result:
    """What becomes of a region once another one has regressed. Held ones are left to the person."""
    region = waves.regions[name]
    match region.stand:
        case Stand.RUNNING:
            return waves.put(name, stand=Stand.STOPPING), (Abort(name),)
        case Stand.PAUSED | Stand.LOST:
            return waves.put(name, stand=Stand.RETURNING), (Abort(name),)
        case Stand.PROMOTED:
            assert region.outcome is not None  # noqa: S101 - for the type checker: it has been promoted
            return _roll_back(waves, name, region.outcome)
    return waves, ()


def _roll_back(waves: Waves, name: str, promoted: Outcome) -> Result:
    if not promoted.stable:
        return waves.put(name, stand=Stand.HELD, note=_NOTHING_EARLIER), ()
    return waves.put(name, stand=Stand.RETURNING), (Rollback(name, promoted.stable),)


def _returned(waves: Waves, event: Returned) -> Result:
    name, outcome = event.region, event.outcome
    region = waves.regions[name]
    if region.stand is not Stand.RETURNING:
        return waves, ()  # its deployment is still under way, and will say how it has ended
    promoted = region.outcome is not None and region.outcome.phase is Phase.PROMOTED
    if promoted and not event.rollback:
        return waves, ()  # the promotion was quicker than the abort, and is being rolled back already
    if outcome.phase is None and outcome.code in _STRUCK:
        return _once_more(waves, name)
    ours = outcome.started >= waves.began
    match outcome.phase:
        case Phase.PROMOTED if ours and outcome.candidate not in ("", outcome.stable):
            # Its process had died after the promotion.
            return _roll_back(waves.put(name, outcome=outcome), name, outcome)
        case Phase.HELD if ours:
            stand = Stand.HELD
        case phase if phase in _BACK and ours:
            stand = Stand.RETURNED
        case _:
            back = outcome.code == ExitCode.DONE
            stand = Stand.RETURNED if back else Stand.NEEDS_PERSON
    return waves.put(name, stand=stand, back=outcome), ()


def _once_more(waves: Waves, name: str) -> Result:
    """A signal struck before the command could begin. What goes back is not left half-way for that."""
    before = waves.regions[name].outcome
    if before is not None and before.phase is Phase.PROMOTED:
        return _roll_back(waves, name, before)
    return waves, (Abort(name),)


def _next_wave(waves: Waves) -> Result:
    """The first wave that is not done, unless something stands against it."""
    if waves.signal or waves.stopped_by:
        return waves, ()
    for wave in waves.waves:
        if all(waves.regions[name].stand in _DONE for name in wave):
            continue
        starting = [name for name in wave if waves.regions[name].stand is Stand.WAITING]
        for name in starting:
            waves = waves.put(name, stand=Stand.RUNNING)
        return waves, tuple(Deploy(name) for name in starting)
    return waves, ()
