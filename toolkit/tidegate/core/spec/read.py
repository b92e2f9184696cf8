"""Text → plain values with the place of every key and value. Knows YAML, not the model."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.reader import ReaderError

from tidegate.core.errors import Fault, InvalidInput

MAX_BYTES = 1 << 20
"""A larger file is no spec; parsing it would take minutes."""
_MAX_NODES = 50_000
_MAX_DEPTH = 50
_MAX_BRACKETS = 200
"""More open than closed, in quotes and comments too: nobody writes that, and scanning it is quadratic."""
_KINDS = {
    "CommentedSet": "set",
    "TaggedScalar": "value with a tag of its own",
    "TimeStamp": "time",
    "bytes": "binary value",
    "date": "date",
}
_NO_TEXTS = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "timestamp")}

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


def parse(text: bytes, path: str, as_written: frozenset[str] = frozenset()) -> Tree:
    """The scalars of the keys `as_written` are the texts that stand there, whatever YAML would make of them:
    to it `0x20` is 32. Raises InvalidInput."""

    def stop(message: str, line: int = 0, column: int = 0) -> InvalidInput:
        return InvalidInput((Fault(path, line, column, message),))

    if len(text) > MAX_BYTES:
        raise stop(f"is longer than {MAX_BYTES:,} bytes")
    if text.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise stop("starts with a byte-order mark; save it as UTF-8 without one", 1, 1)
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise stop(f"is not UTF-8: byte {text[error.start]:#04x}", line, 1) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", YAMLWarning)  # an anchor used again is legal
            if deep := _too_deep(decoded):
                raise stop(f"is nested more than {_MAX_DEPTH} levels deep", *deep)
            node = _yaml(as_written).load(decoded)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise stop(_words(str(error.problem or error.context or "cannot be read")), line, column) from error
    except ReaderError as error:
        where = _place_of_bad_character(decoded)
        raise stop(f"has a control character (U+{ord(decoded[error.position]):04X})", *where) from error
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
        # Ruamel falls over some tags and numbers instead of refusing them, and then knows no place.
        raise stop("is not valid YAML: it has a tag or a number that cannot be read", 1, 1) from error
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


def _yaml(as_written: frozenset[str]) -> YAML:
    class Constructor(RoundTripConstructor):
        def construct_mapping(self, node: MappingNode, maptyp: Any, deep: bool = False) -> Any:  # type: ignore[override]
            for key, value in node.value:
                named = isinstance(key, ScalarNode) and key.value in as_written
                # Null is no text: there nothing is written.
                if named and isinstance(value, ScalarNode) and value.tag in _NO_TEXTS:
                    value.tag = "tag:yaml.org,2002:str"
            return super().construct_mapping(node, maptyp, deep)

    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = Constructor
    return yaml


def _too_deep(text: str) -> tuple[int, int] | None:
    """Where the nesting gets too deep, found before ruamel spends seconds on thousands of levels."""
    depth = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match[0] in "[{" else -1
        if depth > _MAX_BRACKETS:
            return text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())
    depth = 0
    for event in YAML(typ="rt", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MAX_DEPTH:
            return event.start_mark.line + 1, event.start_mark.column + 1
    return None


def _words(problem: str) -> str:
    """Ruamel's complaint in our words: it would show the values of a duplicate key, which may be secret."""
    if match := re.match(r'found duplicate key "(.*?)" with value', problem, re.DOTALL):
        return f"the key {match[1]!r} is set twice"
    if "found another document" in problem:
        return "a second document begins here; a spec is one document"
    return "is not valid YAML: " + " ".join(problem.split())


def _place_of_bad_character(text: str) -> tuple[int, int]:
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if not (character.isprintable() or character in "\t\r"):
                return number, column
    return 1, 1


def _plain(node: Any, at: Path, tree: Tree, faults: list[Fault], path: str, budget: list[int]) -> Any:
    """Ruamel's nodes → dict, list and scalars, with the places written into `tree` on the way."""
    budget[0] -= 1
    if budget[0] <= 0 or len(at) > _MAX_DEPTH:
        budget[0] = 0
        return None
    if isinstance(node, CommentedMap | CommentedSeq) and (tag := _tag(node)):
        faults.append(Fault(path, *tree.place(at), f"has the tag {tag}, which a spec cannot hold"))
        return None
    if isinstance(node, CommentedMap):
        out: dict[str, Any] = {}
        for key, value in node.items():
            line, column = _position(node, key, key=True)
            if not isinstance(key, str):
                faults.append(Fault(path, line, column, f"{_key(key)} is not a text; put it in quotes"))
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


def _tag(node: CommentedMap | CommentedSeq) -> str:
    """The tag written at a mapping or list, unless it only says what it is."""
    tag = str(node.tag.value or "") if node.tag else ""
    if type(node) not in (CommentedMap, CommentedSeq):
        return tag or "!!omap"
    return "" if tag in ("", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq") else tag


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
    kind = _KINDS.get(type(node).__name__, type(node).__name__)
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


def _key(key: Any) -> str:
    return f"the key {key!r}" if isinstance(key, int | float | bool | None) else "this key"
