"""Percentiles are not averaged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_MIXES = ("REDUCE_MEAN", "REDUCE_SUM")


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for condition in view.conditions(documents):
        for block in condition.block.all("aggregations"):
            reducer = block.get("cross_series_reducer")
            aligner = view.text(block.get("per_series_aligner"))
            mixed = view.text(reducer) in _MIXES or view.text(reducer).startswith("REDUCE_PERCENTILE_")
            if reducer and aligner.startswith("ALIGN_PERCENTILE_") and mixed:
                yield Hit(reducer.place, f"{condition.label} takes the {view.text(reducer)} of percentiles")
        query = view.text(condition.query)
        if condition.query and re.search(r"\bavg\b[^()]*(\([^()]*\)\s*)?\(\s*histogram_quantile\b", query):
            yield Hit(condition.query.place, f"{condition.label} takes the average of percentiles")


POLICY = Policy(
    id="TG209",
    name="alert-percentile",
    title="A percentile is taken of the merged distribution",
    severity=Severity.WARNING,
    rationale=(
        "A mean of percentiles is no percentile: one slow revision among nine fast ones disappears in "
        "it. Merged first, the distribution tells how long the slowest requests took."
    ),
    fix=Fix(
        "align with ALIGN_DELTA and reduce with REDUCE_PERCENTILE_99; in PromQL "
        "histogram_quantile(0.99, sum by (le) (rate(..._bucket[5m])))"
    ),
    look=_look,
)
