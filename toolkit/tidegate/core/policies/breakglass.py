"""The glass is broken by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2, view.JOB):
        for block in service.all("binary_authorization"):
            reason = block.get("breakglass_justification")
            if view.text(reason) and reason:
                yield Hit(reason.place, f"{service.address} bypasses Binary Authorization at every apply")


POLICY = Policy(
    id="TG115",
    name="breakglass",
    title="Binary Authorization is not bypassed in the configuration",
    severity=Severity.ERROR,
    rationale=(
        "A justification for breaking the glass deploys any image past the policy. In the configuration "
        "it does so at every apply, long after the emergency."
    ),
    fix=Fix("remove breakglass_justification; in an emergency give it to gcloud run deploy --breakglass"),
    look=_look,
)
