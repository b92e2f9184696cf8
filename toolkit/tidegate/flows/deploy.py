"""`tidegate deploy`: lock, plan, gate, apply, and the rollout that follows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from tidegate.core import record
from tidegate.core.rollout import Settings, Started, State, step, when
from tidegate.core.spec import Spec
from tidegate.flows.job import Evidence, Job, Tools
from tidegate.flows.planning import Plans, Request, agree, apply_plans, make_plans
from tidegate.flows.preflight import preflight
from tidegate.flows.rollout import Runner
from tidegate.ports import Service, ServiceName, Terraform


@dataclass(frozen=True)
class Outcome:
    state: State
    evidence: Evidence
    plans: Plans


def deploy(request: Request, job: Job, settings: Settings, terraform: Terraform, tools: Tools) -> Outcome:
    """One deployment to its end. `job.apply` is set here.

    Raises RolloutHeld (somebody else is at it), RemoteError (nothing has happened), InvalidInput; and what
    planning raises for a service that tidegate has never touched: that is planned before it is locked.
    """
    service, mode = tools.cloud_run.get_service(job.name), job.criteria.mode
    stable = preflight(service, mode, tools)
    if request.estate is not None and service is not None and not _is_known(service):
        with tools.interruption.allowed():
            request = agree(request, terraform)
        service = tools.cloud_run.get_service(job.name)
        stable = preflight(service, mode, tools)
    plans = Plans()

    def apply() -> None:
        make_plans(request, terraform, plans)
        apply_plans(request, terraform, plans)

    runner = Runner(replace(job, apply=apply), tools)
    now = tools.clock.now()
    new = State(new_id(now), request.owner, now, holder=tools.holders.mine, settings=settings)
    state, effects = step(new, Started(now, stable))
    state = runner.run(state, effects, service)
    return Outcome(state, runner.evidence, plans)


def _is_known(service: Service) -> bool:
    """Whether tidegate has ever written on it."""
    return record.ROLLOUT in service.annotations or record.HISTORY in service.annotations


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
        pauses=rollout.pauses,
        on_cancel=rollout.on_cancel,
    )


def name_of(spec: Spec) -> ServiceName:
    return ServiceName(spec.project, spec.region, spec.service)


def new_id(now: float) -> str:
    """Sortable by time, and unique."""
    return f"{when(now)[:19].replace('-', '').replace(':', '').replace(' ', '-')}-{uuid.uuid4().hex[:6]}"
