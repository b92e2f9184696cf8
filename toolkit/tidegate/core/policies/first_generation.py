"""Services are of the second generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V1):
        yield Hit(service.place, f"{service.address} is of the first generation")


POLICY = Policy(
    id="TG129",
    name="first-generation",
    title="A service is a google_cloud_run_v2_service",
    severity=Severity.WARNING,
    rationale=(
        "The older resource knows neither deletion_protection nor startup probes of sidecars nor direct "
        "VPC egress, and a changed image needs a new name of the revision to be rolled out."
    ),
    fix=Fix("move it: a removed block for the old address, an import block for google_cloud_run_v2_service"),
    look=_look,
)
