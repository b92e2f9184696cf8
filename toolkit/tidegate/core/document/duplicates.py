"""What Terraform refuses to find twice in one directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from tidegate.core.document.model import Block, Document, Place
from tidegate.core.errors import Fault

_NAMED = {"resource": 2, "data": 2, "ephemeral": 2, "module": 1, "variable": 1, "output": 1, "check": 1}
"""Block types whose labels are an address, with the number of labels."""


def duplicates(documents: Iterable[Document]) -> Iterator[Fault]:
    """Each second declaration, with the place of the first. Override files replace, so they do not count."""
    seen: dict[tuple[str, str], Place] = {}
    for document in documents:
        file = PurePosixPath(document.path)
        if file.stem == "override" or file.stem.endswith("_override"):
            continue
        for what, place in _declared(document):
            first = seen.setdefault((str(file.parent), what), place)
            if first is not place:
                where = f"line {first.line}" if first.path == place.path else f"{first.path}:{first.line}"
                message = f"{what} is declared twice; the first time in {where}"
                yield Fault(place.path, place.line, place.column, message)


def _declared(document: Document) -> Iterator[tuple[str, Place]]:
    for block in document.blocks:
        if len(block.labels) == _NAMED.get(block.type):
            yield f"{block.type} {'.'.join(block.labels)}", block.place
        elif block.type == "provider":
            yield _provider(block), block.place
        elif block.type == "locals":
            for name, node in block.attributes.items():
                yield f"local.{name}", node.place
        elif block.type == "terraform":
            for inner in (*block.all("backend"), *block.all("cloud")):
                yield "the backend", inner.place
            for inner in block.all("required_providers"):
                yield "required_providers", inner.place


def _provider(block: Block) -> str:
    alias = block.get("alias")
    name = " ".join(("provider", *block.labels))
    return f"{name} with the alias {alias.value}" if alias else name
