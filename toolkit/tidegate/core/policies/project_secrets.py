"""A service reads its own secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for grant in view.roles(documents):
        role = view.text(grant.role)
        if grant.on in view.WIDE and role in (
            "roles/secretmanager.secretAccessor",
            "roles/secretmanager.admin",
        ):
            yield Hit(grant.place, f"{grant.label} gives {role} for every secret of the {grant.on}")


POLICY = Policy(
    id="TG305",
    name="project-secrets",
    title="Access to secrets is given on each secret",
    severity=Severity.WARNING,
    rationale=(
        "On a project it reads every secret there, those of the other services and those of tomorrow."
    ),
    fix=Fix("use google_secret_manager_secret_iam_member, as tidegate's module service does"),
    look=_look,
)
