"""Events among requests per sample period, of one revision: what errors and slow answers have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.evidence import more_than_share, over_dispersion
from tidegate.core.judge.view import Binned, IntArray
from tidegate.core.samples import FloatArray

BURSTY = 3.0
"""Over-dispersion of the stable revision's errors from which on they come in bursts."""
USUAL = 0.7
"""Part of the candidate's intervals that are no worse than what then counts at most."""


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

    def at_most(self, ratio: float) -> Counts:
        """With no more events in any period than such a ratio of its requests."""
        return Counts(self.bins, np.minimum(self.events, ratio * self.requests), self.requests)

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


def excess_evidence(mine: Counts, stable: Counts, stable_ever: Counts) -> float:
    """Log evidence that `mine` fails more often than the stable revision at the same time.

    Given the errors of an interval, how many are whose: an outage that hits both is no evidence, whatever the
    shares. Errors that come in bursts count for less. Where they are seen to come so on the stable revision,
    the evidence must hold without the worst intervals of the candidate: those may be its turn.
    """
    dispersion = over_dispersion(stable_ever.events, stable_ever.requests)
    other = stable.matched(mine.bins)
    if dispersion > BURSTY:
        served = mine.requests > 0
        ratios = mine.events[served] / mine.requests[served]
        usual = float(np.quantile(ratios, USUAL, method="lower")) if ratios.size else 0.0
        mine, other, stable_ever = (c.at_most(usual) for c in (mine, other, stable_ever))
        dispersion = over_dispersion(stable_ever.events, stable_ever.requests)
    return more_than_share(mine.events, mine.requests, other.events, other.requests) / dispersion


def wanted(alpha: float) -> float:
    """What log evidence is held against: nine tenths of alpha, a tenth is kept for `upper_bound`."""
    return -math.log(0.9 * alpha)
