"""An incident ends by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for policy in view.alert_policies(documents):
        if policy.computed("alert_strategy"):
            continue
        if all(view.absent(block.get("auto_close")) for block in policy.all("alert_strategy")):
            yield Hit(policy.place, f"the incidents of {policy.address} stay open for seven days")


POLICY = Policy(
    id="TG203",
    name="alert-auto-close",
    title="An alert policy says when its incidents close",
    severity=Severity.WARNING,
    rationale=(
        "Where a series ends, as an instance's does, its incident stays open for seven days, and as long "
        "as it is open the next one tells nobody."
    ),
    fix=Fix('add alert_strategy { auto_close = "3600s" }'),
    look=_look,
)
