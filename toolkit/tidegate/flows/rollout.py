"""Performs the effects of a rollout one after the other and feeds the events back.

All decisions are in `core.rollout`; here is only how a thing is done, and what counts as done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tidegate.core import record
from tidegate.core.errors import (
    Conflict,
    ExitCode,
    Interrupted,
    OutcomeUnknown,
    RemoteError,
    RolloutHeld,
    TerraformError,
    TidegateError,
    Unreachable,
)
from tidegate.core.judge import Criteria, judge, recovery
from tidegate.core.rollout import (
    TRANSITIONS,
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
    Phase,
    RunSmoke,
    SetTraffic,
    SmokeFailed,
    SmokePassed,
    State,
    TrafficFailed,
    TrafficSet,
    describe,
    sentence,
    step,
    when,
)
from tidegate.core.samples import Samples
from tidegate.core.trace import Rollout, Step
from tidegate.core.verdict import Attribution, Decision, Verdict
from tidegate.flows.interruption import Interruption, Stopped
from tidegate.flows.reading import Reading
from tidegate.ports import (
    Clock,
    CloudRun,
    Condition,
    ConditionState,
    Metrics,
    Notice,
    Notifier,
    Probe,
    Service,
    ServiceName,
    Smoke,
    Target,
    Telemetry,
)

TAG = "canary"
_SHORT_TAG = "tgc"
_LONGEST_TAGGED = 46
"""Cloud Run's limit on the length of service name and tag together."""
_EFFECTIVE_WITHIN = 120.0
_WRITE_FOR = 60.0
"""Seconds for which a write that cannot get through is tried again."""
_LEASE_SLACK = 300.0


@dataclass(frozen=True)
class Tools:
    """The outside systems a rollout needs."""

    cloud_run: CloudRun
    metrics: Metrics
    probe: Probe
    clock: Clock
    notifier: Notifier
    interruption: Interruption


@dataclass(frozen=True)
class Job:
    """What this rollout is about. `apply` runs Terraform and returns when the new revision is created."""

    name: ServiceName
    telemetry: Telemetry
    criteria: Criteria
    smoke: tuple[Smoke, ...] = ()
    start_timeout: float = 600.0
    apply: Callable[[], None] = lambda: None
    on_state: Callable[[State], None] = lambda _: None
    on_verdict: Callable[[Verdict], None] = lambda _: None


@dataclass
class Evidence:
    """What was seen on the way: every verdict, and the samples of the last look."""

    verdicts: list[Verdict] = field(default_factory=list)
    samples: Samples = field(default_factory=Samples)


class Runner:
    """One rollout from its first event to its end."""

    def __init__(self, job: Job, tools: Tools) -> None:
        self.job = job
        self.tools = tools
        self.evidence = Evidence()
        self._service: Service | None = None
        self._left: dict[str, int] | None = None
        """The split as this rollout found or left it; None before there is a service."""
        self._bug: Exception | None = None
        self._reading = Reading(job.name, job.telemetry, job.criteria.warm_up, tools.metrics, tools.cloud_run)

    def run(self, state: State, effects: tuple[Effect, ...], service: Service | None) -> State:
        """Performs `effects` and whatever follows; returns the final state.

        Raises RolloutHeld when somebody else took the lock first, and RemoteError when not even the
        lock could be written (then nothing has happened). A bug is raised after the traffic is safe.
        """
        self._service = service
        self._left = None if service is None else _percents(service.traffic, service)
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            if isinstance(effect, Finish):
                self._tell("end", sentence(state), phase=str(state.phase))
                break
            event = self._event(effect, state)
            if event is None:
                continue
            # What was still to be done belongs to a plan that this event has ended.
            if isinstance(event, Cancelled | Interfered | TrafficFailed) and not state.final:
                queue.clear()
            state, more = step(state, event)
            self.job.on_state(state)
            queue.extend(more)
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
                return self._set_traffic(state, keep_tag=tag)
            case Apply():
                return self._apply(state)
            case RunSmoke():
                return self._smoke()
            case Observe(at, after_rollback):
                return self._observe(state, at, after_rollback)
            case Notify(event, text):
                self._tell(event, text)
        return None

    def _tell(self, event: str, text: str, **details: str) -> None:
        self.tools.notifier.tell(Notice(event, text, {"service": self.job.name.path, **details}))

    # --------------------------------------------------------------------------------- traffic

    def _set_traffic(self, state: State, *, keep_tag: bool) -> Event:
        try:
            service = self._service or self.tools.cloud_run.get_service(self.job.name)
        except RemoteError as error:
            return self._not_written(state, error)
        if service is None:
            return TrafficFailed(self.tools.clock.now(), f"there is no service {self.job.name.service}")
        give_up = self.tools.clock.now() + _WRITE_FOR
        pause = 0.5
        while True:
            targets = self._targets(state, service, keep_tag=keep_tag)
            try:
                self._service = self.tools.cloud_run.update(
                    service, targets, self._annotations(state, service)
                )
                break
            except (Conflict, OutcomeUnknown, Unreachable) as error:
                if self.tools.clock.now() > give_up:
                    return self._not_written(state, error)
            except RemoteError as error:
                return self._not_written(state, error)
            self.tools.clock.sleep(pause)
            pause = min(2 * pause, 5.0)
            service = self._reread(service)
            if self._is_written(state, targets, service):
                self._service = service  # the answer was lost, the write was not
                break
            if intruder := self._intruder(state, service):
                return intruder
        self._left = dict(state.split)
        return self._until_effective(state)

    def _is_written(self, state: State, targets: tuple[Target, ...], found: Service) -> bool:
        """Whether an earlier attempt, its answer lost, has taken effect: the times in it may be others."""
        there = record.find(found.annotations)
        same = isinstance(there, record.Record) and there.state == record.as_read(state)
        return same and _percents(found.traffic, found) == _percents(targets, found)

    def _not_written(self, state: State, error: RemoteError) -> Event:
        if state.phase is Phase.LOCKED:
            raise error  # nothing has happened yet, so the error itself is the whole story
        return TrafficFailed(self.tools.clock.now(), error.message)

    def _reread(self, service: Service) -> Service:
        try:
            return self.tools.cloud_run.get_service(self.job.name) or service
        except RemoteError:
            return service  # what is known; the write that follows meets the same trouble, or a stale etag

    def _targets(self, state: State, service: Service, *, keep_tag: bool) -> tuple[Target, ...]:
        """The split, the candidate's tag, and everybody else's tags as they are."""
        mine = tag_for(self.job.name.service)
        targets = [Target(revision, percent) for revision, percent in state.split]
        if keep_tag and state.candidate and mine:
            targets.append(Target(state.candidate, 0, mine))
        latest = service.latest_ready_revision
        targets += [
            Target(t.revision or latest, 0, t.tag) for t in service.traffic if t.tag and t.tag != mine
        ]
        return tuple(targets)

    def _annotations(self, state: State, service: Service) -> Mapping[str, str | None]:
        now = self.tools.clock.now()
        settings = state.settings
        longest = 2 * max(settings.step_duration, settings.bake, settings.recovery, self.job.start_timeout)
        lease = now if state.final else now + longest + settings.settle + _LEASE_SLACK
        written: dict[str, str | None] = {record.ROLLOUT: record.encode(state, now=now, lease=lease)}
        if state.final:
            written[record.HISTORY] = record.remember(service.annotations, state, now=now)
        return written

    def _intruder(self, state: State, found: Service) -> Event | None:
        """Somebody else's rollout, or traffic that is not as this one left it."""
        now = self.tools.clock.now()
        other = record.find(found.annotations)
        if isinstance(other, record.Record) and other.state.id != state.id and other.held_at(now):
            if state.phase is Phase.LOCKED:
                raise held(other, now)
            return Interfered(now, f"{other.state.owner} has started rollout {other.state.id}")
        if self._left is not None and _percents(found.traffic, found) != self._left:
            shown = describe(_percents(found.traffic, found))
            return Interfered(now, f"its traffic was changed to {shown} from outside")
        return None

    def _until_effective(self, state: State) -> Event:
        """Reads back until what was asked for is what serves."""
        wanted = dict(state.split)
        deadline = self.tools.clock.now() + _EFFECTIVE_WITHIN
        pause = 0.1
        seen = self._service
        while True:
            with suppress(RemoteError):  # read again; the deadline bounds it
                seen = self.tools.cloud_run.get_service(self.job.name) or seen
            now = self.tools.clock.now()
            if seen is not None and seen.settled and _percents(seen.traffic_statuses, seen) == wanted:
                self._service = seen
                return TrafficSet(now)
            if now >= deadline:
                return TrafficFailed(now, self._not_effective(seen, wanted))
            self.tools.clock.sleep(pause)
            pause = min(1.5 * pause, 2.0)

    def _not_effective(self, seen: Service | None, wanted: dict[str, int]) -> str:
        text = f"{describe(wanted)} was asked for and is not effective after {_EFFECTIVE_WITHIN:.0f} s"
        if seen is None:
            return text
        text += f"; effective is {describe(_percents(seen.traffic_statuses, seen))}"
        condition = seen.terminal_condition
        return text + (f" ({condition.reason}: {condition.message})" if condition.reason else "")

    # --------------------------------------------------------------------------------- the revision

    def _apply(self, state: State) -> Event:
        before = self._service
        failure: TidegateError | None = None
        with self.tools.interruption.allowed():
            try:
                self.job.apply()
            except Interrupted:
                raise
            except TerraformError as error:
                failure = error
            except TidegateError as error:
                return ApplyFailed(self.tools.clock.now(), error.message, error.exit_code)
        try:
            return self._applied(state, before, failure)
        except RemoteError as error:
            reason = f"what Terraform made cannot be read: {error.message}"
            return ApplyFailed(self.tools.clock.now(), reason, error.exit_code)

    def _applied(self, state: State, before: Service | None, failure: TidegateError | None) -> Event:
        service = self._service = self.tools.cloud_run.get_service(self.job.name)
        now = self.tools.clock.now()
        if service is None:
            return ApplyFailed(now, failure.message if failure else "Terraform created no service")
        created = service.latest_created_revision
        is_new = before is None or created != before.latest_created_revision
        if failure is not None and not is_new:
            return ApplyFailed(now, failure.message)
        if created and created != state.stable and (reason := self._does_not_start(created)):
            return ApplyFailed(self.tools.clock.now(), reason)
        if failure is not None:
            return ApplyFailed(now, failure.message)
        return Applied(self.tools.clock.now(), created)

    def _does_not_start(self, revision: str) -> str:
        """Why the revision is not ready; empty when it is. Waits while that is not decided."""
        deadline = self.tools.clock.now() + self.job.start_timeout
        while True:
            trouble = f"revision {revision} is not ready after {self.job.start_timeout:.0f} s"
            try:
                found = self.tools.cloud_run.get_revision(self.job.name, revision)
            except RemoteError as error:
                trouble = f"whether revision {revision} has started cannot be read: {error.message}"
            else:
                if found is None:
                    return f"revision {revision} is gone"
                if found.ready.state is ConditionState.SUCCEEDED:
                    return ""
                if found.ready.state is ConditionState.FAILED:
                    return f"revision {revision} does not start: {_why(found.ready)}"
            if self.tools.clock.now() >= deadline:
                return trouble
            with self.tools.interruption.allowed():
                self.tools.clock.sleep(0.5)

    def _smoke(self) -> Event:
        base = ""
        if self._service is not None:
            mine = tag_for(self.job.name.service)
            base = next((t.uri for t in self._service.traffic_statuses if t.tag == mine and t.uri), "")
        if self.job.smoke and not base:
            return SmokeFailed(self.tools.clock.now(), "the candidate has no tag address to check")
        for smoke in self.job.smoke:
            with self.tools.interruption.allowed():
                result = self.tools.probe.check(base, smoke)
            self._tell("smoke", result.sentence)
            if not result.ok:
                return SmokeFailed(self.tools.clock.now(), result.sentence)
        return SmokePassed(self.tools.clock.now())

    # --------------------------------------------------------------------------------- looking

    def _observe(self, state: State, at: float, after_rollback: bool) -> Event:
        clock = self.tools.clock
        with self.tools.interruption.allowed():
            clock.sleep(max(0.0, at - clock.now()))
            try:
                found = self.tools.cloud_run.get_service(self.job.name)
                if found is not None and (intruder := self._intruder(state, found)):
                    return intruder
                self._service = found or self._service
                self.evidence.samples = self._reading.samples(
                    state.stable, state.candidate, state.started, clock.now()
                )
            except RemoteError as error:
                return self._blind(f"the metrics cannot be read: {error.message}")
        now = clock.now()
        rollout = rollout_of(self.job, state)
        if rollout is None:
            return self._blind("no other revision had traffic that could be looked at")
        if after_rollback:
            verdict = recovery(self.evidence.samples, rollout, self.job.criteria, state.entered, now)
        else:
            verdict = judge(self.evidence.samples, rollout, self.job.criteria, now)
        self.evidence.verdicts.append(verdict)
        self.job.on_verdict(verdict)
        return Judged(now, verdict)

    def _blind(self, reason: str) -> Event:
        """Not being able to look is not a reason to stop, and never a reason to go on."""
        now = self.tools.clock.now()
        verdict = Verdict(Decision.CONTINUE, Attribution.UNKNOWN, now, (reason,))
        self.evidence.verdicts.append(verdict)
        self.job.on_verdict(verdict)
        return Judged(now, verdict)


# ----------------------------------------------------------------------------------- small pure things


def rollout_of(job: Job, state: State) -> Rollout | None:
    """The rollout as the judge and the trace see it; None while the candidate has had no traffic."""
    if not (state.candidate and state.moves) or state.candidate == state.stable:
        return None
    moves = tuple(Step(m.time, m.percent) for m in state.moves)
    telemetry = job.telemetry
    return Rollout(
        service=job.name.service,
        stable=state.stable,
        candidate=state.candidate,
        steps=moves,
        end=state.entered if state.final else None,
        sample_period=telemetry.sample_period,
        ingestion_delay=telemetry.ingestion_delay,
    )


def tag_for(service: str) -> str:
    """The candidate's tag; empty for a service whose name leaves no room for one."""
    return next((tag for tag in (TAG, _SHORT_TAG) if len(service) + len(tag) <= _LONGEST_TAGGED), "")


def held(other: record.Record, now: float) -> RolloutHeld:
    """The error for a service that another rollout holds: who, since when, and the way out."""
    state = other.state
    living = not state.final and now < other.lease
    what = "waits for a decision" if state.final else f"is in phase {state.phase}"
    text = f"rollout {state.id} by {state.owner}, started {when(state.started)}, {what}"
    if living:
        return RolloutHeld(
            text,
            hint=f"its lease ends at {when(other.lease)}; if its process was killed, "
            "`tidegate rollback --take-over` does not wait for that",
        )
    if state.final or other.traffic_at_risk:
        return RolloutHeld(
            f"{text}: {state.reason}" if state.reason else text,
            hint=f"`tidegate rollback` sends all traffic back to {state.stable}",
        )
    return RolloutHeld(text, hint="`tidegate status` shows how far it is")


def _why(condition: Condition) -> str:
    return ": ".join(filter(None, (condition.reason, condition.message))) or "no reason given"


def _percents(targets: tuple[Target, ...], service: Service) -> dict[str, int]:
    """Percent by revision, LATEST resolved, 0 % left out."""
    found: dict[str, int] = {}
    for target in targets:
        if target.percent:
            revision = target.revision or service.latest_ready_revision
            found[revision] = found.get(revision, 0) + target.percent
    return found


def effective(service: Service) -> dict[str, int]:
    """What serves now: percent by revision."""
    return _percents(service.traffic_statuses, service)
