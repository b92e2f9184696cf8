"""What `terraform validate` finds beyond types and required arguments, in the real provider's words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.local.provider.schema import Block, Extras
from tidegate.local.provider.wire import UNKNOWN


@dataclass(frozen=True)
class Problem:
    """One finding. `path` leads to the argument, list positions as numbers."""

    summary: str
    detail: str
    path: tuple[str | int, ...]


def validate(block: Block, config: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Every problem of one resource's or provider's configuration; what is unknown yet is passed over."""
    return tuple(_block(block, config, config, ()))


def _block(
    block: Block, config: Mapping[str, Any], root: Mapping[str, Any], at: tuple[str | int, ...]
) -> Iterator[Problem]:
    for name, attribute in block.attributes.items():
        here = (*at, name)
        value = config.get(name)
        yield from _together(attribute.extras, value, root, here)
        if value is not None and value is not UNKNOWN:
            yield from _value(attribute.extras, value, here)
    for name, nested in block.blocks.items():
        here = (*at, name)
        value = config.get(name)
        if nested.nesting == "single":
            continue
        yield from _together(nested.extras, value or None, root, here)
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    # Elements of a set have no position Terraform could follow.
                    inside = here if nested.nesting == "set" else (*here, index)
                    yield from _block(nested.block, item, root, inside)


def _together(
    extras: Extras, value: Any, root: Mapping[str, Any], here: tuple[str | int, ...]
) -> Iterator[Problem]:
    place = json.dumps(_dotted(here))
    if value is not None and value is not UNKNOWN:
        for other in extras.conflicts_with:
            if _is_set(root, other):
                detail = f"{place}: conflicts with {other}"
                yield Problem("Conflicting configuration arguments", detail, here)
                break
        if any(_get(root, other) is None for other in extras.required_with):
            everything = _listed({_dotted(here), *extras.required_with})
            yield Problem(
                "Missing required argument", f"{place}: all of {everything} must be specified", here
            )
    if group := extras.exactly_one_of:
        given = [other for other in sorted(group) if _is_set(root, other)]
        if len(given) > 1:
            detail = (
                f"{place}: only one of {_listed(group)} can be specified, "
                f"but {_listed(given)} were specified."
            )
            yield Problem("Invalid combination of arguments", detail, here)
        elif all(_get(root, other) is None for other in group):
            detail = f"{place}: one of {_listed(group)} must be specified"
            yield Problem("Invalid combination of arguments", detail, here)
    if (group := extras.at_least_one_of) and all(_get(root, other) is None for other in group):
        yield Problem(
            "Missing required argument", f"{place}: one of {_listed(group)} must be specified", here
        )


def _value(extras: Extras, value: Any, here: tuple[str | int, ...]) -> Iterator[Problem]:
    key = _dotted(here)
    if extras.enum and value not in extras.enum and value != "":
        accepted = " ".join(json.dumps(item) for item in extras.enum)
        yield Problem(f"expected {key} to be one of [{accepted}], got {value}", "", here)
    if extras.check and (message := CHECKS[extras.check](key, str(value))):
        yield Problem(message, "", here)


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


def _listed(names: Sequence[str] | set[str]) -> str:
    return f"`{','.join(sorted(names))}`"


def _get(root: Any, path: str) -> Any:
    """The value at `a.0.b`; None where nothing is written there."""
    for step in path.split("."):
        if root is UNKNOWN:
            return UNKNOWN
        if step.isdigit():
            root = root[int(step)] if isinstance(root, list) and int(step) < len(root) else None
        else:
            root = root.get(step) if isinstance(root, dict) else None
    return None if isinstance(root, list) and not root else root


def _is_set(root: Mapping[str, Any], path: str) -> bool:
    value = _get(root, path)
    return value is not None and value is not UNKNOWN


def _json(key: str, value: str) -> str:
    try:
        json.loads(value)
    except ValueError as error:
        return f'"{key}" contains an invalid JSON: {error}'
    return ""


def _account_id(key: str, value: str) -> str:
    pattern = r"^[a-z](?:[-a-z0-9]{4,28}[a-z0-9])$"
    return "" if re.fullmatch(pattern, value) else f'"{key}" ("{value}") doesn\'t match regexp "{pattern}"'


def _member(key: str, value: str) -> str:
    if value.startswith("deleted"):
        return f"invalid value for {key} (Terraform does not support IAM members for deleted principals)"
    pattern = r"(.+:.+|projectOwners|projectReaders|projectWriters|allUsers|allAuthenticatedUsers)"
    if re.search(pattern, value):
        return ""
    return (
        f"invalid value for {key} (IAM members must have one of the values outlined here: "
        "https://cloud.google.com/billing/docs/reference/rest/v1/Policy#Binding)"
    )


def _service_account_name(key: str, value: str) -> str:
    pattern = r"projects/(?:[^/]+|-)/serviceAccounts/[^/]+@[^/]+"
    return "" if re.fullmatch(pattern, value) else f'"{key}" ("{value}") doesn\'t match regexp "{pattern}"'


CHECKS: Mapping[str, Callable[[str, str], str]] = {
    "account_id": _account_id,
    "json": _json,
    "member": _member,
    "service_account_name": _service_account_name,
}
"""Checks of one value: its dotted place and text → what is wrong with it, empty when nothing is."""
