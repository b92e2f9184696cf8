"""Services, grants, splits and alerts, however they were written."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.document import Block, Node, Place
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
class Probe:
    """A probe that is written out. `kind` is `startup` or `liveness`; times are in seconds."""

    kind: str
    place: Place
    initial_delay: Field
    period: Field
    timeout: Field
    failures: Field


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
    port: Field
    """There where it takes requests; UNKNOWN where only Terraform can say."""
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class Service:
    """A Cloud Run service or job. `kind` is `service` or `job`; `label` names it in a message."""

    kind: str
    label: str
    place: Place
    containers: tuple[Container, ...]
    complete: bool
    """False when Terraform computes further containers."""
    secrets: tuple[Secret, ...]
    deletion_protection: Field
    account: Field
    """Email of what it runs as; None where it is Compute Engine's default account."""
    min_instances: Field
    max_instances: Field
    concurrency: Field
    timeout: Field
    """Of a request, in seconds or as Google writes it."""
    throttled: Field
    """Whether the CPU is there only while a request is handled, which is billing by request."""
    collector: Field
    """Whether the sidecar that collects fds is there; UNKNOWN where only tidegate's module could say."""
    iam_check_off: Field

    @property
    def ingress(self) -> tuple[Container, ...]:
        """Those that may be the one that takes the requests: the one with a port, if that can be told."""
        if not self.complete:
            return ()
        with_port = tuple(c for c in self.containers if not absent(c.port))
        return with_port if with_port and len(self.containers) > 1 else self.containers


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


@dataclass(frozen=True)
class Role:
    """A role given to members on anything. `on` is the kind of the thing: `project`, `secret_manager_secret`;
    `form` is `member`, `binding` or `policy`."""

    label: str
    place: Place
    on: str
    form: str
    role: Field
    members: tuple[Node, ...]
    public: Field
    """Whether a tidegate module has been told that everybody is meant."""


@dataclass(frozen=True)
class Condition:
    """One condition of an alert policy. `kind` is the name of its block without `condition_`."""

    label: str
    kind: str
    block: Block

    @property
    def query(self) -> Field:
        """The PromQL, or the filter."""
        return self.block.get("query") or self.block.get("filter")
