"""The part of the monitoring module that makes the queries, as a root module of its own, and what it says.

HCL puts the queries together, the user's settings in them, so that only Terraform knows them. They are plain
values in files without a resource: Terraform evaluates these without a provider, an account or a network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tidegate.core.alerting.rule import Rule, Rules
from tidegate.core.alerting.subject import METRICS, Subject
from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.render.arguments import arguments
from tidegate.core.spec import Spec

_MODULE = "monitoring"
_FILES = (
    "alerts.tf", "alerts_capacity.tf", "alerts_costs.tf", "alerts_leaks.tf", "alerts_symptoms.tf",
    "catalogue.tf", "metrics.tf", "prices.tf", "variables.tf",
)  # fmt: skip
_ARGUMENTS = ("telemetry", "scaling", "alerts", "slo", "cost")
_METRICS = {
    "max_fds": "var.telemetry.max_fds",
    "memory": "var.telemetry.memory_bytes",
    "open_fds": "var.telemetry.open_fds",
    "tcp_connections": "var.telemetry.tcp_connections",
}
"""Those whose local of this name has the labels of the service behind the name."""
_SUBJECT = {
    "project": "var.project",
    "region": "var.region",
    "service": "var.service",
    "availability": "var.slo.availability",
    "latency": "var.slo.latency",
    "latency_ms": "1000 * var.slo.latency_seconds",
    "fd_limit": "var.telemetry.fd_limit",
    "budget": "var.alerts.monthly_cost.budget",
    "instance_month": "local.instance_month",
    "compared_minutes": "var.alerts.cost_per_request.compared_seconds / 60",
    "kept": "var.scaling.min_instances",
}


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
    outputs = {
        "alerts": "local.alerts",
        "catalogue": "local.catalogue",
        "metrics": _object({name: _METRICS.get(name, f"local.{name}") for name in METRICS}),
        "subject": _object(_SUBJECT),
    }
    return {
        **{name: modules[f"{_MODULE}/{name}"] for name in _FILES},
        "outputs.tf": "\n".join(
            f'output "{name}" {{\n  value = {expression}\n}}\n' for name, expression in outputs.items()
        ),
        "terraform.tfvars.json": json.dumps(values, indent=2) + "\n",
    }


def _object(values: Mapping[str, str]) -> str:
    return "{\n" + "".join(f"    {name} = {expression}\n" for name, expression in values.items()) + "  }"


def rules(plan: Mapping[str, Any], spec: Spec) -> Rules:
    """What a plan of `root(spec, …)` says, as `terraform show -json` writes it."""
    said = {name: output["value"] for name, output in plan["planned_values"]["outputs"].items()}
    alerts, catalogue = said["alerts"], said["catalogue"]
    order = [kind for kind in spec.alerts.kinds if kind in catalogue]
    order += sorted(set(catalogue) - set(order))
    return Rules(
        tuple(_rule(kind, {**catalogue[kind], **alerts[kind]}) for kind in order if kind in alerts),
        tuple(kind for kind in order if kind not in alerts),
        Subject(metrics=said["metrics"], **said["subject"]),
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
