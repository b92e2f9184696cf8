"""What can be said of a field: a literal, certainly not there, or only Terraform knows."""

from __future__ import annotations

import re
from typing import Final

from tidegate.core.document import Expression, Node, Object, Place

UNKNOWN: Final = Node(Expression("?"), Place("", 0, 0))
"""Only Terraform, or a module's default, can say."""

Field = Node | None


def is_literal(node: Field, value: object) -> bool:
    """Whether it is certainly this literal; a text that Terraform converts (`"true"`) counts."""
    if node is None or isinstance(node.value, Expression):
        return False
    as_text = str(value).lower() if isinstance(value, bool) else str(value)
    return (node.value == value and type(node.value) is type(value)) or node.value == as_text


def absent(node: Field) -> bool:
    """Certainly not there: left out, or null."""
    return node is None or node.value is None


def empty(node: Field) -> bool:
    """Certainly a list, an object or a text with nothing in it."""
    return node is not None and node.value in ((), "", Object())


def items(node: Field) -> tuple[Node, ...]:
    return node.items if node else ()


def entry(node: Field, *path: str) -> Field:
    """The node at a path of keys; UNKNOWN as soon as something on the way is computed."""
    for key in path:
        if node is None or node.value is None:
            return None
        if not isinstance(node.value, Object):
            return UNKNOWN
        node = node.value.get(key, None if node.value.complete else UNKNOWN)
    return node


def text(node: Field) -> str:
    """The literal text; empty for everything else."""
    return node.value if node is not None and isinstance(node.value, str) else ""


def written(node: Field) -> str:
    """The text as far as it can be read: a literal, or an expression as it stands in the file."""
    return node.value.text if node is not None and isinstance(node.value, Expression) else text(node)


def number(node: Field) -> float | None:
    """The literal number, also where it is written as a text; None for everything else."""
    value = None if node is None else node.value
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def seconds(node: Field) -> float | None:
    """A literal duration as Google writes it (`300s`), or a number of seconds."""
    value = text(node)
    return number(Node(value.removesuffix("s"), node.place)) if node and value else number(node)
