"""Access that others gave stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for grant in view.roles(documents):
        if grant.form == "policy" or (grant.form == "binding" and grant.on in view.WIDE):
            what = "every role" if grant.form == "policy" else "the role"
            yield Hit(grant.place, f"{grant.label} takes {what} from whoever it does not name")


POLICY = Policy(
    id="TG304",
    name="authoritative-access",
    title="Roles are added to a project, not replaced",
    severity=Severity.ERROR,
    rationale=(
        "A binding takes the role from everybody it does not name, a policy takes every role: Google's "
        "own service agents and the account that applies lose theirs, and deployments stop."
    ),
    fix=Fix("use google_project_iam_member, one for each member and role"),
    look=_look,
)
