"""What a parsed file is made of. Frozen; knows nothing of the parser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Line and column count from 1. In a plan nothing has a line, so line and column are 0."""

    path: str
    line: int
    column: int
    address: str = ""
    """Of the resource, in a plan."""

    def __str__(self) -> str:
        if self.line:
            return f"{self.path}:{self.line}:{self.column}"
        return f"{self.path}: {self.address}" if self.address else self.path


@dataclass(frozen=True)
class Expression:
    """Something Terraform computes: a reference, a call, an interpolation, an operator. `text` as written."""

    text: str


@dataclass(frozen=True)
class Object(Mapping[str, "Node"]):
    """An object literal `{ … }`. Not `complete` when a key is computed: there are entries unseen."""

    entries: Mapping[str, Node] = field(default_factory=dict)
    complete: bool = True

    def __getitem__(self, key: str) -> Node:
        return self.entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


Value = str | int | float | bool | None | Expression | Object | tuple["Node", ...]


@dataclass(frozen=True)
class Node:
    """A value where it stands. The place is that of its name if it has one, else of the value itself."""

    value: Value
    place: Place

    @property
    def known(self) -> bool:
        """False when Terraform has to compute it."""
        return not isinstance(self.value, Expression)

    @property
    def items(self) -> tuple[Node, ...]:
        """The elements of a list; nothing for every other value."""
        return self.value if isinstance(self.value, tuple) else ()


@dataclass(frozen=True)
class Block:
    """`type "label" … { attributes and blocks }`."""

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Node]
    blocks: tuple[Block, ...]
    place: Place

    @property
    def address(self) -> str:
        """`resource.kind.name` as Terraform writes it: `kind.name`, `data.kind.name`, `module.name`."""
        if self.place.address:
            return self.place.address
        return ".".join(self.labels if self.type == "resource" else (self.type, *self.labels))

    def get(self, name: str) -> Node | None:
        return self.attributes.get(name)

    def all(self, *path: str) -> tuple[Block, ...]:
        """Every block at a path of nested block types, in the order of the file.

        What a `dynamic` block makes counts, its content as written; how often it makes it, nobody knows.
        """
        found: tuple[Block, ...] = (self,)
        for step in path:
            found = tuple(b for outer in found for b in outer._direct(step))
        return found

    def _direct(self, type: str) -> Iterator[Block]:
        for block in self.blocks:
            if block.type == type:
                yield block
            elif block.type == "dynamic" and block.labels == (type,):
                yield from (inner for inner in block.blocks if inner.type == "content")

    def computed(self, name: str) -> bool:
        """Whether a `dynamic` block makes blocks of this type, so that what is missing may yet be there."""
        return any(b.type == "dynamic" and b.labels == (name,) for b in self.blocks)


@dataclass(frozen=True)
class Comment:
    """`text` without its marks. `alone` when nothing else stands on its line."""

    text: str
    line: int
    column: int
    alone: bool


@dataclass(frozen=True)
class Document:
    """One file. `attributes` are those outside any block (a `.tfvars` file has nothing else)."""

    path: str
    attributes: Mapping[str, Node]
    blocks: tuple[Block, ...]
    comments: tuple[Comment, ...] = ()
    complete: bool = True
    """False for a file that could not be read: what is in it may be anything."""

    def all(self, type: str, *labels: str) -> tuple[Block, ...]:
        """The top-level blocks of a type whose first labels are these."""
        return tuple(b for b in self.blocks if b.type == type and b.labels[: len(labels)] == labels)

    def resources(self, *kinds: str) -> tuple[Block, ...]:
        return tuple(b for b in self.blocks if b.type == "resource" and b.labels[:1] and b.labels[0] in kinds)


def plain(value: Value | Node) -> Any:
    """Dicts, lists and scalars without places. Expressions stay what they are."""
    if isinstance(value, Node):
        value = value.value
    if isinstance(value, Object):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, tuple) else value
