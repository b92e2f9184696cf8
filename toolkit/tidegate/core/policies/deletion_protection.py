"""A service cannot be deleted by a slip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        protection = service.deletion_protection
        if protection and view.is_literal(protection, False):
            yield Hit(protection.place, f"{service.label} may be deleted or replaced by any apply")


POLICY = Policy(
    id="TG106",
    name="deletion-protection",
    title="deletion_protection stays on",
    severity=Severity.WARNING,
    rationale=(
        "A changed region or name replaces the service: its address, the revisions to roll back to and "
        "its rollout record are gone."
    ),
    fix=Fix(
        "leave deletion_protection at true; switch it off only in the change that is "
        "meant to delete the service"
    ),
    look=_look,
)
