"""Whoever moves the traffic owns it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document, Node
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _all(field: view.Field) -> tuple[Node, ...]:
    return () if field is None else field.items or (field,)


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2):
        targets = service.all("traffic")
        if service.place.address or not targets:
            continue  # a plan does not tell what is ignored
        ignored = [node for b in service.all("lifecycle") for node in _all(b.get("ignore_changes"))]
        if not any(view.written(node) in ("traffic", "all") for node in ignored):
            yield Hit(targets[0].place, f"every apply puts the traffic of {service.address} back to this")


POLICY = Policy(
    id="TG121",
    name="traffic-in-terraform",
    title="A split in the configuration is left alone by later applies",
    severity=Severity.WARNING,
    rationale=(
        "Every apply puts the written split back, also one that only changes a label, also in the middle "
        "of a rollout or right after a rollback. The provider sends it without an etag, so nothing "
        "notices."
    ),
    fix=Fix("leave the traffic blocks out, and write lifecycle { ignore_changes = [traffic] }"),
    look=_look,
)
