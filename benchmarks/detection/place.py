"""Where and how one revision of a simulated service runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.detection import fleet as fleets
from benchmarks.detection import load
from benchmarks.detection.fleet import Fleet
from benchmarks.detection.noise import FloatArray
from benchmarks.detection.service import CANDIDATE, Shared, between
from benchmarks.detection.world import Change


@dataclass(frozen=True)
class Habits:
    """How instances of this service behave; drawn once, for the same code runs in both revisions."""

    level: float
    connections: float
    pool: float
    filling: Callable[[FloatArray], FloatArray]
    refill: float
    """Part of the pool that follows the traffic, with a time constant of `refill_minutes`."""
    refill_minutes: float
    teeth: float
    teeth_seconds: float
    heap: float
    heap_teeth: float
    heap_seconds: float
    heap_warm: float
    heap_warm_seconds: float
    cpu_full: float
    cpu_idle: float
    count: int
    """Instances of each revision where their number is fixed."""
    restarts_same_id: bool
    restarts_both: bool

    @staticmethod
    def draw(rng: np.random.Generator, shared: Shared) -> Habits:
        world = shared.world
        filling = world.fillings[rng.integers(len(world.fillings))](rng)
        pools = rng.random() < world.pool_chance
        return Habits(
            level=rng.uniform(12, 120),
            connections=rng.uniform(2, 30),
            pool=between(rng, world.pool) * pools,
            filling=filling,
            refill=rng.uniform(0.2, 0.7) * (rng.random() < world.refills),
            refill_minutes=rng.uniform(0.3, 3),
            teeth=between(rng, world.teeth),
            teeth_seconds=60 * between(rng, world.teeth_minutes),
            heap=rng.uniform(120, 400),
            heap_teeth=between(rng, world.heap_teeth),
            heap_seconds=60 * between(rng, world.heap_minutes),
            heap_warm=between(rng, world.heap_warm),
            heap_warm_seconds=60 * between(rng, world.heap_warm_minutes) if world.heap_warm_minutes else 90.0,
            cpu_full=rng.uniform(0.25, 0.6),
            cpu_idle=between(rng, world.idle_cpu),
            count=int(rng.integers(world.instances[0], world.instances[1] + 1)),
            restarts_same_id=bool(rng.random() < 0.5),
            restarts_both=bool(rng.random() < world.restarts_both),
        )


@dataclass(frozen=True)
class Place:
    """One revision and its fate."""

    name: str
    requests: FloatArray
    """Per sample period."""
    fleet: Fleet
    changes: tuple[tuple[Change, float], ...]
    """Each settled, with its onset in epoch seconds."""
    per_minute: float
    """Requests per minute of one candidate instance, on average: what leaks by request are reckoned with."""

    @property
    def each(self) -> FloatArray:
        """Requests per sample period of one instance, on average."""
        return self.requests / np.maximum(self.fleet.count, 1.0)


def active(shared: Shared, onset: float) -> FloatArray:
    """Part of each sample period that lies after the onset."""
    return load.overlap(shared.times, shared.rollout.sample_period, onset, np.inf)


def fleet_of(rng: np.random.Generator, shared: Shared, habits: Habits, name: str, needs: float) -> Fleet:
    """The instances of a revision that needs `needs` times as many of them for the same traffic."""
    world, times, start, period = shared.world, shared.times, shared.start, shared.rollout.sample_period
    if name == CANDIDATE:
        born = start - rng.uniform(-20, 60)
    elif rng.random() < world.young:
        born = start - 60 * rng.uniform(world.before - 25, world.before)
    else:
        born = start - 60 * rng.uniform(180, 1440)
    if shared.scales:
        needed = shared.requests[name] / period / shared.capacity * needs
        idle = int(rng.uniform(5, 15) * 60 / period)
        found = fleets.scaling(rng, times, np.where(times > born, needed, 0.0), idle, born)
    else:
        found = fleets.fixed(times, born + rng.uniform(0, 40, habits.count))
    if world.restarts and (name == CANDIDATE or habits.restarts_both):
        found = fleets.restarting(rng, found, times, world.restarts, same_id=habits.restarts_same_id)
    return found
