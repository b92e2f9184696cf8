"""What both revisions of a simulated service share; what each of them measures is in `revision`."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from benchmarks.detection import load
from benchmarks.detection.latency import Mix
from benchmarks.detection.noise import Character, FloatArray, ar1
from benchmarks.detection.world import Pair, World
from tidegate.core.trace import Rollout, Step

STABLE, CANDIDATE = "orders-00041", "orders-00042"
EPOCH = 1_700_000_000.0


@dataclass(frozen=True)
class Shared:
    """What is the same for both revisions of one seed. Arrays have one value per sample."""

    world: World
    rollout: Rollout
    times: FloatArray
    minutes: int
    """From the start of the rollout to the last sample."""
    requests: dict[str, FloatArray]
    """Requests per sample period, by revision."""
    rate: FloatArray
    """Requests per second of the whole service, before they are counted."""
    character: Character
    trouble: Trouble
    latency: Mix
    error_ratio: float
    capacity: float
    """Requests per second that one instance takes where the number of instances follows the traffic."""
    scales: bool
    per_load: float
    by_flight: bool
    """Descriptors follow the requests in flight, not their rate."""
    in_flight_known: bool
    histogram: bool
    mean_known: bool
    zeros: bool
    """Periods without requests are written as 0; otherwise there is no sample."""
    staggered: bool
    """Every instance is read at its own moment of the sample period."""

    @property
    def start(self) -> float:
        return self.rollout.start


@dataclass(frozen=True)
class Trouble:
    """What befalls both revisions at once: factors and additions per sample."""

    latency: FloatArray
    cpu: FloatArray
    errors: FloatArray
    waiting: FloatArray
    """Requests that hang: a factor on those in flight."""


def generator(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), seed])


def between(rng: np.random.Generator, pair: Pair, *, log: bool = False) -> float:
    if log:
        return float(np.exp(rng.uniform(np.log(pair[0]), np.log(pair[1]))))
    return float(rng.uniform(*pair))


def share_out(rng: np.random.Generator, world: World, minutes: int, *, capped: bool) -> Shared:
    """Draws all that both revisions have in common, the traffic and its division first."""
    rollout = Rollout(
        service="orders",
        stable=STABLE,
        candidate=CANDIDATE,
        steps=_steps(rng, minutes, capped=capped),
        end=None,
        sample_period=world.period,
        ingestion_delay=float(rng.choice(world.delay)),
    )
    minutes += world.after
    times = _times(rng, world, minutes)
    mean = between(rng, world.rate, log=True)
    kind = world.traffic[rng.integers(len(world.traffic))]
    rate = mean * kind(rng, times - EPOCH)
    trouble = _trouble(rng, world, times, minutes)
    total = rng.poisson(rate * world.period * (1 + 0.5 * trouble.errors))
    lag = rng.uniform(0, 30)
    candidate = rng.binomial(total, load.share(rollout.steps, times, world.period, lag))
    return Shared(
        world=world,
        rollout=rollout,
        times=times,
        minutes=minutes,
        requests={STABLE: (total - candidate).astype(float), CANDIDATE: candidate.astype(float)},
        rate=rate,
        character=Character.draw(rng, world.missing),
        trouble=trouble,
        latency=_latency(rng, times.size),
        error_ratio=between(rng, world.errors, log=True),
        capacity=mean / rng.uniform(*world.full),
        scales=bool(rng.random() < world.scaling),
        per_load=between(rng, world.per_load),
        by_flight=bool(rng.random() < 0.5),
        in_flight_known=bool(rng.random() < 0.7),
        histogram=bool(rng.random() < 0.4),
        mean_known=bool(rng.random() < 0.5),
        zeros=bool(rng.random() < 0.5),
        staggered=bool(rng.random() < 0.25),
    )


def _times(rng: np.random.Generator, world: World, minutes: int) -> FloatArray:
    """When samples are taken; in half of the seeds the rollout begins between two of them."""
    period = world.period
    offset = 0.0 if rng.random() < 0.5 else rng.uniform(0, period)
    count = np.arange(-world.before * 60 // period, minutes * 60 // period + 1)
    times = EPOCH + offset + period * count
    return times[times <= EPOCH + 60 * minutes]


def _steps(rng: np.random.Generator, minutes: int, *, capped: bool) -> tuple[Step, ...]:
    """10, 25, 50, 100 % at about a quarter of the time each; `capped` stays at 50 %."""
    percents = (10, 25, 50) if capped else (10, 25, 50, 100)
    length = 60.0 * minutes / len(percents) * rng.uniform(0.8, 1.0)
    return tuple(Step(EPOCH + round(i * length), percent) for i, percent in enumerate(percents))


def _latency(rng: np.random.Generator, n: int) -> Mix:
    """Medians and tails that wander slowly, as the things both revisions depend on do."""
    phi = rng.uniform(0.5, 0.95)
    median = rng.uniform(15, 200) * np.exp(ar1(rng, 1, n, phi, rng.uniform(0.02, 0.08))[0])
    part = rng.uniform(0.005, 0.03) * np.exp(ar1(rng, 1, n, phi, rng.uniform(0.05, 0.3))[0])
    return Mix(median, rng.uniform(0.3, 0.7), part, median * rng.uniform(4, 10), 0.5)


def _trouble(rng: np.random.Generator, world: World, times: FloatArray, minutes: int) -> Trouble:
    n = times.size
    latency, cpu, errors, waiting = np.ones(n), np.ones(n), np.zeros(n), np.ones(n)
    times_over = load.times_over(times)

    def spell(shortest: float, longest: float, first: float, last: float) -> FloatArray:
        begin = EPOCH + 60 * rng.uniform(first, last)
        return load.overlap(times, world.period, begin, begin + 60 * rng.uniform(shortest, longest))

    if world.outage:
        during = spell(3, 12, 1, 0.75 * minutes)
        factor = rng.uniform(2, 5)
        latency += during * (factor - 1)
        waiting += during * (factor - 1)
        errors += during * rng.uniform(0.2, 0.8)
    if world.neighbour:
        for _ in range(times_over * 2 + rng.poisson(times_over * 4)):
            during = spell(1, 4, -world.before, minutes)
            latency += during * rng.uniform(0.2, 1.5)
            cpu += during * rng.uniform(0.1, 0.4)
    if world.error_bursts:
        for _ in range(times_over * 2 + rng.poisson(times_over * 5)):
            errors += spell(0.5, 3, -world.before, minutes) * rng.uniform(0.03, 0.3)
    return Trouble(latency, cpu, np.minimum(errors, 0.9), waiting)
