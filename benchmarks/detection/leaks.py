"""What leaks: how much of a gauge has been lost, in every instance at every time."""

from __future__ import annotations

import numpy as np

from benchmarks.detection import shapes
from benchmarks.detection.fleet import Fleet
from benchmarks.detection.noise import FloatArray
from benchmarks.detection.place import Place
from benchmarks.detection.service import Shared
from benchmarks.detection.world import Leak


def gauges(leak: Leak) -> tuple[str, ...]:
    """The metrics that a settled leak shows in."""
    return ("open_fds", "tcp_connections") if leak.gauge == "sockets" else (leak.gauge,)


def leaked(
    rng: np.random.Generator, shared: Shared, leak: Leak, onset: float, place: Place, each: FloatArray
) -> FloatArray:
    """Pieces, or MiB, of shape (slots, T). `each` holds the requests of every instance and period."""
    times, fleet = shared.times, place.fleet
    since = np.maximum(fleet.birth, onset)
    if leak.by == "time":
        due = leak.per_minute[0] / 60 * np.maximum(times - since, 0.0)
    else:
        due = leak.per_minute[0] / place.per_minute * np.cumsum(each * (times > since), axis=1)
    steps = np.maximum(np.diff(due, axis=1, prepend=due[:, :1]), 0.0)
    # Requests are counted ones, so what they leak is as well.
    if leak.shapes[0] == "counted" or (leak.by == "request" and leak.shapes[0] != "bursts"):
        steps = rng.poisson(steps).astype(float)
    total = np.cumsum(steps, axis=1)
    if leak.shapes[0] == "bursts":
        total = shapes.in_bursts(rng, total, times)
    total = _since_birth(total, due[:, :1], fleet)
    if leak.instances is not None:
        total[leak.instances :] = 0.0
    return total


def _since_birth(total: FloatArray, before: FloatArray, fleet: Fleet) -> FloatArray:
    """Every life begins at nothing, save the one under way when the trace begins: it has `before` already."""
    fresh = np.diff(fleet.birth, axis=1, prepend=fleet.birth[:, :1]) != 0
    first = np.maximum.accumulate(np.where(fresh, np.arange(total.shape[1]), 0), axis=1)
    start = np.where(first > 0, np.take_along_axis(total, first, axis=1), 0.0)
    return np.maximum(total - start, 0.0) + np.where(first == 0, before, 0.0)
