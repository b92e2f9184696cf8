"""What was accepted and is gone is no longer accepted."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import Fix, Hit, Policy, Review, Severity

_THESE = frozenset({"TG001", "TG002", "TG003"})


def _review(review: Review) -> Iterator[Hit]:
    for suppression in review.suppressions:
        if not suppression.reason:
            continue
        for rule in sorted((suppression.rules & review.rules) - _THESE):
            if (suppression.place, rule) not in review.used:
                yield Hit(suppression.place, f"nothing here breaks {rule}, so there is nothing to accept")


POLICY = Policy(
    id="TG003",
    name="suppression-unused",
    title="What accepts a finding still has one to accept",
    severity=Severity.WARNING,
    rationale=(
        "What was accepted has been mended or has moved. Left where it is, the comment accepts the next "
        "fault of this kind, which nobody has looked at."
    ),
    fix=Fix(
        terraform=("remove it, or put it on the line of the finding or alone on the line above"),
        spec="remove the entry, or name in it the rule that is meant",
    ),
    review=_review,
)
