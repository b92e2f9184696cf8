"""The section `containers`: what runs, how it is asked whether it lives, what it is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.spec.base import Model
from tidegate.core.spec.hooks import HeaderName
from tidegate.core.spec.values import (
    ContainerName,
    Cpu,
    Duration,
    EnvName,
    HttpPath,
    Memory,
    Port,
    PositiveDuration,
    SecretName,
    SecretVersion,
    Text,
    matching,
)

COLLECT_PORT = "TIDEGATE_COLLECT_PORT"
"""Where `tidegate collect` answers, and so where the collector asks it."""
LONGEST_START = 240.0
"""Seconds: Cloud Run's limit of a startup probe, its period times its failure threshold."""


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,4}", text) is not None and int(text) <= 65535


def _not_the_systems(path: str) -> str:
    if path.split("/")[1] in ("dev", "proc", "sys"):
        raise PydanticCustomError("mount", "is below {it}, which is the system's own", {"it": path[:5]})
    return path


AbsolutePath = Annotated[str, matching(r"(?:/[^/\s]+)+", "is not an absolute path such as /var/data")]
MountPath = Annotated[AbsolutePath, AfterValidator(_not_the_systems)]
VolumeName = Annotated[
    str,
    matching(
        r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", "is not a volume name: lower-case letters, digits, hyphens"
    ),
]


class Resources(Model):
    cpu: Cpu = "1"
    memory: Memory = "512Mi"
    startup_cpu_boost: bool = False


class SecretRef(Model):
    secret: SecretName
    version: SecretVersion = "latest"


class HttpProbe(Model):
    path: HttpPath = "/"
    port: Port | None = None
    headers: dict[HeaderName, str] = Field(default_factory=dict)


class TcpProbe(Model):
    port: Port | None = None


class GrpcProbe(Model):
    port: Port | None = None
    service: Text | None = None


class Probe(Model):
    """Exactly one of `http`, `tcp` and `grpc`."""

    http: HttpProbe | None = None
    tcp: TcpProbe | None = None
    grpc: GrpcProbe | None = None
    initial_delay: Duration = 0.0
    period: PositiveDuration = 10.0
    timeout: PositiveDuration = 1.0
    failure_threshold: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.http, self.tcp, self.grpc)) != 1:
            raise PydanticCustomError("probe", "needs exactly one of http, tcp and grpc")
        if self.timeout > self.period:
            raise PydanticCustomError("probe", "has a timeout longer than its period")
        return self


class Probes(Model):
    startup: Probe | None = None
    liveness: Probe | None = None

    @model_validator(mode="after")
    def _starts_in_time(self) -> Self:
        probe = self.startup
        if probe and max(probe.period * probe.failure_threshold, probe.initial_delay) > LONGEST_START:
            raise PydanticCustomError(
                "probe",
                "has a startup probe of more than {most} s; Cloud Run allows its period times its "
                "failure_threshold no more, nor its initial_delay",
                {"most": f"{LONGEST_START:g}"},
            )
        return self


class Container(Model):
    """`port` marks the ingress container; exactly one has it. `image` of that one may come from --image."""

    name: ContainerName = "app"
    image: Text | None = None
    port: Port | None = None
    http2: bool = False
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: AbsolutePath | None = None
    resources: Resources = Resources()
    env: dict[EnvName, str] = Field(default_factory=dict)
    secrets: dict[EnvName, SecretRef] = Field(default_factory=dict)
    mounts: dict[VolumeName, MountPath] = Field(default_factory=dict)
    probes: Probes = Probes()
    depends_on: tuple[ContainerName, ...] = ()

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        if both := sorted(set(self.env) & set(self.secrets)):
            raise PydanticCustomError("env", "sets {name} both in env and in secrets", {"name": both[0]})
        if (port := self.env.get(COLLECT_PORT)) is not None and not _is_port(port):
            raise PydanticCustomError(
                "env", "sets {name} to {value}, which is no port", {"name": COLLECT_PORT, "value": repr(port)}
            )
        paths = list(self.mounts.values())
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise PydanticCustomError("mounts", "mounts two volumes at {path}", {"path": twice})
        return self


def container_faults(containers: tuple[Container, ...]) -> Iterator[PydanticCustomError]:
    """All that keeps them from running beside each other."""
    names = [c.name for c in containers]
    twice = len(set(names)) < len(names)
    if twice:
        yield PydanticCustomError("containers", "has two containers of the same name")
    if len(containers) > 1 and sum(c.port is not None for c in containers) != 1:
        yield PydanticCustomError(
            "containers", "needs exactly one container with a port (the ingress container)"
        )
    alone = [fault for container in containers for fault in _faults_of_one(container, containers)]
    yield from alone
    if not (twice or alone) and (circle := _circle(containers)):
        yield PydanticCustomError(
            "containers", "has a depends_on that goes round in a circle: {names}", {"names": circle}
        )


def _faults_of_one(container: Container, containers: tuple[Container, ...]) -> Iterator[PydanticCustomError]:
    if container.http2 and container.port is None and len(containers) > 1:
        yield PydanticCustomError(
            "containers", "has http2 on {name}, which takes no requests", {"name": container.name}
        )
    for other in container.depends_on:
        target = next((c for c in containers if c.name == other), None)
        if target is None or target is container:
            yield PydanticCustomError(
                "containers", "has a depends_on that names no other container: {name}", {"name": other}
            )
        elif target.probes.startup is None:
            yield PydanticCustomError(
                "containers",
                "has a depends_on on {name}, which has no startup probe; Cloud Run refuses that",
                {"name": other},
            )


def _circle(containers: Iterable[Container]) -> str:
    waits = {c.name: set(c.depends_on) for c in containers}
    while ready := {name for name, on in waits.items() if not on & waits.keys()}:
        waits = {name: on for name, on in waits.items() if name not in ready}
    return ", ".join(waits)
