"""A service cannot grow without end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        if service.kind == "service" and view.absent(service.max_instances):
            yield Hit(service.place, f"{service.label} has no limit to its instances")


POLICY = Policy(
    id="TG110",
    name="max-instances",
    title="The number of instances has a limit",
    severity=Severity.WARNING,
    rationale=(
        "A leak makes instances slow, slow instances make Cloud Run start more, and each of these opens "
        "connections to the same database and costs money."
    ),
    fix=Fix(
        terraform=("set max_instance_count in scaling to what the traffic needs and the database bears"),
        module=("set max_instances in scaling to what the traffic needs and the database bears"),
    ),
    look=_look,
)
