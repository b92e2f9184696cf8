"""Who may act as one account may not act as all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_ACTS_AS = (
    "roles/iam.serviceAccountUser",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.workloadIdentityUser",
    "roles/iam.serviceAccountKeyAdmin",
)


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for grant in view.roles(documents):
        role = view.text(grant.role)
        if grant.on in view.WIDE and role in _ACTS_AS:
            yield Hit(grant.place, f"{grant.label} gives {role} for every account of the {grant.on}")


POLICY = Policy(
    id="TG302",
    name="project-impersonation",
    title="The right to act as an account is given on that account",
    severity=Severity.ERROR,
    rationale=(
        "On a project it is the right to act as every account there is and will be, those with more "
        "rights among them: it makes every other restriction void."
    ),
    fix=Fix("use google_service_account_iam_member, on the one account that the deployer must attach"),
    look=_look,
)
