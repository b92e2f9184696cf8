"""What each instance shows: descriptors, connections, memory, requests in flight."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from benchmarks.detection import leaks, shapes
from benchmarks.detection.latency import Mix
from benchmarks.detection.noise import FloatArray, ar1, kept, remembering
from benchmarks.detection.place import Habits, Place
from benchmarks.detection.service import Shared
from tidegate.core.samples import Key, Series

MIB = 2.0**20
WAITING = 8.0
"""Connections of an instance that hang for every multiple of its latency while something upstream fails."""


def gauges(
    rng: np.random.Generator, shared: Shared, habits: Habits, place: Place, mix: Mix
) -> Iterator[Series]:
    """Every per-instance series of the revision."""
    shape = place.fleet.alive.shape
    weight = place.fleet.alive * rng.uniform(0.85, 1.15, (shape[0], 1))
    each = place.requests * weight / np.maximum(weight.sum(axis=0), 1e-9)
    in_flight = rng.poisson(_in_flight(shared, each, mix))
    moved = _pool(habits, shared, place, each) + WAITING * (shared.trouble.waiting - 1)
    per_second = each / shared.rollout.sample_period
    moved = moved + shared.per_load * (0.67 * in_flight if shared.by_flight else per_second)
    grown = _grown(rng, shared, place, each)
    character = shared.character
    fds = habits.level * rng.uniform(0.95, 1.05, (shape[0], 1)) + moved + grown["open_fds"]
    fds = fds + _teeth(rng, habits.teeth, habits.teeth_seconds, shared, shape[0])
    sockets = habits.connections + 0.9 * moved + grown["tcp_connections"]
    readings = {
        "open_fds": character.reading(fds + character.gauge(rng, *shape)),
        "tcp_connections": character.reading(sockets + character.gauge(rng, *shape, 0.6 * character.sd)),
        "memory_bytes": MIB * (_heap(rng, shared, habits, place, per_second) + grown["memory_bytes"]),
    }
    if shared.in_flight_known:
        readings["in_flight_requests"] = in_flight.astype(float)
    yield from _per_instance(rng, shared, place, readings)


def _in_flight(shared: Shared, each: FloatArray, mix: Mix) -> FloatArray:
    """Mean of the requests in flight, by Little's law from the mean latency."""
    latency = mix.median * (1 - mix.slow_part) + mix.slow_median * mix.slow_part
    seconds = latency / 1000 * np.exp(mix.sigma**2 / 2)
    return each / shared.rollout.sample_period * seconds * shared.trouble.waiting


def _grown(rng: np.random.Generator, shared: Shared, place: Place, each: FloatArray) -> dict[str, FloatArray]:
    """What leaks and jumps add to each gauge."""
    nothing = np.zeros(place.fleet.alive.shape)
    grown = dict.fromkeys(("open_fds", "tcp_connections", "memory_bytes"), nothing)
    for change, onset in place.changes:
        if change.leak:
            total = leaks.leaked(rng, shared, change.leak, onset, place, each)
            for gauge in leaks.gauges(change.leak):
                grown[gauge] = grown[gauge] + total
        if change.jump[0]:
            at = shared.start + 60 * shared.minutes * rng.uniform(0.05, 0.9)
            for gauge in ("open_fds", "tcp_connections"):
                grown[gauge] = grown[gauge] + change.jump[0] * (shared.times > at)
    return grown


def _pool(habits: Habits, shared: Shared, place: Place, each: FloatArray) -> FloatArray:
    filled = habits.pool * habits.filling(place.fleet.age(shared.times))
    if not habits.refill:
        return filled
    wanted = each / max(float(each.max()), 1e-9)
    phi = float(np.exp(-shared.rollout.sample_period / (60 * habits.refill_minutes)))
    followed = remembering((1 - phi) * wanted, phi)
    return filled * (1 - habits.refill) + habits.pool * habits.refill * followed


def _teeth(rng: np.random.Generator, height: float, seconds: float, shared: Shared, slots: int) -> FloatArray:
    if not height:
        return np.zeros((slots, shared.times.size))
    return height * shapes.sawtooth(rng, shared.times - shared.times[0], rng.random(slots), seconds)


def _heap(
    rng: np.random.Generator, shared: Shared, habits: Habits, place: Place, per_second: FloatArray
) -> FloatArray:
    """MiB in use: a warm-up, a collector's teeth, half a MiB per request and second, and noise of 1.5 MiB."""
    slots, n = place.fleet.alive.shape
    heap = habits.heap * rng.uniform(0.97, 1.03, (slots, 1)) + 0.5 * per_second
    heap = heap + habits.heap_warm * (1 - np.exp(-place.fleet.age(shared.times) / habits.heap_warm_seconds))
    heap = heap + _teeth(rng, habits.heap_teeth, habits.heap_seconds, shared, slots)
    return np.maximum(heap + ar1(rng, slots, n, shared.character.phi, 1.5), 1.0)


def _per_instance(
    rng: np.random.Generator, shared: Shared, place: Place, readings: dict[str, FloatArray]
) -> Iterator[Series]:
    fleet, period = place.fleet, shared.rollout.sample_period
    for slot in range(fleet.alive.shape[0]):
        alive = fleet.alive[slot]
        moment = rng.uniform(0, period) if shared.staggered else 0.0
        for number in np.unique(fleet.name[slot][alive]).tolist():
            mine = alive & (fleet.name[slot] == number)
            instance = f"{zlib.crc32(f'{place.name}/{slot}/{number}'.encode()):08x}"
            for metric, values in readings.items():
                there = mine & kept(rng, alive.size, shared.character.missing)
                if there.any():
                    times = shared.times[there] - moment
                    yield Series(Key(metric, place.name, instance), times, values[slot][there])
