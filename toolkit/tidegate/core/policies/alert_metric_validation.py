"""An alert can be made before its metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for condition in view.conditions(documents):
        if condition.kind != "prometheus_query_language":
            continue
        query, skips = view.text(condition.query), condition.block.get("disable_metric_validation")
        if query and "googleapis_com" not in query and (view.absent(skips) or view.is_literal(skips, False)):
            yield Hit(condition.block.place, f"{condition.label} cannot be made before its metric is there")


POLICY = Policy(
    id="TG207",
    name="alert-metric-validation",
    title="PromQL over metrics of one's own is not validated",
    severity=Severity.WARNING,
    rationale=(
        "A metric that nothing has written yet does not exist. Cloud Monitoring then refuses the policy, "
        "so the first apply of a new service fails and every later one works."
    ),
    fix=Fix("add disable_metric_validation = true to the condition"),
    look=_look,
)
