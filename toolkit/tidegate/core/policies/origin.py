"""Where in the spec a finding in the rendered Terraform comes from.

Nobody has written the rendered files, so nobody can mend them. What a spec decides stands in the two module
calls, under names that are the spec's own or are listed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidegate.core.document import Document, Node, Object
from tidegate.core.policy import Finding
from tidegate.core.spec import Places

Path = tuple[str | int, ...]

_SERVICE: Mapping[str, Path] = {
    "collector": ("telemetry", "collector"),
    "service_account_email": ("service_account",),
    "timeout_seconds": ("request_timeout",),
}
_CONTAINER: Mapping[str, Path] = {
    "startup_probe": ("probes", "startup"),
    "liveness_probe": ("probes", "liveness"),
    "cpu": ("resources", "cpu"),
    "memory": ("resources", "memory"),
}
_MONITORING: Mapping[str, Path] = {"channels": ("alerts", "channels")}


def in_spec(
    findings: Iterable[Finding], documents: Sequence[Document], spec: Places, path: str
) -> tuple[Finding, ...]:
    """The findings at the nearest place in the spec file at `path`, ordered by it."""
    written = {place: where for document in documents for place, where in _written(document)}
    found = set()
    for finding in findings:
        if finding.address.startswith("accept["):
            where: Path = ("accept", int(finding.address[len("accept[") : -1]))
        else:
            where = _spec_path(written.get(finding.place[:3], ()), spec)
        line, column = spec.place(_numbered(where, spec.value), key=True)
        found.add(replace(finding, path=path, line=line, column=column, address=""))
    return tuple(sorted(found))


def _written(document: Document) -> Iterator[tuple[tuple[str, int, int], Path]]:
    """Every place inside a module call, with the names that lead to it."""
    for block in document.all("module"):
        yield block.place[:3], (block.labels[0],)
        for name, node in block.attributes.items():
            yield from _below(node, (block.labels[0], name))


def _below(node: Node, path: Path) -> Iterator[tuple[tuple[str, int, int], Path]]:
    yield node.place[:3], path
    if isinstance(node.value, Object):
        for name, inner in node.value.items():
            yield from _below(inner, (*path, name))
    for number, inner in enumerate(node.items):
        # Rendering sorts some lists, so an element is known by what it says.
        yield from _below(inner, (*path, inner.value if isinstance(inner.value, str) else number))


def _spec_path(path: Path, spec: Places) -> Path:
    match path:
        case ("service", "containers", str(name), *rest):
            number = _number(name, spec)
            first, *others = rest or [""]
            inner = _CONTAINER.get(str(first), (first,) if rest else ())
            return ("containers", number, *inner, *others)
        case ("service", str(name), *rest):
            return (*_SERVICE.get(name, (name,)), *rest)
        case ("monitoring", str(name), *rest):
            return (*_MONITORING.get(name, (name,)), *([] if name == "channels" else rest))
        case ("monitoring",):
            return ("alerts",)
    return ()


def _numbered(path: Path, value: Any) -> Path:
    """The path with numbers for the elements of lists."""
    found: list[str | int] = []
    for step in path:
        if isinstance(value, list):
            number = value.index(step) if step in value else step
            value = value[number] if isinstance(number, int) and number < len(value) else None
            found.append(number)
        else:
            value = value.get(step) if isinstance(value, dict) else None
            found.append(step)
    return tuple(found)


def _number(name: str, spec: Places) -> int:
    containers = spec.value.get("containers") or ()
    names = [c.get("name", "app") if isinstance(c, dict) else "" for c in containers]
    return names.index(name) if name in names else 0
