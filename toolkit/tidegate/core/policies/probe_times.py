"""A probe answers before the next one is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_PERIOD = 10.0


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for container in view.containers(documents):
        for probe in container.probes:
            timeout = view.number(probe.timeout)
            period = _PERIOD if view.absent(probe.period) else view.number(probe.period)
            if timeout is not None and period is not None and timeout > period and probe.timeout:
                what = f"the {probe.kind} probe of {container.label}"
                yield Hit(probe.timeout.place, f"{what} waits {timeout:g} s and is sent every {period:g} s")


POLICY = Policy(
    id="TG122",
    name="probe-times",
    title="A probe times out before the next one is due",
    severity=Severity.ERROR,
    rationale="Cloud Run refuses a timeout above the period, but only in the middle of the apply.",
    fix=Fix("lower timeout_seconds or raise period_seconds (10 where nothing is said)"),
    look=_look,
)
