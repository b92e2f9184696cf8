"""Performs the effects of a rollout one after the other and feeds the events back.

All decisions are in `core.rollout`; here is only how a thing is done, and what counts as done.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from tidegate.core.errors import ExitCode, Interrupted, RemoteError, TidegateError
from tidegate.core.judge import judge, recovery
from tidegate.core.rollout import (
    TRANSITIONS,
    Applied,
    Apply,
    Asked,
    Cancelled,
    Effect,
    Event,
    Finish,
    Interfered,
    Judged,
    Notify,
    Observe,
    Phase,
    RunSmoke,
    SetTraffic,
    SmokePassed,
    State,
    TrafficFailed,
    WriteRecord,
    sentence,
    step,
)
from tidegate.core.verdict import Attribution, Decision, Verdict
from tidegate.flows.interruption import Stopped
from tidegate.flows.job import Evidence, Job, Tools, rollout_of
from tidegate.flows.reading import Reading
from tidegate.flows.release import Release
from tidegate.flows.serving import effective
from tidegate.flows.traffic import Traffic
from tidegate.ports import Moment, Notice, Service, about

_GLANCE = 15.0
"""Seconds between two glances at the service while the next look is waited for."""


class Runner:
    """One rollout from its first event to its end, or to where it waits for a person."""

    def __init__(self, job: Job, tools: Tools) -> None:
        self.job = job
        self.tools = tools
        self.evidence = Evidence()
        self._traffic = Traffic(job, tools, None)
        self._release = Release(job, tools)
        self._bug: Exception | None = None
        self._reading = Reading(job.name, job.telemetry, job.criteria.warm_up, tools.metrics, tools.cloud_run)

    def run(self, state: State, effects: tuple[Effect, ...], service: Service | None) -> State:
        """Performs `effects` and whatever follows, on the service as just read; returns the last state.

        Raises RolloutHeld when somebody else took the service first, and RemoteError when not even that
        could be written (then nothing has happened). A bug is raised after the traffic is safe.
        """
        self._traffic = Traffic(self.job, self.tools, service)
        self._hooked = state.hooked
        state = self._had_their_turn(state, effects)
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            if isinstance(effect, Finish):
                self._finish(state)
                break
            event = self._event(effect, state)
            if event is None:
                continue
            # What was still to be done belongs to a plan that this event has ended.
            if isinstance(event, Cancelled | Interfered | TrafficFailed | Asked) and not state.final:
                queue.clear()
            before = state.phase
            state, more = step(state, event)
            state = self._had_their_turn(self._with_way_out(state, before), more)
            self.job.on_state(state)
            queue.extend(more)
        if self._traffic.service is not None:
            self.evidence.serving = effective(self._traffic.service)
        if self._bug is not None:
            raise self._bug
        return state

    def _event(self, effect: Effect, state: State) -> Event | None:
        """What came of the effect; what was not foreseen ends the rollout like a person who stops it."""
        try:
            return self._perform(effect, state)
        except Stopped as stopped:
            return Cancelled(self.tools.clock.now(), stopped.message, stopped.code)
        except Interrupted as stopped:
            return Cancelled(self.tools.clock.now(), stopped.message)
        except TidegateError:
            raise
        except Exception as error:
            if self._bug is not None or state.final:
                raise
            self._bug = error
            reason = f"a bug in tidegate ({type(error).__name__}: {error})"
            if Cancelled in TRANSITIONS[state.phase]:
                return Cancelled(self.tools.clock.now(), reason, ExitCode.BUG)
            return TrafficFailed(self.tools.clock.now(), reason)

    def _perform(self, effect: Effect, state: State) -> Event | None:
        match effect:
            case SetTraffic(tag):
                return self._traffic.write(state, keep_tag=tag)
            case WriteRecord():
                return self._traffic.note(state)
            case Apply():
                return self._apply(state)
            case RunSmoke():
                return self._asked(state) or self._tried_out(state)
            case Observe(at, after_rollback):
                return self._observe(state, at, after_rollback)
            case Notify(event, text):
                self._tell(event, text, state)
        return None

    def _with_way_out(self, state: State, before: Phase) -> State:
        """Who calls a person says what to type, however it came to that."""
        if state.phase is not Phase.NEEDS_PERSON or before is Phase.NEEDS_PERSON or not state.stable:
            return state
        command = self.tools.by_hand(self.job.name, state.stable)
        if command in state.reason:
            return state
        return replace(state, reason=f"{state.reason}; by hand: {command}")

    def _apply(self, state: State) -> Event:
        serving = f"{state.stable} serves now" if state.stable else "nothing serves yet"
        self._tell("start", f"a rollout by {state.owner} begins: {serving}", state)
        event, self._traffic.service = self._release.apply(state, self._traffic.service)
        if isinstance(event, Applied):
            self._traffic.footprint.created(event.candidate)
        return event

    def _tried_out(self, state: State) -> Event:
        """What somebody has asked for meanwhile comes before any traffic."""
        event = self._release.try_out(state, self._traffic.service)
        return (self._asked(state) or event) if isinstance(event, SmokePassed) else event

    def _finish(self, state: State) -> None:
        self._tell("end", sentence(state), state, phase=str(state.phase))
        if state.phase is Phase.PAUSED or state.phase in self._hooked:
            return
        try:
            with self.tools.interruption.allowed():
                self._release.run_hooks(Moment.AFTER, state, self._traffic.service)
        except Interrupted:
            self._tell("hook", "the hooks after the rollout were cut short", state)

    def _had_their_turn(self, state: State, effects: tuple[Effect, ...]) -> State:
        """The hooks after a rollout run once for each way it ends; the last write says that they do.

        It comes before them: were it the other way round, a death between would make them run twice.
        """
        ends = any(isinstance(effect, Finish) for effect in effects) and state.phase is not Phase.PAUSED
        has = any(hook.when is Moment.AFTER for hook in self.job.hooks)
        if not (ends and has) or state.phase in state.hooked:
            return state
        return replace(state, hooked=(*state.hooked, state.phase))

    def _tell(self, event: str, text: str, state: State, **details: str) -> None:
        self.tools.notifier.tell(Notice(event, text, about(self.job.name, state.id) | details))

    # --------------------------------------------------------------------------------- looking

    def _asked(self, state: State) -> Event | None:
        """What somebody has done to the service, or asks for; nothing when it cannot be read now."""
        try:
            return self._traffic.look(state)
        except RemoteError:
            return None

    def _observe(self, state: State, at: float, after_rollback: bool) -> Event:
        clock = self.tools.clock
        with self.tools.interruption.allowed():
            while (left := at - clock.now()) > _GLANCE:
                clock.sleep(min(_GLANCE, left - _GLANCE / 2))
                if event := self._asked(state):
                    return event
            clock.sleep(max(0.0, left))
            try:
                if event := self._traffic.look(state):
                    return event
                self.evidence.samples = self._reading.samples(
                    state.stable, state.candidate, state.started, clock.now()
                )
            except RemoteError as error:
                return self._blind(f"the metrics cannot be read: {error.message}")
        self._traffic.renew(state)
        now = clock.now()
        rollout = rollout_of(self.job, state)
        if rollout is None:
            return self._blind("no other revision had traffic that could be looked at")
        if after_rollback:
            since = state.entered if state.restored is None else state.restored
            verdict = recovery(self.evidence.samples, rollout, self.job.criteria, since, now)
        else:
            verdict = judge(self.evidence.samples, rollout, self.job.criteria, now)
        return self._seen(verdict)

    def _blind(self, reason: str) -> Event:
        """Not being able to look is not a reason to stop, and never a reason to go on."""
        return self._seen(Verdict(Decision.CONTINUE, Attribution.UNKNOWN, self.tools.clock.now(), (reason,)))

    def _seen(self, verdict: Verdict) -> Event:
        self.evidence.verdicts.append(verdict)
        self.job.on_verdict(verdict)
        return Judged(verdict.decided_at, verdict)
