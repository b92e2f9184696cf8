"""Candidate against stable: which of the two grows faster, on which clock, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate.core.judge.criteria import Criteria
from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.growth import (
    PLAUSIBLE,
    TAUS,
    Growth,
    Slope,
    difference,
    growth,
    pooled_dependence,
)
from tidegate.core.judge.regression import Clock, clocks
from tidegate.core.judge.segments import Segment

CLIMBING = 3.0
"""Standard errors of the stable revision's slope beyond which its own climb is reckoned with."""


@dataclass(frozen=True)
class Comparison:
    """Candidate against stable (None: nothing to compare with) at the time constant that counts."""

    candidate: Growth
    stable: Growth | None
    excess: Slope
    statistic: float
    """The smaller of (excess - delta) / se and (candidate - delta) / se."""
    df: float
    boundary: float

    @property
    def strength(self) -> float:
        """Evidence as a part of what is asked for; above 1 the climb is certain."""
        return self.statistic / self.boundary


def compare(
    candidate: tuple[Segment, ...], stable: tuple[Segment, ...], criteria: Criteria, alpha: float
) -> Comparison | None:
    """The stronger evidence of the clocks, which share `alpha`; None when nothing can be fitted."""
    tried = clocks(candidate)
    found = (_on_clock(candidate, stable, criteria, alpha / len(tried), clock) for clock in tried)
    return max((c for c in found if c is not None), key=lambda c: c.strength, default=None)


def _on_clock(
    candidate: tuple[Segment, ...],
    stable: tuple[Segment, ...],
    criteria: Criteria,
    alpha: float,
    clock: Clock,
) -> Comparison | None:
    """The comparison least unfavourable to the candidate among plausible warm-ups."""
    delta = criteria.leak_min_slope / 60
    tried: list[tuple[float, Comparison]] = []
    for factor in TAUS:
        tau = factor * criteria.warm_up
        phi = pooled_dependence(candidate + stable, tau, clock)
        mine, other = growth(candidate, tau, phi, clock), growth(stable, tau, phi, clock)
        if mine is None:
            continue
        excess = difference(mine.slope, _at_my_rate(mine, other))
        statistics = [((s.value - delta) / math.sqrt(s.variance), s.df) for s in (mine.slope, excess)]
        statistic, df = min(statistics)
        boundary = t_quantile(alpha, round(max(df, 1.0), 1))
        tried.append((mine.log_likelihood, Comparison(mine, other, excess, statistic, df, boundary)))
    if not tried:
        return None
    best = max(likelihood for likelihood, _ in tried)
    return min((c for ll, c in tried if ll >= best - PLAUSIBLE), key=lambda c: c.strength)


def load_ratio(mine: Growth, stable: Growth) -> float:
    """How many times the requests of a stable instance one of the candidate's serves; 1 if unknown."""
    if mine.requests is None or stable.requests is None or stable.requests <= 0:
        return 1.0
    return mine.requests / stable.requests


def _at_my_rate(mine: Growth, stable: Growth | None) -> Slope | None:
    """The stable slope as it would be under the candidate's traffic.

    A leak per request climbs with traffic, so a busier candidate climbs faster by the same fault. That is
    granted where the stable revision climbs for certain; its noise is not multiplied.
    """
    if stable is None:
        return None
    certain = stable.slope.value > CLIMBING * math.sqrt(stable.slope.variance)
    return stable.slope.times(max(1.0, load_ratio(mine, stable))) if certain else stable.slope
