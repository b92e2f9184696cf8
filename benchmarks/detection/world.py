"""What a family of rollouts lays down. Everything given as a pair is drawn between the two for each seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.detection import load, shapes
from benchmarks.detection.load import Traffic
from benchmarks.detection.shapes import Filling

Pair = tuple[float, float]

ANY_FILLING: tuple[Filling, ...] = (
    shapes.exponential,
    shapes.hyperbolic,
    shapes.stepwise,
    shapes.linear_then_flat,
)


@dataclass(frozen=True)
class Leak:
    """Growth of a gauge that does not end. Memory in MiB, everything else in pieces."""

    per_minute: Pair
    """Of one instance. A leak by request has this mean over the rollout: less at first, more at the end."""
    by: str = "time"
    """`time` or `request`."""
    gauge: str = "either"
    """`open_fds`, `tcp_connections`, `memory_bytes`, `sockets` (the first two together), or
    `either` (files or sockets, by seed)."""
    shapes: tuple[str, ...] = ("steady", "steady", "counted")
    """`steady`, `counted` (a Poisson count), `bursts` (2 to 5 minutes apart)."""
    instances: int | None = None
    """How many instances leak; None: all."""


@dataclass(frozen=True)
class Change:
    """What is different from `onset` on (minutes after the start of the rollout; None: from ever)."""

    leak: Leak | None = None
    latency: Pair = (1.0, 1.0)
    """Factor on every latency."""
    p99: Pair = (1.0, 1.0)
    """Factor on the p99 alone: 3 % of the requests are that slow, the others as ever."""
    errors: float = 0.0
    """Added to the error ratio."""
    cpu: float = 1.0
    """Factor on the CPU time of a request."""
    instances: float = 1.0
    """Factor on the instances needed for the same traffic."""
    jump: Pair = (0.0, 0.0)
    """Descriptors, once, somewhere in the rollout."""
    silent: bool = False
    """Nothing is ever heard of the revision."""
    onset: Pair | None = None

    def settled(self, rng: np.random.Generator) -> Change:
        """With every pair drawn, so that both revisions can have the same."""

        def drawn(pair: Pair) -> Pair:
            return (float(rng.uniform(*pair)),) * 2

        leak = self.leak
        if leak is not None:
            gauge = leak.gauge
            if gauge == "either":
                gauge = "sockets" if rng.random() < 0.5 else "open_fds"
            shape = leak.shapes[rng.integers(len(leak.shapes))]
            leak = replace(leak, per_minute=drawn(leak.per_minute), gauge=gauge, shapes=(shape,))
        return replace(
            self,
            leak=leak,
            latency=drawn(self.latency),
            p99=drawn(self.p99),
            jump=drawn(self.jump),
            onset=None if self.onset is None else drawn(self.onset),
        )


@dataclass(frozen=True)
class World:
    rate: Pair = (2.0, 40.0)
    """Requests per second of the whole service; drawn on a logarithmic scale."""
    traffic: tuple[Traffic, ...] = (load.flat, load.daily, load.bursty)
    instances: tuple[int, int] = (1, 4)
    """Of each revision, where their number is fixed: the same code is given as many."""
    scaling: float = 0.3
    """Chance that the number of instances follows the traffic instead of being fixed."""
    full: tuple[int, int] = (2, 6)
    """Instances needed for the mean traffic, where their number follows it."""
    restarts: Pair | None = None
    """Minutes an instance lives."""
    restarts_both: float = 1.0
    """Chance that the instances of the stable revision restart as well."""
    pool: Pair = (3.0, 20.0)
    """Descriptors of a pool that fills as an instance warms up."""
    pool_chance: float = 0.5
    fillings: tuple[Filling, ...] = (shapes.exponential,)
    refills: float = 0.0
    """Chance that part of the pool follows the traffic, and so fills on with every step."""
    teeth: Pair = (0.0, 0.0)
    """Descriptors that a collector frees from time to time."""
    teeth_minutes: Pair = (1.0, 15.0)
    heap_teeth: Pair = (5.0, 25.0)
    """MiB that a collector frees from time to time."""
    heap_minutes: Pair = (1.0, 6.0)
    heap_warm: Pair = (5.0, 60.0)
    """MiB that an instance fills as it warms up, exponentially."""
    heap_warm_minutes: Pair | None = None
    """Time constant of it; None: a minute and a half."""
    per_load: Pair = (0.0, 0.4)
    """Descriptors per request and second of an instance, or two thirds of it per request in flight."""
    missing: float | None = None
    late: float = 0.0
    """Part of the samples that come up to 6 minutes late."""
    errors: Pair = (1e-4, 5e-3)
    """Error ratio, drawn on a logarithmic scale."""
    spread: Pair = (0.0, 0.0)
    """How much the error ratio wanders by itself on each revision: sd of its logarithm, per sample."""
    error_bursts: bool = False
    """Bursts of errors with retries, now on one revision, now on the other, now on both."""
    outage: bool = False
    """Something upstream fails for 3 to 12 minutes."""
    neighbour: bool = False
    """Bursts of slowness shared by both, and shorter ones on one revision."""
    cpu_offset: float = 0.02
    """Greatest difference of CPU and latency between two healthy placements, as a part."""
    latency_offset: float = 0.02
    idle_cpu: Pair = (0.005, 0.04)
    candidate: tuple[Change, ...] = ()
    both: tuple[Change, ...] = ()
    stable: tuple[Change, ...] = ()
    young: float = 0.4
    """Chance that the stable revision's own start lies in the pre-period."""
    delay: tuple[float, ...] = (0.0, 0.0, 60.0, 120.0, 180.0)
    """Ingestion delay in seconds."""
    period: float = 30.0
    """Seconds between samples."""
    before: int = 60
    """Minutes of the stable revision before the rollout."""
    after: int = 0
    """Minutes that are measured after the rollout."""
    capped: float = 0.5
    """Chance that a faulty candidate never gets more than half of the traffic."""
    coarse: bool = False
    """Error ratios instead of counts, and of the latencies only their mean."""
