"""Who is woken knows what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for policy in view.alert_policies(documents):
        if policy.computed("documentation"):
            continue
        texts = [block.get("content") for block in policy.all("documentation")]
        if all(view.absent(content) or view.empty(content) for content in texts):
            yield Hit(policy.place, f"{policy.address} has no documentation")


POLICY = Policy(
    id="TG202",
    name="alert-runbook",
    title="An alert policy has documentation",
    severity=Severity.WARNING,
    rationale=(
        "It is what the incident shows at three in the morning: the likely cause, the first steps, the "
        "way back. Without it everybody begins anew."
    ),
    fix=Fix(
        "add documentation { content = ... } with the likely cause, the first three steps and the rollback"
    ),
    look=_look,
)
