"""A deployer does not open services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for grant in view.roles(documents):
        if grant.on in view.WIDE and view.text(grant.role) == "roles/run.admin":
            yield Hit(grant.place, f"{grant.label} gives roles/run.admin for every service of the {grant.on}")


POLICY = Policy(
    id="TG308",
    name="project-run-admin",
    title="roles/run.admin is not given on a project",
    severity=Severity.WARNING,
    rationale=(
        "It includes the right to change who may call a service, so whoever has it can open each of them "
        "to the internet."
    ),
    fix=Fix("give roles/run.developer; what makes a service and its callers may have more, on that service"),
    look=_look,
)
