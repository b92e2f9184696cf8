"""Lives of a healthy service, minute by minute, with every series that an alert looks at.

Each of these has something in it that a careless rule takes for trouble. They are told in numbers of their
own, never in those of the alerts, so that an alert that is set too low fires on them. Only where the service
promises more than is usual, by its objectives, they keep that as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tidegate.core.alerting.subject import Series, Subject, listed, summed

MINUTES = 220
_MIB = 1 << 20


@dataclass(frozen=True)
class Instance:
    """Lives from `born` until before `died`; fills its pool and caches in its first minutes."""

    name: str
    revision: str = "r1"
    born: int = 0
    died: int = MINUTES

    def lives(self, minute: int) -> bool:
        return self.born <= minute < self.died


@dataclass(frozen=True)
class Life:
    """`traffic` is requests per minute. The collector is silent in `unscraped`, Cloud Run in `unmetered`."""

    instances: tuple[Instance, ...] = (Instance("i1"), Instance("i2"))
    traffic: Callable[[int], float] = lambda _minute: 120.0
    pool: int = 30
    """Connections that an instance opens while it is `filling`, one file each."""
    filling: int = 10
    """Minutes."""
    cached: float = 12.0
    """MiB that an instance's caches take per minute in its first quarter of an hour."""
    hoarded: float = 0.0
    """MiB per minute that they go on taking for another hour and a half."""
    pending: Callable[[int], float] = lambda _minute: 0.0
    unscraped: range = range(0)
    unmetered: range = range(0)
    collector: bool = True
    cpu: float = 0.1
    """Utilisation of the application; the collector idles."""

    def series(self, subject: Subject) -> list[Series]:
        revisions = sorted({instance.revision for instance in self.instances})
        found = [s for revision in revisions for s in self._of_revision(subject, revision)]
        if self.collector:
            found += [s for instance in self.instances for s in self._of_instance(subject, instance)]
        return found

    def _alive(self, minute: int, revision: str = "") -> list[Instance]:
        return [i for i in self.instances if i.lives(minute) and revision in ("", i.revision)]

    def _load(self, minute: int) -> float:
        """Requests per minute of one instance."""
        alive = len(self._alive(minute))
        return self.traffic(minute) / alive if alive else 0.0

    def _filled(self, minute: int, age: int) -> float:
        """What is open at that age. A sawtooth of a few, as sockets come and go."""
        return min(age, self.filling) / self.filling * self.pool + self._load(minute) / 20 + 3 * (minute % 4)

    def _memory(self, minute: int, age: int) -> float:
        slowly = self.hoarded * min(max(age - 15, 0), 90)
        return (180 + self.cached * min(age, 15) + slowly + 5 * (minute % 3)) * _MIB

    def _of_instance(self, subject: Subject, instance: Instance) -> list[Series]:
        def values(value: Callable[[int, int], float]) -> str:
            return listed(
                value(minute, minute - instance.born)
                if instance.lives(minute) and minute not in self.unscraped
                else None
                for minute in range(MINUTES)
            )

        def gauge(metric: str, given: str, labels: str = "") -> Series:
            return subject.gauge(metric, given, instance.revision, instance.name, labels)

        return [
            gauge("tcp_connections", values(self._filled), ',state="established"'),
            gauge("tcp_connections", listed([900.0] * MINUTES), ',state="time_wait"'),
            gauge("open_fds", values(lambda now, age: 12 + self._filled(now, age))),
            gauge("max_fds", f"20000x{MINUTES}"),
            gauge("memory", values(self._memory)),
        ]

    def _of_revision(self, subject: Subject, revision: str) -> list[Series]:
        def values(value: Callable[[int, list[Instance]], float]) -> list[float | None]:
            return [
                value(minute, self._alive(minute, revision)) if minute not in self.unmetered else None
                for minute in range(MINUTES)
            ]

        def counted(metric: str, given: str, labels: str = "", suffix: str = "") -> Series:
            return subject.counted(metric, given, revision, labels, suffix)

        served = values(lambda now, alive: len(alive) * self._load(now))
        born = values(lambda now, alive: float(sum(i.born == now and now > 0 for i in alive)))
        alive = values(lambda _now, alive: float(len(alive)))
        failed = min(0.001, 0.2 * (1 - subject.availability))
        return [
            counted("requests", summed(_scaled(served, 1 - failed)), ',response_code_class="2xx"'),
            counted("requests", summed(_scaled(served, failed)), ',response_code_class="5xx"'),
            *(
                counted("latencies", summed(_scaled(served, share)), f',le="{bound:.10g}"', "_bucket")
                for bound, share in _latencies(subject).items()
            ),
            counted("latencies", summed(_scaled(served, 1.0)), ',le="+Inf"', "_bucket"),
            counted("latencies", summed(_scaled(served, min(120.0, 0.06 * subject.latency_ms))), "", "_sum"),
            counted("instances", listed(alive), ',state="active"'),
            counted("billable", summed(_scaled(alive, 60.0))),
            counted("starts", summed(born), "", "_count"),
            *(
                counted("probes", summed(_scaled(born, times)), f',probe_type="startup",is_healthy="{said}"')
                for said, times in (("false", 4.0), ("true", 1.0))
            ),
            *(
                counted("memory_ratio", summed(_scaled(alive, share)),
                        f',container_name="app",le="{le}"', "_bucket")
                for le, share in (("0.5", 0.2), ("0.75", 0.9), ("0.95", 1.0), ("+Inf", 1.0))
            ),
            *(
                counted("cpu_ratio", summed(_scaled(alive, value)), f',container_name="{container}"', part)
                for container, cpu in (("app", self.cpu), ("collector", 0.01))
                for part, value in (("_sum", cpu), ("_count", 1.0))
            ),
            counted("pending", listed(values(lambda now, _alive: self.pending(now)))),
            counted("fd_errors", listed(values(lambda _now, _alive: 0.0))),
        ]  # fmt: skip


def _scaled(counts: list[float | None], factor: float) -> list[float | None]:
    return [None if count is None else factor * count for count in counts]


def _latencies(subject: Subject) -> dict[float, float]:
    """Share of requests up to each bound in ms: 0.2 s for nine in ten, and faster where more is promised."""
    faster = min(1.0, subject.latency_ms / 2000)
    late = min(1.0, (1 - subject.latency) / 0.01)
    return {200 * faster: 1 - 0.1 * late, 1000 * faster: 1 - 0.002 * late, 4000 * faster: 1 - 0.0005 * late}


def _surge(minute: int) -> float:
    return 120.0 if minute < 120 else min(120.0 + 60.0 * (minute - 120), 1200.0)


_GROWN = tuple(Instance(f"n{n}", born=121 + n) for n in range(8))
_REPLACED = (
    Instance("i1", died=120), Instance("i2", died=125), Instance("j1", born=120), Instance("j2", born=125),
)  # fmt: skip
_DEPLOYED = (
    Instance("i1", died=170), Instance("i2", died=150),
    Instance("k1", "r2", born=120), Instance("k2", "r2", born=150),
)  # fmt: skip

NO_COLLECTOR = "no collector"

LIVES: Mapping[str, Life] = {
    "nothing happens": Life(),
    "a warm-up that takes long": Life(pool=90),
    "a pool and caches that fill for an hour and more": Life(pool=60, filling=70, hoarded=0.5),
    "ten times the traffic on the same instances": Life(traffic=_surge),
    "a traffic rise that scales out": Life(
        (*Life().instances, *_GROWN), _surge, pending=lambda now: 25.0 if 120 <= now < 123 else 0.0, cpu=0.55
    ),
    "a scale-in": Life(
        tuple(replace(i, born=0, died=150 + 2 * n) for n, i in enumerate(_GROWN)) + Life().instances,
        lambda now: 1200.0 if now < 150 else 120.0,
        cpu=0.55,
    ),
    "restarts": Life(_REPLACED),
    "a deployment": Life(_DEPLOYED),
    "a night without requests": Life(
        (Instance("i1", died=140), Instance("m1", born=180)),
        lambda now: 120.0 if now < 125 or now >= 180 else 0.0,
    ),
    "hardly any traffic": Life((Instance("i1"),), lambda now: 1.0 if now % 3 == 0 else 0.0),
    "a collector that misses fifteen minutes": Life(unscraped=range(120, 135)),
    "metrics that miss fifteen minutes": Life(unmetered=range(120, 135)),
    NO_COLLECTOR: Life(collector=False),
}
