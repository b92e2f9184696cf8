"""The slope of one segment, with load, warm-up and serially dependent noise taken out.

Model: `value = level + b * load + c * exp(-age / tau) + slope * clock + noise`, noise an AR(1) process. For
a given tau and phi this is ordinary least squares after the Prais-Winsten transform. The clock is the age, or
the requests served so far: a leak per request follows traffic that moves in steps, and would pass for load
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tidegate.core.judge.segments import Segment
from tidegate.core.samples import FloatArray

ROUNDING = 1 / 12
"""Variance of a count about the smooth curve it follows: no fit of whole numbers can honestly be tighter."""
FEW = 20
"""Below this many samples only one measure of load is fitted: each costs a degree of freedom."""
MOST_PHI = 0.95
APART = 0.1
"""How far two clocks must differ, both running from 0 to 1, to count as two."""


class Clock(StrEnum):
    AGE = "age"
    REQUESTS = "requests"


@dataclass(frozen=True)
class Fit:
    """Slope per second with its variance and degrees of freedom, and what remains without load."""

    slope: float
    variance: float
    df: float
    log_likelihood: float
    warmed: float
    """What the values gained by warming up, over the segment; negative where they fell."""
    unloaded: FloatArray
    """The values less the part that load explains; warm-up and growth still in them."""


def ticks(segment: Segment, clock: Clock) -> FloatArray:
    """The clock from 0 to 1 over the segment; the age where requests are not known."""
    if clock is Clock.REQUESTS and segment.rate is not None:
        served = _filled(segment.rate) * np.diff(segment.age, prepend=segment.age[0])
        total = float(served.sum())
        if total > 0:
            return np.cumsum(served) / total
    return segment.age / max(float(segment.age[-1]), 1e-9)


def clocks(segments: tuple[Segment, ...]) -> tuple[Clock, ...]:
    """Both clocks where they can be told apart: traffic that stands still makes them the same."""
    for segment in segments:
        apart = ticks(segment, Clock.REQUESTS) - ticks(segment, Clock.AGE)
        if float(np.abs(apart).max()) > APART:
            return tuple(Clock)
    return (Clock.AGE,)


def design(segment: Segment, tau: float, clock: Clock) -> tuple[FloatArray, int]:
    """Columns level, clock, warm-up, load... (well scaled), and how many of them are load (the last)."""
    n = len(segment)
    columns = [np.ones(n), ticks(segment, clock), np.exp(-segment.age / tau)]
    loads = _loads(segment, tau)
    columns += loads[: 1 if n < FEW else 2]
    matrix = np.column_stack(columns)
    return matrix, matrix.shape[1] - 3


def _loads(segment: Segment, tau: float) -> list[FloatArray]:
    found: list[FloatArray] = []
    if segment.rate is not None:
        found.append(_lagged(_filled(segment.rate), segment.age, tau))
    if segment.in_flight is not None:
        found.insert(0, _filled(segment.in_flight))
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
    if not known.any():
        return np.zeros_like(values)
    index = np.maximum.accumulate(np.where(known, np.arange(values.size), -1))
    return values[np.where(index < 0, int(np.argmax(known)), index)]


def _lagged(load: FloatArray, age: FloatArray, tau: float) -> FloatArray:
    """Load as a pool follows it: approached with time constant tau, which a step in traffic needs."""
    result = np.empty_like(load)
    state = load[0]
    weights = 1 - np.exp(-np.diff(age, prepend=age[0]) / tau)
    for i in range(load.size):
        state += weights[i] * (load[i] - state)
        result[i] = state
    return result


def serial_dependence(segment: Segment, tau: float, clock: Clock) -> float:
    """Lag-one correlation of the residuals, corrected for the fit having eaten some of it; 0..0.95."""
    matrix, _ = design(segment, tau, clock)
    n, p = matrix.shape
    if n <= p + 2:
        return 0.0
    rest = segment.values - matrix @ np.linalg.lstsq(matrix, segment.values, rcond=1e-9)[0]
    power = float(rest @ rest)
    if power <= n * ROUNDING * 1e-6:
        return 0.0
    raw = float(rest[1:] @ rest[:-1]) / power
    return float(np.clip(raw + p * (1 + 2 * max(raw, 0.0)) / n, 0.0, MOST_PHI))


def fit(segment: Segment, tau: float, phi: float, clock: Clock) -> Fit | None:
    """Generalised least squares at this tau and phi; None when too little is left to estimate noise from."""
    matrix, load_columns = design(segment, tau, clock)
    n = matrix.shape[0]
    x, y = _whitened(matrix, phi), _whitened(segment.values[:, None], phi)[:, 0]
    u, singular, vt = np.linalg.svd(x, full_matrices=False)
    strong = singular > singular[0] * 1e-7
    df = n - int(strong.sum())
    if df < 2:
        return None
    inverse = np.where(strong, 1 / np.where(strong, singular, 1.0), 0.0)
    coefficients = vt.T @ (inverse * (u.T @ y))
    rest = y - x @ coefficients
    noise = max(float(rest @ rest) / df, ROUNDING * (1 - phi) ** 2)
    span = max(float(segment.age[-1]), 1e-9)
    variance = noise * float(((vt[:, 1] * inverse) ** 2).sum()) / span**2
    loads = matrix[:, 3:] @ coefficients[3:] if load_columns else np.zeros(n)
    return Fit(
        float(coefficients[1]) / span,
        variance,
        df,
        -0.5 * n * float(np.log(noise * df / n)),
        float(coefficients[2]) * float(matrix[-1, 2] - matrix[0, 2]),
        segment.values - loads,
    )


def _whitened(columns: FloatArray, phi: float) -> FloatArray:
    result = columns.copy()
    result[0] *= np.sqrt(1 - phi * phi)
    result[1:] -= phi * columns[:-1]
    return result


def plain_slope(age: FloatArray, values: FloatArray) -> float:
    """Ordinary least squares slope; 0 for fewer than two ages."""
    centred = age - age.mean()
    power = float(centred @ centred)
    return float(centred @ values) / power if power > 0 else 0.0
