"""What one rule did with one trace, and what many of them add up to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROLLED_BACK, HELD, PROMOTED, INCONCLUSIVE, CRASHED = (
    "rolled back",
    "held",
    "promoted",
    "inconclusive",
    "crashed",
)


@dataclass(frozen=True)
class Outcome:
    """`minutes` of samples from the onset of the fault (or the start of the rollout) to the decision."""

    end: str
    minutes: float
    attribution: str = ""
    metric: str = ""
    looks: int = 0
    seconds: float = 0.0
    """Spent in the judge."""

    @property
    def rolled_back(self) -> bool:
        return self.end == ROLLED_BACK


def found(outcome: Outcome, within: float) -> bool:
    """Rolled back after the fault began and soon enough. Before it began is a false alarm."""
    return outcome.rolled_back and 0 <= outcome.minutes <= within


@dataclass(frozen=True)
class Rate:
    """`hits` of `n`, with a Wilson interval of 95 %."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.n)


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a share (Wilson 1927), as parts of 1."""
    if n == 0:
        return (0.0, 1.0)
    p, zz = hits / n, z * z
    middle = (p + zz / (2 * n)) / (1 + zz / n)
    half = z / (1 + zz / n) * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return (max(0.0, middle - half), min(1.0, middle + half))


def quantile(values: Sequence[float], q: float) -> float:
    return float(np.quantile(values, q)) if len(values) else math.nan
