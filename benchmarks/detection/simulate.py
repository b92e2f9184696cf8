"""A family and a seed in, a trace out. The same seed gives the same trace, to the last bit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.detection.families import Family
from benchmarks.detection.fleet import Fleet
from benchmarks.detection.noise import FloatArray
from benchmarks.detection.revision import Habits, Place, fleet_of, measure
from benchmarks.detection.service import CANDIDATE, EPOCH, STABLE, Shared, generator, share_out
from benchmarks.detection.trace import Trace, Truth
from benchmarks.detection.world import Change
from tidegate.core.samples import Key, Samples, Series


def make(family: Family, seed: int) -> Trace:
    rng, world = generator(family.name, seed), family.world
    shared = share_out(rng, world, family.minutes, capped=family.faulty and bool(rng.random() < 0.5))
    habits = Habits.draw(rng, shared)
    changes: dict[str, list[tuple[Change, float]]] = {name: [] for name in (STABLE, CANDIDATE)}
    for change in world.both:
        one = _settled(rng, change)
        changes[STABLE].append(one)
        changes[CANDIDATE].append(one)
    changes[STABLE] += [_settled(rng, change) for change in world.stable]
    changes[CANDIDATE] += [_settled(rng, change) for change in world.candidate]
    places = {name: _fleet(rng, shared, habits, name, tuple(changes[name])) for name in changes}
    busy = _per_minute(shared, places[CANDIDATE])
    series = [
        one
        for name, fleet in places.items()
        for one in measure(
            rng, shared, habits, Place(name, shared.requests[name], fleet, tuple(changes[name]), busy)
        )
    ]
    begins = [max(onset, EPOCH) for _, onset in changes[CANDIDATE]]
    truth = Truth(family.faulty, min(begins, default=EPOCH) if family.faulty else EPOCH)
    late = _late(rng, series, world.late) if world.late else {}
    return Trace(shared.rollout, Samples.of(series), truth, family.minutes, late)


def _settled(rng: np.random.Generator, change: Change) -> tuple[Change, float]:
    settled = change.settled(rng)
    return settled, -np.inf if settled.onset is None else EPOCH + 60 * settled.onset[0]


def _fleet(
    rng: np.random.Generator,
    shared: Shared,
    habits: Habits,
    name: str,
    changes: tuple[tuple[Change, float], ...],
) -> Fleet:
    factor = float(np.prod([change.instances for change, _ in changes]))
    return fleet_of(rng, shared, habits, name, factor)


def _per_minute(shared: Shared, fleet: Fleet) -> float:
    during = shared.times > shared.start
    mean = float(shared.requests[CANDIDATE][during].mean()) / max(float(fleet.count[during].mean()), 1.0)
    return max(60 / shared.rollout.sample_period * mean, 1e-9)


def _late(rng: np.random.Generator, series: list[Series], part: float) -> Mapping[Key, FloatArray]:
    found = {}
    for one in series:
        delay = np.where(rng.random(len(one)) < part, rng.uniform(30, 360, len(one)), 0.0)
        found[one.key] = one.times + delay
    return found
