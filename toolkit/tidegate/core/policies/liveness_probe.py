"""A container that hangs is restarted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        found = service.ingress
        if service.kind != "service" or not found or not all(view.absent(c.liveness_probe) for c in found):
            continue
        if len(found) == 1:
            yield Hit(found[0].place, f"{found[0].label} has no liveness probe")
        else:  # whichever of them takes the requests
            yield Hit(service.place, f"no container of {service.label} has a liveness probe")


POLICY = Policy(
    id="TG108",
    name="liveness-probe",
    title="The container that takes the requests has a liveness probe",
    severity=Severity.WARNING,
    rationale=(
        "An instance that has run out of file descriptors or threads keeps its place, and fails its "
        "share of the requests until it is scaled in."
    ),
    fix=Fix(
        terraform=(
            "add a liveness_probe block to the container, with http_get on a path that needs no other service"
        ),
        module=("add liveness_probe to the container, with http on a path that needs no other service"),
        spec=("add probes.liveness to the container, an http probe on a path that needs no other service"),
    ),
    look=_look,
)
