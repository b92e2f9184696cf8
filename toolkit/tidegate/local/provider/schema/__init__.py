"""The schemas of the provider and of its resources, and what the real provider does beyond them.

One JSON file a resource type, in a form of the project's own that says in one line a field what the
provider's schema and its source say in twenty::

    {"$": {"version": 0},
     "location": ["string", "r", {"force_new": true}],
     "traffic":  {"$": {"nesting": "list", "computed": true},
                  "percent": ["number", "oc"]}}

An attribute is `[type, flags]` or `[type, flags, extras]`, with the type as Terraform writes it in JSON and
the flags `r`equired, `o`ptional, `c`omputed, `s`ensitive, `w`rite-only. An object is a block; its `$` holds
`nesting`, `min`, `max` and the extras. The extras, all optional:

    default         what an omitted argument becomes
    force_new       a change replaces the resource
    computed        (blocks) an omitted block keeps what the service answered
    suppress        the name of a rule in `suppress` under which a difference is none
    enum            the accepted values
    check           the name of a rule in `checks`
    conflicts_with, exactly_one_of, at_least_one_of, required_with
                    the paths of the other arguments, as the real provider writes them (`a.0.b`)

`derive` makes these files from a fuller description of the real provider.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Extras:
    """What the provider does with one argument, beyond its type."""

    default: Any = None
    force_new: bool = False
    computed: bool = False
    suppress: str = ""
    enum: tuple[str, ...] = ()
    check: str = ""
    conflicts_with: tuple[str, ...] = ()
    exactly_one_of: tuple[str, ...] = ()
    at_least_one_of: tuple[str, ...] = ()
    required_with: tuple[str, ...] = ()

    @staticmethod
    def of(found: Mapping[str, Any]) -> Extras:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
        return Extras(**values)


@dataclass(frozen=True)
class Attribute:
    """One argument. `type` is Terraform's JSON form: `"string"`, `["map", "string"]`, …"""

    type: Any
    required: bool
    optional: bool
    computed: bool
    sensitive: bool
    write_only: bool
    extras: Extras

    @property
    def kind(self) -> str:
        """The outermost type constructor: string, number, bool, list, set, map or object."""
        return str(self.type[0] if isinstance(self.type, list) else self.type)

    @property
    def read_only(self) -> bool:
        return self.computed and not self.optional


@dataclass(frozen=True)
class Block:
    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, NestedBlock]
    version: int = 0

    def empty(self) -> dict[str, Any]:
        """An object of this shape in which nothing is set."""
        found: dict[str, Any] = dict.fromkeys(self.attributes)
        for name, nested in self.blocks.items():
            found[name] = None if nested.nesting == "single" else []
        return found


@dataclass(frozen=True)
class NestedBlock:
    nesting: str
    min: int
    max: int
    extras: Extras
    block: Block = field(repr=False)


def parse(found: Mapping[str, Any]) -> Block:
    """The compact form as a `Block`."""
    attributes: dict[str, Attribute] = {}
    blocks: dict[str, NestedBlock] = {}
    for name, value in found.items():
        if name == "$":
            continue
        if isinstance(value, list):
            kind, flags, *extras = value
            required, optional, computed, sensitive, write_only = (letter in flags for letter in "rocsw")
            attributes[name] = Attribute(
                kind,
                required,
                optional,
                computed,
                sensitive,
                write_only,
                Extras.of(extras[0] if extras else {}),
            )
        else:
            own = dict(value.get("$", {}))
            nesting, low, high = own.pop("nesting", "list"), own.pop("min", 0), own.pop("max", 0)
            blocks[name] = NestedBlock(nesting, low, high, Extras.of(own), parse(value))
    return Block(attributes, blocks, found.get("$", {}).get("version", 0))


@cache
def load(name: str) -> Block:
    """The schema of a resource type, of `provider`, or of `data.NAME`. Raises KeyError for an unknown one."""
    file = resources.files(__name__).joinpath(f"{name}.json")
    if not file.is_file():
        raise KeyError(name)
    return parse(json.loads(file.read_text(encoding="utf-8")))


def names() -> Iterator[str]:
    """Every schema there is, `provider` and data sources included, in alphabetical order."""
    for file in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".json"):
            yield file.name.removesuffix(".json")
