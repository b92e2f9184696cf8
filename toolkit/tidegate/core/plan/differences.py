"""Two versions of one resource → the attributes that differ, as texts fit to be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SENSITIVE = "(sensitive value)"
UNKNOWN = "(known after apply)"
VALUE_WIDTH = 60
"""Characters of a value that are shown."""

_ABSENT = object()
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Attribute:
    """One changed attribute; `before` and `after` are texts fit to be shown, secrets masked."""

    path: str
    before: str
    after: str
    forces_replacement: bool = False

    @property
    def unknown(self) -> bool:
        return self.after == UNKNOWN


@dataclass(frozen=True)
class _Side:
    """A value before or after, with Terraform's parallel marks of what in it is secret or unknown."""

    value: Any
    sensitive: Any = False
    unknown: Any = False

    def inner(self, key: str | int) -> _Side:
        return _Side(
            _item(self.value, key, _ABSENT),
            _item(self.sensitive, key, False),
            _item(self.unknown, key, False),
        )

    def named(self) -> dict[str, int] | None:
        """Positions by the `name` of each element, when all have their own: then order means nothing."""
        if not isinstance(self.value, list):
            return None
        names = [item.get("name") if isinstance(item, dict) else None for item in self.value]
        texts = [name for name in names if isinstance(name, str)]
        return {name: at for at, name in enumerate(texts)} if len(set(texts)) == len(names) else None


def _item(value: Any, key: str | int, absent: Any) -> Any:
    if value is True:  # a mark on the whole covers its parts
        return True
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key, absent)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return absent


def differences(
    change: Mapping[str, Any], replace_paths: set[str], secrets: Sequence[str] = ()
) -> tuple[Attribute, ...]:
    """What changes inside the `change` of one resource, sorted by path, as texts with secrets masked."""
    before = _Side(change.get("before"), change.get("before_sensitive"))
    after = _Side(change.get("after"), change.get("after_sensitive"), change.get("after_unknown"))
    found = [
        Attribute(path, *_texts(one, two, secrets), path in replace_paths)
        for path, one, two in _differences("", before, after)
    ]
    return tuple(sorted(found, key=lambda attribute: attribute.path))


def _differences(path: str, before: _Side, after: _Side) -> Iterator[tuple[str, _Side, _Side]]:
    if after.unknown is True:
        yield path, before, after
    elif isinstance(before.value, dict) and isinstance(after.value, dict):
        # Unknown attributes are absent from the values and present among the marks.
        marks = after.unknown if isinstance(after.unknown, dict) else {}
        for key in sorted({*before.value, *after.value, *marks}):
            yield from _differences(_join(path, key), before.inner(key), after.inner(key))
    elif isinstance(before.value, list) and isinstance(after.value, list):
        yield from _list_differences(path, before, after)
    elif _differs(before.value, after.value) or has_mark(after.unknown):
        yield path, before, after


def _list_differences(path: str, before: _Side, after: _Side) -> Iterator[tuple[str, _Side, _Side]]:
    old, new = before.named(), after.named()
    missing = _Side(_ABSENT)
    if old is not None and new is not None:
        for name in sorted({*old, *new}):
            one = before.inner(old[name]) if name in old else missing
            two = after.inner(new[name]) if name in new else missing
            yield from _differences(f"{path}[{json.dumps(name)}]", one, two)
        return
    for at in range(max(len(before.value), len(after.value))):
        yield from _differences(f"{path}[{at}]", before.inner(at), after.inner(at))


def _differs(one: Any, two: Any) -> bool:
    empty = (None, _ABSENT)
    if any(one is value for value in empty) and any(two is value for value in empty):
        return False
    return type(one) is not type(two) or bool(one != two)


def has_mark(mark: Any) -> bool:
    """Whether anything in a value bears a mark, such as that it is known only after the apply."""
    if isinstance(mark, dict):
        return any(map(has_mark, mark.values()))
    return any(map(has_mark, mark)) if isinstance(mark, list) else mark is True


def _texts(before: _Side, after: _Side, secrets: Sequence[str]) -> tuple[str, str]:
    # A value that was or becomes secret gives the other one away too, if only by its form.
    secret = before.sensitive is True or after.sensitive is True
    old = shown(before.value, secret, secrets)
    return old, UNKNOWN if after.unknown is True else shown(after.value, secret, secrets)


def shown(value: Any, secret: bool, secrets: Sequence[str] = ()) -> str:
    """A value on one line. Blocks and lists only by their size: what is in them may be secret."""
    if value is None or value is _ABSENT:
        return "none"
    if secret or (isinstance(value, str) and any(part in value for part in secrets)):
        return SENSITIVE
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return f"[{len(value)} item{'s' * (len(value) != 1)}]" if value else "[]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_WIDTH else text[: VALUE_WIDTH - 2] + '…"'


def path_text(steps: Sequence[str | int]) -> str:
    """Terraform's list of steps as it is written: `template[0].containers[1].image`."""
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else _join(path, step)
    return path


def _join(path: str, key: str) -> str:
    if _NAME.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key)}]"
