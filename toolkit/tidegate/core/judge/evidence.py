"""Evidence that may be looked at as often as one likes: e-processes for counts.

Each function returns the log of an e-process: if the candidate is healthy, the chance that it *ever* exceeds
1/alpha, over all looks for ever, is at most alpha (Ville's inequality). So no look needs to be paid for.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from tidegate.core.judge.distributions import log_beta, log_beta_sf
from tidegate.core.samples import FloatArray

_RATIOS = np.exp(np.linspace(math.log(1.1), math.log(100.0), 40))
"""Relative risks the conditional test bets on, log-uniformly."""


def above(events: float, trials: float, ratio: float) -> float:
    """Log evidence that events happen with a probability above `ratio`.

    A bet spread over all probabilities above it (Jeffreys prior cut off there); against any smaller true
    probability the process is a supermartingale too.
    """
    if trials <= 0:
        return 0.0
    ratio = min(max(ratio, 1e-9), 1 - 1e-9)
    misses = max(trials - events, 0.0)
    posterior = log_beta(events + 0.5, misses + 0.5) + log_beta_sf(ratio, events + 0.5, misses + 0.5)
    prior = log_beta(0.5, 0.5) + log_beta_sf(ratio, 0.5, 0.5)
    return posterior - prior - events * math.log(ratio) - misses * math.log1p(-ratio)


def below(events: float, trials: float, ratio: float) -> float:
    """Log evidence that events happen with a probability below `ratio`."""
    return above(trials - events, trials, 1 - ratio)


@lru_cache(maxsize=1024)
def upper_bound(events: float, trials: float, alpha: float) -> float:
    """The ratio that the true probability stays under at every look, but for a chance of alpha; 1 unknown."""
    wanted = -math.log(alpha)
    low, high = (events / trials if trials > 0 else 0.0), 1.0
    if trials <= 0 or low >= 1:
        return 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if below(events, trials, middle) >= wanted else (middle, high)
    return high


def more_than_share(mine: FloatArray, my_trials: FloatArray, other: FloatArray, others: FloatArray) -> float:
    """Log evidence that `mine` has more than its share of the events of each interval, given its trials.

    Given how many events an interval had, each is mine with the odds of our trials, whatever the probability
    was just then: an outage both suffer, or a change of load, is no evidence. Arrays, one value per interval.
    """
    both = (my_trials > 0) & (others > 0)
    k, n, rest, m = mine[both], my_trials[both], other[both], others[both]
    if not k.size or not (k.sum() + rest.sum()):
        return 0.0
    share = n / (n + m)
    log_norm = np.log1p(np.outer(_RATIOS - 1, share))
    bets = k.sum() * np.log(_RATIOS) - log_norm @ (k + rest)
    top = float(bets.max())
    return top + math.log(float(np.exp(bets - top).mean()))


def over_dispersion(events: FloatArray, trials: FloatArray) -> float:
    """How many times more the events of a revision vary from interval to interval than chance; at least 1.

    Errors come in bursts and are retried. A root of an e-value that is at least the first root is an e-value
    again, so dividing the log by this number keeps it honest.
    """
    used = trials > 0
    k, n = events[used], trials[used]
    total = float(n.sum())
    if k.size < 5 or not k.sum():
        return 1.0
    ratio = min(float(k.sum()) / total, 1 - 1e-9)
    scaled = (k - n * ratio) ** 2 / (n * ratio * (1 - ratio))
    return max(float(scaled.mean()), 1.0)


def wilson(events: float, trials: float, z: float = 1.96) -> tuple[float, float]:
    """Interval for a probability, (0, 1) without trials."""
    if trials <= 0:
        return 0.0, 1.0
    ratio, square = events / trials, z * z
    centre = (ratio + square / (2 * trials)) / (1 + square / trials)
    spread = ratio * (1 - ratio) / trials + square / (4 * trials * trials)
    half = z * math.sqrt(max(spread, 0.0)) / (1 + square / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def wilson_difference(
    k: float, n: float, other_k: float, other_n: float, z: float = 1.96
) -> tuple[float, float]:
    """Newcombe's interval for the difference of two probabilities."""
    low, high = wilson(k, n, z)
    other_low, other_high = wilson(other_k, other_n, z)
    p = k / n if n else 0.5
    q = other_k / other_n if other_n else 0.5
    return (
        p - q - math.hypot(p - low, other_high - q),
        p - q + math.hypot(high - p, q - other_low),
    )
