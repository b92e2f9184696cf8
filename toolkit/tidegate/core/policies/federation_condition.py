"""Not every repository may deploy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_SHARED = ("token.actions.githubusercontent.com", "https://gitlab.com", "app.terraform.io", "bitbucket.org")


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for provider in view.resources_of(documents, "google_iam_workload_identity_pool_provider"):
        condition = provider.get("attribute_condition")
        issuers = [view.text(oidc.get("issuer_uri")) for oidc in provider.all("oidc")]
        shared = any(host in issuer for issuer in issuers for host in _SHARED)
        if shared and (view.absent(condition) or view.empty(condition)):
            yield Hit(provider.place, f"{provider.address} lets everybody of {issuers[0]} in")


POLICY = Policy(
    id="TG307",
    name="federation-condition",
    title="An identity provider has a condition on who may come",
    severity=Severity.ERROR,
    rationale=(
        "The issuer of GitHub and of GitLab signs for every repository of the world. Without a condition "
        "each of them can get a token of this pool."
    ),
    fix=Fix('add attribute_condition, such as assertion.repository_owner_id == "1234"'),
    look=_look,
)
