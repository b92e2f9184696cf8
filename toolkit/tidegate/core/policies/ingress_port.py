"""One container takes the requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        if service.kind != "service":
            continue
        number = len(service.containers)
        ports = [c.port for c in service.containers if c.port is not None and not view.absent(c.port)]
        certain = sum(port.known for port in ports)
        if certain > 1:
            yield Hit(service.place, f"{service.label} has {certain} containers with a port")
        elif service.complete and number > 1 and not ports:
            yield Hit(service.place, f"{service.label} has {number} containers and none with a port")


POLICY = Policy(
    id="TG130",
    name="ingress-port",
    title="Of several containers exactly one has a port",
    severity=Severity.ERROR,
    rationale=(
        "The port says which container takes the requests. Cloud Run refuses a service of several that "
        "leaves this open, but only in the middle of the apply."
    ),
    fix=Fix(
        terraform=("add a ports block to the container that takes the requests, and to no other"),
        module=("give a port to the container that takes the requests, and to no other"),
    ),
    look=_look,
)
