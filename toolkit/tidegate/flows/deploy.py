"""`tidegate deploy`: lock, plan, gate, apply, and the rollout that follows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from tidegate.core import record
from tidegate.core.errors import RolloutHeld
from tidegate.core.rollout import Phase, Settings, Started, State, describe, step, when
from tidegate.core.spec import Spec
from tidegate.flows.planning import Plans, Request, apply_plans, make_plans
from tidegate.flows.rollout import Evidence, Job, Runner, Tools, effective, held
from tidegate.ports import Service, ServiceName, Terraform


@dataclass(frozen=True)
class Outcome:
    state: State
    evidence: Evidence
    plans: Plans


def deploy(request: Request, job: Job, settings: Settings, terraform: Terraform, tools: Tools) -> Outcome:
    """One deployment to its end. `job.apply` is set here.

    Raises RolloutHeld (somebody else is at it), RemoteError (nothing has happened), InvalidInput.
    """
    service = tools.cloud_run.get_service(job.name)
    stable = preflight(service, tools.clock.now())
    plans = Plans()

    def apply() -> None:
        make_plans(request, terraform, plans)
        apply_plans(request, terraform, plans)

    runner = Runner(_with_apply(job, apply), tools)
    new = State(new_id(tools.clock.now()), request.owner, tools.clock.now(), settings=settings)
    state, effects = step(new, Started(tools.clock.now(), stable))
    state = runner.run(state, effects, service)
    return Outcome(state, runner.evidence, plans)


def preflight(service: Service | None, now: float) -> str:
    """The revision that has all the traffic; empty for a service that does not exist or never served."""
    if service is None:
        return ""
    found = record.find(service.annotations)
    if isinstance(found, record.Record) and found.held_at(now):
        raise held(found, now)
    serving = effective(service)
    if len(serving) > 1:
        if isinstance(found, record.Record) and found.state.phase in (Phase.HELD, Phase.NEEDS_PERSON):
            raise held(found, now)
        raise RolloutHeld(
            f"the traffic of {service.name.service} is split: {describe(serving)}",
            hint="`tidegate rollback --to REVISION` sends all of it to one revision",
        )
    return next(iter(serving), "")


def settings_of(spec: Spec) -> Settings:
    """The rollout's settings as the spec has them."""
    rollout, telemetry = spec.rollout, spec.telemetry
    return Settings(
        steps=rollout.steps,
        step_duration=rollout.step_duration,
        bake=rollout.bake,
        look_every=rollout.look_every or telemetry.sample_period,
        settle=telemetry.ingestion_delay,
        recovery=rollout.recovery,
        on_inconclusive=spec.analysis.on_inconclusive,
        on_pre_existing=spec.analysis.on_pre_existing,
    )


def name_of(spec: Spec) -> ServiceName:
    return ServiceName(spec.project, spec.region, spec.service)


def _with_apply(job: Job, apply: Callable[[], None]) -> Job:
    return replace(job, apply=apply)


def new_id(now: float) -> str:
    """Sortable by time, and unique."""
    return f"{when(now)[:19].replace('-', '').replace(':', '').replace(' ', '-')}-{uuid.uuid4().hex[:6]}"
