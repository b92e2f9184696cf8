"""Lives of a healthy service, minute by minute, with every series that an alert looks at.

Each of these has something in it that a careless rule takes for trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from infra.promtool import Series, gauge, listed, run, summed

MINUTES = 220
MIB = 1 << 20
_LOG = "user_tidegate_orders_europe_west1_emfile"


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
    """Connections that an instance opens in its first ten minutes, one file each."""
    pending: Callable[[int], float] = lambda _minute: 0.0
    unscraped: range = range(0)
    unmetered: range = range(0)
    collector: bool = True
    cpu: float = 0.1
    """Utilisation of the application; the collector idles."""

    def series(self) -> list[Series]:
        revisions = sorted({instance.revision for instance in self.instances})
        found = [s for revision in revisions for s in self._of_revision(revision)]
        if self.collector:
            found += [s for instance in self.instances for s in self._of_instance(instance)]
        return found

    def _alive(self, minute: int, revision: str = "") -> list[Instance]:
        return [i for i in self.instances if i.lives(minute) and revision in ("", i.revision)]

    def _load(self, minute: int) -> float:
        """Requests per minute of one instance."""
        alive = len(self._alive(minute))
        return self.traffic(minute) / alive if alive else 0.0

    def _of_instance(self, instance: Instance) -> list[Series]:
        def values(value: Callable[[int, int], float]) -> str:
            return listed(
                value(minute, minute - instance.born)
                if instance.lives(minute) and minute not in self.unscraped
                else None
                for minute in range(MINUTES)
            )

        # A sawtooth of a few, as sockets come and go.
        connections = values(
            lambda now, age: min(age, 10) / 10 * self.pool + self._load(now) / 20 + 3 * (now % 4)
        )
        fds = values(
            lambda now, age: 12 + min(age, 10) / 10 * self.pool + self._load(now) / 20 + 3 * (now % 4)
        )
        memory = values(lambda now, age: (180 + 12 * min(age, 15) + 5 * (now % 3)) * MIB)
        name, revision = instance.name, instance.revision
        return [
            gauge("tcp_connections", connections, revision, name, extra=',state="established"'),
            gauge("tcp_connections", listed([900.0] * MINUTES), revision, name, extra=',state="time_wait"'),
            gauge("process_open_fds", fds, revision, name),
            gauge("process_max_fds", f"20000x{MINUTES}", revision, name),
            gauge("process_resident_memory_bytes", memory, revision, name),
        ]

    def _of_revision(self, revision: str) -> list[Series]:
        def values(value: Callable[[int, list[Instance]], float]) -> list[float | None]:
            return [
                value(minute, self._alive(minute, revision)) if minute not in self.unmetered else None
                for minute in range(MINUTES)
            ]

        served = values(lambda now, alive: len(alive) * self._load(now))
        born = values(lambda now, alive: float(sum(i.born == now and now > 0 for i in alive)))

        def scaled(counts: list[float | None], factor: float) -> list[float | None]:
            return [None if count is None else factor * count for count in counts]

        per_instance = values(lambda _now, alive: float(len(alive)))
        return [
            run("request_count", summed(scaled(served, 0.999)), revision, ',response_code_class="2xx"'),
            run("request_count", summed(scaled(served, 0.001)), revision, ',response_code_class="5xx"'),
            *(
                run("request_latencies_bucket", summed(scaled(served, share)), revision, f',le="{le}"')
                for le, share in (("200", 0.9), ("1000", 0.998), ("4000", 0.9995), ("+Inf", 1.0))
            ),
            run("request_latencies_sum", summed(scaled(served, 120.0)), revision),
            run("container_instance_count", listed(per_instance), revision, ',state="active"'),
            run("container_billable_instance_time", summed(scaled(per_instance, 60.0)), revision),
            run("container_startup_latencies_count", summed(born), revision),
            *(
                run(
                    "container_completed_probe_count", summed(scaled(born, count)), revision,
                    f',probe_type="startup",is_healthy="{healthy}"',
                )
                for healthy, count in (("false", 4.0), ("true", 1.0))
            ),
            *(
                run("container_memory_utilizations_bucket", summed(scaled(per_instance, share)), revision,
                    f',container_name="app",le="{le}"')
                for le, share in (("0.5", 0.2), ("0.75", 0.9), ("0.95", 1.0), ("+Inf", 1.0))
            ),
            *(
                run(f"container_cpu_utilizations_{part}", summed(scaled(per_instance, value)), revision,
                    f',container_name="{container}"')
                for container, cpu in (("app", self.cpu), ("collector", 0.01))
                for part, value in (("sum", cpu), ("count", 1.0))
            ),
            run("pending_queue_pending_requests",
                listed(values(lambda now, _alive: self.pending(now))), revision),
            run(_LOG, listed(values(lambda _now, _alive: 0.0)), revision, system="logging_googleapis_com"),
        ]  # fmt: skip


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

LIVES: Mapping[str, Life] = {
    "nothing happens": Life(),
    "a warm-up that takes long": Life(pool=90),
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
    "no collector": Life(collector=False),
}
