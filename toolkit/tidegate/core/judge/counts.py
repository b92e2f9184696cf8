"""Events among requests per sample period, of one revision: what errors and slow answers have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.evidence import above, more_than_share, over_dispersion, wilson
from tidegate.core.judge.view import Binned, IntArray
from tidegate.core.samples import FloatArray


@dataclass(frozen=True)
class Counts:
    """Arrays of one length: grid bin, events and requests of that sample period; events <= requests."""

    bins: IntArray
    events: FloatArray
    requests: FloatArray

    @staticmethod
    def of(events: Binned, requests: Binned) -> Counts:
        """A period without a sample of `events` had none; one without `requests` tells nothing."""
        trials = np.maximum(requests.values, 0.0)
        return Counts(requests.bins, np.clip(events.at(requests.bins, 0.0), 0.0, trials), trials)

    def where(self, first: float = -math.inf, last: float = math.inf) -> Counts:
        chosen = (self.bins >= first) & (self.bins <= last)
        return Counts(self.bins[chosen], self.events[chosen], self.requests[chosen])

    def matched(self, bins: IntArray) -> Counts:
        """The same at the given bins, zeros where there is nothing."""
        return Counts(
            bins,
            Binned(self.bins, self.events).at(bins, 0.0),
            Binned(self.bins, self.requests).at(bins, 0.0),
        )

    @property
    def k(self) -> float:
        return float(self.events.sum())

    @property
    def n(self) -> float:
        return float(self.requests.sum())

    @property
    def ratio(self) -> float:
        return self.k / self.n if self.n else 0.0

    @property
    def bad_intervals(self) -> int:
        return int((self.events > 0).sum())


def excess_evidence(mine: Counts, stable: Counts, stable_ever: Counts, increase: float) -> float:
    """Log evidence that `mine` exceeds the stable revision by more than `increase` (a ratio).

    Two tests that must both agree, so that each covers the other's blind side: one of the totals, which knows
    the tolerance but would be fooled by an outage that hits both at changing shares; and one of the shares of
    each interval, which an outage cannot fool but which knows no tolerance.
    """
    reference = stable if stable.n >= ENOUGH else stable_ever
    other = stable.matched(mine.bins)
    over_share = more_than_share(mine.events, mine.requests, other.events, other.requests)
    if over_share <= 0:
        return over_share
    # One standard error on top, as what is known of the stable revision is an estimate too.
    ceiling = wilson(reference.k, reference.n, 1.0)[1]
    over_total = above(mine.k, mine.n, min(ceiling + increase, 1.0)) if ceiling < 1 else 0.0
    both = min(TOLERANCE_WEIGHT * over_total, over_share)
    return both / over_dispersion(stable_ever.events, stable_ever.requests)


TOLERANCE_WEIGHT = 2.0
"""The chance of error is kept by the shares; that the tolerance is exceeded may be half as sure."""
ENOUGH = 500.0
"""Requests of the stable revision since the start from which its earlier past is no longer needed."""


def wanted(alpha: float) -> float:
    """What log evidence is held against: nine tenths of alpha, a tenth went into `upper_bound`."""
    return -math.log(0.9 * alpha)
