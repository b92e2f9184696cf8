"""Is it a climb, or did the level jump once?

A keep-alive setting that is read again or a second pool that opens lifts the level for good, and a line
through that climbs. Two stories of equal length are compared for each instance: flat, then flat on another
level from some moment on; or flat, then climbing from some moment (or from the start) on.
"""

from __future__ import annotations

import numpy as np

from tidegate.core.judge.grown import Grown
from tidegate.core.samples import FloatArray

RATHER = 2.0
"""Log-likelihood by which the climb must be the better story."""
MOMENTS = 240
"""Moments tried at most."""


def is_a_jump(grown: Grown) -> bool:
    """Whether a single jump tells the samples as well as a climb does.

    With load taken out as it was fitted, and as it is known: a jump can hide behind a step of the traffic.
    """
    stacked = grown.trends.stack
    known = -1 if stacked.free_load.any() else 0
    plain = [stacked.values[known, i, : len(stacked.segments[i])] for i in grown.chosen]
    fitted = [values for _, values in grown.unloaded()]
    phi = float(grown.trends.phi[grown.shape, 0])
    return any(_rather_a_jump(courses, phi) for courses in (plain, fitted))


def _rather_a_jump(courses: list[FloatArray], phi: float) -> bool:
    jump = climb = 0.0
    count = 0
    for values in courses:
        n = values.size
        moments = np.unique(np.linspace(1, n - 1, min(MOMENTS, n - 1)).astype(int))
        since = np.arange(n)[None, :] - moments[:, None]
        jump += _left(values, (since >= 0).astype(np.float64), phi)
        ramps = np.concatenate([np.arange(n, dtype=np.float64)[None, :], np.maximum(since, 0.0)])
        climb += _left(values, ramps, phi)
        count += n
    return 0.5 * count * float(np.log(max(jump, 1e-9) / max(climb, 1e-9))) < RATHER


def _left(values: FloatArray, stories: FloatArray, phi: float) -> float:
    """Least squares left over by the best story, a level and one column of `stories`, after whitening."""
    y = values[1:] - phi * values[:-1]
    x = stories[:, 1:] - phi * stories[:, :-1]
    y, x = y - y.mean(), x - x.mean(axis=1, keepdims=True)
    power = (x**2).sum(axis=1)
    gained = (x @ y) ** 2 / np.maximum(power, 1e-12)
    return float(y @ y - gained.max())
