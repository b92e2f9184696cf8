"""What is judged of a revision after its rollout has ended, and what may follow from it.

The time since the revision got all traffic is cut into windows of equal length that overlap by half. A look
judges the latest window that is at least half over, from its beginning until now. So it sees what is slow,
and all looks of one window are one test, as those of a rollout are. Each window may spend only its part of
the chance of a false alarm: by Bonferroni's inequality all of them together keep that of the criteria.

Beside the revision stands the one before, as it was just before the rollout: its samples are moved to just
before the window. What comes from upstream hours later looks the same as a revision that gets worse, as long
as levels are compared; growth per instance does not. So only growth is ever put down to the revision.

A cache may fill for hours or days, and looks like a leak for as long, while the revision before filled the
same one before anybody looked. So a climb counts once it has gone beyond what the revision before held.
And what a collector frees every few minutes climbs in between on both, for ever: the judge, who has an hour,
takes each fall for a restart. After hours a climb of both must show in what the instances hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from tidegate.core.judge import Criteria, judge
from tidegate.core.judge.leak import growing
from tidegate.core.samples import Key, Samples, Series, Window
from tidegate.core.trace import Rollout, Step
from tidegate.core.verdict import Attribution, Decision, Finding, MetricResult, Verdict

GROWTH = "per minute"
"""Unit of what was judged as growth."""
LEAD = 3
"""Sample periods read before a window: the first increment of a counter is lost in every read."""
RECENT = 1800.0
"""Seconds at both ends of an instance's samples by which it is told what it has gained."""
PART = 0.5
"""Part of the most that an instance gained, or of what it should have, from which another one did too."""
NEARLY_MOST = 0.95
"""Part of an instance's samples that lie below what it is said to have held: a spike is no level."""


@dataclass(frozen=True)
class Watch:
    """How long it is watched, `until` seconds after it got all traffic, and in windows of so many seconds.

    Raises ValueError for times that cannot be meant.
    """

    window: float = 6 * 3600.0
    until: float = 72 * 3600.0

    def __post_init__(self) -> None:
        if not 0 < self.window <= self.until:
            raise ValueError("a window is longer than 0 and not longer than the whole watch")

    @property
    def windows(self) -> int:
        """How many tests there are at most."""
        return math.ceil(self.until / (self.window / 2))

    def begin(self, since: float, now: float) -> float:
        """The beginning of the window to judge, epoch seconds; `since` is when it got all traffic."""
        half = self.window / 2
        return since + half * max(math.floor((now - since) / half) - 1, 0)

    def begin_elsewhere(self, since: float, now: float) -> float:
        """The beginning of another stretch that ends now: half a window more, or else a third less."""
        begin, half = self.begin(since, now), self.window / 2
        return begin - half if begin - half >= since else begin + (now - begin) / 3

    def read(self, since: float, now: float, sample_period: float) -> Window:
        """What a look needs of the candidate's samples."""
        first = min(self.begin(since, now), self.begin_elsewhere(since, now)) - LEAD * sample_period
        return Window(min(first, now), now)


class Alarm(StrEnum):
    """What a look comes to."""

    QUIET = "quiet"
    """Everything required was judged, and nothing is against it."""
    GROWING = "growing"
    """It leaks, and the revision before did not: a rollback helps."""
    WORSE = "worse"
    """It is worse than before the rollout; whether because of the revision cannot be told by now."""
    HELD = "held"
    """Something is wrong that a rollback would not mend."""
    UNSURE = "unsure"
    """Too little was seen, or something is suspected and not certain yet."""


def beside(samples: Samples, stable: str, by: float) -> Samples:
    """The same samples with those of `stable` moved by so many seconds."""

    def moved(key: Key, series: Series) -> Series:
        return Series(key, series.times + by, series.values.copy()) if key.revision == stable else series

    return Samples.of(moved(key, series) for key, series in samples.by_key.items())


def before(begun: float, watch: Watch) -> Window:
    """What is read of the revision before: as it was before the rollout that began at `begun`."""
    return Window(begun - watch.window, begun)


@dataclass(frozen=True)
class _Stretch:
    """A time over which is judged, as a rollout that began with it."""

    samples: Samples
    rollout: Rollout

    @staticmethod
    def of(samples: Samples, rollout: Rollout, begin: float) -> _Stretch:
        read = begin - LEAD * rollout.sample_period
        cut = (
            one if one.key.revision == rollout.stable else one.within(Window(read, math.inf))
            for one in samples.by_key.values()
        )
        kept = Samples.of(one for one in cut if isinstance(one, Series))
        if rollout.stable:
            kept = beside(kept, rollout.stable, begin - rollout.start)
        return _Stretch(kept, replace(rollout, steps=(Step(begin, 100),), end=None))

    def judged(self, criteria: Criteria, now: float) -> Verdict:
        return judge(self.samples, self.rollout, criteria, now)


def look(
    samples: Samples, rollout: Rollout, criteria: Criteria, watch: Watch, since: float, now: float
) -> Verdict:
    """The verdict on the candidate of `rollout`, which has had all traffic since `since`.

    A leak is one over whichever time one looks: growth that another stretch does not show counts as that
    one says.
    """
    part = replace(criteria, alpha=criteria.alpha / watch.windows)
    stretch = _Stretch.of(samples, rollout, watch.begin(since, now))
    verdict = stretch.judged(part, now)
    leaks = _leaks(verdict, criteria)
    if leaks:
        other = _Stretch.of(samples, rollout, watch.begin_elsewhere(since, now))
        again = other.judged(part, now)
        leaks &= _leaks(again, criteria)
        if not leaks:
            stretch, verdict = other, again
    doubted = _doubted(verdict, stretch, criteria, leaks, now)
    if not doubted:
        return verdict
    aside = tuple(dict.fromkeys((*part.dry_run, *(m.metric for m, _ in doubted))))
    rest = stretch.judged(replace(part, dry_run=aside), now)
    if rest.decision in (Decision.ROLLBACK, Decision.HOLD):
        return rest
    reasons = tuple(f"{m.sentence}; {why}" for m, why in doubted)
    return replace(rest, decision=Decision.CONTINUE, attribution=Attribution.UNKNOWN, reasons=reasons)


def _doubted(
    verdict: Verdict, stretch: _Stretch, criteria: Criteria, leaks: frozenset[str], now: float
) -> tuple[tuple[MetricResult, str], ...]:
    """Growth that was found and is not believed, with the reason; `leaks` were found twice."""
    rollout = stretch.rollout
    seen = stretch.samples.within(Window(rollout.start, now - rollout.ingestion_delay))
    found = []
    for result in _found(verdict, Finding.WORSE, Finding.PRE_EXISTING, Finding.SHARED):
        mine = [_gain(one) for one in seen.of_metric(result.metric, rollout.candidate)]
        theirs = stretch.samples.of_metric(result.metric, rollout.stable)
        if not (mine and _is_growth(result, criteria)):
            continue
        if result.finding is Finding.WORSE:
            if result.metric not in leaks:
                found.append((result, "but not over whichever time one looks"))
            elif theirs and _climbed_to(mine) <= _held(theirs):
                found.append(
                    (result, f"so far it holds no more than {rollout.stable} did before the rollout")
                )
        elif not any(one.last - one.first >= PART * (result.estimate or 0) * one.minutes for one in mine):
            found.append((result, "but what falls again and again is no leak: it holds no more than before"))
    return tuple(found)


class _Gain(NamedTuple):
    """What an instance held at the beginning and at the end of what was seen of it, and how far apart."""

    first: float
    last: float
    minutes: float


def _gain(one: Series) -> _Gain:
    start, end = float(one.times[0]), float(one.times[-1])
    part = min(RECENT, (end - start) / 3)
    first, last = (one.values[where] for where in (one.times <= start + part, one.times >= end - part))
    return _Gain(float(np.median(first)), float(np.median(last)), (end - start - part) / 60)


def _climbed_to(instances: Sequence[_Gain]) -> float:
    """Where the fullest of those is that climb: that have gained at least half of the most one gained."""
    most = max(one.last - one.first for one in instances)
    return max(one.last for one in instances if one.last - one.first >= min(most, PART * most))


def _held(instances: Sequence[Series]) -> float:
    """What the fullest held, but for spikes."""
    return max(float(np.quantile(one.values, NEARLY_MOST)) for one in instances)


def alarm(verdict: Verdict, criteria: Criteria) -> Alarm:
    """What the verdict comes to, now that its rollout is long over."""
    if verdict.decision is Decision.ROLLBACK:
        return Alarm.GROWING if _leaks(verdict, criteria) else Alarm.WORSE
    if verdict.decision is Decision.HOLD:
        return Alarm.HELD
    return Alarm.QUIET if verdict.decision is Decision.PROMOTE else Alarm.UNSURE


def _leaks(verdict: Verdict, criteria: Criteria) -> frozenset[str]:
    """The metrics whose growth is put down to the candidate."""
    return frozenset(m.metric for m in _found(verdict, Finding.WORSE) if _is_growth(m, criteria))


def _found(verdict: Verdict, *findings: Finding) -> tuple[MetricResult, ...]:
    return tuple(m for m in verdict.metrics if m.decisive and m.finding in findings)


def _is_growth(result: MetricResult, criteria: Criteria) -> bool:
    return result.unit == GROWTH and result.metric in {what.metric for what in growing(criteria)}
