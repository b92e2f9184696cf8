"""The two root modules: written, planned, held against the gate, applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tidegate.core.adopt import losses, moves
from tidegate.core.errors import PlanRefused, TerraformError
from tidegate.core.plan import PROTECTED, Change, PlanSummary, refusals, summarize
from tidegate.core.spec import Spec
from tidegate.flows.adopt import Adoption
from tidegate.ports import Estate, OnProgress, SavedPlan, Terraform

SERVICE, MONITORING = "service", "monitoring"
_TAINTED = "tainted"
_NOT_APPROVED = "the plan was not approved; nothing was applied"


@dataclass(frozen=True)
class Roots:
    """The two root modules on disk. `write` puts the rendered files there, just before they are needed."""

    directory: Path
    write: Callable[[], None]
    add: Callable[[Mapping[str, str]], None] = lambda _: None
    """Like `write`, with these besides: text by path relative to the directory. `write` removes them."""

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
    with_service: bool = True
    approve: Callable[[Mapping[str, PlanSummary]], bool] = lambda _: True
    on_progress: OnProgress | None = None
    estate: Estate | None = None
    """What exists already is taken over; without it, nobody looks."""
    say: Callable[[str], None] = lambda _: None
    """Gets what must be known before the plans are approved, a sentence at a time."""


@dataclass
class Plans:
    """Planned roots in the order they are applied in, and what came of the second one."""

    summaries: dict[str, PlanSummary] = field(default_factory=dict)
    saved: dict[str, SavedPlan] = field(default_factory=dict)
    monitoring_error: str = ""
    way_out: str = ""
    """What lets a refused plan be applied after all, if anything does."""


def make_plans(request: Request, terraform: Terraform, plans: Plans) -> None:
    """Writes the roots, plans both, and holds them against the gate.

    What exists and is not in the state is planned to be imported. Raises PlanRefused, TerraformError,
    RemoteError.
    """
    request.roots.write()
    adoption = _adoption(request)
    directories = {SERVICE: request.roots.service} if request.with_service else {}
    if request.with_monitoring:
        directories[MONITORING] = request.roots.monitoring
    for name, directory in directories.items():
        terraform.init(directory)
        if saved := terraform.push(directory):
            request.say(f"{name}: the state of an apply that could not save it ({saved}) is saved now")
        plans.saved[name] = _plan(request, terraform, directory, adoption)
        plans.summaries[name] = summarize(plans.saved[name].json)
    if adoption is not None and request.with_service:
        adoption.neighbours(plans.saved[SERVICE].json)
    _gate(request, plans)


def _adoption(request: Request) -> Adoption | None:
    return None if request.estate is None else Adoption(request.spec, request.estate, request.say)


def _plan(request: Request, terraform: Terraform, directory: Path, adoption: Adoption | None) -> SavedPlan:
    def plan() -> SavedPlan:
        return terraform.plan(directory, on_progress=request.on_progress)

    saved = plan()
    # What an apply left half-way is there all the same, and the next one mends it.
    if tainted := [c.address for c in summarize(saved.json).changes if _is_half_made(c)]:
        for address in tainted:
            terraform.untaint(directory, address)
        saved = plan()
    if adoption is None:
        return saved
    return adoption.plan(directory, saved, plan, request.roots.add)


def _is_half_made(change: Change) -> bool:
    return _TAINTED in change.reason and change.type in PROTECTED


def _gate(request: Request, plans: Plans) -> None:
    documents = [saved.json for saved in plans.saved.values()]
    if moved := [sentence for document in documents for sentence in moves(document)]:
        raise PlanRefused("; ".join(moved))
    refused = [r for s in plans.summaries.values() for r in refusals(s, request.allow_destroy)]
    if not request.allow_destroy:
        refused += [sentence for document in documents for sentence in losses(document)]
    if refused:
        plans.way_out = "--allow-destroy lets it happen"
        raise PlanRefused("; ".join(refused), hint=plans.way_out)


def agree(request: Request, terraform: Terraform) -> Request:
    """The plan for a service that tidegate has never touched is held against the gate and approved first.

    Until then not even a lock is written on it: it may be somebody else's. The request that comes back
    approves the same plan without asking again, and does not repeat what was said. Raises like `make_plans`.
    """
    said: set[str] = set()

    def say(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            request.say(sentence)

    first = replace(request, say=say)
    plans = Plans()
    make_plans(first, terraform, plans)
    if not request.approve(plans.summaries):
        raise PlanRefused(_NOT_APPROVED)
    agreed = _texts(plans.summaries)

    def approve(summaries: Mapping[str, PlanSummary]) -> bool:
        return _texts(summaries) == agreed or request.approve(summaries)

    return replace(first, approve=approve)


def _texts(summaries: Mapping[str, PlanSummary]) -> dict[str, str]:
    return {name: summary.text() for name, summary in summaries.items()}


def apply_plans(request: Request, terraform: Terraform, plans: Plans) -> None:
    """Applies exactly the saved plans. Trouble with the monitoring root is told, and stops no rollout."""
    if not request.approve(plans.summaries):
        raise PlanRefused(_NOT_APPROVED)
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
