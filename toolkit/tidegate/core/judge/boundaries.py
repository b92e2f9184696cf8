"""What the evidence of growth is held against."""

from __future__ import annotations

import math
from statistics import NormalDist


def boundary(alpha: float, segments: int) -> float:
    return max(-NormalDist().inv_cdf(alpha) * 1.15, 2.0) + 0.0 * math.log(segments)
