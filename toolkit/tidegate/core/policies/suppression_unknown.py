"""Who suppresses a finding names a rule that there is."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import Fix, Hit, Policy, Review, Severity


def _review(review: Review) -> Iterator[Hit]:
    for suppression in review.suppressions:
        for rule in sorted(suppression.rules - review.rules):
            yield Hit(suppression.place, f"there is no rule {rule} to accept")


POLICY = Policy(
    id="TG002",
    name="suppression-unknown",
    title="What accepts a finding names a rule that there is",
    severity=Severity.ERROR,
    rationale="A slip in the number accepts nothing, or one day another rule than the one that was meant.",
    fix=Fix("look the id up in the finding, or in docs/policies.md"),
    review=_review,
)
