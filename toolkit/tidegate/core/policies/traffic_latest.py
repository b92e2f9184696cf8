"""Traffic goes to revisions that have a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for split in view.traffic(documents):
        for target in split.targets:
            if target.latest:
                yield Hit(
                    target.place, f"{split.label} sends traffic to the latest revision, whichever it is"
                )


POLICY = Policy(
    id="TG103",
    name="traffic-latest",
    title="Traffic is sent to named revisions, never to LATEST",
    severity=Severity.ERROR,
    rationale=(
        "A new revision that becomes ready takes the share of LATEST at once: no steps, no judgement; "
        "and of two deployments at the same time, the later one wins all of it."
    ),
    fix=Fix(
        "leave the traffic blocks out and move the traffic in steps, as tidegate does, or"
        " name a revision with type TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    ),
    look=_look,
)
