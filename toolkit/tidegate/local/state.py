"""The state directory of a local Cloud Run: who runs in it, and what it keeps for the next time.

::

    daemon.json    who runs here now; written when ready, removed at the end
    lock           held by the daemon for as long as it lives
    world.json     services, revisions, series: what `local up` brings back
    ports.json     addresses of services and tags, so that they stay the same
    daemon.log     what the daemon says
    logs/          SERVICE/REVISION/INSTANCE.log
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from tidegate import procfs
from tidegate.core.errors import UsageError


@dataclass(frozen=True)
class LocalCloud:
    """A local Cloud Run that runs now."""

    directory: Path
    pid: int
    started: int
    """Clock ticks since boot: with the pid, which process it is."""
    grpc: str
    """`127.0.0.1:PORT`, Admin API and Monitoring API."""
    rest: str
    """`http://127.0.0.1:PORT`, without a slash at the end."""
    reattach: Mapping[str, Any]
    """For TF_REATTACH_PROVIDERS, to be written as JSON."""
    status: str
    """URL of the status page, JSON."""
    sample_period: float
    """Seconds."""
    ingestion_delay: float
    """Seconds."""
    mark: str
    """In the environment of every process it started."""
    images: str = ""
    """Path of the image catalogue; empty without one."""
    owner: int = 0
    """The process it lives as long as; 0 for none."""
    backing: Mapping[str, int] = field(default_factory=dict)
    """Ports of the backing services of the catalogue."""

    @property
    def is_alive(self) -> bool:
        return procfs.is_alive(self.pid, self.started)


def read(directory: Path) -> LocalCloud | None:
    """What `daemon.json` says, whether or not that daemon still lives."""
    try:
        found = json.loads((directory / "daemon.json").read_text(encoding="utf-8"))
        return LocalCloud(**{**found, "directory": directory.resolve()})
    except (OSError, ValueError, TypeError):
        return None


def announce(cloud: LocalCloud) -> None:
    fields = {**asdict(cloud), "directory": str(cloud.directory)}
    write_atomically(cloud.directory / "daemon.json", json.dumps(fields, indent=2).encode())


def withdraw(directory: Path, pid: int) -> None:
    """Removes `daemon.json` if it is still this daemon's."""
    found = read(directory)
    if found is not None and found.pid == pid:
        (directory / "daemon.json").unlink(missing_ok=True)


def lock(directory: Path) -> IO[bytes] | None:
    """Holds the directory until the returned file is closed or the process ends. None: another holds it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        held = (directory / "lock").open("wb")
    except OSError as error:
        raise UsageError(f"{directory}: cannot hold the local Cloud Run's state: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        return None
    return held


def write_atomically(path: Path, content: bytes) -> None:
    """A reader sees the old content or the new, never a part. Readable by the owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_ports(directory: Path) -> dict[str, int]:
    """Addresses of a former life; none when there are none or they cannot be read."""
    try:
        found = json.loads((directory / "ports.json").read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write_ports(directory: Path, ports: Mapping[str, int]) -> None:
    write_atomically(directory / "ports.json", json.dumps(dict(sorted(ports.items())), indent=2).encode())
