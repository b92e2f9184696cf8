"""No new alert is written in MQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for condition in view.conditions(documents):
        if condition.kind == "monitoring_query_language":
            yield Hit(condition.block.place, f"{condition.label} is written in MQL")


POLICY = Policy(
    id="TG208",
    name="alert-mql",
    title="Alerts are written in PromQL or as thresholds, not in MQL",
    severity=Severity.ERROR,
    rationale=(
        "Google makes no new alert policies in the Monitoring Query Language since July 2025. A policy "
        "there is still works until Terraform has to make it anew."
    ),
    fix=Fix("write the query in PromQL, in condition_prometheus_query_language"),
    look=_look,
)
