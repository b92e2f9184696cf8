"""Services, grants, splits and alerts, however they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.document import Node, Place
from tidegate.core.policies.view.fields import Field, absent


@dataclass(frozen=True)
class Env:
    """An environment variable in clear text."""

    name: str
    value: Node
    place: Place


@dataclass(frozen=True)
class Secret:
    """A reference to a secret: by an environment variable or a volume."""

    name: str
    version: Field
    place: Place


@dataclass(frozen=True)
class Container:
    label: str
    """Names it in a message."""
    place: Place
    image: Field
    texts: tuple[Node, ...]
    """The elements of command and args."""
    env: tuple[Env, ...]
    startup_probe: Field
    liveness_probe: Field


@dataclass(frozen=True)
class Service:
    """A Cloud Run service or job. `kind` is `service` or `job`; `label` names it in a message."""

    kind: str
    label: str
    place: Place
    containers: tuple[Container, ...]
    ingress: Container | None
    """The container that takes the requests; None when that cannot be told."""
    secrets: tuple[Secret, ...]
    deletion_protection: Field
    max_instances: Field
    collector: Field
    """Whether the sidecar that collects fds is there; UNKNOWN where only tidegate's module could say."""
    iam_check_off: Field


@dataclass(frozen=True)
class Grant:
    """Members who may invoke a service. `public` is the switch that says openly that everybody may."""

    label: str
    members: tuple[Node, ...]
    public: Field


@dataclass(frozen=True)
class Target:
    """One line of a traffic split."""

    place: Place
    percent: Field
    latest: bool | None
    """Whether it goes to the latest revision instead of a named one; None when that cannot be told."""


@dataclass(frozen=True)
class Traffic:
    label: str
    place: Place
    targets: tuple[Target, ...]
    complete: bool
    """False when Terraform computes further targets."""


@dataclass(frozen=True)
class Alert:
    """`channels` are the fields that may name some; with none of them there, nobody hears of it."""

    label: str
    place: Place
    channels: tuple[Field, ...]


def ingress(containers: tuple[Container, ...], ports: Sequence[Field]) -> Container | None:
    """The only container, or the only one with a port."""
    if len(containers) == 1:
        return containers[0]
    with_port = [c for c, port in zip(containers, ports, strict=True) if not absent(port)]
    return with_port[0] if len(with_port) == 1 else None
