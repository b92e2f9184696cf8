"""What is watched: the healthy services of the rollouts, three days long, and leaks that take hours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.detection import load
from benchmarks.detection.families import FAMILIES as ROLLOUTS
from benchmarks.detection.families import INNOCENT, REVISION, Family
from benchmarks.detection.load import Traffic
from benchmarks.detection.world import Change, Leak, World
from tidegate.core.judge import Criteria

PERIOD = 60.0
"""Seconds between samples: Cloud Monitoring's own."""
BEFORE = 6 * 60
"""Minutes of the revision before: as long as a window."""
AFTER = 72 * 60 + 5
"""Minutes after the rollout: until the last look, and late samples."""


@dataclass(frozen=True)
class Watching:
    """A family of watches, and by what they are judged."""

    family: Family
    criteria: Criteria


def _long(family: Family, criteria: Criteria | None = None) -> Watching:
    world = replace(family.world, period=PERIOD, before=BEFORE, after=AFTER, capped=0.0)
    return Watching(replace(family, world=world), criteria or Criteria())


def _healthy(name: str, about: str, world: World) -> Watching:
    return _long(Family(name, about, False, world, INNOCENT))


def _leak(
    name: str,
    about: str,
    leak: Leak,
    instances: int,
    criteria: Criteria | None = None,
    traffic: tuple[Traffic, ...] = World().traffic,
) -> Watching:
    world = World(
        candidate=(Change(leak=leak),), instances=(instances, instances), scaling=0.0, traffic=traffic
    )
    return _long(Family(name, about, True, world, REVISION), criteria)


def _an_hour(number: float) -> Leak:
    return Leak((number / 60, number / 60))


FINE = Criteria(leak_min_slope=0.02, fd_limit=1024, connection_limit=1024)
"""For a service whose processes may open 1,024 files, and not 25,000 as Cloud Run lets an instance."""

HEALTHY = (
    *(
        _long(ROLLOUTS[name])
        for name in (
            "a/a",
            "pool warm-up",
            "daily traffic",
            "gc sawtooth",
            "churn and restarts",
            "missing and late",
            "noisy neighbour",
            "load-proportional fds",
            "upstream outage",
        )
    ),
    _healthy(
        "a day of 24 h",
        "traffic by the time of day, ±30-85 %, with 0.5-4 descriptors per request and second",
        World(traffic=(load.one_day,), per_load=(0.5, 4.0)),
    ),
    _healthy(
        "slow sawtooth",
        "descriptors 5-60 and memory 20-80 MiB climb for 1-12 h and are freed at once, on both",
        World(teeth=(5, 60), teeth_minutes=(60, 720), heap_teeth=(20, 80), heap_minutes=(60, 720)),
    ),
    _healthy(
        "cache that fills",
        "memory 100-600 MiB fills exponentially, time constant 2-12 h, on both; the revision before is old",
        World(heap_warm=(100, 600), heap_warm_minutes=(120, 720), young=0.0),
    ),
    _healthy(
        "leak in both",
        "forty descriptors an hour on both, for hours already: people should be told",
        World(both=(Change(leak=_an_hour(40)),)),
    ),
)
LEAKS = (
    _leak("2 an hour on 3 instances", "two descriptors an hour", _an_hour(2), 3),
    _leak("10 an hour on 3 instances", "ten descriptors an hour", _an_hour(10), 3),
    _leak("10 an hour on 1 instance", "ten descriptors an hour", _an_hour(10), 1),
    _leak("40 an hour on 3 instances", "forty descriptors an hour", _an_hour(40), 3),
    _leak("40 an hour on 1 instance", "forty descriptors an hour", _an_hour(40), 1),
    _leak(
        "40 an hour by requests",
        "forty an hour in the mean, in proportion to traffic with a day of 24 h",
        Leak((40 / 60, 40 / 60), by="request"), 1, traffic=(load.one_day,),
    ),
    _leak(
        "memory, 60 MiB an hour",
        "a MiB a minute on 3 instances, under a collector's sawtooth of 5-25 MiB",
        Leak((1, 1), gauge="memory_bytes", shapes=("steady",)), 3,
    ),
    _leak(
        "2 an hour, of 1,024",
        "two descriptors an hour on 3 instances, judged with `leak_min_slope: 0.02` and a limit of 1,024",
        _an_hour(2), 3, FINE,
    ),
    _leak(
        "10 an hour, of 1,024",
        "ten descriptors an hour on 1 instance, judged with `leak_min_slope: 0.02` and a limit of 1,024",
        _an_hour(10), 1, FINE,
    ),
)  # fmt: skip
FAMILIES = {one.family.name: one for one in (*HEALTHY, *LEAKS)}
