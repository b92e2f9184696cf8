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

from dataclasses import dataclass
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
    ("hyperbolic", 1.0),
    ("hyperbolic", 3.0),
)
"""Shapes of a warm-up and their time constants in typical warm-ups."""
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
    """Segments side by side, padded at the end to one length N. `used[k, n]` tells samples from padding."""

    segments: tuple[Segment, ...]
    used: FloatArray
    lags: FloatArray
    """Sample periods since the sample before, at least 1; shape (k, N)."""
    values: FloatArray
    columns: FloatArray
    """Level, clock and the loads, shape (k, N, 2 + loads); columns that say nothing are zero."""
    shapes: FloatArray
    """Shape (m, k, N)."""
    spans: FloatArray
    """Seconds that the clock's run from 0 to 1 stands for, shape (k,)."""


@dataclass(frozen=True)
class Trends:
    """Arrays of shape (m, k): shapes by segments; slopes per second."""

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
    loads: FloatArray
    """Coefficients of level-free loads, shape (m, k, loads)."""

    def unloaded(self, shape: int, segment: int) -> FloatArray:
        """The segment's values less the part that load explains; warm-up and growth still in them."""
        n = len(self.stack.segments[segment])
        part = self.stack.columns[segment, :n, 2:] @ self.loads[shape, segment]
        return np.asarray(self.stack.values[segment, :n] - part)


def stack(segments: tuple[Segment, ...], warm_up: float, period: float, clock: Clock) -> Stack:
    longest = max(len(s) for s in segments)
    k = len(segments)
    used, lags = np.zeros((k, longest)), np.ones((k, longest))
    values, age = np.zeros((k, longest)), np.zeros((k, longest))
    columns = np.zeros((k, longest, 5))
    spans = np.empty(k)
    for i, segment in enumerate(segments):
        n = len(segment)
        used[i, :n] = 1.0
        lags[i, 1:n] = np.maximum(np.round(np.diff(segment.age) / period), 1.0)
        values[i, :n], age[i, :n] = segment.values, segment.age
        columns[i, :n, 0] = 1.0
        columns[i, :n, 1] = ticks(segment, clock)
        spans[i] = max(segment.span, 1e-9)
        for j, load in enumerate(_loads(segment, warm_up)[: 1 if n < FEW else 2]):
            columns[i, :n, 2 + j] = load
        jump = _jump(segment.values)
        if jump is not None:
            columns[i, jump:n, 4] = 1.0
    shapes = np.stack([_shape(kind, factor * warm_up, age) for kind, factor in SHAPES]) * used
    return Stack(segments, used, lags, values, columns, shapes, spans)


def fit(stacked: Stack, phi: FloatArray) -> Trends:
    """Generalised least squares. `phi` is the dependence per shape and segment, shape (m, k)."""
    x, y, active = _design(stacked)
    xw = _whitened(x, phi, stacked)
    yw = _whitened(y[..., None], phi, stacked)[..., 0]
    beta, inverse = _solve(xw, yw)
    rest = yw - np.einsum("mknp,mkp->mkn", xw, beta)
    last = stacked.used.sum(axis=1).astype(int) - 1
    ends = stacked.shapes[:, np.arange(last.size), last] - stacked.shapes[:, :, 0]
    return Trends(
        stack=stacked,
        phi=phi,
        slope=beta[..., 1] / stacked.spans,
        unit_variance=inverse[..., 1, 1] / stacked.spans**2,
        rss=(rest**2).sum(axis=-1),
        df=np.maximum(stacked.used.sum(axis=1) - active, 0.0),
        warmed=beta[..., 2] * ends,
        loads=beta[..., 3:],
    )


def dependence(stacked: Stack) -> FloatArray:
    """Lag-one correlation of the residuals per shape and segment, 0 to 0.95; shape (m, k).

    Corrected for the fit having eaten some of it (Marriott & Pope 1954, to first order).
    """
    x, y, active = _design(stacked)
    beta, _ = _solve(x, y)
    rest = (y - np.einsum("mknp,mkp->mkn", x, beta)) * stacked.used
    power = (rest**2).sum(axis=-1)
    n = stacked.used.sum(axis=1)
    raw = (rest[..., 1:] * rest[..., :-1]).sum(axis=-1) / np.maximum(power, n * ROUNDING * 1e-6)
    mended = np.clip(raw + active * (1 + 2 * np.maximum(raw, 0.0)) / n, 0.0, MOST_PHI)
    return np.asarray(np.where(n > active + 2, mended, 0.0))


def _design(stacked: Stack) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Columns (m, k, N, p), values (m, k, N), and how many columns say anything (m, k)."""
    m, k, n = stacked.shapes.shape
    wide = np.broadcast_to(stacked.columns, (m, *stacked.columns.shape))
    x = np.concatenate([wide[..., :2], stacked.shapes[..., None], wide[..., 2:]], axis=-1)
    active = (np.abs(x).max(axis=2) > 0).sum(axis=-1).astype(np.float64)
    return x, np.broadcast_to(stacked.values, (m, k, n)), active


def _solve(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares of every (shape, segment) by its normal equations; zero columns get zero."""
    normal = np.einsum("mknp,mknq->mkpq", x, x)
    right = np.einsum("mknp,mkn->mkp", x, y)
    diagonal = np.einsum("mkpp->mkp", normal)
    scale = np.where(diagonal > 1e-12, np.sqrt(np.maximum(diagonal, 1e-300)), 1.0)
    scaled = normal / (scale[..., :, None] * scale[..., None, :])
    p = normal.shape[-1]
    # A ridge far below the noise keeps two columns that are all but the same from dividing by nothing.
    scaled += np.eye(p) * np.where(diagonal > 1e-12, 1e-10, 1.0)[..., None]
    inverse = np.linalg.inv(scaled) / (scale[..., :, None] * scale[..., None, :])
    return np.einsum("mkpq,mkq->mkp", inverse, right), inverse


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


def _loads(segment: Segment, tau: float) -> list[FloatArray]:
    found: list[FloatArray] = []
    if segment.in_flight is not None:
        found.append(_filled(segment.in_flight))
    if segment.rate is not None:
        found.append(_lagged(_filled(segment.rate), segment.age, tau))
    scaled = []
    for load in found:
        spread = float(np.std(load))
        # A load that hardly moves explains nothing, but could stand in for the level.
        if spread > 1e-3 * max(abs(float(load.mean())), 1e-9):
            scaled.append((load - load.mean()) / spread)
    return scaled


def _filled(values: FloatArray) -> FloatArray:
    """Gaps filled by the last known value, or the first known one at the start; zeros if nothing is known."""
    known = np.isfinite(values)
    if known.all():
        return values
    if not known.any():
        return np.zeros_like(values)
    index = np.maximum.accumulate(np.where(known, np.arange(values.size), -1))
    return values[np.where(index < 0, int(np.argmax(known)), index)]


def _lagged(load: FloatArray, age: FloatArray, tau: float) -> FloatArray:
    """Load as a pool follows it: approached with time constant tau, which a step in traffic needs."""
    weights = (1 - np.exp(-np.diff(age) / tau)).tolist()
    result = load.tolist()
    state = result[0]
    for i, (weight, now) in enumerate(zip(weights, result[1:], strict=True), start=1):
        state += weight * (now - state)
        result[i] = state
    return np.array(result)


def _jump(values: FloatArray) -> int | None:
    """Where a one-time jump up is (a keep-alive setting, a second pool), if one stands out."""
    steps = np.diff(values)
    if steps.size < 8:
        return None
    largest = int(np.argmax(steps))
    typical = float(np.median(np.abs(steps - np.median(steps))))
    stands_out = float(steps[largest]) > OUTLIER * max(1.4826 * typical, 0.5)
    # With fewer samples on one side it could stand in for the level.
    return largest + 1 if stands_out and 2 <= largest + 1 <= values.size - 2 else None


def plain_slope(age: FloatArray, values: FloatArray) -> float:
    """Ordinary least squares slope; 0 for fewer than two ages."""
    centred = age - age.mean()
    power = float(centred @ centred)
    return float(centred @ values) / power if power > 0 else 0.0
