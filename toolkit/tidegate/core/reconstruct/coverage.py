"""How much was measured, and where it is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.core.samples import Samples


@dataclass(frozen=True)
class Coverage:
    """One metric of one revision. `missing` sample periods inside its series, `gap` the longest hole, s."""

    metric: str
    revision: str
    series: int
    samples: int
    missing: int
    gap: float


def coverage(samples: Samples, period: float) -> tuple[Coverage, ...]:
    """Of every metric and revision, by name; the buckets of a histogram count as one series."""
    found = []
    for metric, revision in sorted({(key.metric, key.revision) for key in samples.by_key}):
        series = samples.of_metric(metric, revision)
        if series[0].key.le is not None:
            series = tuple({s.key.instance: s for s in series}.values())
        holes = [np.diff(s.times) for s in series]
        missing = sum(int(np.maximum(np.round(h / period) - 1, 0).sum()) for h in holes)
        gap = max((float(h.max()) for h in holes if h.size), default=0.0)
        counted = sum(map(len, series))
        found.append(Coverage(metric, revision, len(series), counted, missing, gap if missing else 0.0))
    return tuple(found)
