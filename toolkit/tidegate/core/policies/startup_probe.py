"""A container says when it is ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        found = service.ingress
        if service.kind != "service" or not found or not all(view.absent(c.startup_probe) for c in found):
            continue
        if len(found) == 1:
            yield Hit(found[0].place, f"{found[0].label} has no startup probe")
        else:  # whichever of them takes the requests
            yield Hit(service.place, f"no container of {service.label} has a startup probe")


POLICY = Policy(
    id="TG107",
    name="startup-probe",
    title="The container that takes the requests has a startup probe",
    severity=Severity.WARNING,
    rationale=(
        "Without one, Cloud Run sends requests as soon as the port is open, which in many frameworks is "
        "before the first request can be answered; and no other container can wait for this one."
    ),
    fix=Fix(
        terraform=(
            "add a startup_probe block to the container, best with http_get on a "
            "path that needs what requests need"
        ),
        module=("add startup_probe to the container, best with http on a path that needs what requests need"),
        spec=(
            "add probes.startup to the container, best an http probe on a path that needs what requests need"
        ),
    ),
    look=_look,
)
