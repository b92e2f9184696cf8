"""What a plan marks as sensitive, as texts to be masked.

Terraform's marks do not follow a value everywhere: what a provider makes of a secret comes back unmarked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def secrets_in_plan(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Every text that the plan marks as sensitive, before and after, in resources, outputs and variables."""
    found: set[str] = set()
    changes = [resource.get("change", {}) for resource in plan.get("resource_changes", [])]
    for change in (*changes, *plan.get("output_changes", {}).values()):
        for side in ("before", "after"):
            found.update(_marked(change.get(side), change.get(f"{side}_sensitive")))
    declared = plan.get("configuration", {}).get("root_module", {}).get("variables", {})
    for name, variable in declared.items():
        if variable.get("sensitive"):
            found.update(_texts(plan.get("variables", {}).get(name, {}).get("value")))
    return tuple(sorted(found))


def _marked(value: Any, mark: Any) -> Iterator[str]:
    if mark is True:
        yield from _texts(value)
    elif isinstance(mark, dict) and isinstance(value, dict):
        for key, inner in mark.items():
            yield from _marked(value.get(key), inner)
    elif isinstance(mark, list) and isinstance(value, list):
        for item, inner in zip(value, mark, strict=False):
            yield from _marked(item, inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
