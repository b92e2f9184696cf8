"""A limit of notices stands where it is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for policy in view.alert_policies(documents):
        kinds = {block.type for holder in policy.all("conditions") for block in holder.blocks}
        for limit in policy.all("alert_strategy", "notification_rate_limit"):
            if kinds and "condition_matched_log" not in kinds and "dynamic" not in kinds:
                yield Hit(limit.place, f"{policy.address} limits its notices, and is no alert on logs")


POLICY = Policy(
    id="TG212",
    name="alert-log-limit",
    title="notification_rate_limit stands in alerts on logs only",
    severity=Severity.ERROR,
    rationale="Cloud Monitoring refuses it in every other policy, but only in the middle of the apply.",
    fix=Fix("remove notification_rate_limit; an alert on a metric tells once per incident anyway"),
    look=_look,
)
