"""What the world tells the data plane, and what the data plane tells the world. Plain frozen values, no
protocol.

A service is always named by its full path `projects/P/locations/L/services/S`, a revision by its short name
(`orders-00042-abc`). Times are epoch seconds, CPU is in vCPU, memory in bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Probe:
    """A startup, liveness or readiness probe with every default filled in. All times are seconds."""

    kind: str
    """`http`, `tcp` or `grpc`."""
    port: int
    path: str = ""
    """Of an `http` probe, starts with a slash."""
    headers: tuple[tuple[str, str], ...] = ()
    service: str = ""
    """Of a `grpc` probe, as in the health checking protocol."""
    initial_delay: int = 0
    timeout: int = 1
    period: int = 10
    failure_threshold: int = 3


@dataclass(frozen=True)
class Mount:
    """A volume at a path of one container."""

    volume: str
    path: str
    sub_path: str = ""


@dataclass(frozen=True)
class SecretFile:
    """One file of a secret volume: `path` relative to the mount, `mode` as for chmod."""

    path: str
    content: bytes
    mode: int = 0o444


@dataclass(frozen=True)
class Volume:
    """`kind` is `secret`, `empty_dir`, `gcs`, `nfs` or `cloud_sql_instance`; only `secret` has files."""

    name: str
    kind: str
    files: tuple[SecretFile, ...] = ()


@dataclass(frozen=True)
class Container:
    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    """In the order of the template, secret references resolved to their values."""
    port: int = 0
    """0 for a sidecar."""
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    cpu: float = 1.0
    memory: int = 512 * 1024 * 1024
    depends_on: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    working_dir: str = ""


@dataclass(frozen=True)
class WantedRevision:
    """A revision that should have processes now.

    `starting`: not yet known to start; answer with `World.revision_started` or `World.revision_failed`.
    `serving`: requests can reach it now, by a percentage or by a tag. A revision that is wanted, not
    starting and not serving is about to serve: its traffic is on the way.
    """

    service: str
    revision: str
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...] = ()
    min_instances: int = 0
    max_instances: int = 100
    concurrency: int = 80
    timeout: float = 300.0
    starting: bool = False
    serving: bool = False
    service_account: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True)
class Route:
    """The effective traffic of one service: percentages that total 100, and revisions by tag."""

    service: str
    split: tuple[tuple[str, int], ...]
    tags: Mapping[str, str] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True)
class Distribution:
    """A histogram: bucket `i` holds values in [bounds[i-1], bounds[i]); one more count than bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float = 0.0
    sum_of_squared_deviation: float = 0.0

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError("a distribution has one count more than it has bounds")

    @property
    def count(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Sample:
    """One point of one series. A GAUGE has `start_time == end_time`.

    `kind` is GAUGE, DELTA or CUMULATIVE; `value_type` is BOOL, INT64, DOUBLE, STRING or DISTRIBUTION.
    """

    metric_type: str
    resource_type: str
    resource_labels: Mapping[str, str]
    metric_labels: Mapping[str, str]
    kind: str
    value_type: str
    unit: str
    start_time: float
    end_time: float
    value: float | int | str | Distribution
