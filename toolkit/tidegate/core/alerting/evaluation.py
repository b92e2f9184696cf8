"""The part of the monitoring module that makes the queries, as a root module of its own, and what it says.

HCL puts the queries together with the user's settings in them, so that only Terraform knows them. They are plain
values in files without a resource: Terraform evaluates these without a provider, an account or a network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tidegate.core.alerting.rule import Rule, Rules
from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.render.arguments import arguments
from tidegate.core.spec import Spec

_MODULE = "monitoring"
_FILES = (
    "alerts.tf", "alerts_capacity.tf", "alerts_costs.tf", "alerts_leaks.tf", "alerts_symptoms.tf",
    "catalogue.tf", "metrics.tf", "prices.tf", "variables.tf",
)  # fmt: skip
_ARGUMENTS = ("telemetry", "scaling", "alerts", "slo", "cost")
_OUTPUTS = """output "alerts" {
  value = local.alerts
}

output "catalogue" {
  value = local.catalogue
}
"""


def root(spec: Spec, modules: Mapping[str, str]) -> dict[str, str]:
    """Text by file name of a root module whose outputs `rules` reads.

    `modules` as for `render`. Raises InvalidInput as `render` does.
    """
    if missing := [name for name in _FILES if f"{_MODULE}/{name}" not in modules]:
        place = f"modules/{_MODULE}/{missing[0]}"
        raise InvalidInput((Fault(place, 0, 0, "this file of the Terraform module is missing"),))
    given = arguments(spec)
    values = {name: given[name] for name in _ARGUMENTS}
    values |= {"project": spec.project, "region": spec.region, "service": spec.service}
    return {
        **{name: modules[f"{_MODULE}/{name}"] for name in _FILES},
        "outputs.tf": _OUTPUTS,
        "terraform.tfvars.json": json.dumps(values, indent=2) + "\n",
    }


def rules(plan: Mapping[str, Any], spec: Spec) -> Rules:
    """What a plan of `root(spec, …)` says, as `terraform show -json` writes it."""
    outputs = plan["planned_values"]["outputs"]
    alerts, catalogue = outputs["alerts"]["value"], outputs["catalogue"]["value"]
    order = [kind for kind in spec.alerts.kinds if kind in catalogue]
    order += sorted(set(catalogue) - set(order))
    return Rules(
        tuple(_rule(kind, {**catalogue[kind], **alerts[kind]}) for kind in order if kind in alerts),
        tuple(kind for kind in order if kind not in alerts),
    )


def _rule(kind: str, about: Mapping[str, Any]) -> Rule:
    return Rule(
        kind=kind,
        title=about["title"],
        when=about["when"],
        topic=about["topic"],
        severity=about["severity"],
        query=about["query"],
        for_seconds=int(about["for_seconds"]),
        within_minutes=int(about["within_minutes"]),
        within=about["within"],
    )
