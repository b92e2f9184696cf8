"""What the evidence of growth is held against, as simulated by `benchmarks/boundaries.py`.

The longer instances have been watched, the less a warm-up can look like a leak, and the lower the boundary
may be. A rollout is cut into stages by the age of its oldest instance; each may spend the same part of the
chance of a false alarm, so by Bonferroni's inequality the whole rollout keeps it, however often one looks.

The numbers are of one instance (`--instances 1 --draws 400`: 6,720 rollouts, the seed is in the script) and
serve for any number. Several instances make a curve that no
shape fits stand out more (three: 4.4 to 4.7 at 0.01 % instead of 4.0); what that leaves of false alarms is
measured by the family of warm-ups in `benchmarks/detection`.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from types import MappingProxyType

STAGES = (3.5, 5.0, 7.0, 10.0, 14.0, 20.0)
"""Ages, in typical warm-ups, at which the stages begin; the last one never ends."""

TAILS: Mapping[int, tuple[tuple[float, float], ...]] = MappingProxyType(
    {
        1: ((1.03, 0.54), (-0.03, 0.48), (-0.98, 0.46), (-1.90, 0.53), (-3.08, 0.49), (-5.38, 0.36)),
    }
)
"""By number of instances and stage, a and b of `log P(largest statistic of the stage > z) = a - b z**2`."""
LEAST = 2.5
"""No boundary is lower, whatever the simulation says: no simulation has every shape of noise in it."""


def stage_of(age: float) -> int:
    """`age` of the oldest instance in typical warm-ups."""
    return max(bisect.bisect_right(STAGES, age) - 1, 0)


def boundary(alpha: float, segments: int, age: float) -> float:
    """What the statistic of so many instances must exceed, for a chance `alpha` over the whole rollout."""
    known = max((k for k in TAILS if k <= segments), default=min(TAILS))
    a, b = TAILS[known][stage_of(age)]
    return max(math.sqrt(max(a - math.log(alpha / len(STAGES)), 0.0) / b), LEAST)
