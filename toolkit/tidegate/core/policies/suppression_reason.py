"""Who suppresses a finding says which, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policy import Fix, Hit, Policy, Severity, suppressions


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for document in documents:
        for suppression in suppressions(document):
            if not suppression.rules:
                yield Hit(suppression.place, "the comment names no rule to ignore")
            elif not suppression.reason:
                yield Hit(suppression.place, "the comment gives no reason, so it suppresses nothing")


POLICY = Policy(
    id="TG001",
    name="suppression-reason",
    title="A comment that accepts a finding names the rule and gives a reason",
    severity=Severity.ERROR,
    rationale="In a year nobody knows why the finding was accepted, or whether the reason still holds.",
    fix=Fix("write # tidegate:ignore RULE REASON, on the line of the finding or alone on the line above"),
    look=_look,
)
