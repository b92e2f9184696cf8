"""The collector has a CPU when nobody calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _collects(container: view.Container) -> bool:
    image = view.text(container.image)
    return "cloud-run-gmp-sidecar" in image or "otel" in image or "opentelemetry-collector" in image


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        watched = view.is_literal(service.collector, True) or any(map(_collects, service.containers))
        if watched and service.throttled and view.is_literal(service.throttled, True):
            yield Hit(
                service.throttled.place, f"{service.label} has a collector, and a CPU only during requests"
            )


POLICY = Policy(
    id="TG118",
    name="collector-cpu",
    title="A service with a metrics collector is billed by instance",
    severity=Severity.WARNING,
    rationale=(
        "Billed by request, an instance has no CPU between requests: scrapes fail, and so does "
        "everything else that runs in the background. Where samples are missing no leak can be seen."
    ),
    fix=Fix(
        terraform="set cpu_idle = false in the resources of every container",
        module='set billing = "instance"',
        spec="set billing: instance",
    ),
    look=_look,
)
