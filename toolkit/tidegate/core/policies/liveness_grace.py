"""A container is not killed while it starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_LEAST = 60


def _times(probe: view.Probe) -> tuple[float, float, float]:
    """Delay, period and failures; infinite where only Terraform knows."""
    fields = ((probe.initial_delay, 0.0), (probe.period, 10.0), (probe.failures, 3.0))
    found = [default if view.absent(field) else view.number(field) for field, default in fields]
    delay, period, failures = (math.inf if value is None else value for value in found)
    return delay, period, failures


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for container in view.containers(documents):
        for probe in container.probes:
            if probe.kind != "liveness" or not view.absent(container.startup_probe):
                continue
            delay, period, failures = _times(probe)
            if (grace := delay + period * failures) < _LEAST:
                message = f"{container.label} is killed unless it answers {grace:g} s after its start"
                yield Hit(probe.place, message)


POLICY = Policy(
    id="TG123",
    name="liveness-grace",
    title="A container with a liveness probe has time to start",
    severity=Severity.WARNING,
    rationale=(
        "Without a startup probe the liveness probe counts from the first moment. A container that once "
        "starts more slowly, because its database does, is killed before it is ready, again and again."
    ),
    fix=Fix(
        terraform=("add a startup_probe, which the liveness probe waits for, or raise initial_delay_seconds"),
        spec=(
            "add probes.startup, which the liveness probe waits for, or raise probes.liveness.initial_delay"
        ),
    ),
    look=_look,
)
