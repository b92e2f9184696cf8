"""The place where a process dies: its outside systems, each call of which may be the last.

An effect is a call that changes or could change something outside, or tells somebody. They are counted as
they come; number `number` is the one at which it happens:

- `before`: killed instead of the call;
- `after`: killed when the call is through;
- `lost`: the call is through, its answer gets lost, and the process is killed before its next effect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from tidegate.core.samples import Samples, Window
from tidegate.ports import (
    CloudRun,
    Metrics,
    Notice,
    Notifier,
    Probe,
    Revision,
    Service,
    ServiceName,
    Smoke,
    SmokeResult,
    Target,
    Telemetry,
)

T = TypeVar("T")
Kind = Literal["never", "before", "after", "lost"]
WRITES = ("update", "template", "terraform apply")


@dataclass
class Fuse:
    """`counted` are the effects that count; `lose` makes the answer of the next write get lost."""

    kind: Kind
    number: int
    counted: frozenset[str]
    lose: Callable[[], None]
    names: list[str] = field(default_factory=list)
    """What was counted so far."""
    _lit: bool = False

    def around(self, name: str, call: Callable[[], T]) -> T:
        if name not in self.counted:
            return call()
        if self._lit:
            self._kill()
        self.names.append(name)
        here = len(self.names) == self.number
        if here and self.kind == "before":
            self._kill()
        if here and self.kind == "lost":
            self.lose()
            self._lit = True
        done = call()
        if here and self.kind == "after":
            self._kill()
        return done

    def _kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class FusedCloudRun:
    inner: CloudRun
    fuse: Fuse

    def get_service(self, name: ServiceName) -> Service | None:
        return self.fuse.around("read", lambda: self.inner.get_service(name))

    def get_revision(self, name: ServiceName, revision: str) -> Revision | None:
        return self.fuse.around("read", lambda: self.inner.get_revision(name, revision))

    def update(
        self, service: Service, traffic: Sequence[Target], annotations: Mapping[str, str | None]
    ) -> Service:
        return self.fuse.around("update", lambda: self.inner.update(service, traffic, annotations))

    def check_access(self, project: str, region: str) -> None:
        self.inner.check_access(project, region)


@dataclass(frozen=True)
class FusedMetrics:
    inner: Metrics
    fuse: Fuse

    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        return self.fuse.around("look", lambda: self.inner.samples(name, revisions, window, telemetry))

    def requests(self, name: ServiceName, window: Window, telemetry: Telemetry) -> Samples:
        return self.inner.requests(name, window, telemetry)

    def check_access(self, project: str) -> None:
        self.inner.check_access(project)


@dataclass(frozen=True)
class FusedProbe:
    inner: Probe
    fuse: Fuse

    def check(self, base_url: str, smoke: Smoke) -> SmokeResult:
        return self.fuse.around("smoke", lambda: self.inner.check(base_url, smoke))


@dataclass(frozen=True)
class FusedNotifier:
    inner: Notifier
    fuse: Fuse

    def tell(self, notice: Notice) -> None:
        self.fuse.around("notice", lambda: self.inner.tell(notice))


def fused(tools: Any, fuse: Fuse) -> Any:
    """The tools of a rollout, each of which may kill the process."""
    from dataclasses import replace

    return replace(
        tools,
        cloud_run=FusedCloudRun(tools.cloud_run, fuse),
        metrics=FusedMetrics(tools.metrics, fuse),
        probe=FusedProbe(tools.probe, fuse),
        notifier=FusedNotifier(tools.notifier, fuse),
    )
