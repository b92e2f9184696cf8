"""What a service stands on: its scaling, volumes, network, and which images it may run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.spec.base import Model
from tidegate.core.spec.containers import Container
from tidegate.core.spec.values import BucketName, Memory, SecretName, SecretVersion, Text, matching

_OWN_VOLUMES = frozenset({"cloudsql", "collector-config"})
_SOCKETS = "/cloudsql"
_TOO_MUCH = frozenset({"roles/owner", "roles/editor", "roles/viewer"})


def _narrow(role: str) -> str:
    if role in _TOO_MUCH:
        raise PydanticCustomError("role", "is far more than a service needs; name the roles it does need")
    return role


FilePath = Annotated[
    str, matching(r"(?!\.\.?(?:/|$))[^/\s]+(?:/(?!\.\.?(?:/|$))[^/\s]+)*", "is not a relative path")
]
FileMode = Annotated[str, matching(r"0[0-7]{3}", 'is not a file mode; write it in octal, such as "0444"')]
SqlInstance = Annotated[
    str,
    matching(
        r"(?:[a-z0-9.-]+:)?[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]+",
        "is not a Cloud SQL instance; write PROJECT:REGION:INSTANCE",
    ),
]
Connector = Annotated[
    str,
    matching(
        r"projects/[^/\s]+/locations/[^/\s]+/connectors/[a-z](?:[-a-z0-9]*[a-z0-9])?",
        "is not a connector; write projects/PROJECT/locations/REGION/connectors/NAME",
    ),
]
NetworkTag = Annotated[
    str,
    matching(
        r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", "is not a network tag: lower-case letters, digits, hyphens"
    ),
]
BinaryPolicy = Annotated[
    str,
    matching(
        r"projects/[^/\s]+/platforms/cloudRun/policies/[^/\s]+",
        "is not a platform policy; write projects/PROJECT/platforms/cloudRun/policies/NAME",
    ),
]
KmsKey = Annotated[
    str,
    matching(
        r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+",
        "is not a key; write projects/P/locations/L/keyRings/R/cryptoKeys/K",
    ),
]
Role = Annotated[
    str,
    matching(
        r"(?:roles|(?:projects|organizations)/[^/\s]+/roles)/[A-Za-z0-9_.]+",
        "is not a role; write roles/NAME, or projects/PROJECT/roles/NAME for one of your own",
    ),
    AfterValidator(_narrow),
]


class ServiceScaling(Model):
    """Of all revisions together. `instances` is a fixed number in place of autoscaling."""

    min_instances: int = Field(default=0, ge=0, le=1000)
    max_instances: int | None = Field(default=None, ge=1, le=1000)
    instances: int | None = Field(default=None, ge=0, le=1000)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.instances is not None and (self.min_instances or self.max_instances is not None):
            raise PydanticCustomError("scaling", "has fixed instances beside a minimum or maximum")
        if self.max_instances is not None and self.min_instances > self.max_instances:
            raise PydanticCustomError("scaling", "has min_instances above max_instances")
        return self


class Scaling(Model):
    min_instances: int = Field(default=0, ge=0, le=1000)
    max_instances: int = Field(default=10, ge=1, le=1000)
    concurrency: int = Field(default=80, ge=1, le=1000)
    service: ServiceScaling = ServiceScaling()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_instances > self.max_instances:
            raise PydanticCustomError("scaling", "has min_instances above max_instances")
        return self


class SecretVolume(Model):
    """Without `files` the latest version is a file of the secret's name."""

    secret: SecretName
    files: dict[FilePath, SecretVersion] = Field(default_factory=dict)
    mode: FileMode = "0444"


class BucketVolume(Model):
    name: BucketName
    read_only: bool = True
    mount_options: tuple[Text, ...] = ()


class MemoryVolume(Model):
    size: Memory = "64Mi"


class Volume(Model):
    """Exactly one of the kinds."""

    secret: SecretVolume | None = None
    bucket: BucketVolume | None = None
    memory: MemoryVolume | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.secret, self.bucket, self.memory)) != 1:
            raise PydanticCustomError("volume", "needs exactly one of secret, bucket and memory")
        return self


class Vpc(Model):
    """A `network` or `subnetwork` for direct egress, or a `connector`."""

    network: Text | None = None
    subnetwork: Text | None = None
    tags: tuple[NetworkTag, ...] = ()
    connector: Connector | None = None
    egress: Literal["private-ranges", "all"] = "private-ranges"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        direct = self.network is not None or self.subnetwork is not None
        if direct and self.connector is not None:
            raise PydanticCustomError("vpc", "has a connector beside a network or subnetwork")
        if self.tags and not direct:
            raise PydanticCustomError("vpc", "has tags, which need a network or subnetwork")
        if self.egress == "all" and not direct and self.connector is None:
            raise PydanticCustomError("vpc", "has egress all, and no network, subnetwork or connector")
        return self


class BinaryAuthorization(Model):
    """The project's own policy, if no other is named."""

    enabled: bool = False
    policy: BinaryPolicy | None = None
    breakglass_justification: Text | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.enabled and (self.policy or self.breakglass_justification):
            raise PydanticCustomError("binary_authorization", "names what it needs and is not enabled")
        return self


def volume_faults(
    volumes: dict[str, Volume], containers: tuple[Container, ...], *, cloud_sql: bool, environment: str
) -> Iterator[PydanticCustomError]:
    """What is mounted and does not exist, or where something else is."""
    for own in sorted(_OWN_VOLUMES & set(volumes)):
        yield PydanticCustomError("volumes", "has the name {name}, which is taken", {"name": own})
    if environment == "gen1" and any(volume.bucket for volume in volumes.values()):
        yield PydanticCustomError("volumes", "has a bucket, which needs execution_environment gen2 or auto")
    for container in containers:
        for name, path in container.mounts.items():
            if name not in volumes:
                yield PydanticCustomError(
                    "volumes",
                    "has no {name}, which the container {container} mounts",
                    {"name": name, "container": container.name},
                )
            if cloud_sql and path == _SOCKETS:
                yield PydanticCustomError(
                    "volumes", "has {name} mounted where the sockets of cloud_sql are", {"name": name}
                )
