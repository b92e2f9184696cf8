"""Simulates what the evidence of growth reaches without a leak; `python -m benchmarks.boundaries` prints it.

For every number of instances healthy rollouts are drawn: instances whose descriptors warm up in one of the
ways below and then stand still, with AR(1) noise, beside stable instances that stand still. The statistic of
`core.judge.growth` is taken at looks up to an hour (30 typical warm-ups), and the largest over the looks of a
stage is kept: its upper tail is what the boundary of that stage has to stay above. The tail is described by
`log P(sup > z) = a - b z**2` (a normal tail), fitted between the 5 % and the 0.4 % quantile over all the ways
to warm up together. The numbers end up in `core/judge/boundaries.py`, and a test draws one of them anew.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from tidegate.core.judge.boundaries import STAGES, stage_of
from tidegate.core.judge.comparison import UNASKED
from tidegate.core.judge.grown import MISSED
from tidegate.core.judge.growth import Means, means, signed_root
from tidegate.core.judge.segments import Segment
from tidegate.core.judge.trend import SHAPES, Clock, Trends, dependence, fit, stack

Array = npt.NDArray[np.float64]

SEED = 20261124
PERIOD, WARM_UP, SD = 30.0, 120.0, 2.0
FIRST, LAST, BEFORE = 14, 100, 120
"""Samples: of the first look, of the last, and of the stable revision before the start."""
TOLERATED = 0.2 / 60
INSTANCES = (1, 2, 3, 6)
PHIS = (0.3, 0.7)


@dataclass(frozen=True)
class WarmUp:
    kind: str
    tau: float
    size: float

    def __call__(self, age: Array) -> Array:
        if self.kind == "exponential":
            return self.size * (1 - np.exp(-age / self.tau))
        return self.size * age / (age + self.tau)


WARM_UPS = (
    WarmUp("exponential", 60.0, 0.0),
    WarmUp("exponential", 170.0, 40.0),
    WarmUp("exponential", 360.0, 20.0),
    WarmUp("exponential", 360.0, 60.0),
    WarmUp("hyperbolic", 60.0, 40.0),
    WarmUp("hyperbolic", 120.0, 40.0),
    WarmUp("hyperbolic", 210.0, 40.0),
    WarmUp("hyperbolic", 360.0, 60.0),
)


def looks() -> Iterator[int]:
    """Samples seen at each look, six per cent apart: what lies between adds next to nothing."""
    n = FIRST
    while n <= LAST:
        yield n
        n = max(n + 1, int(n * 1.06))


def noise(rng: np.random.Generator, shape: tuple[int, ...], phi: float) -> Array:
    shocks = rng.normal(size=shape) * SD * np.sqrt(1 - phi * phi)
    shocks[..., 0] /= np.sqrt(1 - phi * phi)
    for i in range(1, shape[-1]):
        shocks[..., i] += phi * shocks[..., i - 1]
    return shocks


def suprema(rng: np.random.Generator, instances: int, warm_up: WarmUp, phi: float, draws: int) -> Array:
    """The largest statistic over the looks of each stage of every drawn rollout, shape (draws, stages)."""
    age = PERIOD * np.arange(LAST)
    candidate = np.round(30 + warm_up(age) + noise(rng, (draws * instances, LAST), phi))
    stable = np.round(30 + noise(rng, (draws * instances, BEFORE), phi))
    theirs = stack(_segments(stable, born=False), WARM_UP, PERIOD, Clock.AGE)
    their_phi = np.broadcast_to(dependence(theirs), (len(SHAPES), draws * instances))
    best = np.zeros((draws, len(STAGES)))
    for n in looks():
        mine = stack(_segments(candidate[:, :n], born=True), WARM_UP, PERIOD, Clock.AGE)
        m = mine.values.shape[0]
        both = np.concatenate(
            [(n * dependence(mine)).reshape(m, draws, -1), (BEFORE * their_phi).reshape(m, draws, -1)],
            axis=-1,
        )
        phis = np.repeat(both.sum(axis=-1) / (instances * (n + BEFORE)), instances, axis=-1)
        sides = ((mine, phis), (theirs, phis[: len(theirs.free_load)]))
        fits = [_by_rollout(fit(s, p), draws) for s, p in sides]
        mean, other = (means(f, np.ones((draws, instances))) for f in fits)
        theirs_best = other.log_likelihood.argmax(axis=0)[None]
        value = np.take_along_axis(other.slope, theirs_best, 0)
        variance = np.take_along_axis(other.variance, theirs_best, 0)
        alone = (mean.slope - TOLERATED) / np.sqrt(mean.variance)
        excess = (mean.slope - value - TOLERATED) / np.sqrt(mean.variance + variance)
        mean = replace(
            mean, log_likelihood=mean.log_likelihood - np.where(np.arange(m) > 0, UNASKED, 0.0)[:, None]
        )
        root = signed_root(np.minimum(alone, excess), mean.df, mean.log_likelihood)
        lasting = _lasting(fits[0], mean, candidate[:, :n], draws)
        stage = stage_of(PERIOD * (n - 1) / WARM_UP)
        best[:, stage] = np.maximum(best[:, stage], np.where(lasting, root, 0.0))
    return best


def _lasting(trends: Trends, mean: Means, values: Array, draws: int) -> npt.NDArray[np.bool_]:
    """What `core.judge.leak` asks of a climb besides evidence: that it lasts, and outgrows the warm-up."""
    model = mean.log_likelihood.argmax(axis=0)[None]
    slope = np.take_along_axis(trends.slope.mean(axis=-1), model, 0)[0]
    warmed = np.take_along_axis(trends.warmed.mean(axis=-1), model, 0)[0]
    n = values.shape[1]
    age = PERIOD * np.arange(n - n // 2)
    centred = age - age.mean()
    late = (values[:, n // 2 :] @ centred / (centred @ centred)).reshape(draws, -1).mean(axis=-1)
    return np.asarray((late > TOLERATED) & (slope * PERIOD * (n - 1) >= MISSED * warmed))


def _segments(values: Array, *, born: bool) -> tuple[Segment, ...]:
    age = PERIOD * np.arange(values.shape[1])
    return tuple(Segment("", age, age, v, None, None, born=born) for v in values)


def _by_rollout(trends: Trends, draws: int) -> Trends:
    """The same trends with the instances of each rollout on an axis of their own."""
    fields = ("slope", "unit_variance", "rss", "df", "phi", "warmed")
    return replace(trends, **{f: getattr(trends, f).reshape(len(trends.slope), draws, -1) for f in fields})


def tail(found: Array) -> tuple[float, float]:
    """a and b of `log P(sup > z) = a - b z**2`, from the quantiles between 5 % and 0.4 %.

    Where fewer than that are above nothing at all, from those that are.
    """
    most = min(0.05, float((found > 0.5).mean()))
    if most * found.size < 20:
        return 0.0, 1e9  # next to never above nothing
    p = np.geomspace(most, most / 12, 12)
    z = np.quantile(found, 1 - p)
    slope, intercept = np.polyfit(z**2, np.log(p), 1)
    return float(intercept), float(-slope)


def at(a: float, b: float, alpha: float) -> float:
    return float(np.sqrt((a - np.log(alpha)) / b))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--draws", type=int, default=600, help="rollouts per warm-up and dependence")
    parser.add_argument("--instances", type=int, nargs="*", default=INSTANCES)
    given = parser.parse_args()
    for instances in given.instances:
        rng = np.random.default_rng([SEED, instances])
        chunk = max(10, 60 // instances)
        found = [
            suprema(rng, instances, warm_up, phi, chunk)
            for _ in range(-(-given.draws // chunk))
            for warm_up in WARM_UPS
            for phi in PHIS
        ]
        every = np.concatenate(found)
        tails = [tail(every[:, stage]) for stage in range(len(STAGES))]
        print(f"{instances}: (", *(f"({a:.3f}, {b:.4f})," for a, b in tails), ")", flush=True)
        print("# at 0.01 %:", *(f"{at(a, b, 1e-4):.2f}" for a, b in tails), flush=True)


if __name__ == "__main__":
    main()
