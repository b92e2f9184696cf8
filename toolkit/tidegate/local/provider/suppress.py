"""Differences between state and configuration that the real provider does not count as differences.

Each rule takes what the state holds and what the configuration asks for, and answers what to plan: the
state's own value where the difference is none, and otherwise the configuration's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any, Any], Any]


def is_blank(value: Any) -> bool:
    """Null, zero, false or empty: the provider's SDK keeps no difference between these."""
    return value is None or (isinstance(value, str | int | float | list | dict) and not value)


def _last_segment(prior: Any, wanted: Any) -> Any:
    return prior if str(prior).rsplit("/", 1)[-1] == str(wanted).rsplit("/", 1)[-1] else wanted


def _letter_case(prior: Any, wanted: Any) -> Any:
    return prior if str(prior).lower() == str(wanted).lower() else wanted


def _project_prefix(prior: Any, wanted: Any) -> Any:
    return prior if str(prior).removeprefix("projects/") == str(wanted).removeprefix("projects/") else wanted


def _last_slash(prior: Any, wanted: Any) -> Any:
    return prior if str(prior).removesuffix("/") == str(wanted).removesuffix("/") else wanted


def _no_reducer(prior: Any, wanted: Any) -> Any:
    none = {"", "REDUCE_NONE"}
    return prior if {prior or "", wanted or ""} <= none else wanted


def _added_cpu_limit(prior: Any, wanted: Any) -> Any:
    """The service adds a CPU limit where only memory was asked for; only that key is forgiven."""
    if not isinstance(prior, dict) or not isinstance(wanted, dict) or "cpu" in wanted or not prior.get("cpu"):
        return wanted
    merged = {**wanted, "cpu": prior["cpu"]}
    return prior if merged == prior else merged


def _empty_block(prior: Any, wanted: Any) -> Any:
    """An empty block and no block at all say the same."""

    def says_nothing(blocks: Any) -> bool:
        return not blocks or (len(blocks) == 1 and all(map(is_blank, (blocks[0] or {}).values())))

    apart = len(prior or []) != len(wanted or [])
    return prior if apart and says_nothing(prior) and says_nothing(wanted) else wanted


def _member_case(prior: Any, wanted: Any) -> Any:
    """Members differ by case only where their kind is case sensitive."""
    if str(prior).startswith(("principal:", "principalSet:", "principalHierarchy:")):
        return wanted
    return prior if str(prior).lower() == str(wanted).lower() else wanted


def _dashboard(prior: Any, wanted: Any) -> Any:
    """Keys that only the service's answer has are computed ones, so they make no difference.

    The reverse does: a zero or empty value in the configuration that the service leaves out of its answer
    shows as a difference for ever, and a key taken out of the configuration shows as none. Both are real.
    """
    try:
        old, new = json.loads(prior), json.loads(wanted)
    except (TypeError, ValueError):
        return wanted
    return prior if isinstance(old, dict) and isinstance(new, dict) and _without(old, new) == new else wanted


def _without(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in old.items():
        if new.get(key) is None:
            continue
        other = new[key]
        if isinstance(value, dict) and isinstance(other, dict):
            kept[key] = _without(value, other)
        elif isinstance(value, list) and isinstance(other, list):
            kept[key] = [
                _without(item, other[at])
                if at < len(other) and isinstance(item, dict) and isinstance(other[at], dict)
                else item
                for at, item in enumerate(value)
            ]
        else:
            kept[key] = value
    return kept


RULES: Mapping[str, Rule] = {
    "added_cpu_limit": _added_cpu_limit,
    "dashboard": _dashboard,
    "empty_block": _empty_block,
    "last_segment": _last_segment,
    "letter_case": _letter_case,
    "last_slash": _last_slash,
    "member_case": _member_case,
    "no_reducer": _no_reducer,
    "project_prefix": _project_prefix,
}
