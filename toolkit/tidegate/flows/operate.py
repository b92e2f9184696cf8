"""`tidegate resume`, `pause`, `abort` and `promote`: what a person says to a rollout, from anywhere.

All they need is the service, whose record says how far the rollout is and what it is judged by. A process
that works on it is asked, through an annotation, and does it itself: a living one is never robbed. For one
that is dead, or waits for a decision, the command takes the rollout over. Each is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from tidegate.core import record
from tidegate.core.errors import Conflict, NeedsPerson, TerraformError
from tidegate.core.judge import Criteria
from tidegate.core.rollout import (
    ENDED,
    Asked,
    Phase,
    ResumeAsked,
    State,
    allows,
    sentence,
    step,
)
from tidegate.flows.job import Evidence, Job, Tools
from tidegate.flows.rollout import Runner
from tidegate.flows.serving import as_found, held, record_of, service_of
from tidegate.flows.terms import job_of
from tidegate.flows.traffic import WISHES
from tidegate.ports import Notice, Service, ServiceName, Telemetry, about

_EVERY = 2.0
"""Seconds between two looks whether what was asked for has been done."""
_STOPPED = "it was stopped before Terraform had made a new revision; `tidegate deploy` starts anew"

Wish = Literal["resume", "pause", "abort", "promote"]


@dataclass(frozen=True)
class Command:
    """What is asked of the rollout of `name`, by whom.

    `job` is used where the record does not say what the rollout is judged by; `take_over` does not wait for
    a process that still counts as living; without `watch` an abort does not wait whether it helped.
    """

    wish: Wish
    name: ServiceName
    by: str
    job: Job | None = None
    take_over: bool = False
    watch: bool = True


@dataclass(frozen=True)
class Answer:
    """What came of it. `state` is None where there is no rollout, `evidence` where another process did it.

    `over`: the rollout had ended before anything was asked of it.
    """

    sentence: str
    state: State | None = None
    evidence: Evidence | None = None
    job: Job | None = None
    over: bool = False


def operate(command: Command, tools: Tools) -> Answer:
    """Does it, or has it done.

    Raises NotFound without a service, RolloutHeld for the resumption of a living rollout, NeedsPerson where
    the rollout does not allow it or its record cannot be read, RemoteError.
    """
    asked: record.Request | None = None
    while True:
        service, found = _find(command, tools)
        if found is None:
            return Answer(f"{command.name.service} has no rollout: there is nothing to {command.wish}")
        state = found.state
        if asked is not None and state.id != asked.rollout:
            return Answer(f"rollout {asked.rollout} is over, {state.owner} has started {state.id}", state)
        if _done(command, found, asked):
            over = state.phase in ENDED or (state.phase is Phase.ROLLED_BACK and state.final)
            return Answer(_as_it_is(state), state, over=over and asked is None)
        if command.take_over or not found.lives_at(tools.clock.now()):
            return _take_over(command, tools, service, found)
        if command.wish == "resume":
            raise held(found, tools.clock.now())
        if command.wish != "abort" and state.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
            raise _not_allowed(command, state)
        if asked is None or _is_lost(command, service, state):
            asked = _ask(command, tools, service, found) or asked
        with tools.interruption.allowed():
            tools.clock.sleep(_EVERY)


def _find(command: Command, tools: Tools) -> tuple[Service, record.Record | None]:
    service = service_of(command.name, tools.cloud_run)
    found = record_of(service, tools)
    if isinstance(found, record.Unreadable):
        raise NeedsPerson(
            f"the record of {command.name.service} cannot be read: {found.reason}",
            hint="`tidegate rollback --to REVISION` needs none",
        )
    return service, found


def _done(command: Command, found: record.Record, asked: record.Request | None) -> bool:
    """Whether nothing is left to do: because it is so already, or because the rollout is over."""
    state = found.state
    over = state.final and not _can(state, command)
    if command.wish == "pause":
        return over or state.phase in (Phase.PAUSED, Phase.HELD)
    if command.wish == "abort" and state.first and state.phase is Phase.HELD:
        return True  # there is nothing to go back to, and somebody has been told so
    if command.wish == "abort" and not command.watch and asked is not None:
        return over or state.phase is Phase.ROLLED_BACK
    return over and state.phase is not Phase.NEEDS_PERSON


def _event(wish: Wish) -> type[Asked]:
    return ResumeAsked if wish == "resume" else WISHES[wish]


def _can(state: State, command: Command) -> bool:
    return allows(state, _event(command.wish))


def _as_it_is(state: State) -> str:
    said = sentence(state) if state.final else f"{state.phase}, {state.percent} % on {state.candidate}"
    return f"rollout {state.id} by {state.owner}: {said}"


def _take_over(command: Command, tools: Tools, service: Service, found: record.Record) -> Answer:
    state = found.state
    if not _can(state, command):
        raise _not_allowed(command, state)
    job = _job(command, found)
    if state.phase is Phase.LOCKED:
        job = replace(job, apply=_was_applied(job, tools, state))
    now = tools.clock.now()
    taken = replace(state, owner=command.by, holder=tools.holders.mine)
    if not command.watch:
        taken = replace(taken, settings=replace(taken.settings, recovery=0.0, settle=0.0))
    runner = Runner(job, tools)
    after, effects = step(taken, _event(command.wish)(now, command.by))
    ended = runner.run(after, effects, service)
    return Answer(sentence(ended), ended, runner.evidence, job)


def _not_allowed(command: Command, state: State) -> NeedsPerson:
    why = f": {state.reason}" if state.reason else ""
    return NeedsPerson(
        f"rollout {state.id} cannot {command.wish} in phase {state.phase}{why}",
        hint="`tidegate abort` sends all traffic to the stable revision, "
        "`tidegate rollback --to REVISION` to another one",
    )


def _job(command: Command, found: record.Record) -> Job:
    recorded = job_of(command.name, found.terms)
    given = command.job
    if recorded is None:
        return given or Job(command.name, Telemetry(), Criteria())
    if given is None:
        return recorded
    return replace(recorded, hooks=given.hooks, on_state=given.on_state, on_verdict=given.on_verdict)


def _was_applied(job: Job, tools: Tools, state: State) -> Callable[[], None]:
    """Stands for Terraform: what the process that died has left is all that is to be had."""

    def look() -> None:
        service = tools.cloud_run.get_service(job.name)
        created = "" if service is None else service.latest_created_revision
        revision = tools.cloud_run.get_revision(job.name, created) if created else None
        if revision is None or created == state.stable or revision.create_time < state.started:
            raise TerraformError(_STOPPED)

    return look


def _ask(command: Command, tools: Tools, service: Service, found: record.Record) -> record.Request | None:
    """Writes the request beside the traffic as it is; None when somebody else wrote at the same moment."""
    state = found.state
    assert command.wish != "resume"  # noqa: S101 - for the type checker: nobody asks that of the living
    request = record.Request(command.wish, state.id, command.by, tools.clock.now())
    try:
        tools.cloud_run.update(service, as_found(service), {record.REQUEST: record.ask(request)})
    except Conflict:
        return None
    said = f"asked {state.owner} to {command.wish} rollout {state.id}; waiting until it is done"
    tools.notifier.tell(Notice("asked", said, about(command.name, state.id)))
    return request


def _is_lost(command: Command, service: Service, state: State) -> bool:
    """Whether nobody will hear of it any more: an apply writes the annotations as its plan has seen them.

    Who answers takes the request away in the same write as the answer.
    """
    back = state.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    answered = state.forced if command.wish == "promote" else back
    return not answered and record.asked(service.annotations, state.id) is None
