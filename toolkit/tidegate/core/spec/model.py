"""The model of `tidegate.yaml`. Frozen, unknown keys refused; nobody downstream checks again.

Durations and latencies are floats in seconds, ratios 0..1, rates per minute unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from tidegate.core.errors import UsageError
from tidegate.core.spec.accepted import Accepted
from tidegate.core.spec.alerts import Alerts
from tidegate.core.spec.analysis import Analysis
from tidegate.core.spec.base import Model
from tidegate.core.spec.containers import Container, VolumeName, container_faults
from tidegate.core.spec.guard import Guard
from tidegate.core.spec.notify import Listener
from tidegate.core.spec.platform import (
    BinaryAuthorization,
    KmsKey,
    Role,
    Scaling,
    SqlInstance,
    Volume,
    Vpc,
    volume_faults,
)
from tidegate.core.spec.regions import Regions, check_waves
from tidegate.core.spec.rollout import Rollout
from tidegate.core.spec.values import (
    BucketName,
    Cpu,
    Duration,
    Email,
    HttpPath,
    LabelKey,
    LabelValue,
    Member,
    Memory,
    MetricName,
    Port,
    PositiveDuration,
    ProjectId,
    Region,
    ServiceId,
    Text,
)


class Collector(Model):
    """The Managed Prometheus sidecar that scrapes the ingress container."""

    enabled: bool = True
    image: Text = (
        "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"
    )
    path: HttpPath = "/metrics"
    port: Port | None = None
    interval: PositiveDuration = 30.0
    cpu: Cpu = "1"
    memory: Memory = "512Mi"

    @field_validator("interval")
    @classmethod
    def _whole_seconds(cls, value: float) -> float:
        if value != int(value):
            raise PydanticCustomError("interval", "is a fraction of a second; write whole ones, such as 30s")
        return value


class TelemetrySpec(Model):
    """Where fds, connections and memory come from, and how old a sample is when it can be seen."""

    collector: Collector = Collector()
    open_fds: MetricName = "process_open_fds"
    max_fds: MetricName = "process_max_fds"
    tcp_connections: MetricName = "tcp_connections"
    memory_bytes: MetricName = "process_resident_memory_bytes"
    fd_limit: int = Field(default=25000, ge=1)
    sample_period: PositiveDuration = 60.0
    ingestion_delay: Duration = 180.0


class LocalState(Model):
    backend: Literal["local"] = "local"


class GcsState(Model):
    backend: Literal["gcs"]
    bucket: BucketName
    prefix: Text = "tidegate"


State = LocalState | GcsState

UNREAD = "unread"
"""In the context of a validation: the names of the sections in whose place something else stands."""


class Spec(Model):
    """A whole service, for one environment.

    Of several regions none is chosen yet: `region` is empty until `in_region` has said for which one this is.
    """

    version: Literal[1] = 1
    service: ServiceId
    project: ProjectId
    regions: Regions = ()
    region: Region = Field(default="", validate_default=True)
    containers: tuple[Container, ...] = Field(min_length=1, max_length=10)
    description: Annotated[str, Field(max_length=512)] = ""
    volumes: dict[VolumeName, Volume] = Field(default_factory=dict)
    cloud_sql: tuple[SqlInstance, ...] = ()
    vpc: Vpc = Vpc()
    scaling: Scaling = Scaling()
    execution_environment: Literal["auto", "gen1", "gen2"] = "auto"
    binary_authorization: BinaryAuthorization = BinaryAuthorization()
    encryption_key: KmsKey | None = None
    ingress: Literal["all", "internal", "internal-and-load-balancer"] = "all"
    billing: Literal["request", "instance"] = "instance"
    request_timeout: PositiveDuration = 300.0
    service_account: Email | None = None
    roles: tuple[Role, ...] = ()
    custom_audiences: tuple[Text, ...] = ()
    invokers: tuple[Member, ...] = ()
    allow_public: bool = False
    deletion_protection: bool = True
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    telemetry: TelemetrySpec = TelemetrySpec()
    alerts: Alerts = Alerts()
    rollout: Rollout = Rollout()
    notify: tuple[Listener, ...] = Field(default=(), max_length=20)
    analysis: Analysis = Analysis()
    guard: Guard = Guard()
    accept: tuple[Accepted, ...] = ()
    state: State = Field(default=LocalState(), discriminator="backend")

    @field_validator("region", mode="wrap")
    @classmethod
    def _one_of_both(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> str:
        given = value is not None and value != ""
        if "regions" not in info.data:  # what is wrong with them is told
            return str(handler(value)) if given else ""
        if not info.data["regions"]:
            if not given:
                raise PydanticKnownError("missing")
            return str(handler(value))
        if given:
            raise PydanticCustomError("region", "stands beside regions; write one of them")
        several: tuple[str, ...] = info.data["regions"]
        return several[0] if len(several) == 1 else ""

    @field_validator("rollout")
    @classmethod
    def _waves_fit(cls, value: Rollout, info: ValidationInfo) -> Rollout:
        if "regions" in info.data and "region" in info.data:
            check_waves(value.waves, info.data["regions"] or (info.data["region"],))
        return value

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        unread = (info.context or {}).get(UNREAD, frozenset())
        wrong = [fault for needs, look in _TOGETHER if not needs & unread for fault in look(self)]
        if wrong:
            details = [InitErrorDetails(type=fault, input={}) for fault in wrong]
            raise ValidationError.from_exception_data("Spec", details)
        return self

    @property
    def ingress_container(self) -> Container:
        return next((c for c in self.containers if c.port is not None), self.containers[0])

    @property
    def places(self) -> tuple[str, ...]:
        """All its regions, in the order of the spec."""
        return self.regions or (self.region,)

    @property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """The regions in the order of their deployment; one after the other if not said."""
        return self.rollout.waves or tuple((region,) for region in self.places)

    def in_region(self, region: str) -> Spec:
        """The same spec for one of its regions. Raises UsageError for another one."""
        if region not in self.places:
            raise UsageError(
                f"{self.service} has no region {region!r}",
                hint=f"the spec has {', '.join(self.places)}",
            )
        return self.model_copy(update={"region": region})

    def with_mode(self, mode: Literal["regression", "fix"]) -> Spec:
        """The same spec, judged in another mode."""
        return self.model_copy(update={"analysis": self.analysis.model_copy(update={"mode": mode})})

    def with_image(self, image: str) -> Spec:
        """The same spec with another image for the ingress container."""
        chosen = self.ingress_container
        return self.model_copy(
            update={
                "containers": tuple(
                    c.model_copy(update={"image": image}) if c is chosen else c for c in self.containers
                )
            }
        )


def _containers(spec: Spec) -> Iterator[PydanticCustomError]:
    return container_faults(spec.containers)


def _volumes(spec: Spec) -> Iterator[PydanticCustomError]:
    return volume_faults(
        spec.volumes,
        spec.containers,
        cloud_sql=bool(spec.cloud_sql),
        environment=spec.execution_environment,
    )


def _roles(spec: Spec) -> Iterator[PydanticCustomError]:
    if spec.roles and spec.service_account is not None:
        yield PydanticCustomError(
            "roles", "are for the account that is made; the service_account keeps those it has"
        )


def _collector(spec: Spec) -> Iterator[PydanticCustomError]:
    if spec.telemetry.collector.enabled and any(c.name == "collector" for c in spec.containers):
        yield PydanticCustomError(
            "containers", "has a container named collector, which the sidecar is called"
        )


_TOGETHER: tuple[tuple[frozenset[str], Callable[[Spec], Iterator[PydanticCustomError]]], ...] = (
    (frozenset({"containers"}), _containers),
    (frozenset({"containers", "volumes", "cloud_sql", "execution_environment"}), _volumes),
    (frozenset({"roles", "service_account"}), _roles),
    (frozenset({"containers", "telemetry"}), _collector),
)
"""What has to fit together, with the sections that each look needs."""
