"""Points as Cloud Run, the Managed Prometheus collector and others write them, put into a local Cloud Run."""

from __future__ import annotations

from typing import Any

from adapters.conftest import NOW
from tidegate.core.samples import Samples, Series, Window
from tidegate.local.world import Distribution, Sample, World
from tidegate.ports import ServiceName

NAME = ServiceName("p1", "europe-west1", "orders")
OLD, NEW = "orders-00001", "orders-00002"
START = NOW - 3000
HOUR = Window(NOW - 3600, NOW)
RUN = "run.googleapis.com/"
GMP = "prometheus.googleapis.com/"


class Data:
    """Writes points the way Cloud Run and the Managed Prometheus collector do."""

    def __init__(self, world: World) -> None:
        self.world = world

    def run(
        self,
        metric: str,
        time: float,
        value: float | Distribution,
        *,
        revision: str = OLD,
        service: str = "orders",
        kind: str = "DELTA",
        period: float = 60.0,
        **labels: str,
    ) -> None:
        whole = "INT64" if isinstance(value, int) else "DOUBLE"
        self.world.write(
            Sample(
                metric_type=RUN + metric,
                resource_type="cloud_run_revision",
                resource_labels={
                    "project_id": "p1",
                    "location": "europe-west1",
                    "service_name": service,
                    "revision_name": revision,
                    "configuration_name": service,
                },
                metric_labels=labels,
                kind=kind,
                value_type="DISTRIBUTION" if isinstance(value, Distribution) else whole,
                unit="1",
                start_time=time if kind == "GAUGE" else time - period,
                end_time=time,
                value=value,
            )
        )

    def requests(self, time: float, count: int, *, revision: str = OLD, code: int = 200, **more: Any) -> None:
        labels = {"response_code": str(code), "response_code_class": f"{code // 100}xx"}
        self.run("request_count", time, count, revision=revision, **labels, **more)

    def own(
        self,
        metric: str,
        time: float,
        value: float | Distribution,
        *,
        resource: str = "generic_task",
        kind: str = "GAUGE",
        since: float | None = None,
        where: dict[str, str] | None = None,
        **labels: str,
    ) -> None:
        """What a service writes itself; `where` are the resource's labels, `since` where a count begins."""
        self.world.write(
            Sample(
                metric_type=metric,
                resource_type=resource,
                resource_labels={"project_id": "p1", "location": "europe-west1", **(where or {})},
                metric_labels=labels,
                kind=kind,
                value_type="DISTRIBUTION" if isinstance(value, Distribution) else "DOUBLE",
                unit="1",
                start_time=time if since is None else since,
                end_time=time,
                value=value,
            )
        )

    def instance(
        self, metric: str, time: float, value: float, instance: str, *, revision: str = OLD, **labels: str
    ) -> None:
        port = labels.pop("port", "8080")
        self.world.write(
            Sample(
                metric_type=f"{GMP}{metric}/gauge",
                resource_type="prometheus_target",
                resource_labels={
                    "project_id": "p1",
                    "location": "europe-west1",
                    "cluster": "__run__",
                    "namespace": "orders",
                    "job": "app",
                    "instance": f"{instance}:{port}",
                },
                metric_labels={"revision_name": revision, "service_name": "orders", **labels},
                kind="GAUGE",
                value_type="DOUBLE",
                unit="1",
                start_time=time,
                end_time=time,
                value=value,
            )
        )


def points(
    samples: Samples, metric: str, revision: str = OLD, instance: str = "", **more: Any
) -> dict[float, float]:
    """Seconds after START → value."""
    found = samples.get(metric, revision, instance, **more)
    assert isinstance(found, Series), found
    return {round(t - START, 3): v for t, v in zip(found.times.tolist(), found.values.tolist(), strict=True)}
