"""`tidegate deploy`: lock, plan, gate, apply, and the rollout that follows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tidegate.core import record
from tidegate.core.errors import PlanRefused, RolloutHeld, TerraformError
from tidegate.core.plan import PlanSummary, refusals, summarize
from tidegate.core.rollout import Phase, Settings, Started, State, describe, step, when
from tidegate.core.spec import Spec
from tidegate.flows.rollout import Evidence, Job, Runner, Tools, effective, held
from tidegate.ports import OnProgress, SavedPlan, Service, ServiceName, Terraform

SERVICE, MONITORING = "service", "monitoring"
_RESOURCE = "google_cloud_run_v2_service"
_TAINTED = "tainted"


@dataclass(frozen=True)
class Roots:
    """The two root modules on disk. `write` puts the rendered files there, just before they are needed."""

    directory: Path
    write: Callable[[], None]

    @property
    def service(self) -> Path:
        return self.directory / SERVICE

    @property
    def monitoring(self) -> Path:
        return self.directory / MONITORING


@dataclass(frozen=True)
class Request:
    """What the user asked for. `approve` is shown the plans and says whether to go on."""

    spec: Spec
    owner: str
    roots: Roots
    allow_destroy: bool = False
    with_monitoring: bool = True
    approve: Callable[[Mapping[str, PlanSummary]], bool] = lambda _: True
    on_progress: OnProgress | None = None


@dataclass
class Plans:
    """Planned roots in the order they are applied in, and what came of the second one."""

    summaries: dict[str, PlanSummary] = field(default_factory=dict)
    saved: dict[str, SavedPlan] = field(default_factory=dict)
    monitoring_error: str = ""


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


def make_plans(request: Request, terraform: Terraform, plans: Plans) -> None:
    """Writes the roots, plans both, and holds them against the gate. Raises PlanRefused, TerraformError."""
    request.roots.write()
    directories = {SERVICE: request.roots.service}
    if request.with_monitoring:
        directories[MONITORING] = request.roots.monitoring
    for name, directory in directories.items():
        terraform.init(directory)
        saved = terraform.plan(directory, on_progress=request.on_progress)
        summary = summarize(saved.json)
        # A service whose first revision did not start is there all the same, and the next one mends it.
        if tainted := [c.address for c in summary.changes if c.type == _RESOURCE and _TAINTED in c.reason]:
            for address in tainted:
                terraform.untaint(directory, address)
            saved = terraform.plan(directory, on_progress=request.on_progress)
            summary = summarize(saved.json)
        plans.saved[name] = saved
        plans.summaries[name] = summary
    refused = [r for s in plans.summaries.values() for r in refusals(s, request.allow_destroy)]
    if refused:
        raise PlanRefused("; ".join(refused), hint="--allow-destroy lets it happen")


def apply_plans(request: Request, terraform: Terraform, plans: Plans) -> None:
    """Applies exactly the saved plans. Trouble with the monitoring root is told, and stops no rollout."""
    if not request.approve(plans.summaries):
        raise PlanRefused("the plan was not approved; nothing was applied")
    for name, saved in plans.saved.items():
        if not saved.has_changes:
            continue
        directory = request.roots.directory / name
        try:
            terraform.apply(directory, saved, on_progress=request.on_progress)
        except TerraformError as error:
            if name != MONITORING:
                raise
            plans.monitoring_error = error.message


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
