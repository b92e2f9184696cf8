"""The alert policies that a project has now for a service, as rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.adopt.kinds import Answer, own_policies
from tidegate.core.alerting.rule import Rule, Rules
from tidegate.core.spec import Spec

_CONDITION = "conditionPrometheusQueryLanguage"


def live_rules(spec: Spec, answer: Answer) -> tuple[Rules, tuple[str, ...]]:
    """`answer` is the project's list of policies. Also a sentence for each that cannot be evaluated here.

    A policy with several conditions is a rule for each, as any of them opens an incident.
    """
    found: list[Rule] = []
    skipped: list[str] = []
    for policy in own_policies(spec, answer):
        title = str(policy.get("displayName", policy["name"]))
        conditions = policy.get("conditions") or ()
        asked = [c for c in conditions if (c.get(_CONDITION) or {}).get("query")]
        if policy.get("enabled") is False:
            skipped.append(f"{title!r} is disabled and is left out")
        elif len(asked) < len(conditions) or not asked:
            skipped.append(f"{title!r} has a condition that is not PromQL, which cannot be evaluated here")
        if policy.get("enabled") is not False:
            found += [_rule(policy, condition) for condition in asked]
    order = {kind: at for at, kind in enumerate(spec.alerts.kinds)}
    found.sort(key=lambda rule: order.get(rule.kind, len(order)))
    return Rules(tuple(found)), tuple(skipped)


def _rule(policy: Mapping[str, Any], condition: Mapping[str, Any]) -> Rule:
    said = condition[_CONDITION]
    return Rule(
        kind=str(policy["userLabels"].get("alert", "")) or str(policy["name"]).rpartition("/")[2],
        title=str(condition.get("displayName") or policy.get("displayName", "")),
        when="",
        topic="",
        severity=str(policy.get("severity", "")).removeprefix("SEVERITY_UNSPECIFIED"),
        query=str(said["query"]),
        for_seconds=_seconds(said.get("duration")),
        within_minutes=0,
        within="",
    )


def _seconds(given: object) -> int:
    """`300s`, as the API writes a duration; nothing is 0."""
    text = str(given or "0s").removesuffix("s")
    return round(float(text)) if text.replace(".", "", 1).isdigit() else 0
