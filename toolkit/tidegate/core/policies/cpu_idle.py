"""How one pays is written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2):
        for container in service.all("template", "containers"):
            for resources in container.all("resources"):
                if view.absent(resources.get("cpu_idle")):
                    yield Hit(
                        resources.place,
                        f"a container of {service.address} does not say whether its CPU idles",
                    )


POLICY = Policy(
    id="TG128",
    name="cpu-idle",
    title="A container with resources says whether its CPU idles",
    severity=Severity.WARNING,
    rationale=(
        "Where resources are written and cpu_idle is not, the CPU is billed for the whole life of the "
        "instance. Who adds a limit of memory changes the bill without seeing it."
    ),
    fix=Fix("write cpu_idle = true (billed while requests are handled) or cpu_idle = false (always)"),
    look=_look,
)
