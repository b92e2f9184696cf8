"""How often one may look without crying wolf: when a test is taken, and what it may spend of alpha.

A growth test is taken anew only when the data since the start has grown by a tenth; between, the answer of
the last such look stands, so looking more often costs nothing. Look k of these spends the share
`SLOW / ((k + SLOW - 1) * (k + SLOW))` of the test's alpha. The shares of all looks, for ever, add up to 1, so
by Bonferroni's inequality the chance of a false alarm over the whole rollout stays below alpha, however the
looks depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass

SLOW = 10
"""Larger: less spent on the first looks, more left for late ones."""


@dataclass(frozen=True)
class Look:
    """The look in force: taken at `intervals` sample periods, the `number`-th (from 1), spending `share`."""

    number: int
    intervals: int

    @property
    def share(self) -> float:
        return SLOW / ((self.number + SLOW - 1) * (self.number + SLOW))


def look_at(intervals: int, first: int) -> Look | None:
    """The last look due by `intervals` sample periods, None before the first at `first` periods."""
    if intervals < first:
        return None
    look = Look(1, first)
    while (following := max(look.intervals + 1, int(look.intervals * 1.1))) <= intervals:
        look = Look(look.number + 1, following)
    return look
