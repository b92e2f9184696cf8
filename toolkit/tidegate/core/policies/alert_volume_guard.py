"""One of two requests is no incident."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import promql, view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for condition in view.conditions(documents):
        query = view.text(condition.query)
        if condition.kind != "prometheus_query_language" or not query or not condition.query:
            continue
        bare = promql.outside(query)
        if promql.divides_counts(bare) and not re.search(r"\b(and|clamp_min)\b", bare):
            yield Hit(condition.query.place, f"{condition.label} divides, however few events there were")


POLICY = Policy(
    id="TG204",
    name="alert-volume-guard",
    title="A ratio in an alert counts only above a number of events",
    severity=Severity.WARNING,
    rationale=(
        "At night a single failed request is a ratio of one half. Without a guard the policy fires on "
        "it, and is soon ignored."
    ),
    fix=Fix("add: and sum(rate(REQUESTS[5m])) * 60 >= 6, or whatever number is worth waking somebody"),
    look=_look,
)
