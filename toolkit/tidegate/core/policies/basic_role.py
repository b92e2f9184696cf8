"""Roles are narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for grant in view.roles(documents):
        if view.text(grant.role) in ("roles/owner", "roles/editor"):
            yield Hit(grant.place, f"{grant.label} gives {view.text(grant.role)}")


POLICY = Policy(
    id="TG301",
    name="basic-role",
    title="Nobody is given roles/owner or roles/editor",
    severity=Severity.ERROR,
    rationale=(
        "Both may change almost everything in the project; an editor may also run code as most of its "
        "accounts. No service and no pipeline needs that."
    ),
    fix=Fix(
        "give the roles that are used: a deployer needs run.developer, "
        "iam.serviceAccountUser on the runtime account, and monitoring.editor"
    ),
    look=_look,
)
