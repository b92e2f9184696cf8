"""A container says when it is ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        container = service.ingress
        if container and service.kind == "service" and view.absent(container.startup_probe):
            yield Hit(container.place, f"{container.label} has no startup probe")


POLICY = Policy(
    id="TG107",
    name="startup-probe",
    title="The container that takes the requests has a startup probe",
    severity=Severity.WARNING,
    rationale=(
        "Without one, Cloud Run sends requests as soon as the port is open, which in many frameworks is "
        "before the first request can be answered; and no other container can wait for this one."
    ),
    fix=("add probes.startup to the container, best an http probe on a path that needs what requests need"),
    look=_look,
)
