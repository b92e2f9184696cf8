"""Metric descriptors: the built-in ones of Cloud Run, and those that users or writes create."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.api import metric_pb2  # type: ignore[import-untyped]  # no stubs

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.filters import parse
from tidegate.local.world.ground import Ground
from tidegate.local.world.names import page, project_of
from tidegate.local.world.protos import ListMetricDescriptorsResponse

USER_PREFIXES = (
    "custom.googleapis.com/",
    "external.googleapis.com/",
    "workload.googleapis.com/",
    "prometheus.googleapis.com/",
)
KINDS = {"GAUGE": 1, "DELTA": 2, "CUMULATIVE": 3}
TYPES = {"BOOL": 1, "INT64": 2, "DOUBLE": 3, "STRING": 4, "DISTRIBUTION": 5}


@dataclass(frozen=True)
class BuiltIn:
    """One metric that exists in every project. `labels` are those of the metric, not of the resource."""

    path: str
    kind: str
    value_type: str
    unit: str
    labels: tuple[str, ...] = ()


BUILT_IN = (
    BuiltIn("request_count", "DELTA", "INT64", "1", ("response_code", "response_code_class")),
    BuiltIn("request_latencies", "DELTA", "DISTRIBUTION", "ms", ("response_code", "response_code_class")),
    BuiltIn("container/instance_count", "GAUGE", "INT64", "1", ("state",)),
    BuiltIn("container/billable_instance_time", "DELTA", "DOUBLE", "s"),
    BuiltIn("container/cpu/utilizations", "DELTA", "DISTRIBUTION", "10^2.%", ("container_name",)),
    BuiltIn("container/cpu/allocation_time", "DELTA", "DOUBLE", "s", ("container_name",)),
    BuiltIn("container/memory/utilizations", "DELTA", "DISTRIBUTION", "10^2.%", ("container_name",)),
    BuiltIn("container/memory/allocation_time", "DELTA", "DOUBLE", "GiBy.s", ("container_name",)),
    BuiltIn("container/max_request_concurrencies", "DELTA", "DISTRIBUTION", "1", ("state",)),
    BuiltIn("container/startup_latencies", "DELTA", "DISTRIBUTION", "ms"),
    BuiltIn("container/network/sent_bytes_count", "DELTA", "INT64", "By", ("kind",)),
    BuiltIn("container/network/received_bytes_count", "DELTA", "INT64", "By", ("kind",)),
    BuiltIn(
        "container/completed_probe_count",
        "DELTA",
        "INT64",
        "1",
        ("probe_action", "is_healthy", "container_name", "probe_type"),
    ),
    BuiltIn("pending_queue/pending_requests", "GAUGE", "INT64", "1"),
)


class Descriptors:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.made: dict[str, Any] = {}
        """By full name `projects/P/metricDescriptors/TYPE`."""

    def exists(self, project: str, metric_type: str) -> bool:
        name = f"projects/{project}/metricDescriptors/{metric_type}"
        return name in self.made or any(f"run.googleapis.com/{b.path}" == metric_type for b in BUILT_IN)

    def find(self, name: str) -> Any:
        """A copy of one descriptor, or None."""
        project, _, metric_type = name.partition("/metricDescriptors/")
        if name in self.made:
            return _copy(self.made[name])
        builtin = next((b for b in BUILT_IN if f"run.googleapis.com/{b.path}" == metric_type), None)
        return None if builtin is None else _built_in(project, builtin)

    def note(
        self,
        project: str,
        metric_type: str,
        kind: str,
        value_type: str,
        unit: str,
        labels: list[str],
        resource: str,
    ) -> None:
        """A first write creates the descriptor by itself; a later one adds labels and resource types to
        it."""
        name = f"projects/{project}/metricDescriptors/{metric_type}"
        if metric_type.startswith("run.googleapis.com/") and self.exists(project, metric_type):
            return
        if name not in self.made:
            self.made[name] = metric_pb2.MetricDescriptor(
                name=name,
                type=metric_type,
                metric_kind=KINDS[kind],
                value_type=TYPES[value_type],
                unit=unit,
            )
        made = self.made[name]
        known = {label.key for label in made.labels}
        for key in sorted(set(labels) - known):
            made.labels.add(key=key)
        if resource not in made.monitored_resource_types:
            made.monitored_resource_types.append(resource)

    # ------------------------------------------------------------------------------- the API's methods

    def create(self, request: Any) -> Any:
        project = project_of(request.name)
        given = request.metric_descriptor
        if not given.type.startswith(USER_PREFIXES):
            invalid(
                f'Field metricDescriptor.type had an invalid value of "{given.type}": The metric type must '
                "be a URL-formatted string with a domain and non-empty path, under custom.googleapis.com or "
                "another user domain."
            )
        if not given.metric_kind or not given.value_type:
            invalid("Fields metricDescriptor.metricKind and metricDescriptor.valueType are required.")
        name = f"projects/{project}/metricDescriptors/{given.type}"
        old = self.made.get(name)
        if old is not None and (old.metric_kind, old.value_type) != (given.metric_kind, given.value_type):
            raise ApiError(
                "ALREADY_EXISTS", f"Metric descriptor '{name}' exists with another kind or value type."
            )
        stored = _copy(given)
        stored.name = name
        self.made[name] = stored
        self._ground.touch()
        return _copy(stored)

    def get(self, request: Any) -> Any:
        found = self.find(request.name)
        if found is None:
            not_found(
                f"Could not find descriptor for metric '{request.name.partition('/metricDescriptors/')[2]}'."
            )
        return found

    def list(self, request: Any) -> Any:
        project = f"projects/{project_of(request.name)}"
        chosen = parse(request.filter)
        everything = {d.name: d for d in (_built_in(project, b) for b in BUILT_IN)}
        everything |= {name: d for name, d in self.made.items() if name.startswith(f"{project}/")}
        names = sorted(
            name
            for name, d in everything.items()
            if chosen.matches(lambda selector, d=d: d.type if selector == "metric.type" else None)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        )
        picked, token = page(names, request.page_size, request.page_token, largest=10_000)
        return ListMetricDescriptorsResponse(
            metric_descriptors=[everything[name] for name in picked], next_page_token=token
        )

    def delete(self, request: Any) -> None:
        if request.name not in self.made:
            not_found(
                f"Could not find descriptor for metric '{request.name.partition('/metricDescriptors/')[2]}'."
            )
        del self.made[request.name]
        self._ground.touch()


def _copy(message: Any) -> Any:
    copy = metric_pb2.MetricDescriptor()
    copy.CopyFrom(message)
    return copy


def _built_in(project: str, metric: BuiltIn) -> Any:
    metric_type = f"run.googleapis.com/{metric.path}"
    descriptor: Any = metric_pb2.MetricDescriptor(
        name=f"{project}/metricDescriptors/{metric_type}",
        type=metric_type,
        unit=metric.unit,
        display_name=metric.path.rpartition("/")[2].replace("_", " ").capitalize(),
        monitored_resource_types=["cloud_run_revision"],
    )
    descriptor.metric_kind, descriptor.value_type = KINDS[metric.kind], TYPES[metric.value_type]
    for key in metric.labels:
        descriptor.labels.add(key=key)
    descriptor.metadata.sample_period.seconds = 60
    descriptor.metadata.ingest_delay.seconds = 120
    return descriptor
