"""What every part of the world stands on: one lock, one clock, one counter of changes, and the adjustable
delays."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass
class Knobs:
    """Delays in seconds. All can be changed while the world runs."""

    propagation_delay: float = 0.0
    """From accepted traffic to effective traffic."""
    ingestion_delay: float = 0.0
    """From the end of a sample to its visibility."""
    minimum_alignment: float = 1.0
    """Shortest accepted alignment period. Google's is 60; here samples may be taken faster than that."""
    retention: float = 24 * 3600.0
    """After which a sample is forgotten."""


class Ground:
    """Hold `lock` while touching any state; call `touch` after every change of it."""

    def __init__(self, clock: Callable[[], float], knobs: Knobs) -> None:
        self.now = clock
        self.knobs = knobs
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 0
        self.ids = 0

    def touch(self) -> None:
        with self.lock:
            self.version += 1
            self.changed.notify_all()

    def digits(self, length: int = 19) -> str:
        """A fresh decimal identifier, as Monitoring gives its resources."""
        return str(int(self._fresh()[:20], 16)).zfill(length)[:length]

    def uuid(self) -> str:
        text = self._fresh()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"

    def _fresh(self) -> str:
        self.ids += 1
        return fingerprint(f"{self.now()!r}/{self.ids}")


def fingerprint(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(raw).hexdigest()


def stamp(message: Any, seconds: float) -> None:
    """Write epoch seconds into a protobuf Timestamp, to the microsecond."""
    whole, part = divmod(round(seconds * 1_000_000), 1_000_000)
    message.seconds, message.nanos = int(whole), int(part) * 1000


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def project_number(project: str) -> int:
    """A stable 12-digit number for a project id; a number stays as it is."""
    return int(project) if project.isdigit() else 10**11 + int(fingerprint(project)[:12], 16) % (9 * 10**11)
