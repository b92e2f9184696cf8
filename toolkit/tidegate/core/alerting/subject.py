"""The service that is watched, and its series as Cloud Monitoring gives them to PromQL.

A series is what promtool takes: `series`, the name with its labels, and `values` in its notation, one for
each interval: `0+60x120` goes from 0 up by 60 a hundred and twenty times, `_` is no sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Series = Mapping[str, str]

METRICS: Mapping[str, str] = {
    "billable": "run_googleapis_com:container_billable_instance_time",
    "cpu_ratio": "run_googleapis_com:container_cpu_utilizations",
    "fd_errors": "logging_googleapis_com:user_tidegate_orders_europe_west1_emfile",
    "instances": "run_googleapis_com:container_instance_count",
    "latencies": "run_googleapis_com:request_latencies",
    "max_fds": "process_max_fds",
    "memory": "process_resident_memory_bytes",
    "memory_ratio": "run_googleapis_com:container_memory_utilizations",
    "open_fds": "process_open_fds",
    "pending": "run_googleapis_com:pending_queue_pending_requests",
    "probes": "run_googleapis_com:container_completed_probe_count",
    "requests": "run_googleapis_com:request_count",
    "starts": "run_googleapis_com:container_startup_latencies",
    "tcp_connections": "tcp_connections",
}
"""What the module calls the series of `Subject` as it is by default."""


@dataclass(frozen=True)
class Subject:
    """`metrics`: PromQL names by those of the module. What is promised and known of the service besides:
    `availability` and `latency` as shares of the requests, `latency_ms`; `fd_limit` of an instance; `budget`
    a month, 0 for none, and what an instance costs in one (`instance_month`); `compared_minutes`, how far
    back what a request costs is compared; `kept`, instances that never go."""

    project: str = "shop-prod"
    region: str = "europe-west1"
    service: str = "orders"
    metrics: Mapping[str, str] = field(default_factory=lambda: METRICS)
    availability: float = 0.995
    latency: float = 0.99
    latency_ms: float = 2000.0
    fd_limit: float = 25000.0
    budget: float = 0.0
    instance_month: float = 1.0
    compared_minutes: float = 1440.0
    kept: int = 0

    def gauge(
        self, metric: str, values: str, revision: str = "r1", instance: str = "i1", labels: str = ""
    ) -> Series:
        """What the collector's sidecar writes for one instance. `labels` begin with a comma."""
        named = (
            f'project_id="{self.project}",location="{self.region}",cluster="__run__",'
            f'namespace="{self.service}",service_name="{self.service}",revision_name="{revision}",'
            f'instance="{instance}:8080",job="app"{labels}'
        )
        return {"series": f"{self.metrics[metric]}{{{named}}}", "values": values}

    def counted(
        self, metric: str, values: str, revision: str = "r1", labels: str = "", suffix: str = ""
    ) -> Series:
        """What Cloud Run writes for one revision. `suffix`: the part of a distribution, such as `_bucket`."""
        named = (
            f'monitored_resource="cloud_run_revision",project_id="{self.project}",location="{self.region}",'
            f'service_name="{self.service}",revision_name="{revision}",configuration_name="{self.service}"'
            f"{labels}"
        )
        return {"series": f"{self.metrics[metric]}{suffix}{{{named}}}", "values": values}


def listed(values: Iterable[float | None]) -> str:
    """One value per interval; None where there is no sample."""
    return " ".join("_" if value is None else f"{value:.10g}" for value in values)


def summed(values: Iterable[float | None]) -> str:
    """Counts per interval as a counter."""
    total, found = 0.0, []
    for value in values:
        total += value or 0.0
        found.append(None if value is None else total)
    return listed(found)


def rising(start: float, step: float, steps: int) -> str:
    """From `start` by `step` at each interval."""
    return f"{start:.10g}{step:+.10g}x{steps}"


def turning(first: float, second: float, turn: int, steps: int) -> str:
    """A counter that grows by `first` per interval up to `turn`, and by `second` in the `steps` after it."""
    return f"0{first:+.10g}x{turn} {rising(first * turn + second, second, steps)}"
