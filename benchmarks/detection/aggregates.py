"""What is measured of a revision as a whole: requests, errors, latencies, CPU, instances."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.detection import latency, load
from benchmarks.detection.latency import Mix
from benchmarks.detection.noise import BoolArray, FloatArray, ar1, kept
from benchmarks.detection.place import Habits, Place, active
from benchmarks.detection.service import Shared, between
from tidegate.core.samples import Key, Series
from tidegate.core.trace import BUCKETS


def counts(rng: np.random.Generator, shared: Shared, place: Place, seen: BoolArray) -> Iterator[Series]:
    """Requests and errors where the revision is `seen`, or their ratio where only that is known."""
    requests = place.requests
    ratio = np.clip(_error_ratio(rng, shared, place), 0.0, 1.0)
    errors = rng.binomial(requests.astype(np.int64), ratio).astype(float)
    known = {"request_count": requests, "error_count": errors}
    shown = seen if shared.zeros else seen & (requests > 0)
    if shared.world.coarse:
        known = {"error_ratio": errors / np.maximum(requests, 1.0)}
        shown = seen & (requests > 0)
    yield from _series(rng, shared, place, known, shown)


def _error_ratio(rng: np.random.Generator, shared: Shared, place: Place) -> FloatArray:
    wander = between(rng, shared.world.spread)
    ratio = shared.error_ratio * np.exp(rng.standard_normal(shared.times.size) * wander - wander**2 / 2)
    ratio = ratio + shared.trouble.errors
    if shared.world.error_bursts:
        for _ in range(rng.poisson(2 * load.times_over(shared.times))):
            ratio += rng.uniform(0.02, 0.15) * _spell(rng, shared, 0.5, 2.0)
    for change, onset in place.changes:
        ratio = ratio + change.errors * active(shared, onset)
    return ratio


def _spell(rng: np.random.Generator, shared: Shared, shortest: float, longest: float) -> FloatArray:
    """Part of each sample period within a spell of so many minutes, anywhere in the trace."""
    begin = rng.uniform(shared.times[0], shared.times[-1])
    end = begin + 60 * rng.uniform(shortest, longest)
    return load.overlap(shared.times, shared.rollout.sample_period, begin, end)


def mixture(rng: np.random.Generator, shared: Shared, place: Place) -> Mix:
    """The latencies of this revision: what both share, and what is its own."""
    world, base = shared.world, shared.latency
    own = np.exp(ar1(rng, 1, shared.times.size, rng.uniform(0.3, 0.9), rng.uniform(0.01, 0.03))[0])
    factor = own * shared.trouble.latency * (1 + rng.uniform(-world.latency_offset, world.latency_offset))
    if world.neighbour:
        for _ in range(rng.poisson(1.5 * load.times_over(shared.times))):
            factor *= 1 + rng.uniform(0.1, 0.6) * _spell(rng, shared, 0.5, 2.5)
    part, slow, sigma = base.slow_part, base.slow_median, base.slow_sigma
    for change, onset in place.changes:
        factor = factor * (1 + (change.latency[0] - 1) * active(shared, onset))
        if change.p99[0] != 1.0:
            # The slowest 3 % become this slow; nothing else is touched.
            since = active(shared, onset) > 0
            slow = np.where(since, base.percentile(0.99) * change.p99[0], slow)
            part = np.where(since, 0.03, part)
            sigma = 0.25
    return Mix(base.median * factor, base.sigma, np.clip(part, 0, 0.2), slow * factor, sigma)


def latencies(rng: np.random.Generator, shared: Shared, place: Place, mix: Mix) -> Iterator[Series]:
    found = latency.histograms(rng, mix, place.requests)
    known = {}
    if not shared.world.coarse:
        known = {f"latency_p{q}_ms": latency.percentiles(found, q / 100) for q in (50, 95, 99)}
    if shared.mean_known or shared.world.coarse:
        known["latency_mean_ms"] = latency.means(found)
    there = (place.requests > 0) & kept(rng, place.requests.size, shared.character.missing)
    if not there.any():
        return
    times = shared.times[there]
    for metric, values in known.items():
        yield Series(Key(metric, place.name), times, values[there])
    if shared.histogram and not shared.world.coarse:
        up_to = np.cumsum(found[there], axis=1)
        for i, bound in enumerate((*latency.BOUNDS.tolist(), np.inf)):
            yield Series(Key(BUCKETS, place.name, "", bound), times, up_to[:, i].copy())


def totals(rng: np.random.Generator, shared: Shared, habits: Habits, place: Place) -> Iterator[Series]:
    """CPU, instances and what they are billed for."""
    world, count, period = shared.world, place.fleet.count, shared.rollout.sample_period
    full = shared.capacity if shared.scales else float(shared.rate.max()) / max(float(count.max()), 1.0)
    busy = habits.cpu_full * place.each / period / full * shared.trouble.cpu
    busy = busy * (1 + rng.uniform(-world.cpu_offset, world.cpu_offset))
    for change, onset in place.changes:
        busy = busy * (1 + (change.cpu - 1) * active(shared, onset))
    noise = ar1(rng, 1, count.size, rng.uniform(0.0, 0.6), rng.uniform(0.01, 0.04))[0]
    known = {
        "cpu_utilization": np.clip((habits.cpu_idle + busy) * (1 + noise), 0.0, 1.0),
        "instance_count": count,
        "billable_instance_seconds": count * period,
    }
    for metric, values in known.items():
        yield from _series(rng, shared, place, {metric: values}, count > 0)


def _series(
    rng: np.random.Generator,
    shared: Shared,
    place: Place,
    known: dict[str, FloatArray],
    shown: BoolArray,
) -> Iterator[Series]:
    """Series that come, or get lost, together."""
    there = shown & kept(rng, shown.size, shared.character.missing)
    if there.any():
        for metric, values in known.items():
            yield Series(Key(metric, place.name), shared.times[there], values[there])
