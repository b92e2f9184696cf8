"""What one revision of a simulated service measures."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.detection import fleet as fleets
from benchmarks.detection import latency, load, shapes
from benchmarks.detection.fleet import Fleet
from benchmarks.detection.latency import Mix
from benchmarks.detection.noise import FloatArray, ar1, kept, remembering
from benchmarks.detection.service import BEFORE, CANDIDATE, STABLE, Shared, between
from benchmarks.detection.world import Change, Leak
from tidegate.core.samples import Key, Series
from tidegate.core.trace import BUCKETS

MIB = 2.0**20


@dataclass(frozen=True)
class Habits:
    """How instances of this service behave; drawn once, the same code runs in both revisions."""

    level: float
    connections: float
    pool: float
    filling: Callable[[FloatArray], FloatArray]
    refill: float
    """Part of the pool that follows the traffic."""
    refill_minutes: float
    teeth: float
    teeth_seconds: float
    heap: float
    heap_teeth: float
    heap_seconds: float
    heap_warm: float
    cpu_full: float
    cpu_idle: float
    restarts_same_id: bool

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
            heap_warm=rng.uniform(5, 60),
            cpu_full=rng.uniform(0.25, 0.6),
            cpu_idle=between(rng, world.idle_cpu),
            restarts_same_id=bool(rng.random() < 0.5),
        )


@dataclass(frozen=True)
class Place:
    """Where and how one revision runs."""

    name: str
    requests: FloatArray
    fleet: Fleet
    changes: tuple[tuple[Change, float], ...]
    """Each settled, with its onset in epoch seconds."""
    per_minute: float
    """Requests per minute of one candidate instance, on average: what leaks by request are reckoned with."""


def fleet_of(rng: np.random.Generator, shared: Shared, habits: Habits, name: str, factor: float) -> Fleet:
    world, times, start = shared.world, shared.times, shared.start
    if name == STABLE:
        old = start - 60 * rng.uniform(180, 1440)
        if rng.random() < world.young:
            old = start - 60 * rng.uniform(BEFORE - 25, BEFORE)
    else:
        old = start - rng.uniform(-20, 60)
    if shared.scales:
        needed = shared.requests[name] / shared.rollout.sample_period / shared.capacity * factor
        needed = np.where(times > old, needed, 0)
        idle = int(rng.uniform(5, 15) * 60 / shared.rollout.sample_period)
        found = fleets.scaling(rng, times, needed, idle, old)
    else:
        low, high = world.stable_instances if name == STABLE else world.candidate_instances
        count = int(rng.integers(low, high + 1))
        found = fleets.fixed(times, old + rng.uniform(0, 40, count))
    if world.restarts and (name == CANDIDATE or world.restarts_of == "both"):
        found = fleets.restarting(rng, found, times, world.restarts, same_id=habits.restarts_same_id)
    return found


def measure(rng: np.random.Generator, shared: Shared, habits: Habits, place: Place) -> Iterator[Series]:
    """Every series of the revision."""
    for change, _ in place.changes:
        if change.silent:
            return
    # Nothing is measured before the first instance of the revision is there.
    there = place.fleet.alive.any(axis=0)
    seen = np.cumsum(there) > 0
    place = replace(place, requests=np.where(seen, place.requests, 0.0))
    yield from _counts(rng, shared, place, seen)
    mix = _mix(rng, shared, place)
    yield from _latencies(rng, shared, place, mix)
    yield from _gauges(rng, shared, habits, place, mix)
    yield from _totals(rng, shared, habits, place)


def _active(shared: Shared, onset: float) -> FloatArray:
    """Part of each sample period that lies after the onset."""
    if onset == -np.inf:
        return np.ones(shared.times.size)
    return load.overlap(shared.times, shared.rollout.sample_period, onset, np.inf)


def _series(
    rng: np.random.Generator,
    shared: Shared,
    metric: str,
    name: str,
    values: FloatArray,
    where: FloatArray | None = None,
    instance: str = "",
) -> Iterator[Series]:
    there = kept(rng, values.size, shared.character.missing)
    there &= np.isfinite(values)
    if where is not None:
        there &= where
    if there.any():
        yield Series(Key(metric, name, instance), shared.times[there], values[there])


def _counts(rng: np.random.Generator, shared: Shared, place: Place, seen: FloatArray) -> Iterator[Series]:
    world = shared.world
    n = place.requests.size
    wander = between(rng, world.spread)
    ratio = shared.error_ratio * np.exp(rng.standard_normal(n) * wander - wander**2 / 2)
    ratio = ratio + shared.trouble.errors
    if world.error_bursts:
        for _ in range(rng.poisson(2)):
            begin = rng.uniform(shared.times[0], shared.times[-1])
            end = begin + 60 * rng.uniform(0.5, 2)
            ratio += rng.uniform(0.02, 0.15) * load.overlap(
                shared.times, shared.rollout.sample_period, begin, end
            )
    for change, onset in place.changes:
        if change.errors:
            ratio = ratio + change.errors * _active(shared, onset)
    errors = rng.binomial(place.requests.astype(np.int64), np.clip(ratio, 0, 1)).astype(float)
    shown = seen if shared.zeros else seen & (place.requests > 0)
    there = shown & kept(rng, n, shared.character.missing)
    if there.any():
        yield Series(Key("request_count", place.name), shared.times[there], place.requests[there])
        yield Series(Key("error_count", place.name), shared.times[there], errors[there])


def _mix(rng: np.random.Generator, shared: Shared, place: Place) -> Mix:
    world, base, n = shared.world, shared.latency, shared.times.size
    own = np.exp(ar1(rng, 1, n, rng.uniform(0.3, 0.9), rng.uniform(0.01, 0.03))[0])
    offset = 1 + rng.uniform(-world.latency_offset, world.latency_offset)
    factor = own * offset * shared.trouble.latency
    if world.neighbour:
        for _ in range(rng.poisson(1.5)):
            begin = rng.uniform(shared.times[0], shared.times[-1])
            during = load.overlap(
                shared.times, shared.rollout.sample_period, begin, begin + 60 * rng.uniform(0.5, 2.5)
            )
            factor *= 1 + during * rng.uniform(0.1, 0.6)
    part, slow, sigma = base.slow_part, base.slow_median, base.slow_sigma
    for change, onset in place.changes:
        if change.latency != (1.0, 1.0):
            factor = factor * (1 + (between(rng, change.latency) - 1) * _active(shared, onset))
        if change.p99 != (1.0, 1.0):
            # The slowest 3 % become this slow; nothing else is touched.
            active = _active(shared, onset)
            slow = np.where(active > 0, base.percentile(0.99) * between(rng, change.p99), slow)
            part = np.where(active > 0, 0.03, part)
            sigma = 0.25
    return Mix(base.median * factor, base.sigma, np.clip(part, 0, 0.2), slow * factor, sigma)


def _latencies(rng: np.random.Generator, shared: Shared, place: Place, mix: Mix) -> Iterator[Series]:
    counts = latency.histograms(rng, mix, place.requests)
    there = (place.requests > 0) & kept(rng, place.requests.size, shared.character.missing)
    if not there.any():
        return
    times = shared.times[there]
    for q in (50, 95, 99):
        yield Series(Key(f"latency_p{q}_ms", place.name), times, latency.percentiles(counts[there], q / 100))
    if shared.mean_known:
        yield Series(Key("latency_mean_ms", place.name), times, latency.means(counts[there]))
    if shared.histogram:
        up_to = np.cumsum(counts[there], axis=1)
        for i, bound in enumerate((*latency.BOUNDS.tolist(), np.inf)):
            yield Series(Key(BUCKETS, place.name, "", bound), times, up_to[:, i].copy())


def _gauges(
    rng: np.random.Generator, shared: Shared, habits: Habits, place: Place, mix: Mix
) -> Iterator[Series]:
    fleet, times, period = place.fleet, shared.times, shared.rollout.sample_period
    slots, n = fleet.alive.shape
    weight = fleet.alive * rng.uniform(0.85, 1.15, (slots, 1))
    each = place.requests * weight / np.maximum(weight.sum(axis=0), 1e-9)
    slow = mix.median * (1 - mix.slow_part) + mix.slow_median * mix.slow_part
    flying = each / period * slow / 1000 * np.exp(mix.sigma**2 / 2) * shared.trouble.waiting
    in_flight = rng.poisson(flying)
    load_now = 0.67 * in_flight if shared.by_flight else each / period
    grown = {"open_fds": np.zeros((slots, n)), "tcp_connections": np.zeros((slots, n)), "memory_bytes": 0.0}
    for change, onset in place.changes:
        if change.leak:
            for gauge, values in _leaked(rng, shared, change.leak, onset, place, each):
                grown[gauge] = grown[gauge] + values
        if change.jump[1] and place.name == CANDIDATE:
            at = shared.start + 60 * shared.minutes * rng.uniform(0.05, 0.9)
            jump = between(rng, change.jump) * (times > at)
            grown["open_fds"] = grown["open_fds"] + jump
            grown["tcp_connections"] = grown["tcp_connections"] + jump
    pool = _pool(habits, shared, fleet, each)
    waiting = 8 * (shared.trouble.waiting - 1)
    teeth = _teeth(rng, habits.teeth, habits.teeth_seconds, fleet, times)
    character = shared.character
    moved = pool + shared.per_load * load_now + waiting
    fds = habits.level * rng.uniform(0.95, 1.05, (slots, 1)) + moved + teeth + grown["open_fds"]
    fds = character.reading(fds + character.gauge(rng, slots, n))
    sockets = habits.connections + 0.9 * moved + grown["tcp_connections"]
    sockets = character.reading(sockets + character.gauge(rng, slots, n, 0.6 * character.sd))
    readings = {"open_fds": fds, "tcp_connections": sockets, "memory_bytes": 0.0}
    readings["memory_bytes"] = _memory(rng, shared, habits, fleet, each) + MIB * grown["memory_bytes"]
    if shared.in_flight_known:
        readings["in_flight_requests"] = in_flight.astype(float)
    yield from _per_instance(rng, shared, place, readings)


def _pool(habits: Habits, shared: Shared, fleet: Fleet, each: FloatArray) -> FloatArray:
    filled = habits.pool * habits.filling(fleet.age(shared.times))
    if not habits.refill or not habits.pool:
        return filled
    wanted = each / max(float(each.max()), 1e-9)
    tau = 60 * habits.refill_minutes / shared.rollout.sample_period
    phi = np.exp(-1 / tau)
    followed = remembering((1 - phi) * wanted, float(phi))
    return filled * (1 - habits.refill) + habits.pool * habits.refill * followed


def _teeth(
    rng: np.random.Generator, height: float, seconds: float, fleet: Fleet, times: FloatArray
) -> FloatArray:
    slots = fleet.alive.shape[0]
    if not height:
        return np.zeros(fleet.alive.shape)
    return height * shapes.sawtooth(rng, times - times[0], rng.random(slots), seconds)


def _leaked(
    rng: np.random.Generator, shared: Shared, leak: Leak, onset: float, place: Place, each: FloatArray
) -> Iterator[tuple[str, FloatArray]]:
    times, fleet = shared.times, place.fleet
    since = np.maximum(fleet.birth, onset)
    per_minute = between(rng, leak.per_minute)
    if leak.by == "time":
        due = per_minute / 60 * np.maximum(times[None, :] - since, 0.0)
    else:
        active = times[None, :] > since
        due = np.cumsum(each * active, axis=1) * per_minute / place.per_minute
    steps = np.maximum(np.diff(due, axis=1, prepend=due[:, :1]), 0.0)
    shape = leak.shapes[0]
    if shape == "counted" or (leak.by == "request" and shape != "bursts"):
        steps = rng.poisson(steps).astype(float)
    total = np.cumsum(steps, axis=1)
    if shape == "bursts":
        total = shapes.in_bursts(rng, total, times)
    # Every life begins at nothing.
    fresh = np.diff(fleet.birth, axis=1, prepend=fleet.birth[:, :1]) != 0
    first = np.maximum.accumulate(np.where(fresh, np.arange(times.size), 0), axis=1)
    start = np.where(first > 0, np.take_along_axis(total, first, axis=1), 0.0)
    total = np.maximum(total - start, 0.0) + np.where(first == 0, due[:, :1], 0.0)
    if leak.instances is not None:
        total[leak.instances :] = 0
    for one in ("open_fds", "tcp_connections") if leak.gauge == "sockets" else (leak.gauge,):
        yield one, total


def _memory(
    rng: np.random.Generator, shared: Shared, habits: Habits, fleet: Fleet, each: FloatArray
) -> FloatArray:
    slots, n = fleet.alive.shape
    age = fleet.age(shared.times)
    heap = habits.heap * rng.uniform(0.97, 1.03, (slots, 1)) + habits.heap_warm * (1 - np.exp(-age / 90))
    heap = heap + _teeth(rng, habits.heap_teeth, habits.heap_seconds, fleet, shared.times)
    heap = heap + 0.5 * each / shared.rollout.sample_period
    return MIB * np.maximum(heap + ar1(rng, slots, n, shared.character.phi, 1.5), 1.0)


def _per_instance(
    rng: np.random.Generator, shared: Shared, place: Place, readings: dict[str, FloatArray]
) -> Iterator[Series]:
    fleet, period = place.fleet, shared.rollout.sample_period
    for slot in range(fleet.alive.shape[0]):
        alive = fleet.alive[slot]
        moment = rng.uniform(0, period) if shared.staggered else 0.0
        for number in np.unique(fleet.name[slot][alive]).tolist():
            mine = alive & (fleet.name[slot] == number)
            for metric, values in readings.items():
                there = mine & kept(rng, alive.size, shared.character.missing)
                if there.any():
                    key = Key(
                        metric, place.name, f"{zlib.crc32(f'{place.name}/{slot}/{number}'.encode()):08x}"
                    )
                    yield Series(key, shared.times[there] - moment, values[slot][there])


def _totals(rng: np.random.Generator, shared: Shared, habits: Habits, place: Place) -> Iterator[Series]:
    world, fleet, period = shared.world, place.fleet, shared.rollout.sample_period
    count = fleet.count
    n = count.size
    offset = 1 + rng.uniform(-world.cpu_offset, world.cpu_offset)
    each = place.requests / period / np.maximum(count, 1)
    full = shared.capacity if shared.scales else float(shared.rate.max()) / max(float(count.max()), 1)
    busy = habits.cpu_full * each / full * offset * shared.trouble.cpu
    for change, onset in place.changes:
        busy = busy * (1 + (change.cpu - 1) * _active(shared, onset))
    noise = 1 + ar1(rng, 1, n, rng.uniform(0.0, 0.6), rng.uniform(0.01, 0.04))[0]
    cpu = np.clip((habits.cpu_idle + busy) * noise, 0.0, 1.0)
    there = count > 0
    yield from _series(rng, shared, "cpu_utilization", place.name, cpu, there)
    yield from _series(rng, shared, "instance_count", place.name, count, there)
    yield from _series(rng, shared, "billable_instance_seconds", place.name, count * period, there)
