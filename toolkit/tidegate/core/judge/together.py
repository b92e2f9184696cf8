"""Has a level become worse on both revisions since the rollout began? Then the candidate is not to blame."""

from __future__ import annotations

import numpy as np

from tidegate.core.judge.shift import FEWEST, RECENT, Scale, compare
from tidegate.core.judge.view import Binned, after_start, before_start


def moved_together(mine: Binned, stable: Binned, scale: Scale, alpha: float) -> float | None:
    """The stable revision's level before the rollout, if both have been worse since, and still are."""
    during, before = after_start(stable), before_start(stable)
    if len(mine) < RECENT or len(during) < RECENT or len(before) < FEWEST:
        return None
    past = scale.of(before.values)
    usual = float(np.median(past))
    recent = [scale.of(b.values[-RECENT:]) - usual for b in (mine, during)]
    if any((r <= scale.tolerated).any() for r in recent):
        return None
    worse = scale.of(during.values) - usual > scale.tolerated
    # From where it was last as before: what began late must not be diluted by the quiet time.
    last_quiet = int(np.flatnonzero(~worse)[-1]) + 1 if (~worse).any() else 0
    since = Binned(during.bins[last_quiet:], during.values[last_quiet:])
    if len(since) < FEWEST:
        return None
    found = compare(since, Binned(during.bins[:0], during.values[:0]), before, scale, alpha, (0.0, 1.0), 0)
    return float(np.median(before.values)) if found is not None and found.certain else None
