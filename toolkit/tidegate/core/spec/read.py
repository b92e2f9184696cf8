"""Text → plain values with the place of every key and value. Knows YAML, not the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tidegate.core.errors import Fault, InvalidInput

MAX_BYTES = 1 << 20
"""A larger file is no spec; parsing it would take minutes."""
_MAX_NODES = 50_000

Path = tuple[str | int, ...]


@dataclass
class Tree:
    """Plain values, and where each key and value stands (line and column from 1)."""

    value: Any
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """The place of the path, or of the nearest thing around it."""
        while True:
            for table in (self.keys, self.values) if key else (self.values, self.keys):
                if path in table:
                    return table[path]
            if not path:
                return 1, 1
            path = path[:-1]


def parse(text: bytes, path: str) -> Tree:
    def stop(message: str, line: int = 0, column: int = 0) -> InvalidInput:
        return InvalidInput((Fault(path, line, column, message),))

    if len(text) > MAX_BYTES:
        raise stop(f"is {len(text):,} bytes long; a spec has at most {MAX_BYTES:,}")
    if text.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise stop("starts with a byte-order mark; save it as UTF-8 without one", 1, 1)
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise stop(f"is not UTF-8: byte {text[error.start]:#04x}", line, 1) from error
    try:
        node = YAML(typ="rt", pure=True).load(decoded)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context or "cannot be read").split())
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise stop(f"is not valid YAML: {what}", line, column) from error
    except (YAMLError, ValueError, RecursionError) as error:
        what = (
            "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        )
        raise stop(f"is not valid YAML: {what}", *_place_of_bad_character(decoded)) from error
    if not isinstance(node, CommentedMap):
        raise stop("is empty" if node is None else "is not a mapping of keys to values", 1, 1)
    tree = Tree({})
    faults: list[Fault] = []
    budget = [_MAX_NODES]
    tree.value = _plain(node, (), tree, faults, path, budget)
    if budget[0] <= 0:
        raise stop(f"has more than {_MAX_NODES:,} values once its aliases are written out")
    if faults:
        raise InvalidInput(tuple(faults))
    return tree


def _place_of_bad_character(text: str) -> tuple[int, int]:
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if not (character.isprintable() or character in "\t\r"):
                return number, column
    return 1, 1


def _plain(node: Any, at: Path, tree: Tree, faults: list[Fault], path: str, budget: list[int]) -> Any:
    """Ruamel's nodes → dict, list and scalars, with the places written into `tree` on the way."""
    budget[0] -= 1
    if budget[0] <= 0 or len(at) > 50:
        budget[0] = 0
        return None
    if isinstance(node, CommentedMap):
        out: dict[str, Any] = {}
        for key, value in node.items():
            line, column = _position(node, key, key=True)
            if not isinstance(key, str):
                faults.append(Fault(path, line, column, f"the key {key!r} is not a text; put it in quotes"))
                continue
            here = (*at, str(key))
            tree.keys[here] = line, column
            tree.values[here] = _position(node, key, key=False)
            out[str(key)] = _plain(value, here, tree, faults, path, budget)
        return out
    if isinstance(node, CommentedSeq):
        items: list[Any] = []
        for index, value in enumerate(node):
            tree.values[(*at, index)] = _position(node, index, key=False)
            items.append(_plain(value, (*at, index), tree, faults, path, budget))
        return items
    return _scalar(node, at, tree, faults, path)


def _scalar(node: Any, at: Path, tree: Tree, faults: list[Fault], path: str) -> Any:
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, str):
        bad = next(
            (c for c in node if (ord(c) < 32 and c not in "\t\n\r") or 0xD800 <= ord(c) <= 0xDFFF), None
        )
        if bad is not None:
            faults.append(
                Fault(path, *tree.place(at), f"has a control character (U+{ord(bad):04X}) in its text")
            )
        return str(node)
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    kind = type(node).__name__
    faults.append(Fault(path, *tree.place(at), f"is a {kind}, which a spec cannot hold; put it in quotes"))
    return None


def _position(node: CommentedMap | CommentedSeq, entry: Any, *, key: bool) -> tuple[int, int]:
    try:
        if isinstance(node, CommentedSeq):
            line, column = node.lc.item(entry)
        else:
            line, column = node.lc.key(entry) if key else node.lc.value(entry)
    except (
        KeyError,
        TypeError,
        AttributeError,
    ):  # what came in by a merge key (`<<`) has no place of its own
        line, column = node.lc.line or 0, node.lc.col or 0
    return line + 1, column + 1
