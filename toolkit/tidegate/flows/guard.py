"""`tidegate guard`: one look at the revision that a rollout has left in charge, long after it has ended.

Slow leaks show after hours. It reads the record and the metrics, judges the last hours, tells who wants to
know, and sends the traffic back to the revision before only where that was allowed, only for growth, and only
while that revision still exists. Nothing is written otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidegate.core import guard as core
from tidegate.core import record
from tidegate.core.errors import ExitCode
from tidegate.core.guard import Alarm, Watch
from tidegate.core.rollout import Phase, State, describe
from tidegate.core.samples import Samples
from tidegate.core.verdict import Verdict
from tidegate.flows.job import Job, Tools, rollout_of
from tidegate.flows.rollback import RolledBack, rollback
from tidegate.flows.serving import effective, record_of, service_of
from tidegate.flows.terms import job_of
from tidegate.ports import ConditionState, Notice, Service

_CODES = {
    Alarm.QUIET: ExitCode.DONE,
    Alarm.GROWING: ExitCode.NEEDS_PERSON,
    Alarm.WORSE: ExitCode.NEEDS_PERSON,
    Alarm.HELD: ExitCode.HELD,
    Alarm.UNSURE: ExitCode.HELD,
}
_TOLD = frozenset({Alarm.GROWING, Alarm.WORSE, Alarm.HELD})
"""What people are told of. The rest is only in the exit code."""


@dataclass(frozen=True)
class Guarded:
    """One look. `verdict` and `alarm` are None where there is nothing to watch."""

    sentence: str
    code: int
    revision: str = ""
    alarm: Alarm | None = None
    verdict: Verdict | None = None
    ended: RolledBack | None = None
    """The rollback, where one was made."""


@dataclass(frozen=True)
class _Subject:
    """The revision that is watched: what its rollout was, and what it is judged by."""

    job: Job
    state: State

    @property
    def since(self) -> float:
        """When it got all traffic."""
        return max((m.time for m in self.state.moves if m.percent == 100), default=self.state.entered)


def guard(job: Job, watch: Watch, tools: Tools, *, owner: str, may_roll_back: bool = False) -> Guarded:
    """Raises NotFound when there is no such service, RemoteError when something cannot be read."""
    service = service_of(job.name, tools.cloud_run)
    now = tools.clock.now()
    subject = _subject(job, service, watch, tools, now)
    if isinstance(subject, str):
        return Guarded(subject, ExitCode.DONE)
    rollout = rollout_of(subject.job, subject.state)
    if rollout is None:
        return Guarded("the last deployment made no new revision", ExitCode.DONE)
    criteria, candidate = subject.job.criteria, subject.state.candidate
    verdict = core.look(_samples(subject, watch, tools, now), rollout, criteria, watch, subject.since, now)
    alarm = core.alarm(verdict, criteria)
    found = Guarded(_sentence(candidate, alarm, verdict), _CODES[alarm], candidate, alarm, verdict)
    if alarm is Alarm.GROWING and may_roll_back:
        return _back(found, subject, tools, owner)
    if alarm in _TOLD:
        _tell(found, job, tools)
    return found


def _subject(job: Job, service: Service, watch: Watch, tools: Tools, now: float) -> _Subject | str:
    """What to watch, or why there is nothing."""
    found = record_of(service, tools)
    if found is None:
        return f"tidegate has not deployed {job.name.service}: nothing to watch"
    if isinstance(found, record.Unreadable):
        return f"the record of {job.name.service} cannot be read: {found.reason}"
    state = found.state
    if not state.final:
        return f"rollout {state.id} is in phase {state.phase}, and watched by itself"
    if state.phase is not Phase.PROMOTED or not state.candidate:
        return f"rollout {state.id} has ended as {state.phase} and left no new revision in charge"
    serving = effective(service)
    if serving != {state.candidate: 100}:
        return f"the traffic was moved since rollout {state.id}: {describe(serving)}"
    judged_by = job_of(job.name, found.terms) or job
    subject = _Subject(replace(job, telemetry=judged_by.telemetry, criteria=judged_by.criteria), state)
    if now - subject.since > watch.until:
        return f"{state.candidate} has been watched for long enough"
    return subject


def _samples(subject: _Subject, watch: Watch, tools: Tools, now: float) -> Samples:
    """The window of the one, and of the other the time before the rollout."""
    name, telemetry, state = subject.job.name, subject.job.telemetry, subject.state
    window = watch.read(subject.since, now, telemetry.sample_period)
    found = tools.metrics.samples(name, [state.candidate], window, telemetry)
    if not state.stable:
        return found
    earlier = core.before(state.moves[0].time, watch)
    other = tools.metrics.samples(name, [state.stable], earlier, telemetry)
    return Samples.of((*found.by_key.values(), *other.by_key.values()))


def _sentence(revision: str, alarm: Alarm, verdict: Verdict) -> str:
    why = "; ".join(verdict.reasons)
    match alarm:
        case Alarm.QUIET:
            return f"nothing is against {revision}: {why}"
        case Alarm.GROWING:
            return f"{revision} leaks: {why}"
        case Alarm.WORSE:
            return f"{revision} is worse than before its rollout, whether by its own fault or not: {why}"
        case Alarm.HELD:
            return f"{revision} has a fault that a rollback would not mend: {why}"
        case Alarm.UNSURE:
            return f"nothing certain can be said of {revision}: {why}"


def _back(found: Guarded, subject: _Subject, tools: Tools, owner: str) -> Guarded:
    """All traffic to the revision before, unless there is none any more."""
    target = subject.state.stable
    if trouble := _gone(subject, tools):
        told = replace(found, sentence=f"{found.sentence}. It was not rolled back: {trouble}")
        _tell(told, subject.job, tools)
        return told
    ended = rollback(subject.job, None, tools, owner=owner, to=target)
    if ended is None:
        return replace(found, sentence=f"{found.sentence}. {target} has all the traffic already")
    said = f"{found.sentence}. The traffic went back to {target}"
    done = replace(found, ended=ended, code=ended.state.exit_code or ExitCode.DONE, sentence=said)
    _tell(done, subject.job, tools)
    return done


def _gone(subject: _Subject, tools: Tools) -> str:
    stable = subject.state.stable
    if not stable:
        return "there is no revision before it"
    revision = tools.cloud_run.get_revision(subject.job.name, stable)
    if revision is None:
        return f"{stable} does not exist any more"
    if revision.ready.state is ConditionState.FAILED:
        return f"{stable} is not ready: {revision.ready.reason} {revision.ready.message}".rstrip()
    return ""


def _tell(found: Guarded, job: Job, tools: Tools) -> None:
    details = {"service": job.name.path, "revision": found.revision, "alarm": str(found.alarm)}
    tools.notifier.tell(Notice("verdict", found.sentence, details))
