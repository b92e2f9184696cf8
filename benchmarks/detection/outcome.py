"""What one rule did with one trace, and what many of them add up to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class End(StrEnum):
    """How a rollout ended."""

    ROLLED_BACK = "rolled back"
    HELD = "held"
    PROMOTED = "promoted"
    INCONCLUSIVE = "inconclusive"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Outcome:
    """`minutes` of samples from the onset of the fault (or the start of the rollout) to the decision."""

    end: End
    minutes: float
    attribution: str = ""
    blamed: str = ""
    """The metrics that spoke against the candidate, or what went wrong."""
    looks: int = 0
    seconds: float = 0.0
    """Processor time spent looking."""

    @property
    def rolled_back(self) -> bool:
        return self.end is End.ROLLED_BACK

    def found(self, within: float) -> bool:
        """Rolled back soon enough after the fault began. Before it began is a false alarm."""
        return self.rolled_back and 0 < self.minutes <= within


@dataclass(frozen=True)
class Rate:
    """`hits` of `n`."""

    hits: int
    n: int

    @staticmethod
    def of(hits: Sequence[bool]) -> Rate:
        return Rate(sum(hits), len(hits))

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The share with a confidence of 95 % (Wilson 1927), as parts of 1."""
        if not self.n:
            return (0.0, 1.0)
        p, n, z = self.value, self.n, 1.959964
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (max(0.0, middle - half), min(1.0, middle + half))


def quantile(values: Sequence[float], q: float) -> float:
    return float(np.quantile(values, q)) if len(values) else math.nan
