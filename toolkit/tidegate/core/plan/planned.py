"""Plan JSON of `terraform show -json` → the blocks a file would have, for the policies.

Nothing in a plan has a line: every place is the plan and the address of a resource. What is known only after
the apply is an `Expression`, and so is what Terraform marks as sensitive, unless the configuration spells it
out. An argument that the configuration leaves out is left out here too, even where the provider fills it in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tidegate.core.document import (
    MADE_BY_OWN,
    Block,
    Document,
    Expression,
    Node,
    Object,
    Place,
    Value,
    own_module,
)
from tidegate.core.errors import UsageError

SAID_PUBLIC = "tidegate:allow_public"
"""Put on what tidegate's module makes when it was told that everybody is meant; no argument of Google's."""

_UNKNOWN = Expression("(known after apply)")
_SENSITIVE = Expression("(sensitive)")
_ABSENT = object()

Json = Any


def planned(plan: Mapping[str, Any], path: str) -> Document:
    """What will be there after the apply; `path` is for messages. Deleted resources are left out.

    Raises UsageError for what is no plan.
    """
    wrong = UsageError(
        f"{path} is not a plan as JSON", hint="write one with `terraform show -json PLAN > plan.json`"
    )
    changes = plan.get("resource_changes")
    if not isinstance(changes, list) or not str(plan.get("format_version", "")).startswith("1."):
        raise wrong
    try:
        return Document(path, {}, tuple(_resources(changes, plan, path)))
    except (AttributeError, KeyError, TypeError) as error:
        raise wrong from error


def _resources(changes: Sequence[Json], plan: Mapping[str, Any], path: str) -> Iterator[Block]:
    for raw in (*changes, *_read(plan)):
        after = raw.get("change", {}).get("after")
        if isinstance(after, dict):
            yield _resource(raw, after, plan, path)


def _read(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Data sources that were read for the plan; those read later are among the changes."""
    modules = [plan.get("prior_state", {}).get("values", {}).get("root_module", {})]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", ())
        for resource in module.get("resources", ()):
            if resource.get("mode") == "data":
                yield {**resource, "change": {"after": resource.get("values")}}


def _resource(raw: Mapping[str, Any], after: Json, plan: Mapping[str, Any], path: str) -> Block:
    change = raw["change"]
    place = Place(path, 0, 0, str(raw["address"]))
    calls, configured = _configured(raw, plan)
    reader = _Reader(place)
    attributes, blocks = reader.body(
        after, change.get("after_unknown") or {}, change.get("after_sensitive") or {}, configured
    )
    if any(map(_opened, calls)):
        attributes[SAID_PUBLIC] = Node(True, place)
    if any(own_module(call.get("source")) for call in calls):
        attributes[MADE_BY_OWN] = Node(True, place)
    kind = "data" if raw.get("mode") == "data" else "resource"
    return Block(kind, (str(raw["type"]), str(raw["name"])), attributes, blocks, place)


def _configured(raw: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[list[Json], Json]:
    """The calls of the modules around a resource, and its expressions; None where they are not found."""
    module: Json = plan.get("configuration", {}).get("root_module", {})
    calls = []
    for name in re.findall(r"(?:^|\.)module\.([\w-]+)", str(raw.get("module_address", ""))):
        call = module.get("module_calls", {}).get(name, {})
        calls.append(call)
        module = call.get("module", {})
    for resource in module.get("resources", ()):
        same = (resource.get("type"), resource.get("name"), resource.get("mode"))
        if same == (raw["type"], raw["name"], raw.get("mode")):
            return calls, resource.get("expressions")
    return calls, None


def _opened(call: Json) -> bool:
    said = call.get("expressions", {}).get("allow_public", {})
    # What a variable says is not in the configuration; it may be true.
    public = bool(said) and said.get("constant_value", True) is not False
    return own_module(call.get("source")) == "service" and public


class _Reader:
    """Values of one resource, with what is unknown and sensitive in them and how they were configured."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def body(
        self, values: Json, unknown: Json, sensitive: Json, configured: Json
    ) -> tuple[dict[str, Node], tuple[Block, ...]]:
        attributes: dict[str, Node] = {}
        blocks: list[Block] = []
        left_out = set() if configured is None else {*values, *_dict(unknown)} - {*configured}
        for name in {**values, **_dict(unknown)}:
            value, hidden = values.get(name), _part(sensitive, name)
            later = _part(unknown, name)
            expression = _ABSENT if configured is None else configured.get(name, _ABSENT)
            if later is True:
                if name not in left_out:
                    attributes[name] = Node(_UNKNOWN, self.place)
                    blocks.append(Block("dynamic", (name,), {}, (), self.place))
            elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
                blocks += self.nested(name, value, later, hidden, expression)
            else:
                mark = None if _constant(expression) else hidden
                attributes[name] = Node(self.value(value, later, mark), self.place)
        return attributes, tuple(blocks)

    def nested(
        self, name: str, values: Sequence[Json], unknown: Json, sensitive: Json, expression: Json
    ) -> Iterator[Block]:
        """Blocks of one type. Those of a `dynamic` block are not in the configuration one by one."""
        known: Sequence[Json] = (
            expression if isinstance(expression, list) and len(expression) == len(values) else ()
        )
        if isinstance(expression, dict) and len(values) == 1 and not _is_value(expression):
            known = (expression,)
        for number, value in enumerate(values):
            configured = known[number] if known else None
            parts = (_part(unknown, number), _part(sensitive, number))
            attributes, blocks = self.body(value, *parts, configured)
            yield Block(name, (), attributes, blocks, self.place)

    def value(self, value: Json, unknown: Json, sensitive: Json) -> Value:
        if unknown is True:
            return _UNKNOWN
        if sensitive is True:
            return _SENSITIVE
        if isinstance(value, dict):
            entries = {
                str(key): Node(self.value(v, _part(unknown, key), _part(sensitive, key)), self.place)
                for key, v in value.items()
            }
            for key, later in _dict(unknown).items():
                if later is True and key not in entries:
                    entries[key] = Node(_UNKNOWN, self.place)
            return Object(entries)
        if isinstance(value, list):
            parts = ((v, _part(unknown, n), _part(sensitive, n)) for n, v in enumerate(value))
            return tuple(Node(self.value(*part), self.place) for part in parts)
        return value if isinstance(value, str | int | float | bool) else None


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _part(marks: Json, key: str | int) -> Json:
    """The marks of one entry; a mark on the whole counts for each."""
    if marks is True:
        return True
    if isinstance(marks, dict):
        return marks.get(str(key))
    if isinstance(marks, list) and isinstance(key, int) and key < len(marks):
        return marks[key]
    return None


def _is_value(expression: Json) -> bool:
    return bool({"constant_value", "references"} & set(expression))


def _constant(expression: Json) -> bool:
    return isinstance(expression, dict) and "constant_value" in expression
