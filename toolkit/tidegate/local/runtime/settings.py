"""What the runtime may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.local.images import Catalogue
from tidegate.local.runtime.ports import Ports

COLLECTOR_IMAGE = "/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar"


@dataclass(frozen=True)
class Settings:
    catalogue: Callable[[], Catalogue]
    directory: Path
    """Of the state: `logs/` and `mounts/` are made in it."""
    mark: str
    """Carried by every process, see `orphans`."""
    backing_ports: Mapping[str, int] = field(default_factory=dict)
    stop_grace: float = 10.0
    """Seconds between TERM and KILL."""
    idle_seconds: float = 60.0
    """An instance that has not been needed for so long is stopped (Google Cloud: up to 15 minutes)."""
    pending_seconds: float = 10.0
    """A request waits so long for an instance, or 3.5 mean start-up times if that is longer."""
    ports: Ports = field(default_factory=Ports)


def is_collector(image: str) -> bool:
    """The Managed Prometheus sidecar, whatever its tag or digest: the daemon plays its part itself."""
    repository = image.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    return (head + slash + last.partition(":")[0]).endswith(COLLECTOR_IMAGE)
