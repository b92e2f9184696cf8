"""What can be said of a field: a literal, certainly not there, or only Terraform knows."""

from __future__ import annotations

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
