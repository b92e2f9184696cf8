"""Metrics that are connected to at the first question: implements `ports.Metrics`.

Most of what a person asks needs none (`history`, `pause`, the status of a rollout that is over), and must be
answered where Monitoring is out of reach or not permitted. Its client library is not even imported then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from tidegate.core.samples import Samples, Window
from tidegate.ports import Metrics, ServiceName, Telemetry


class OnDemand:
    def __init__(self, connect: Callable[[], Metrics]) -> None:
        self._connect = connect

    @cached_property
    def _metrics(self) -> Metrics:
        return self._connect()

    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        return self._metrics.samples(name, revisions, window, telemetry)

    def requests(self, name: ServiceName, window: Window, telemetry: Telemetry) -> Samples:
        return self._metrics.requests(name, window, telemetry)

    def check_access(self, project: str) -> None:
        self._metrics.check_access(project)
