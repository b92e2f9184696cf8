"""`tidegate rollback`: all traffic to one known revision, verified, whatever came before."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidegate.core import record
from tidegate.core.errors import RolloutHeld, UsageError
from tidegate.core.rollout import Moved, Phase, Settings, SetTraffic, State, describe
from tidegate.flows.deploy import new_id
from tidegate.flows.job import Evidence, Job, Tools
from tidegate.flows.rollout import Runner
from tidegate.flows.serving import effective, held, record_of, service_of
from tidegate.flows.terms import job_of
from tidegate.ports import ConditionState, Service

Found = record.Record | record.Unreadable | None


@dataclass(frozen=True)
class RolledBack:
    state: State
    evidence: Evidence
    job: Job
    """What the recovery was judged by: the terms of the rollout that was undone, where it had any."""


def rollback(
    job: Job,
    settings: Settings | None,
    tools: Tools,
    *,
    owner: str,
    to: str = "",
    take_over: bool = False,
    watch: bool = True,
) -> RolledBack | None:
    """Sends all traffic to `to`, or to the revision that served before the present one.

    The same record, read-back and recovery watch as an automatic rollback; None when that revision has all
    the traffic already and nothing is under way. `settings` default to those of the rollout that is undone.
    `take_over` takes the service from a rollout that has not ended: one that still lives finds that out at
    its next look or write, and leaves the traffic alone. Raises RolloutHeld without it, UsageError when there
    is nothing to go back to.
    """
    service = service_of(job.name, tools.cloud_run)
    now = tools.clock.now()
    found = record_of(service, tools)
    if isinstance(found, record.Record) and found.lives_at(now) and not take_over:
        raise _living(found, now)
    target = to or _previous(service, found)
    serving = effective(service)
    if serving == {target: 100} and not _undecided(found, target):
        return None
    _must_be_ready(job, tools, target)
    job = _judged_by(job, found)
    leaving = max((r for r in serving if r != target), key=lambda r: serving[r], default="")
    state = State(
        new_id(now), owner, now, Phase.ROLLING_BACK, stable=target, candidate=leaving, entered=now,
        moves=_moves(found, leaving, now), reason=f"asked for by {owner} ({describe(serving)} before)",
        decided=now, holder=tools.holders.mine, settings=_settings(settings, found, watch),
    )  # fmt: skip
    runner = Runner(job, tools)
    return RolledBack(runner.run(state, (SetTraffic(),), service), runner.evidence, job)


def _living(found: record.Record, now: float) -> RolloutHeld:
    error = held(found, now)
    return RolloutHeld(
        error.message, hint="`tidegate abort` asks it to go back, --take-over takes the service from it"
    )


def _undecided(found: Found, target: str) -> bool:
    """Whether something is left to say of a service that sends all its traffic to `target` already."""
    if not isinstance(found, record.Record):
        return False
    state = found.state
    waits = state.phase in (Phase.PAUSED, Phase.NEEDS_PERSON)
    return not state.final or waits or (state.phase is Phase.HELD and state.candidate == target)


def _settings(given: Settings | None, found: Found, watch: bool) -> Settings:
    if given is None:
        given = found.state.settings if isinstance(found, record.Record) else Settings()
    return given if watch else replace(given, recovery=0.0, settle=0.0)


def _judged_by(job: Job, found: Found) -> Job:
    recorded = job_of(job.name, found.terms) if isinstance(found, record.Record) else None
    if recorded is None:
        return job
    return replace(job, telemetry=recorded.telemetry, criteria=recorded.criteria)


def _previous(service: Service, found: Found) -> str:
    if isinstance(found, record.Record) and found.state.stable:
        return found.state.stable
    raise UsageError(
        f"the record of {service.name.service} names no earlier revision",
        hint="say which one: tidegate rollback --to REVISION",
    )


def _must_be_ready(job: Job, tools: Tools, revision: str) -> None:
    found = tools.cloud_run.get_revision(job.name, revision)
    if found is None:
        raise UsageError(f"{job.name.service} has no revision {revision}")
    if found.ready.state is ConditionState.FAILED:
        raise UsageError(f"revision {revision} is not ready: {found.ready.reason} {found.ready.message}")


def _moves(found: Found, leaving: str, now: float) -> tuple[Moved, ...]:
    """The moves of the rollout that is undone, where the record has them."""
    if isinstance(found, record.Record) and found.state.candidate == leaving and found.state.moves:
        last = found.state.moves[-1].time  # by the clock of another machine, maybe
        return (*found.state.moves, Moved(max(now, last), 0))
    return (Moved(now, 0),)
