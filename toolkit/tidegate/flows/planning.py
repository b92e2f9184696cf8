"""The two root modules: written, planned, held against the gate, applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.core.errors import PlanRefused, TerraformError
from tidegate.core.plan import PlanSummary, refusals, summarize
from tidegate.core.spec import Spec
from tidegate.ports import OnProgress, SavedPlan, Terraform

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
