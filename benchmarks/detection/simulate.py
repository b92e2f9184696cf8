"""A family and a seed in, a trace out. The same seed gives the same trace, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.detection.aggregates import counts, latencies, mixture, totals
from benchmarks.detection.families import Family
from benchmarks.detection.fleet import Fleet
from benchmarks.detection.gauges import gauges
from benchmarks.detection.noise import FloatArray
from benchmarks.detection.place import Habits, Place, fleet_of
from benchmarks.detection.service import CANDIDATE, EPOCH, STABLE, Shared, generator, share_out
from benchmarks.detection.trace import Trace, Truth
from benchmarks.detection.world import Change, World
from tidegate.core.samples import Key, Samples, Series

Fate = tuple[tuple[Change, float], ...]
"""Changes with the time, in epoch seconds, each begins at."""


def make(family: Family, seed: int) -> Trace:
    rng, world = generator(family.name, seed), family.world
    # A faulty candidate may have to be found before it has all the traffic.
    capped = family.faulty and bool(rng.random() < world.capped)
    shared = share_out(rng, world, family.minutes, capped=capped)
    habits = Habits.draw(rng, shared)
    fates = _fates(rng, world)
    fleets = {
        name: fleet_of(rng, shared, habits, name, float(np.prod([change.instances for change, _ in fate])))
        for name, fate in fates.items()
    }
    busy = _per_minute(shared, fleets[CANDIDATE])
    series: list[Series] = []
    for name, fate in fates.items():
        series += _measure(rng, shared, habits, Place(name, shared.requests[name], fleets[name], fate, busy))
    onset = min((max(begin, EPOCH) for _, begin in fates[CANDIDATE]), default=EPOCH)
    truth = Truth(family.faulty, onset if family.faulty else EPOCH)
    late = _late(rng, series, world.late) if world.late else {}
    return Trace(shared.rollout, Samples.of(series), truth, family.minutes, late)


def _fates(rng: np.random.Generator, world: World) -> dict[str, Fate]:
    """What happens to each revision; what happens to both is the same to the last digit."""

    def settled(changes: Sequence[Change]) -> Fate:
        drawn = [change.settled(rng) for change in changes]
        return tuple((one, -np.inf if one.onset is None else EPOCH + 60 * one.onset[0]) for one in drawn)

    both = settled(world.both)
    return {STABLE: both + settled(world.stable), CANDIDATE: both + settled(world.candidate)}


def _per_minute(shared: Shared, fleet: Fleet) -> float:
    during = shared.times > shared.start
    mean = float(shared.requests[CANDIDATE][during].mean()) / max(float(fleet.count[during].mean()), 1.0)
    return max(60 / shared.rollout.sample_period * mean, 1e-9)


def _measure(rng: np.random.Generator, shared: Shared, habits: Habits, place: Place) -> Iterator[Series]:
    """Every series of one revision; nothing before its first instance is there."""
    if any(change.silent for change, _ in place.changes):
        return
    seen = np.cumsum(place.fleet.alive.any(axis=0)) > 0
    place = replace(place, requests=np.where(seen, place.requests, 0.0))
    mix = mixture(rng, shared, place)
    yield from counts(rng, shared, place, seen)
    yield from latencies(rng, shared, place, mix)
    yield from gauges(rng, shared, habits, place, mix)
    yield from totals(rng, shared, habits, place)


def _late(rng: np.random.Generator, series: Sequence[Series], part: float) -> dict[Key, FloatArray]:
    """When each sample can first be read: `part` of them up to 6 minutes after they were taken."""
    found = {}
    for one in series:
        delay = rng.uniform(30, 360, len(one)) * (rng.random(len(one)) < part)
        found[one.key] = one.times + delay
    return found
