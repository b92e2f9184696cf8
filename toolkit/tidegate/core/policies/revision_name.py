"""Cloud Run names the revisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2):
        for template in service.all("template"):
            revision = template.get("revision")
            if view.text(revision) and revision:
                yield Hit(revision.place, f"{service.address} names its revision {view.text(revision)}")


POLICY = Policy(
    id="TG120",
    name="revision-name",
    title="Terraform does not name the revision",
    severity=Severity.ERROR,
    rationale=(
        "Another change under the same name ends in a conflict (409), and a name that anybody else has "
        "given plans its removal, which is one more revision."
    ),
    fix=Fix("remove revision from the template; the name that Cloud Run gave is latest_created_revision"),
    look=_look,
)
