"""A revision always reads the same secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        for secret in service.secrets:
            if view.absent(secret.version) or view.is_literal(secret.version, "latest"):
                yield Hit(secret.place, f"{secret.name} of {service.label} reads the latest version")


POLICY = Policy(
    id="TG109",
    name="secret-version",
    title="A secret is read in a version that has a number",
    severity=Severity.WARNING,
    rationale=(
        "Every instance that starts reads the latest version anew: a bad value reaches all revisions at "
        "once, the stable one too, and a rollback does not help."
    ),
    fix=Fix(
        terraform=(
            'name the version, such as version = "3" (key = "3" in '
            "google_cloud_run_service), and apply to change it"
        ),
        module='name the version, such as version = "3", and apply to change it',
        spec='name the version, such as version: "3", and deploy to change it',
    ),
    look=_look,
)
