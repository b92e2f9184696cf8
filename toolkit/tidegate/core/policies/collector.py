"""File descriptors are watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        if service.collector and view.is_literal(service.collector, False):
            yield Hit(service.collector.place, f"{service.label} is not watched for leaks of descriptors")


POLICY = Policy(
    id="TG111",
    name="collector",
    title="The metrics collector is on",
    severity=Severity.WARNING,
    rationale=(
        "Cloud Run itself counts neither open file descriptors nor connections. Without the sidecar a "
        "leak is seen only when requests fail."
    ),
    fix=Fix(
        terraform="set enabled = true in collector",
        spec="set telemetry.collector.enabled: true",
    ),
    look=_look,
)
