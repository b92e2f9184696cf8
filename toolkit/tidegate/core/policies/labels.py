"""It can be seen whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2, view.JOB):
        labels = service.get("labels")
        if view.absent(labels) or view.empty(labels):
            yield Hit(labels.place if labels else service.place, f"{service.address} has no labels")


POLICY = Policy(
    id="TG126",
    name="labels",
    title="A service or job has labels",
    severity=Severity.WARNING,
    rationale=(
        "The bill and the metrics can be split by labels only, and at night somebody has to find out "
        "whose service it is."
    ),
    fix=Fix("add labels, such as { owner = TEAM, service = NAME }"),
    look=_look,
)
