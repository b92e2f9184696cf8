"""The text of rollout.json → `Rollout`, or its fault with line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.trace.model import FORMAT, KEYS, ROLLOUT_FILE, Rollout, Step


def read_rollout(text: str, warnings: list[str]) -> Rollout:
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError as bad:
        raise _refused(bad.lineno, bad.colno, f"not valid JSON: {bad.msg}") from bad
    except (ValueError, RecursionError) as bad:
        reason = "nested too deeply" if isinstance(bad, RecursionError) else str(bad)
        raise _refused(0, 0, f"not valid JSON: {reason}") from bad
    if not isinstance(document, dict):
        raise _refused(1, 1, "the file holds one JSON object")
    if document.get("format") != FORMAT:
        raise _at(text, "format", f'"format" must be "{FORMAT}"')
    warnings.extend(f"{ROLLOUT_FILE}: unknown key {key!r} is ignored" for key in document if key not in KEYS)
    steps = document.get("steps")
    if not isinstance(steps, list) or not all(isinstance(s, dict) for s in steps):
        raise _at(text, "steps", '"steps" must be a list of {"time", "percent"}')
    end = document.get("end")
    values = {key: _string(text, document, key) for key in ("service", "stable", "candidate")}
    try:
        return Rollout(
            values["service"],
            values["stable"],
            values["candidate"],
            tuple(Step(_number(text, s, "time"), _percent(text, s)) for s in steps),
            None if end is None else _number(text, document, "end"),
            _number(text, document, "sample_period"),
            _number(text, document, "ingestion_delay"),
        )
    except ValueError as bad:
        raise _refused(1, 1, str(bad)) from bad


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} appears twice")
        found[key] = value
    return found


def _string(text: str, document: Mapping[str, object], key: str) -> str:
    value = document.get(key, "" if key == "stable" else None)
    if not isinstance(value, str):
        raise _at(text, key, f'"{key}" must be a string')
    return value


def _number(text: str, document: Mapping[str, object], key: str) -> float:
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _at(text, key, f'"{key}" must be a number of seconds')
    try:
        return float(value)
    except OverflowError as bad:
        raise _at(text, key, f'"{key}" is too large') from bad


def _percent(text: str, step: Mapping[str, object]) -> int:
    value = _number(text, step, "percent")
    if not value.is_integer():
        raise _at(text, "percent", '"percent" must be a whole number')
    return int(value)


def _at(text: str, key: str, message: str) -> InvalidInput:
    """Faults of content point at the first place the key is written, or at the start when it is missing."""
    place = re.search(rf'"{re.escape(key)}"\s*:', text)
    if place is None:
        return _refused(1, 1, message)
    before = text[: place.start()]
    return _refused(before.count("\n") + 1, place.start() - before.rfind("\n"), message)


def _refused(line: int, column: int, message: str) -> InvalidInput:
    return InvalidInput((Fault(ROLLOUT_FILE, line, column, message),))
