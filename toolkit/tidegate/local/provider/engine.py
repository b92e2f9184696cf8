"""What a resource will be after the apply: planning by schema, the way the real provider's SDK does it.

The rules, in the order in which they win over each other:

- an argument that is configured is planned as configured, unless the state says the same (null, zero and
  empty being the same) or a suppression rule forgives the difference: then the state's own value stays;
- an omitted argument takes its default;
- an omitted computed argument or block keeps what the state has, and is unknown where there is no state yet;
- elements of lists are compared by position, elements of sets by what they say.

Such plans need Terraform's legacy type system, which a provider asks for in its answer. Nothing here talks to
anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.local.provider.schema import Attribute, Block, Extras, NestedBlock
from tidegate.local.provider.suppress import RULES, is_blank
from tidegate.local.provider.wire import UNKNOWN

State = dict[str, Any]
Path = tuple[str | int, ...]
Customize = Callable[[State, Mapping[str, Any], Mapping[str, Any] | None], None]
"""Changes a planned state in place, given the configuration and the prior state (None: a new resource)."""


@dataclass(frozen=True)
class Plan:
    """`replace` names the arguments whose change asks for a new resource; Terraform then plans once more."""

    state: State
    replace: tuple[Path, ...]


def plan(
    block: Block,
    config: Mapping[str, Any],
    prior: Mapping[str, Any] | None,
    customize: Sequence[Customize] = (),
) -> Plan:
    """Plan one resource. `prior` is the refreshed state, None when the resource does not exist."""
    planned = _block(block, config, prior)
    for change in customize:
        change(planned, config, prior)
    if prior is None:
        return Plan(planned, ())
    if all(planned[name] == prior.get(name) for name in planned if name != "timeouts"):
        return Plan(dict(prior), ())  # new timeouts alone are no change of the resource
    return Plan(planned, tuple(_replacements(block, planned, prior, ())))


def same(a: Any, b: Any, *, unordered: bool = False) -> bool:
    """Whether two values say the same. Unknown is like nothing, itself included."""
    if is_blank(a) and is_blank(b):
        return True
    if unordered and isinstance(a, list) and isinstance(b, list):
        rest = list(b)
        for item in a:
            at = next((at for at, other in enumerate(rest) if same(item, other)), None)
            if at is None:
                return False
            del rest[at]
        return not rest
    if isinstance(a, dict) and isinstance(b, dict):
        return all(same(a.get(key), b.get(key)) for key in a.keys() | b.keys())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a is not UNKNOWN and a == b)


def same_map(a: Any, b: Any) -> bool:
    """Maps of the user's own keys: there a key with an empty value is not an absent one."""
    return (is_blank(a) and is_blank(b)) or bool(a == b)


def _block(block: Block, config: Mapping[str, Any], prior: Mapping[str, Any] | None) -> State:
    planned: State = {}
    for name, attribute in block.attributes.items():
        planned[name] = _attribute(attribute, config.get(name), prior, name)
    for name, nested in block.blocks.items():
        planned[name] = _nested(nested, config.get(name), prior, name)
    return planned


def _attribute(attribute: Attribute, wanted: Any, prior: Mapping[str, Any] | None, name: str) -> Any:
    if attribute.write_only:
        return None
    old = None if prior is None else prior.get(name)
    if wanted is None:
        wanted = attribute.extras.default
    if wanted is None:
        if attribute.computed:
            return UNKNOWN if prior is None else old
        return old if is_blank(old) else None
    if prior is None or wanted is UNKNOWN:
        return wanted
    equal = same_map(old, wanted) if attribute.kind == "map" else _equal(attribute, old, wanted)
    return old if equal else _forgive(attribute.extras, old, wanted)


def _equal(attribute: Attribute, old: Any, wanted: Any) -> bool:
    return same(old, wanted, unordered=attribute.kind == "set")


def _forgive(extras: Extras, old: Any, wanted: Any) -> Any:
    if not extras.suppress or old is None or wanted is UNKNOWN:
        return wanted
    return RULES[extras.suppress](old, wanted)


def _nested(nested: NestedBlock, wanted: Any, prior: Mapping[str, Any] | None, name: str) -> Any:
    old = None if prior is None else prior.get(name)
    if nested.nesting == "single" or wanted is UNKNOWN:
        return wanted
    if not wanted:
        if nested.extras.computed:
            return UNKNOWN if prior is None else old
        return _forgive(nested.extras, old or [], [])
    olds = old if isinstance(old, list) else []
    if nested.nesting == "set":
        planned = _set(nested.block, wanted, olds)
        return old if same(planned, olds, unordered=True) else planned
    pairs = [
        (item, olds[at] if at < len(olds) else None) for at, item in enumerate(wanted) if item is not UNKNOWN
    ]
    planned = [_block(nested.block, item, other) for item, other in pairs]
    # What was written decides, not what is planned: there the computed part is unknown rather than empty.
    return olds if _forgive(nested.extras, olds, wanted) is olds else planned


def _set(block: Block, wanted: Sequence[Any], olds: Sequence[Any]) -> list[Any]:
    """Each wanted element is the old one that says the same, or a new one."""
    rest = list(olds)
    planned = []
    for item in wanted:
        made = UNKNOWN if item is UNKNOWN else _block(block, item, None)
        at = next((at for at, other in enumerate(rest) if _agrees(block, made, other)), None)
        planned.append(made if at is None else rest.pop(at))
    return planned


def _agrees(block: Block, made: Any, other: Any) -> bool:
    """Whether a planned element is this old one; what the service computes may be anything."""
    if made is UNKNOWN or not isinstance(other, dict):
        return False
    for name, attribute in block.attributes.items():
        if made[name] is UNKNOWN and attribute.computed:
            continue
        if not same(made[name], other.get(name)):
            return False
    for name, nested in block.blocks.items():
        mine, theirs = made[name], other.get(name) or []
        if mine is UNKNOWN and nested.extras.computed:
            continue
        if mine is UNKNOWN or len(mine or []) != len(theirs):
            return False
        if not all(_agrees(nested.block, a, b) for a, b in zip(mine or [], theirs, strict=True)):
            return False
    return True


def _replacements(block: Block, planned: Any, prior: Any, at: Path) -> list[Path]:
    found: list[Path] = []
    planned, prior = planned or {}, prior or {}
    for name, attribute in block.attributes.items():
        if attribute.extras.force_new and not _equal(attribute, planned.get(name), prior.get(name)):
            found.append((*at, name))
    for name, nested in block.blocks.items():
        new, old = planned.get(name), prior.get(name)
        here = (*at, name)
        if new is UNKNOWN or nested.nesting == "single":
            continue
        new, old = new or [], old if isinstance(old, list) else []
        if nested.nesting == "set":
            if not same(new, old, unordered=True) and forces_new(nested):
                found.append(here)
        elif nested.extras.force_new and len(new) != len(old):
            found.append(here)
        else:
            for index in range(max(len(new), len(old))):
                mine, theirs = (blocks[index] if index < len(blocks) else {} for blocks in (new, old))
                inside = _replacements(nested.block, mine, theirs, (*here, index))
                # A path into an element that is going away cannot be followed: name the block instead.
                found += inside if index < len(new) else [here] * bool(inside)
    return found


def forces_new(nested: NestedBlock) -> bool:
    """Whether a change anywhere inside asks for a new resource."""
    return nested.extras.force_new or any(a.extras.force_new for a in nested.block.attributes.values())


def known(value: Any) -> Any:
    """The value with everything unknown taken out: what can be saved when an apply ends early."""
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items()}
    return [known(item) for item in value] if isinstance(value, list) else value


def fit(block: Block, state: Mapping[str, Any]) -> State:
    """A state read from a file in the shape of this schema: missing arguments null, foreign ones dropped."""
    found: State = {name: state.get(name) for name in block.attributes}
    for name, nested in block.blocks.items():
        value = state.get(name)
        if nested.nesting == "single":
            found[name] = None if value is None else fit(nested.block, value)
        else:
            found[name] = [fit(nested.block, item) for item in value or []]
    return found
