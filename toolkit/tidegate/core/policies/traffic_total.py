"""A traffic split gives out all of the traffic, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for split in view.traffic(documents):
        percents = [t.percent.value if t.percent else 0 for t in split.targets]
        known = [p or 0 for p in percents if p is None or isinstance(p, int | float)]
        if split.complete and len(known) == len(percents) and sum(known) != 100:
            yield Hit(split.place, f"the traffic of {split.label} sums to {sum(known):g} percent, not 100")


POLICY = Policy(
    id="TG102",
    name="traffic-total",
    title="The percentages of a traffic split sum to 100",
    severity=Severity.ERROR,
    rationale=(
        "Cloud Run refuses such a split, but only in the middle of the apply, when other resources have "
        "already changed."
    ),
    fix=Fix("make the percentages of the traffic blocks sum to 100"),
    look=_look,
)
