"""What can be found at all: tests that know what no judge can, on the same rollouts.

`python -m benchmarks.detection.oracle` prints the figures that the descriptions of the families quote. One
test knows how noise, pool and load of a service behave and looks for the leak alone; one must learn the size
of the pool and the weight of the load from the candidate; one knows both error ratios.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import numpy as np

from benchmarks.detection.families import FAMILIES, Family
from benchmarks.detection.noise import FloatArray
from benchmarks.detection.outcome import quantile
from benchmarks.detection.place import Habits
from benchmarks.detection.service import CANDIDATE, EPOCH, Shared, generator, share_out
from benchmarks.detection.simulate import make
from benchmarks.detection.trace import Trace
from tidegate.core.samples import Series

SEEDS = 200
ENOUGH = 3.5
"""Standard errors: about what 1 % over a rollout leaves to one metric."""
UNIMPORTANT = 0.2
"""Growth per minute that need not be found."""


def _drawn(family: Family, seed: int) -> tuple[Shared, Habits]:
    """What `make` draws first for this seed."""
    rng = generator(family.name, seed)
    capped = family.faulty and bool(rng.random() < 0.5)
    shared = share_out(rng, family.world, family.minutes, capped=capped)
    return shared, Habits.draw(rng, shared)


def leak_evidence(family: Family, seed: int, minutes: float, *, knows: bool) -> float:
    """Standard errors by which the growth exceeds what is unimportant, in the better of the two gauges."""
    trace, (shared, habits) = make(family, seed), _drawn(family, seed)
    best = 0.0
    for metric, part in (("open_fds", 1.0), ("tcp_connections", 0.9)):
        slopes = list(_slopes(trace, shared, habits, metric, part, minutes, knows))
        if slopes:
            weights = np.array([1 / variance for _, variance in slopes])
            excess = np.array([slope - UNIMPORTANT for slope, _ in slopes])
            best = max(best, float(weights @ excess / math.sqrt(weights.sum())))
    return best


def _slopes(
    trace: Trace, shared: Shared, habits: Habits, metric: str, part: float, minutes: float, knows: bool
) -> Iterator[tuple[float, float]]:
    """Growth per minute of each candidate instance and its variance, by generalised least squares."""
    for one in trace.samples.of_metric(metric, CANDIDATE):
        seen = one.times <= EPOCH + 60 * minutes
        times, values = one.times[seen], one.values[seen]
        if times.size < 8:
            continue
        age = times - times[0] + shared.rollout.sample_period / 2
        load = np.interp(times, shared.times, shared.requests[CANDIDATE]) / shared.rollout.sample_period
        columns = [np.ones(times.size), age / 60]
        if knows:
            values = values - part * habits.pool * habits.filling(age)
            values = values - part * shared.per_load * load / habits.count * (not shared.by_flight)
        else:
            columns += [load, *([habits.filling(age)] if habits.pool else [])]
        gaps = np.maximum(np.round(np.diff(times) / shared.rollout.sample_period), 1.0)
        yield _slope(np.stack(columns, axis=1), values, shared.character.phi**gaps)


def _slope(x: FloatArray, y: FloatArray, phi: FloatArray) -> tuple[float, float]:
    """The second coefficient and its variance, with noise of the given correlations between neighbours."""
    scale = np.sqrt(1 - phi**2)
    x = np.vstack([x[:1], (x[1:] - phi[:, None] * x[:-1]) / scale[:, None]])
    y = np.concatenate([y[:1], (y[1:] - phi * y[:-1]) / scale])
    inverse = np.linalg.pinv(x.T @ x)
    found = inverse @ x.T @ y
    left = y - x @ found
    # Whole numbers can look like no noise at all.
    variance = max(float(left @ left) / max(y.size - x.shape[1], 1), 0.3)
    return float(found[1]), variance * float(inverse[1, 1])


def errors_found(family: Family, seed: int, before: float, after: float) -> float:
    """Minutes until Wald's sequential test of the two ratios decides at 0.35 %; infinity if it does not."""
    trace = make(family, seed)
    requests, errors = (trace.samples.get(m, CANDIDATE) for m in ("request_count", "error_count"))
    if not isinstance(requests, Series) or not isinstance(errors, Series):
        return math.inf
    good = requests.values - errors.values
    ratio = np.cumsum(errors.values * math.log(after / before) + good * math.log((1 - after) / (1 - before)))
    over = np.flatnonzero(ratio > math.log(1 / 0.0035))
    return float(requests.times[over[0]] - EPOCH) / 60 if over.size else math.inf


def main() -> int:
    for name in [name for name in FAMILIES if name.startswith(("leak 1/", "leak 5/"))]:
        for knows in (True, False):
            told = []
            for minutes in (10, 15, 20, 30):
                z = [leak_evidence(FAMILIES[name], s, minutes, knows=knows) for s in range(SEEDS)]
                told.append(f"{100 * np.mean(np.array(z) > ENOUGH):.0f} % in {minutes} min")
            print(f"{name}, {'known' if knows else 'learnt'} pool and load: {', '.join(told)}")
    for name, before, after in (("errors +0.5 points", 0.001, 0.006), ("errors +5 points", 0.0075, 0.0575)):
        times = [errors_found(FAMILIES[name], seed, before, after) for seed in range(SEEDS)]
        hits = [t for t in times if t <= 30]
        print(
            f"{name}: {100 * len(hits) / SEEDS:.0f} %, median {quantile(hits, 0.5):.0f} min, "
            f"95 % by {quantile(hits, 0.95):.0f} min"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
