"""A metric is asked for with its resource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import promql, view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for condition in view.conditions(documents):
        query = view.text(condition.query)
        for selector in promql.selectors(query, "run_googleapis_com:"):
            if "monitored_resource" not in selector and condition.query:
                yield Hit(
                    condition.query.place,
                    f"{condition.label} asks for {selector.partition('{')[0]} of any resource",
                )
                break


POLICY = Policy(
    id="TG205",
    name="alert-monitored-resource",
    title="PromQL over Cloud Run's metrics names the monitored resource",
    severity=Severity.ERROR,
    rationale=(
        "Cloud Run writes metrics of the same name for services, jobs and worker pools. Cloud Monitoring "
        "then refuses the query, or adds up what does not belong together."
    ),
    fix=Fix('add monitored_resource="cloud_run_revision" to the labels of every run_googleapis_com metric'),
    look=_look,
)
