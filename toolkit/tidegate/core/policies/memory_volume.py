"""Files in memory have a limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2, view.JOB):
        volumes = (*service.all("template", "volumes"), *service.all("template", "template", "volumes"))
        for volume in volumes:
            for directory in volume.all("empty_dir"):
                if view.absent(directory.get("size_limit")) or view.empty(directory.get("size_limit")):
                    yield Hit(directory.place, f"a volume of {service.address} may take all of the memory")


POLICY = Policy(
    id="TG127",
    name="memory-volume",
    title="A volume in memory has a size_limit",
    severity=Severity.WARNING,
    rationale=(
        "What is written there counts as memory of the instance. A log or a cache that grows ends it by "
        "an out-of-memory kill, which looks like a leak of the process."
    ),
    fix=Fix("add size_limit to empty_dir, and leave the containers the rest"),
    look=_look,
)
