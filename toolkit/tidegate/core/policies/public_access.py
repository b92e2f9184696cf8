"""Only what is meant to be read by everybody is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for grant in view.roles(documents):
        if grant.on.startswith("cloud_run"):
            continue
        for member in grant.members:
            if member.value in ("allUsers", "allAuthenticatedUsers"):
                yield Hit(member.place, f"{grant.label} opens it to {member.value}")


POLICY = Policy(
    id="TG303",
    name="public-access",
    title="Nothing but a service is opened to everybody",
    severity=Severity.ERROR,
    rationale=(
        "allUsers is the whole internet, allAuthenticatedUsers everybody with a Google account. On a "
        "secret, a registry or an account that is never meant; on a bucket hardly ever."
    ),
    fix=Fix("name the members; publish files behind a load balancer or accept the finding with the reason"),
    look=_look,
)
