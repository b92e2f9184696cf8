"""The slopes of many segments at once, with load, warm-up and serially dependent noise taken out.

Model of one segment: `value = level + slope * clock + c * shape(age) + b * load + noise`, noise an AR(1)
process. Nobody knows how a pool fills, so a grid of shapes is fitted: none, exponentials and hyperbolas of
several time constants, all in units of the service's typical warm-up. For a given shape and dependence this
is ordinary least squares after the Prais-Winsten transform. The clock is the age, or the requests served so
far: a leak per request follows traffic that moves in steps, and would pass for load otherwise.

Everything is an array over (shape, segment), solved in one call each: a look must not cost more than
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from tidegate.core.judge.segments import Segment
from tidegate.core.samples import FloatArray

SHAPES: tuple[tuple[str, float], ...] = (
    ("none", 1.0),
    ("exponential", 0.5),
    ("exponential", 1.0),
    ("exponential", 1.75),
    ("exponential", 3.0),
    ("hyperbolic", 0.4),
    ("hyperbolic", 1.0),
    ("hyperbolic", 3.0),
)
"""Shapes of a warm-up and their time constants in typical warm-ups."""
LONG = 30.0
"""Typical warm-ups after which whatever was still filling at the first sample no longer matters."""
ROUNDING = 1 / 12
"""Variance of a count about the smooth curve it follows: no fit of whole numbers can honestly be tighter."""
FEW = 20
"""Below this many samples only one measure of load is fitted: each costs a degree of freedom."""
MOST_PHI = 0.95
APART = 0.1
"""How far two clocks must differ, both running from 0 to 1, to count as two."""
OUTLIER = 7.0
"""Times the typical step by which the largest rise must stand out to be taken for a one-time jump."""


class Clock(StrEnum):
    AGE = "age"
    REQUESTS = "requests"


@dataclass(frozen=True)
class Stack:
    """Segments side by side, padded at the end to one length N, once for each of m models.

    A model is a shape of warm-up, with the effect of load free or, in a second round, known beforehand.
    """

    segments: tuple[Segment, ...]
    used: FloatArray
    """Tells samples from padding, shape (k, N)."""
    lags: FloatArray
    """Sample periods since the sample before, at least 1; shape (k, N)."""
    values: FloatArray
    """Shape (m, k, N); less the effect of load where that is known."""
    columns: FloatArray
    """Level, clock, shape, loads, jump: shape (m, k, N, COLUMNS); columns that say nothing are zero."""
    spans: FloatArray
    """Seconds that the clock's run from 0 to 1 stands for, shape (k,)."""
    free_load: FloatArray
    """1 for models whose effect of load is fitted although it is known, else 0; shape (m,)."""
    active: FloatArray
    """How many columns say anything, shape (m, k)."""


COLUMNS = 6
_CLOCK, _SHAPE, _LOADS, _JUMP = 1, 2, slice(3, 5), 5


@dataclass(frozen=True)
class Trends:
    """Arrays of shape (m, k): models by segments; slopes per second."""

    stack: Stack
    phi: FloatArray
    """Serial dependence of the noise."""
    slope: FloatArray
    unit_variance: FloatArray
    """Variance of the slope for noise of variance 1."""
    rss: FloatArray
    """Squared residuals after the transform."""
    df: FloatArray
    warmed: FloatArray
    """What the values gained by warming up over the segment; negative where they fell."""
    coefficients: FloatArray
    """Shape (m, k, COLUMNS)."""
    unit_load_variances: FloatArray
    """Of the coefficients of the loads, for noise of variance 1; shape (m, k, 2)."""

    def unloaded(self, model: int, segment: int, *, jumps: bool = False) -> FloatArray:
        """The segment's values less load (and `jumps` that stand out); warm-up and growth still in them."""
        n, last = len(self.stack.segments[segment]), COLUMNS if jumps else _JUMP
        part = self.stack.columns[model, segment, :n, 3:last] @ self.coefficients[model, segment, 3:last]
        return np.asarray(self.stack.values[model, segment, :n] - part)


def stack(
    segments: tuple[Segment, ...],
    warm_up: float,
    period: float,
    clock: Clock,
    known: FloatArray | None = None,
) -> Stack:
    """`known` is the effect of one unit of each load, NaN where it is not known; shape (2,).

    Segments that have been watched for long and from no start have no warm-up: only one model is fitted then.
    """
    longest = max(len(s) for s in segments)
    warming = any(s.born or s.span < LONG * warm_up for s in segments)
    kinds = SHAPES if warming else SHAPES[:1]
    k, m = len(segments), len(kinds)
    used, lags = np.zeros((k, longest)), np.ones((k, longest))
    values, age = np.zeros((k, longest)), np.zeros((k, longest))
    columns, effect = np.zeros((k, longest, COLUMNS)), np.zeros((k, longest))
    for i, segment in enumerate(segments):
        n = len(segment)
        used[i, :n] = 1.0
        lags[i, 1:n] = np.maximum(np.round(np.diff(segment.age) / period), 1.0)
        values[i, :n], age[i, :n] = segment.values, segment.age
        columns[i, :n, 0] = 1.0
        columns[i, :n, _CLOCK] = ticks(segment, clock)
        loads = segment_loads(segment)
        columns[i, :n, _LOADS] = loads
        if known is not None:
            effect[i, :n] = loads @ np.nan_to_num(known)
        jump = _jump(segment.values)
        if jump is not None:
            columns[i, jump:n, _JUMP] = 1.0
    shapes = np.stack([_shape(kind, factor * warm_up, age) for kind, factor in kinds]) * used
    design = np.repeat(columns[None], m, axis=0)
    design[..., _SHAPE] = shapes
    every = np.repeat(values[None], m, axis=0)
    free = np.zeros(m)
    if known is not None and effect.any():
        bound = design.copy()
        bound[..., _LOADS] *= np.isnan(known)
        design, every = np.concatenate([design, bound]), np.concatenate([every, every - effect])
        free = np.repeat([1.0, 0.0], m)
    spans = np.array([max(s.span, 1e-9) for s in segments])
    active = (design != 0).any(axis=2).sum(axis=-1).astype(np.float64)
    return Stack(segments, used, lags, every, design, spans, free, active)


def reclocked(stacked: Stack, clock: Clock) -> Stack:
    """The same stack on another clock."""
    columns = stacked.columns.copy()
    for i, segment in enumerate(stacked.segments):
        columns[:, i, : len(segment), _CLOCK] = ticks(segment, clock)
    return replace(stacked, columns=columns)


def fit(stacked: Stack, phi: FloatArray) -> Trends:
    """Generalised least squares. `phi` is the dependence per model and segment, shape (m, k)."""
    xw = _whitened(stacked.columns, phi, stacked)
    yw = _whitened(stacked.values[..., None], phi, stacked)[..., 0]
    beta, inverse = _solve(xw, yw)
    rest = yw - (xw @ beta[..., None])[..., 0]
    n = stacked.used.sum(axis=1)
    shape = stacked.columns[..., _SHAPE]
    ends = shape[:, np.arange(n.size), n.astype(int) - 1] - shape[:, :, 0]
    return Trends(
        stack=stacked,
        phi=phi,
        slope=beta[..., _CLOCK] / stacked.spans,
        unit_variance=inverse[..., _CLOCK, _CLOCK] / stacked.spans**2,
        rss=(rest**2).sum(axis=-1),
        df=np.maximum(n - stacked.active, 0.0),
        warmed=beta[..., _SHAPE] * ends,
        coefficients=beta,
        unit_load_variances=np.stack([inverse[..., 3, 3], inverse[..., 4, 4]], axis=-1),
    )


def dependence(stacked: Stack) -> FloatArray:
    """Lag-one correlation of the residuals per model and segment, 0 to 0.95; shape (m, k).

    Corrected for the fit having eaten some of it (Marriott & Pope 1954, to first order).
    """
    beta, _ = _solve(stacked.columns, stacked.values)
    rest = (stacked.values - (stacked.columns @ beta[..., None])[..., 0]) * stacked.used
    power, active = (rest**2).sum(axis=-1), stacked.active
    n = stacked.used.sum(axis=1)
    raw = (rest[..., 1:] * rest[..., :-1]).sum(axis=-1) / np.maximum(power, n * ROUNDING * 1e-6)
    mended = np.clip(raw + active * (1 + 2 * np.maximum(raw, 0.0)) / n, 0.0, MOST_PHI)
    return np.asarray(np.where(n > active + 2, mended, 0.0))


def _solve(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares of every (shape, segment) by its normal equations; zero columns get zero."""
    turned = x.swapaxes(-1, -2)
    normal = turned @ x
    right = (turned @ y[..., None])[..., 0]
    diagonal = np.einsum("mkpp->mkp", normal)
    scale = np.where(diagonal > 1e-12, np.sqrt(np.maximum(diagonal, 1e-300)), 1.0)
    scaled = normal / (scale[..., :, None] * scale[..., None, :])
    p = normal.shape[-1]
    # A ridge far below the noise keeps two columns that are all but the same from dividing by nothing.
    scaled += np.eye(p) * np.where(diagonal > 1e-12, 1e-10, 1.0)[..., None]
    inverse = np.linalg.inv(scaled) / (scale[..., :, None] * scale[..., None, :])
    return (inverse @ right[..., None])[..., 0], inverse


def _whitened(columns: FloatArray, phi: FloatArray, stacked: Stack) -> FloatArray:
    """Prais-Winsten with gaps: over d periods the dependence is phi**d."""
    rho = phi[:, :, None] ** stacked.lags
    gain = np.sqrt((1 - phi[:, :, None] ** 2) / (1 - rho**2 + 1e-12))
    result = columns.copy()
    result[:, :, 1:] -= rho[:, :, 1:, None] * columns[:, :, :-1]
    result[:, :, 1:] *= gain[:, :, 1:, None]
    result[:, :, 0] *= np.sqrt(1 - phi**2)[:, :, None]
    return np.asarray(result * stacked.used[None, :, :, None])


def _shape(kind: str, tau: float, age: FloatArray) -> FloatArray:
    if kind == "none":
        return np.zeros_like(age)
    if kind == "exponential":
        return np.asarray(np.exp(-age / tau))
    return np.asarray(tau / (age + tau))


# ----------------------------------------------------------------------------------------- clocks and loads


def ticks(segment: Segment, clock: Clock) -> FloatArray:
    """The clock from 0 to 1 over the segment; the age where requests are not known."""
    if clock is Clock.REQUESTS and segment.rate is not None:
        served = _filled(segment.rate) * np.diff(segment.age, prepend=segment.age[0])
        total = float(served.sum())
        if total > 0:
            return np.asarray(np.cumsum(served) / total)
    return segment.age / max(segment.span, 1e-9)


def clocks(segments: tuple[Segment, ...]) -> tuple[Clock, ...]:
    """Both clocks where they can be told apart: traffic that stands still makes them the same."""
    for segment in segments:
        apart = ticks(segment, Clock.REQUESTS) - ticks(segment, Clock.AGE)
        if float(np.abs(apart).max()) > APART:
            return tuple(Clock)
    return (Clock.AGE,)


def segment_loads(segment: Segment) -> FloatArray:
    """Requests in flight and request rate about their means, shape (n, 2); zero where they say nothing."""
    n = len(segment)
    found = np.zeros((n, 2))
    measured = 0
    for j, load in enumerate((segment.in_flight, segment.lagged)):
        if load is None or (measured and n < FEW):
            continue
        values = _filled(load)
        centred = values - values.mean()
        # A load that hardly moves explains nothing, but could stand in for the level.
        if float(np.std(values)) > 1e-3 * max(abs(float(values.mean())), 1e-9):
            found[:, j] = centred
            measured += 1
    return found


def _filled(values: FloatArray) -> FloatArray:
    """Gaps filled by the last known value, or the first known one at the start; zeros if nothing is known."""
    known = np.isfinite(values)
    if known.all():
        return values
    if not known.any():
        return np.zeros_like(values)
    index = np.maximum.accumulate(np.where(known, np.arange(values.size), -1))
    return values[np.where(index < 0, int(np.argmax(known)), index)]


def _jump(values: FloatArray) -> int | None:
    """Where a one-time jump up is (a keep-alive setting, a second pool), if one stands out."""
    steps = np.diff(values)
    if steps.size < 8:
        return None
    largest = int(np.argmax(steps))
    ranked = np.sort(steps)
    typical = float(ranked[-(ranked.size // 4) - 1] - ranked[ranked.size // 4]) / 1.349
    stands_out = float(steps[largest]) > OUTLIER * max(typical, 0.5)
    # At the very beginning it could stand in for the level.
    return largest + 1 if stands_out and largest >= 1 else None


def plain_slope(age: FloatArray, values: FloatArray) -> float:
    """Ordinary least squares slope; 0 for fewer than two ages."""
    centred = age - age.mean()
    power = float(centred @ centred)
    return float(centred @ values) / power if power > 0 else 0.0
