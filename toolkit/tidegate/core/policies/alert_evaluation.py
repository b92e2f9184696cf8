"""An alert is evaluated when it can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for condition in view.conditions(documents):
        interval = condition.block.get("evaluation_interval")
        seconds = view.seconds(interval)
        if interval and seconds is not None and (seconds <= 0 or seconds % 30):
            yield Hit(interval.place, f"{condition.label} is evaluated every {seconds:g} s")


POLICY = Policy(
    id="TG213",
    name="alert-evaluation",
    title="The evaluation interval is a multiple of 30 seconds",
    severity=Severity.ERROR,
    rationale="Cloud Monitoring refuses every other one, but only in the middle of the apply.",
    fix=Fix('write evaluation_interval = "60s": Cloud Run is sampled no more often'),
    look=_look,
)
