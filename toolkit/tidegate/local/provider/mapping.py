"""Terraform state to the service's JSON and back, by schema.

State has snake_case names, every argument present (null when unset), and lists of one element for single
objects; the service's JSON has camelCase names, leaves out what is zero, and holds single objects as objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.local.provider.engine import State, same
from tidegate.local.provider.schema import Attribute, Block, NestedBlock
from tidegate.local.provider.suppress import is_blank
from tidegate.local.provider.wire import UNKNOWN


@dataclass(frozen=True)
class Shape:
    """Where one resource's JSON departs from the rule. All names are dotted paths of the state.

    `local` are arguments that the service never sees; `lists` blocks of one that the service holds as a list;
    `names` other names than the camelCase ones; `sent` read-only fields that go out all the same; `present`
    blocks for which an empty object in the answer means that the block is there.
    """

    local: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    sent: frozenset[str] = frozenset()
    present: frozenset[str] = frozenset()

    def name(self, path: str) -> str:
        return self.names.get(path) or camel(path.rpartition(".")[2])


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def to_api(block: Block, state: Mapping[str, Any], shape: Shape, prefix: str = "") -> dict[str, Any]:
    """The body of a request. What is null, unknown or an empty text is left out; other zeros are sent."""
    body: dict[str, Any] = {}
    for name, attribute in block.attributes.items():
        path = prefix + name
        value = state.get(name)
        # An empty text is none: sent, it would take the place of the other members of its `oneof`.
        if value is None or value == "" or value is UNKNOWN or path in shape.local:
            continue
        if attribute.read_only and path not in shape.sent:
            continue
        body[shape.name(path)] = int(value) if isinstance(value, float) and value.is_integer() else value
    for name, nested in block.blocks.items():
        path = prefix + name
        value = state.get(name)
        if not value or value is UNKNOWN or nested.nesting == "single" or path in shape.local:
            continue
        objects = [to_api(nested.block, item or {}, shape, path + ".") for item in value]
        body[shape.name(path)] = objects[0] if _is_single(nested, path, shape) else objects
    return body


def from_api(
    block: Block, answer: Mapping[str, Any], base: Mapping[str, Any] | None, shape: Shape, prefix: str = ""
) -> State:
    """The state that an answer stands for.

    `base` is what was known before: it tells null from zero, which the service's JSON does not, and holds the
    arguments that the service never sees.
    """
    before = base or {}
    state: State = {}
    for name, attribute in block.attributes.items():
        path = prefix + name
        settled = name in before and before[name] is not UNKNOWN and not attribute.write_only
        old = before[name] if settled else None
        found = answer.get(shape.name(path))
        if path in shape.local:
            state[name] = attribute.extras.default if old is None else old
        elif found is not None:
            found = _coerce(attribute.type, found)
            state[name] = _settle(attribute, found, old) if settled and attribute.optional else found
        elif attribute.extras.enum and attribute.extras.default is not None:
            state[name] = attribute.extras.default  # an enum's zero is left out of the answer
        else:
            state[name] = old if is_blank(old) else None
    for name, nested in block.blocks.items():
        state[name] = _from_blocks(nested, answer, before.get(name), shape, prefix + name)
    return state


def _from_blocks(nested: NestedBlock, answer: Mapping[str, Any], old: Any, shape: Shape, path: str) -> Any:
    if nested.nesting == "single" or path in shape.local:
        return None if old is UNKNOWN else old
    found = answer.get(shape.name(path))
    olds = old if isinstance(old, list) else []
    if found is None or (found == {} and not olds and path not in shape.present):
        return []
    objects = found if isinstance(found, list) else [found]
    inner = path + "."
    if nested.nesting != "set":
        return [
            from_api(nested.block, item, olds[at] if at < len(olds) else None, shape, inner)
            for at, item in enumerate(objects)
        ]
    states = []
    for item in objects:
        bare = from_api(nested.block, item, None, shape, inner)
        match = next((other for other in olds if isinstance(other, dict) and _could_be(other, bare)), None)
        states.append(from_api(nested.block, item, match, shape, inner) if match else bare)
    return states


def _could_be(old: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all(value is UNKNOWN or same(value, found.get(name)) for name, value in old.items())


def _is_single(nested: NestedBlock, path: str, shape: Shape) -> bool:
    return nested.max == 1 and path not in shape.lists


def _settle(attribute: Attribute, found: Any, old: Any) -> Any:
    """Keep what was there where it says the same: null for zero, the order of a set."""
    if is_blank(found) and is_blank(old):
        return old
    if attribute.kind == "set" and same(found, old, unordered=True):
        return old
    return found


def _coerce(kind: Any, value: Any) -> Any:
    """JSON's value as one of Terraform's type: numbers may come as strings, one object for a list."""
    if isinstance(kind, list):
        outer, inner = kind
        if outer == "object":
            return {
                name: None if value.get(camel(name)) is None else _coerce(of, value[camel(name)])
                for name, of in inner.items()
            }
        if outer == "map":
            return {name: _coerce(inner, item) for name, item in value.items()}
        return [_coerce(inner, item) for item in (value if isinstance(value, list) else [value])]
    if kind == "number":
        number = float(value)
        return int(number) if number.is_integer() else number
    if kind == "string" and not isinstance(value, str):
        return json.dumps(value)
    return value
