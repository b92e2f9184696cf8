"""Nobody makes a service public without saying so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_EVERYBODY = ("allUsers", "allAuthenticatedUsers")


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for grant in view.grants(documents):
        said_so = not view.absent(grant.public) and not view.is_literal(grant.public, False)
        for member in grant.members:
            if member.value in _EVERYBODY and not said_so:
                yield Hit(member.place, f"{grant.label} lets {member.value} call the service")
    for service in view.services(documents):
        if service.iam_check_off and view.is_literal(service.iam_check_off, True):
            yield Hit(service.iam_check_off.place, f"{service.label} does not check who calls it")


POLICY = Policy(
    id="TG101",
    name="public-invoker",
    title="A service is open to the whole internet only where that is said openly",
    severity=Severity.ERROR,
    rationale=(
        "allUsers is everybody, and allAuthenticatedUsers is everybody with a Google account, not "
        "everybody in the organisation. Written among other members they are easily overlooked in a "
        "review."
    ),
    fix=Fix(
        terraform=(
            "name the callers as members, and leave invoker_iam_disabled out; if "
            "the service is meant to be public, accept the finding with the "
            "reason"
        ),
        module=(
            "name the callers in invokers; if the service is meant to be public, set allow_public = true"
        ),
        spec=("name the callers in invokers; if the service is meant to be public, set allow_public: true"),
    ),
    look=_look,
)
