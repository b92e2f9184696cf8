"""How to judge, without a service: a whole spec, its sections `analysis` and `telemetry`, or the bare keys
of `analysis`."""

from __future__ import annotations

from tidegate.core.errors import Fault, InvalidInput, UsageError
from tidegate.core.spec.load import ANY_SERVICE, load, validated
from tidegate.core.spec.model import Spec
from tidegate.core.spec.read import Tree, parse

_SECTIONS = ("analysis", "telemetry")


def load_policy(text: bytes, path: str, environment: str | None = None) -> tuple[Spec, bool]:
    """A spec, and whether it is a whole one: else only `analysis` and `telemetry` of it mean anything.

    Raises like `load`.
    """
    tree = parse(text, path)
    if any(key in Spec.model_fields and key not in _SECTIONS for key in tree.value):
        return load(text, path, environment), True
    if environment is not None:
        raise UsageError(f"{path} has no environment {environment!r}: it is not a whole spec")
    if any(key in _SECTIONS for key in tree.value):
        return validated(Tree({**ANY_SERVICE, **tree.value}, tree.keys, tree.values), path), False
    try:
        return validated(_within_analysis(tree), path), False
    except InvalidInput as bad:
        raise InvalidInput(tuple(map(_bare, bad.faults)), hint=bad.hint) from bad


def _within_analysis(tree: Tree) -> Tree:
    return Tree(
        {**ANY_SERVICE, "analysis": tree.value},
        {("analysis", *place): at for place, at in tree.keys.items()},
        {("analysis", *place): at for place, at in tree.values.items()},
    )


def _bare(fault: Fault) -> Fault:
    """The file does not have the section's name in it."""
    return Fault(fault.path, fault.line, fault.column, fault.message.replace("analysis.", "", 1))
