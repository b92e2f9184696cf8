"""An alert on descriptors can fire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import promql, view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_LIMIT = 25_000
_DESCRIPTORS = re.compile(r"open_?fds|fds_open|file_?descriptor", re.IGNORECASE)


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for condition in view.conditions(documents):
        query, threshold = condition.query, condition.block.get("threshold_value")
        if not query or not _DESCRIPTORS.search(view.written(query)):
            continue
        over = [n for n in promql.thresholds(view.text(query)) if n > _LIMIT]
        value = view.number(threshold) or 0
        if threshold and value > _LIMIT:
            yield Hit(threshold.place, f"{condition.label} waits for {value:,.0f} descriptors")
        elif over:
            yield Hit(query.place, f"{condition.label} waits for {over[0]:,.0f} descriptors")
    for call in view.modules_of(documents, "monitoring"):
        limit = view.entry(call.get("telemetry"), "fd_limit")
        value = view.number(limit) or 0
        if limit and value > _LIMIT:
            yield Hit(limit.place, f"{call.address} takes {value:,.0f} descriptors for the limit")


POLICY = Policy(
    id="TG206",
    name="alert-fd-limit",
    title="A threshold of open file descriptors is below the limit of an instance",
    severity=Severity.ERROR,
    rationale=(
        "An instance of Cloud Run has 25,000 file descriptors. An alert above that never fires: the "
        "service fails first."
    ),
    fix=Fix(
        terraform="set the threshold to a share of 25,000, such as 20,000",
        module="lower fd_limit in telemetry to 25,000 or less, or leave it out",
        spec="lower telemetry.fd_limit to 25,000 or less, or leave it out",
    ),
    look=_look,
)
