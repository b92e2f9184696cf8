"""`tidegate rollback`: all traffic to one known revision, verified, whatever came before."""

from __future__ import annotations

from tidegate.core import record
from tidegate.core.errors import NotFound, RolloutHeld, UsageError
from tidegate.core.rollout import Moved, Phase, Settings, SetTraffic, State, describe
from tidegate.flows.deploy import Outcome, new_id
from tidegate.flows.job import Job, Tools
from tidegate.flows.planning import Plans
from tidegate.flows.rollout import Runner
from tidegate.flows.traffic import effective, held, record_of
from tidegate.ports import ConditionState, Service


def rollback(
    job: Job, settings: Settings, tools: Tools, *, owner: str, to: str = "", take_over: bool = False
) -> Outcome:
    """Sends all traffic to `to`, or to the revision that served before the present one.

    The same record, read-back and recovery watch as an automatic rollback. `take_over` takes the service
    from a rollout that has not ended: one that still lives finds that out at its next look or write, and
    leaves the traffic alone. Raises RolloutHeld without it, UsageError when there is nothing to go back to.
    """
    now = tools.clock.now()
    service = tools.cloud_run.get_service(job.name)
    if service is None:
        raise NotFound(f"there is no service {job.name.service} in {job.name.project}, {job.name.region}")
    found = record_of(service, tools)
    if isinstance(found, record.Record) and found.lives_at(now) and not take_over:
        raise _living(found, now)
    target = to or _previous(service, found)
    serving = effective(service)
    if serving == {target: 100}:
        raise UsageError(f"{target} already has all the traffic of {job.name.service}")
    _must_be_ready(job, tools, target)
    leaving = max((r for r in serving if r != target), key=lambda r: serving[r], default="")
    state = State(
        new_id(now), owner, now, Phase.ROLLING_BACK, stable=target, candidate=leaving, entered=now,
        moves=_moves(found, leaving, now), reason=f"asked for by {owner} ({describe(serving)} before)",
        decided=now, holder=tools.holders.mine, settings=settings,
    )  # fmt: skip
    runner = Runner(job, tools)
    return Outcome(runner.run(state, (SetTraffic(),), service), runner.evidence, Plans())


def _living(found: record.Record, now: float) -> RolloutHeld:
    error = held(found, now)
    return RolloutHeld(
        error.message,
        hint="`tidegate abort` asks it to go back, --take-over takes the service from it",
    )


def _previous(service: Service, found: record.Record | record.Unreadable | None) -> str:
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


def _moves(found: record.Record | record.Unreadable | None, leaving: str, now: float) -> tuple[Moved, ...]:
    """The moves of the rollout that is undone, where the record has them."""
    if isinstance(found, record.Record) and found.state.candidate == leaving and found.state.moves:
        return (*found.state.moves, Moved(now, 0))
    return (Moved(now, 0),)
