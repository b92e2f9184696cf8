"""How long it takes to be certain of a probability per request: errors, and requests that are slow.

A bet against `p <= tolerated` gains, per request, the Kullback-Leibler divergence between the true and the
tolerated probability, and is certain at log(1 / alpha): Wald, "Sequential tests of statistical hypotheses",
1945. Not knowing the true one costs half a logarithm of the number of events: Krichevsky and Trofimov, "The
performance of universal encoding", 1981. The judge asks two such bets, of the totals and of each period's
events given their number, and believes the smaller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.power.model import Course, first
from tidegate.core.samples import FloatArray

_RARE = 1e-9


@dataclass(frozen=True)
class Events:
    """`usual` is their probability per request on the stable revision; `tolerated` is the candidate's, or
    None: `usual` as far as it is known, and `increase` on top. `before` requests are known of the stable
    revision when the candidate starts.
    """

    usual: float
    alpha: float
    increase: float = 0.0
    tolerated: float | None = None
    dispersion: float = 1.0
    before: float = 0.0
    rate: float = 1.0
    """Requests of the whole service per second."""
    period: float = 60.0
    bad_periods: int = 3
    """Sample periods with an event that are asked for."""
    settling: float = 0.0
    """Seconds at the beginning that do not count."""
    alone: float | None = None
    """Increase that is tolerated once the stable revision has no traffic; None: nothing is said then."""

    def certain_at(self, course: Course, actual: float) -> float | None:
        """Seconds until a candidate with the probability `actual` is found out; None if it is not."""
        skipped = float(np.interp(self.settling, course.times, course.requests, left=0.0))
        mine = np.maximum(course.requests - skipped, 0.0)
        beside = np.maximum(course.beside - skipped, 0.0)
        together = np.minimum(
            self._of_totals(mine, course.stable, self.increase, actual),
            self._of_shares(beside, course, actual),
        )
        wanted = math.log(1 / (0.9 * self.alpha)) * self.dispersion
        certain = together >= wanted
        if self.alone is not None:
            certain |= self._of_totals(mine - beside, course.stable, self.alone, actual) >= wanted
        return first(course.times, certain & (self._bad_periods(course, actual) >= self.bad_periods))

    def _of_totals(self, mine: FloatArray, stable: FloatArray, increase: float, actual: float) -> FloatArray:
        limit = self.tolerated
        if limit is not None:
            tolerated = np.full_like(mine, limit)
        else:
            tolerated = _ceiling(self.usual, stable + self.before) + increase
        gain = np.where(actual > tolerated, divergence(actual, np.minimum(tolerated, 1 - _RARE)), 0.0)
        return np.asarray(mine * gain - _cost(mine * actual))

    def _of_shares(self, beside: FloatArray, course: Course, actual: float) -> FloatArray:
        """Of the events of each period the candidate has more than its share of the requests."""
        together = course.beside + course.stable
        share = np.where(together > 0, course.beside / np.maximum(together, _RARE), 0.5)
        share = np.clip(share, _RARE, 1 - _RARE)
        events = beside * actual + beside * (1 - share) / share * self.usual
        of_them = np.clip(
            share * actual / np.maximum(share * actual + (1 - share) * self.usual, _RARE), 0, 1 - _RARE
        )
        return np.asarray(events * divergence(of_them, share) - _cost(events))

    def _bad_periods(self, course: Course, actual: float) -> FloatArray:
        """Expected sample periods with at least one event."""
        each = np.diff(course.requests, prepend=0.0)
        span = np.maximum(np.diff(course.times, prepend=0.0), _RARE)
        return np.asarray(np.cumsum(-np.expm1(-each / span * self.period * actual) * span / self.period))


def divergence(p: FloatArray | float, q: FloatArray | float) -> FloatArray:
    """Kullback-Leibler divergence of a coin with probability p from one with q, in nats."""
    p, q = np.clip(p, _RARE, 1 - _RARE), np.clip(q, _RARE, 1 - _RARE)
    return np.asarray(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))


def _cost(events: FloatArray) -> FloatArray:
    return np.asarray(0.5 * np.log(np.maximum(events, 1.0)) + 0.5 * math.log(math.pi / 2))


def _ceiling(usual: float, requests: FloatArray) -> FloatArray:
    """What the stable revision's probability may be by what is known of it: one standard error more (Wilson,
    "Probable inference, the law of succession, and statistical inference", 1927)."""
    n = np.maximum(requests, 1.0)
    spread = np.sqrt(usual * (1 - usual) / n + 1 / (4 * n * n))
    return np.asarray((usual + 1 / (2 * n) + spread) / (1 + 1 / n))
