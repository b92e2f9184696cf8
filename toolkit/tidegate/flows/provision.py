"""`tidegate provision`: the monitoring root alone, also of a service that tidegate never deployed."""

from __future__ import annotations

from dataclasses import replace

from tidegate.core.adopt import Existing, Look, spec_of
from tidegate.core.errors import Denied, NotFound, TerraformError
from tidegate.core.spec import Spec
from tidegate.flows.planning import Plans, Request, apply_plans, make_plans
from tidegate.ports import Estate, ServiceName, Terraform

_NO_IMAGE = "not-deployed"
_INVOKER = "roles/run.invoker"


def without_image(spec: Spec) -> Spec:
    """The spec to render where nothing is deployed, also if its image comes with each deployment."""
    return spec if spec.ingress_container.image else spec.with_image(_NO_IMAGE)


def plan_monitoring(request: Request, terraform: Terraform) -> tuple[Request, Plans]:
    """Plans the monitoring root and nothing else. Raises what `make_plans` raises."""
    alone = replace(request, with_service=False, with_monitoring=True)
    plans = Plans()
    make_plans(alone, terraform, plans)
    return alone, plans


def provision(request: Request, terraform: Terraform) -> Plans:
    """Plans and, once approved, applies it. Raises TerraformError, PlanRefused, RemoteError."""
    alone, plans = plan_monitoring(request, terraform)
    apply_plans(alone, terraform, plans)
    if plans.monitoring_error:
        raise TerraformError(plans.monitoring_error)
    return plans


def existing(name: ServiceName, estate: Estate) -> Existing:
    """The spec of a service as it is now. Raises NotFound, RemoteError."""
    place = f"projects/{name.project}/locations/{name.region}/services/{name.service}"
    service = estate.read(Look("run", place))
    if service is None:
        raise NotFound(
            f"there is no service {name.service} in {name.region} of project {name.project}",
            hint="check --existing, --region and --project",
        )
    return spec_of(service, name.project, name.region, _invokers(place, estate))


def _invokers(place: str, estate: Estate) -> list[str] | None:
    try:
        policy = estate.read(Look("run", f"{place}:getIamPolicy"))
    except Denied:
        return None
    return [
        str(member)
        for binding in (policy or {}).get("bindings") or ()
        if binding.get("role") == _INVOKER and not binding.get("condition")
        for member in binding.get("members") or ()
    ]
