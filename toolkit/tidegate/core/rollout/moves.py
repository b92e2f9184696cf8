"""What each event does to a rollout, one function an event: `(state, event) -> (state, effects)`.

Which of them a phase allows, and where it may lead, stands in `table`. Times are epoch seconds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tidegate.core.errors import ExitCode
from tidegate.core.rollout.events import (
    AbortAsked,
    Applied,
    Apply,
    ApplyFailed,
    Cancelled,
    Effect,
    Finish,
    Interfered,
    Judged,
    Notify,
    Observe,
    PauseAsked,
    PromoteAsked,
    ResumeAsked,
    RunSmoke,
    SetTraffic,
    SmokeFailed,
    SmokePassed,
    Started,
    TrafficFailed,
    TrafficSet,
    WriteRecord,
)
from tidegate.core.rollout.state import Moved, Phase, State
from tidegate.core.verdict import Attribution, Decision

Result = tuple[State, tuple[Effect, ...]]


# ------------------------------------------------------------------------------------------- building


def _enter(state: State, phase: Phase, at: float, **changes: Any) -> State:
    return replace(state, phase=phase, entered=_after(state.moves, at), **changes)


def _after(moves: tuple[Moved, ...], at: float) -> float:
    """Time goes forward in a record, though the clock of another machine that takes it over may be behind."""
    return max(at, moves[-1].time) if moves else at


def _move(state: State, phase: Phase, at: float, percent: int, **changes: Any) -> State:
    """Into a phase with another share for the candidate; the move goes into the evidence."""
    moves = state.moves
    if percent != state.percent:
        moves = (*moves, Moved(_after(moves, at), percent))
    return _enter(state, phase, at, percent=percent, moves=moves, **changes)


def _end(state: State, phase: Phase, at: float, exit_code: ExitCode, reason: str) -> State:
    return _enter(state, phase, at, exit_code=int(exit_code), reason=reason or state.reason)


def _finish(state: State, *, tag: bool = False) -> Result:
    """The last effects of an ended rollout: traffic and record are written once more, people are told.

    Of a first deployment whose candidate has lost everything to somebody else, the record alone: it knows of
    no revision to which the traffic could be sent.
    """
    return state, (SetTraffic(tag=tag) if state.split else WriteRecord(), Finish())


# ------------------------------------------------------------------------------------------- up to the steps


def start(state: State, event: Started) -> Result:
    locked = _enter(state, Phase.LOCKED, event.at, stable=event.stable)
    if locked.first:
        # There is no service (or nothing on it that serves) to carry a record yet: Terraform creates it.
        return locked, (Apply(),)
    return locked, (SetTraffic(),)


def pinned(state: State, _: TrafficSet) -> Result:
    return state, (Apply(),)


def applied(state: State, event: Applied) -> Result:
    if event.candidate == state.stable:
        same = _end(
            state, Phase.PROMOTED, event.at, ExitCode.DONE, f"no new revision: {state.stable} already serves"
        )
        return _finish(replace(same, candidate=event.candidate, percent=100))
    return _try_out(replace(state, candidate=event.candidate), event.at)


def _try_out(state: State, at: float) -> Result:
    """To the smoke checks. What Terraform created first serves already: it is pinned by name."""
    return _move(state, Phase.APPLIED, at, 100 if state.first else 0), (SetTraffic(tag=True),)


def apply_failed(state: State, event: ApplyFailed) -> Result:
    ended = _end(state, Phase.ABORTED, event.at, event.exit_code, event.reason)
    return (ended, (Finish(),)) if state.first else _finish(ended)


def tagged(state: State, event: TrafficSet) -> Result:
    return _enter(state, Phase.SMOKE, event.at), (RunSmoke(),)


def smoke_passed(state: State, event: SmokePassed) -> Result:
    return _all_of_it(state, event.at) if state.forced else _go_to(state, 0, event.at)


def smoke_failed(state: State, event: SmokeFailed) -> Result:
    if state.first:
        return _hold(replace(state, decided=event.at), event.at, event.reason)
    why = f"{event.reason}; no traffic was moved"
    ended = _end(replace(state, decided=event.at), Phase.ABORTED, event.at, ExitCode.ROLLED_BACK, why)
    return _finish(ended)


# ------------------------------------------------------------------------------------------- steps and bake


def _go_to(state: State, index: int, at: float, *, approved: bool = False) -> Result:
    """The step with this index, or the bake once all steps are through."""
    steps = () if state.first else state.settings.steps
    if index in state.settings.pauses and not approved and not state.first:
        why = f"waits for approval of {state.settings.share(index)} %: `tidegate resume`"
        return _pause(replace(state, next=index), at, ExitCode.DONE, why)
    state = replace(state, next=None)
    if index < len(steps):
        moved = _move(state, Phase.STEP, at, steps[index], step=index)
        said = f"{moved.percent} % of the traffic to {state.candidate}"
    else:
        moved = _move(state, Phase.BAKE, at, 100, step=index)
        said = f"100 % of the traffic to {state.candidate}; bake"
    return moved, (Notify("step", said), SetTraffic(tag=True))


def watch(state: State, event: TrafficSet) -> Result:
    """The clock of a step starts when its traffic is effective, and so does its evidence."""
    if state.forced:
        return _finish(_end(state, Phase.PROMOTED, event.at, ExitCode.DONE, state.reason))
    if event.already:  # taken up again: the evidence since then counts
        return state, (Observe(event.at + state.settings.look_every),)
    *before, last = state.moves
    begun = _after(tuple(before), event.at)
    started = replace(state, entered=begun, moves=(*before, replace(last, time=begun)))
    return started, (Observe(event.at + state.settings.look_every),)


def judged(state: State, event: Judged) -> Result:
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
        return _go_to(state, state.step + 1, at)
    return _finish(_end(state, Phase.PROMOTED, at, ExitCode.DONE, reason))


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
    return _finish(_end(state, Phase.HELD, at, ExitCode.HELD, reason), tag=True)


def _pause(state: State, at: float, exit_code: ExitCode, reason: str) -> Result:
    paused = _end(replace(state, forced=False), Phase.PAUSED, at, exit_code, reason)
    return paused, (SetTraffic(tag=True), Finish())


# ------------------------------------------------------------------------------------------- back


def _roll_back(state: State, at: float, reason: str) -> Result:
    if state.first:
        return _hold(state, at, f"{reason}; there is no earlier revision to roll back to")
    back = _move(state, Phase.ROLLING_BACK, at, 0, reason=reason, exit_code=None, next=None, forced=False)
    return back, (SetTraffic(), Notify("verdict", f"rolling back {state.candidate}: {reason}"))


def back(state: State, event: TrafficSet) -> Result:
    returned = _enter(state, Phase.ROLLED_BACK, event.at, restored=event.at)
    return returned, (SetTraffic(), Observe(event.at + state.settings.look_every, recovery=True))


def recovery(state: State, event: Judged) -> Result:
    reason = "; ".join(event.verdict.reasons)
    match event.verdict.decision:
        case Decision.PROMOTE:
            return _finish(_end(state, Phase.RECOVERED, event.at, ExitCode.ROLLED_BACK, ""))
        case Decision.ROLLBACK | Decision.HOLD:
            why = f"{state.reason}; the rollback did not help: {reason}"
            return _finish(_end(state, Phase.NOT_RECOVERED, event.at, ExitCode.NEEDS_PERSON, why))
    restored = state.entered if state.restored is None else state.restored
    if event.at < restored + state.settings.recovery + state.settings.settle:
        return state, (Observe(event.at + state.settings.look_every, recovery=True),)
    why = f"{state.reason}; whether the rollback helped could not be told: {reason}"
    return _finish(_end(state, Phase.ROLLED_BACK, event.at, ExitCode.ROLLED_BACK, why))


# ------------------------------------------------------------------------------------------- trouble


def cancelled(state: State, event: Cancelled) -> Result:
    """A person or the machine asked to stop: traffic goes to, or stays on, the stable revision."""
    if state.first:
        ended = _end(
            state, Phase.ABORTED, event.at, event.exit_code, f"{event.reason} during the first deployment"
        )
        return _finish(ended) if state.candidate else (ended, (Finish(),))
    # A bug is no reason to trust what has been done so far.
    keep = state.settings.on_cancel == "keep" and event.exit_code != ExitCode.BUG
    if keep and state.phase in (Phase.STEP, Phase.BAKE):
        why = f"{event.reason}; {state.percent} % stays on {state.candidate}, as asked"
        return _pause(state, event.at, event.exit_code, why)
    ended = _move(
        state, Phase.ABORTED, event.at, 0, exit_code=int(event.exit_code),
        reason=f"{event.reason}; traffic is on {state.stable}",
    )  # fmt: skip
    return _finish(ended)


def cancelled_after(state: State, event: Cancelled) -> Result:
    """The rollback itself is never cancelled; only watching whether it helped is cut short."""
    why = f"{state.reason}; {event.reason} before the recovery could be told; traffic is on {state.stable}"
    return _finish(_end(state, Phase.ROLLED_BACK, event.at, event.exit_code, why))


def traffic_failed(state: State, event: TrafficFailed) -> Result:
    """Before any traffic moved this ends the rollout; afterwards the candidate loses what it has."""
    if state.phase in (Phase.STEP, Phase.BAKE) and not state.first:
        return _roll_back(
            replace(state, decided=event.at), event.at, f"traffic did not move as asked: {event.reason}"
        )
    return lost(state, event)


def lost(state: State, event: TrafficFailed | Interfered) -> Result:
    why = f"{state.reason}; {event.reason}" if state.reason else event.reason
    if isinstance(event, Interfered) and event.percent is None:
        return _end(state, Phase.NEEDS_PERSON, event.at, ExitCode.NEEDS_PERSON, why), (Finish(),)
    percent = event.percent if isinstance(event, Interfered) and event.percent is not None else state.percent
    ended = _move(
        state, Phase.NEEDS_PERSON, event.at, percent, exit_code=int(ExitCode.NEEDS_PERSON), reason=why
    )
    return ended, (WriteRecord(), Finish())


def interfered(state: State, event: Interfered) -> Result:
    """Somebody else moved it: do not fight, do not overwrite their record."""
    if event.percent is None:
        return _end(state, Phase.HELD, event.at, ExitCode.HELD, event.reason), (Finish(),)
    held = _move(
        state, Phase.HELD, event.at, event.percent, exit_code=int(ExitCode.HELD), reason=event.reason
    )
    return held, (WriteRecord(), Finish())


def written(state: State, _: TrafficSet) -> Result:
    """The last write of an ended rollout is through; nothing follows from it."""
    return state, ()


def unwritten(state: State, event: TrafficFailed | Interfered) -> Result:
    """The last write is not through: what was decided stands, and a person must look."""
    if not state.final:
        return lost(state, event)
    if state.phase is Phase.PROMOTED:
        return replace(state, reason=f"{state.reason}; the record could not be written: {event.reason}"), ()
    why = f"{state.reason}; {event.reason}"
    return _end(state, Phase.NEEDS_PERSON, event.at, ExitCode.NEEDS_PERSON, why), ()


# ------------------------------------------------------------------------------------------- operators


def resume(state: State, event: ResumeAsked) -> Result:
    """Goes on with what a pause, a hold or a death has left."""
    at, going = event.at, replace(state, exit_code=None)
    match state.phase:
        case Phase.LOCKED:
            return going, (Apply() if going.first else SetTraffic(),)
        case Phase.ROLLING_BACK:
            return going, (SetTraffic(),)
        case Phase.ROLLED_BACK:
            return going, (SetTraffic(), Observe(at + state.settings.look_every, recovery=True))
        case Phase.PAUSED if state.next is not None:
            return _go_to(replace(going, reason=f"approved by {event.by}"), state.next, at, approved=True)
        case Phase.PAUSED | Phase.HELD:
            going = replace(going, reason=f"resumed by {event.by}", entered=_after(going.moves, at))
            going = replace(going, forced=False, aborted=False)  # under the judge's eye again
    if not going.candidate:
        ended = _end(going, Phase.ABORTED, at, ExitCode.HELD, f"{state.reason}; nothing had been applied")
        return _finish(ended)
    if going.percent == 0 or going.phase is Phase.SMOKE:
        return _try_out(going, at)
    if going.phase in (Phase.PAUSED, Phase.HELD):
        phase = Phase.BAKE if going.percent == 100 else Phase.STEP
        # A first deployment has no steps: whatever somebody has left to its candidate, it gets all.
        going = _move(going, Phase.BAKE, at, 100) if going.first else replace(going, phase=phase)
    return going, (SetTraffic(tag=True),)


def pause(state: State, event: PauseAsked) -> Result:
    return _pause(state, event.at, ExitCode.HELD, f"paused by {event.by}")


def abort(state: State, event: AbortAsked) -> Result:
    """All traffic to the stable revision, and, where it had moved, a look whether that helped."""
    why = f"aborted by {event.by}"
    state = replace(state, aborted=True, forced=False)
    if state.reason and state.phase in (Phase.HELD, Phase.NEEDS_PERSON):
        why = f"{why} ({state.reason})"
    if state.percent or (state.phase is Phase.NEEDS_PERSON and state.candidate):
        return _roll_back(replace(state, decided=event.at), event.at, why)
    ended = _end(state, Phase.ABORTED, event.at, ExitCode.INTERRUPTED, f"{why} before any traffic was moved")
    return _finish(replace(ended, next=None))


def promote(state: State, event: PromoteAsked) -> Result:
    """All traffic to the candidate; where it has had none, after the smoke checks, which nothing skips."""
    why = f"promoted by {event.by} at {state.percent} %, not by the judge"
    if state.reason and state.phase is Phase.HELD:
        why = f"{why} ({state.reason})"
    going = replace(state, forced=True, aborted=False, exit_code=None, reason=why)
    if state.phase is Phase.SMOKE:
        return going, (RunSmoke(),)
    # A rollout that waits for the approval of its first step has passed them.
    if state.phase is Phase.APPLIED or (state.percent == 0 and state.next is None):
        return _try_out(going, event.at)
    return _all_of_it(going, event.at)


def _all_of_it(state: State, at: float) -> Result:
    moved = _move(state, Phase.BAKE, at, 100, step=len(state.settings.steps), next=None)
    said = f"100 % of the traffic to {state.candidate}: {state.reason}"
    return moved, (Notify("step", said), SetTraffic(tag=True))
