"""Pydantic's errors → faults with the place in the file, in words, with suggestions for misspelt keys."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from tidegate.core.errors import Fault
from tidegate.core.spec.model import Spec
from tidegate.core.spec.read import Path, Tree
from tidegate.core.spec.suggest import suggest

_PLAIN_KEY = re.compile(r"[\w.-]+")
_MOST_SHOWN = 80
_ABOUT_A_KEY = frozenset(
    {"containers", "dry_run", "fd_level", "fd_level_critical", "roles", "values", "volumes", "waves"}
)
"""Faults between keys, told by the section that holds them and placed at the one they are named after."""

MISSING = "is missing"
"""How the message of a missing key ends."""


def faults(error: ValidationError, tree: Tree, path: str, model: type[BaseModel] = Spec) -> Iterator[Fault]:
    """`model` is what the tree was held against."""
    for item in error.errors(include_url=False, include_input=True):
        loc = _without_tags(item["loc"], tree.value)
        if item["type"] in _ABOUT_A_KEY and loc[-1:] != (item["type"],):
            loc = (*loc, item["type"])
        label = _label(loc)
        match item["type"]:
            case "extra_forbidden":
                known = _known_keys(loc[:-1], model)
                hint = suggest(str(loc[-1]), known)
                message = f"unknown key {label}" + (
                    f"; {hint}" if hint else "; known here: " + ", ".join(known)
                )
                yield Fault(path, *tree.place(loc, key=True), message)
            case "too_short" if len(item["input"]):
                continue  # an entry was refused, which pydantic counts as not being there
            case "missing":
                yield Fault(path, *tree.place(loc[:-1], key=True), f"{label} {MISSING}")
            case kind:
                place = tree.place(loc, key=item["loc"][-1:] == ("[key]",))
                yield Fault(path, *place, f"{label} {_words(kind, item)}".strip())


def _words(kind: str, item: Mapping[str, Any]) -> str:
    given, context = item["input"], item.get("ctx") or {}
    shown = _shown(given)
    match kind:
        case "string_type":
            return (
                f"is {shown}, not a text; put it in quotes"
                if isinstance(given, bool | int | float)
                else "is not a text"
            )
        case "int_parsing_size":
            return "has too many digits"
        case "int_type" | "int_from_float":
            return f"is {shown}, not a whole number"
        case "float_type":
            return f"is {shown}, not a number"
        case "bool_type":
            return f"is {shown}, not true or false"
        case "tuple_type" | "list_type":
            return "is not a list"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "is not a mapping of keys to values"
        case "literal_error" | "union_tag_invalid":
            allowed = str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ")
            hint = suggest(str(given), [a.strip(" '\"") for a in allowed.split(",")])
            return f"is {_shown(context.get('tag', given))}; it can be {allowed}" + (
                f" ({hint})" if hint and kind == "literal_error" else ""
            )
        case "union_tag_not_found":
            return "does not say which backend: local or gcs"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            (name, bound), *_ = context.items()
            sign = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}[name]
            return f"is {shown}; it must be {sign} {bound}"
        case "too_short":
            return "is empty; at least one is needed"
        case "too_long":
            return f"has more than {context.get('max_length')} entries"
        case "string_too_short":
            return "is empty"
        case "string_too_long":
            return f"is longer than {context.get('max_length')} characters"
        case "finite_number":
            return "is not a finite number"
    text = str(item["msg"])
    return f"{shown} {text}" if isinstance(given, str) and text.startswith("is ") else text


def _label(loc: Path) -> str:
    out = ""
    for part in loc:
        if part == "[key]":
            continue
        if isinstance(part, str) and not _PLAIN_KEY.fullmatch(part):
            out += f"[{_shown(part)}]"
        else:
            out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else part
    return out


def _shown(given: Any) -> str:
    """One line, and no more than a message can bear."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        text = repr(given) if abs(given) < 10**40 or isinstance(given, float) else "a number of many digits"
    else:
        text = repr(given) if isinstance(given, str | bool) else type(given).__name__
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _without_tags(loc: tuple[int | str, ...], value: Any) -> Path:
    """Pydantic puts the tag of a discriminated union into the path; the file does not have it there."""
    out: list[str | int] = []
    for index, part in enumerate(loc):
        if isinstance(value, dict) and part in value:
            value, out = value[part], [*out, part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value, out = value[part], [*out, part]
        elif index == len(loc) - 1 and part != "[key]":
            out.append(part)
    return tuple(out)


def _known_keys(loc: Path, model: type[BaseModel]) -> list[str]:
    """The keys the model knows at a path of the file."""
    models: list[type[BaseModel]] = [model]
    for part in loc:
        if isinstance(part, int):
            continue
        fields = [f for m in models for n, f in m.model_fields.items() if part in (n, f.alias)]
        models = [m for f in fields for m in _models_in(f.annotation)] or models
    known = [f.alias or n for m in models for n, f in m.model_fields.items()]
    return sorted(set(known) | ({"environments"} if model is Spec and not loc else set()))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple, typing.Annotated, dict):
        return [m for a in typing.get_args(annotation) for m in _models_in(a)]
    return []
