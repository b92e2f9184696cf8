"""No key lies about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for key in view.resources_of(documents, "google_service_account_key"):
        yield Hit(key.place, f"{key.address} is a key that never ends")


POLICY = Policy(
    id="TG306",
    name="account-key",
    title="No key of a service account is made",
    severity=Severity.ERROR,
    rationale=(
        "It works from everywhere until somebody deletes it, and Terraform keeps it in clear text in the "
        "state."
    ),
    fix=Fix("let a pipeline in by workload identity federation; let services use the account they run as"),
    look=_look,
)
