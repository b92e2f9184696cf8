"""Text → `Spec`. Every fault of the file in one go, each with its line and column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.core.errors import Fault, InvalidInput, UsageError
from tidegate.core.spec.analysis import OWN
from tidegate.core.spec.faults import MISSING, faults
from tidegate.core.spec.model import UNREAD, Spec
from tidegate.core.spec.read import Path, Tree, parse
from tidegate.core.spec.suggest import suggest

_OVERLAYS = "environments"
ANY_SERVICE: Mapping[str, Any] = {
    "service": "any",
    "project": "any-project",
    "region": "europe-west1",
    "containers": [{"name": "app", "port": 8080}],
}
"""What every spec needs, for what is looked at without it."""
_NEVER_TOGETHER = frozenset({"region", "regions", "rollout"})
"""Sections that are held against each other as they are read, and against no others."""


def load(text: bytes, path: str, environment: str | None = None) -> Spec:
    """The spec of one environment (or the base alone). `path` is only for messages.

    Raises InvalidInput with every fault found, also those in overlays that were not asked for, and
    UsageError for an environment the file does not have.
    """
    tree = parse(text, path)
    overlays = _overlays(tree, path)
    if environment is not None and environment not in overlays:
        raise UsageError(
            f"{path} has no environment {environment!r}",
            hint=suggest(environment, overlays) or "environments: " + (", ".join(sorted(overlays)) or "none"),
        )
    wrong: set[Fault] = set()
    chosen: Spec | None = None
    for name in (None, *overlays):
        merged = _merge(tree, name)
        try:
            spec = _spec(merged)
        except ValidationError as error:
            found = set(faults(error, merged, path))
            partial = name is None and overlays and any(f.message.endswith(MISSING) for f in found)
            # A base may leave to its overlays what differs between them.
            if name is None and environment is not None:
                found = {f for f in found if not f.message.endswith(MISSING)}
            wrong |= found if partial else found | _together(merged, error, path)
        else:
            chosen = spec if name == environment else chosen
    if wrong:
        left_to_overlays = environment is None and all(f.message.endswith(MISSING) for f in wrong)
        hint = "choose an environment with --env: " + ", ".join(sorted(overlays))
        raise InvalidInput(tuple(wrong), hint=hint if overlays and left_to_overlays else "")
    if chosen is None:
        raise InvalidInput((Fault(path, 1, 1, "the spec is not complete without --env"),))
    return chosen


def validated(tree: Tree, path: str) -> Spec:
    """The spec of a tree that has no environments. Raises InvalidInput with every fault found."""
    try:
        return _spec(tree)
    except ValidationError as error:
        raise InvalidInput((*faults(error, tree, path), *_together(tree, error, path))) from error


def _together(tree: Tree, error: ValidationError, path: str) -> set[Fault]:
    """What does not fit together among the sections that could be read, when others could not."""
    unread = frozenset(str(item["loc"][0]) for item in error.errors(include_url=False) if item["loc"])
    if not unread:
        return set()
    kept = {key: value for key, value in tree.value.items() if key not in unread | _NEVER_TOGETHER}
    try:
        _spec(Tree({**ANY_SERVICE, **kept}), unread)
    except ValidationError as more:
        return set(faults(more, tree, path))
    return set()


def _spec(tree: Tree, unread: frozenset[str] = frozenset()) -> Spec:
    """Raises pydantic's ValidationError."""
    analysis = tree.value.get("analysis")
    own = analysis.get("metrics") if isinstance(analysis, dict) else None
    context = {OWN: tuple(own) if isinstance(own, dict) else (), UNREAD: unread}
    return Spec.model_validate(_tuples(tree.value), context=context)


def places(text: bytes, path: str, environment: str | None = None) -> Tree:
    """What is written for an environment, with the place of every key and value; for a spec that loads."""
    return _merge(parse(text, path), environment)


def environments(text: bytes, path: str) -> tuple[str, ...]:
    """The names of the overlays of a file."""
    return tuple(_overlays(parse(text, path), path))


def _overlays(tree: Tree, path: str) -> tuple[str, ...]:
    found = tree.value.get(_OVERLAYS)
    if found is None:
        return ()
    wrong = []
    if not isinstance(found, dict):
        wrong.append(
            Fault(path, *tree.place((_OVERLAYS,)), "environments is not a mapping of names to overlays")
        )
        found = {}
    for name, overlay in found.items():
        if not isinstance(overlay, dict):
            wrong.append(
                Fault(path, *tree.place((_OVERLAYS, name)), f"the environment {name} is not a mapping")
            )
        elif _OVERLAYS in overlay:
            place = tree.place((_OVERLAYS, name, _OVERLAYS), key=True)
            wrong.append(Fault(path, *place, "an environment cannot have environments of its own"))
    if wrong:
        raise InvalidInput(tuple(wrong))
    return tuple(found)


def _merge(tree: Tree, name: str | None) -> Tree:
    """The base under one overlay: mappings are merged, everything else is replaced."""
    base = {k: v for k, v in tree.value.items() if k != _OVERLAYS}
    merged = Tree(base, dict(tree.keys), dict(tree.values))
    if name is not None:
        prefix: Path = (_OVERLAYS, name)
        overlay = tree.value[_OVERLAYS][name]
        merged.value = _over(_without_regions(base) if _moves(overlay) else base, overlay)
        for table, source in ((merged.keys, tree.keys), (merged.values, tree.values)):
            table.update({p[2:]: place for p, place in source.items() if p[:2] == prefix and len(p) > 2})
    return merged


def _moves(overlay: Mapping[str, Any]) -> bool:
    return bool(overlay.get("region") or overlay.get("regions"))


def _without_regions(base: Mapping[str, Any]) -> dict[str, Any]:
    """`region` and `regions` are one thing said in two ways, and the waves are made of them."""
    rest = {key: value for key, value in base.items() if key not in ("region", "regions")}
    if isinstance(rollout := rest.get("rollout"), dict):
        rest["rollout"] = {key: value for key, value in rollout.items() if key != "waves"}
    return rest


def _over(base: Any, overlay: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(overlay, dict)):
        return overlay
    return base | {k: _over(base[k], v) if k in base else v for k, v in overlay.items()}


def _tuples(value: Any) -> Any:
    """Strict validation wants tuples where the model says so; YAML has only lists."""
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
