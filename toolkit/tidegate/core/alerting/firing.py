"""When a rule would have been open, from the evaluations at which its expression held.

The semantics are those of Prometheus' alerts, which Cloud Monitoring's PromQL policies take over: a series
that is in the answer of every evaluation for the whole of `for` opens an incident of its own, and a single
evaluation without it ends the wait or the incident. What Cloud Monitoring adds is not here: the minutes until
a sample is visible, snoozes, and `auto_close`, for which an incident may stay open when its series is gone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Labels = tuple[tuple[str, str], ...]
"""Of one series, sorted, without the metric's name."""
IndexArray = npt.NDArray[np.int64]
"""Numbers of evaluations, rising."""


@dataclass(frozen=True)
class Evaluations:
    """`count` evaluations, `step` seconds apart; the first at `start` (epoch seconds). The first `lead` of
    them lie before the window: they only tell what was under way when it began."""

    start: float
    step: float
    count: int
    lead: int = 0

    def at(self, index: int) -> float:
        return self.start + index * self.step

    @property
    def begin(self) -> float:
        return self.at(self.lead)

    @property
    def end(self) -> float:
        return self.at(self.count - 1)


@dataclass(frozen=True)
class Unread:
    """Evaluations `first` to `last` (inclusive) of which nothing is known, and why."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Held:
    """The evaluations at which the expression held, by series, and those that could not be read."""

    series: Mapping[Labels, IndexArray] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    def read(self, index: int) -> bool:
        return not any(gap.first <= index <= gap.last for gap in self.unread)

    @property
    def unread_count(self) -> int:
        return sum(gap.last - gap.first + 1 for gap in self.unread)


@dataclass(frozen=True)
class Episode:
    """One incident of one series, in epoch seconds; `since` to `until` is what was seen of it."""

    labels: Labels
    since: float
    until: float
    opened: float | None
    """None where it began before the window, or in a stretch that could not be read."""
    closed: float | None
    """The first evaluation without it; None where it was still open at the end, or nothing is known."""

    @property
    def seconds(self) -> float:
        return self.until - self.since


def evaluations(begin: float, end: float, step: float, for_seconds: float) -> Evaluations:
    """Those at whole multiples of `step` after `begin` and not after `end`, with the lead that `for` needs.

    Raises ValueError where there is none.
    """
    first, last = math.floor(begin / step) + 1, math.floor(end / step)
    if last < first:
        raise ValueError(f"no evaluation between {begin} and {end}")
    lead = waited(for_seconds, step) + 1
    return Evaluations((first - lead) * step, step, last - first + 1 + lead, lead)


def waited(for_seconds: float, step: float) -> int:
    """Evaluations from the first at which it holds to the one that opens the incident."""
    return math.ceil(for_seconds / step)


def episodes(held: Held, grid: Evaluations, for_seconds: float) -> tuple[Episode, ...]:
    """Every incident that was open in the window, by the time since when it was seen.

    What was waited for, or open, when a stretch begins that could not be read is not carried over it: an
    incident that goes on behind it counts as another one.
    """
    wait = waited(for_seconds, grid.step)
    found = [
        episode
        for labels, indices in held.series.items()
        for first, last in runs(indices)
        if (episode := _episode(labels, first, last, wait, held, grid)) is not None
    ]
    return tuple(sorted(found, key=lambda e: (e.since, e.labels)))


def _episode(
    labels: Labels, first: int, last: int, wait: int, held: Held, grid: Evaluations
) -> Episode | None:
    begins = first > 0 and held.read(first - 1)
    ends = last < grid.count - 1 and held.read(last + 1)
    opened = first + wait
    if opened > last or last < grid.lead:
        return None
    return Episode(
        labels,
        since=grid.at(max(opened, grid.lead)),
        until=grid.at(last + 1 if ends else last),
        opened=grid.at(opened) if begins else None,
        closed=grid.at(last + 1) if ends else None,
    )


def runs(indices: IndexArray) -> Iterable[tuple[int, int]]:
    """First and last of each stretch of evaluations without a gap."""
    if not indices.size:
        return ()
    breaks = np.flatnonzero(np.diff(indices) > 1)
    firsts = indices[np.concatenate(([0], breaks + 1))]
    lasts = indices[np.concatenate((breaks, [indices.size - 1]))]
    return zip(firsts.tolist(), lasts.tolist(), strict=True)


def together(found: Sequence[Episode]) -> tuple[tuple[float, float], ...]:
    """When at least one was open: stretches that neither overlap nor touch."""
    merged: list[tuple[float, float]] = []
    for one in sorted(found, key=lambda e: e.since):
        if merged and one.since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], one.until)
        else:
            merged.append((one.since, one.until))
    return tuple(merged)


def most_at_once(found: Sequence[Episode]) -> int:
    """The most incidents that were open at one time."""
    changes = sorted([(e.since, 1) for e in found] + [(max(e.until, e.since + 1e-3), -1) for e in found])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
