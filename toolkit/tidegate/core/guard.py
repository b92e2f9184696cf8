"""What is judged of a revision after its rollout has ended, and what may follow from it.

The time since the revision got all traffic is cut into windows of equal length that overlap by half. A look
judges the latest window that is at least half over, from its beginning until now. So it sees what is slow,
and all looks of one window are one test, as those of a rollout are. Each window may spend only its part of
the chance of a false alarm: by Bonferroni's inequality all of them together keep that of the criteria.

Beside the revision stands the one before, as it was just before the rollout: its samples are moved to just
before the window. What comes from upstream hours later looks the same as a revision that gets worse, as long
as levels are compared; growth per instance does not. So only growth is ever put down to the revision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from tidegate.core.judge import Criteria, judge
from tidegate.core.judge.leak import growing
from tidegate.core.samples import Key, Samples, Series, Window
from tidegate.core.trace import Rollout, Step
from tidegate.core.verdict import Decision, Finding, MetricResult, Verdict

GROWTH = "per minute"
"""Unit of what was judged as growth."""


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


def look(
    samples: Samples, rollout: Rollout, criteria: Criteria, watch: Watch, since: float, now: float
) -> Verdict:
    """The verdict on the candidate of `rollout`, which has had all traffic since `since`."""
    begin = watch.begin(since, now)
    seen = beside(samples, rollout.stable, begin - rollout.start) if rollout.stable else samples
    window = replace(rollout, steps=(Step(begin, 100),), end=None)
    part = replace(criteria, alpha=criteria.alpha / watch.windows)
    return judge(seen, window, part, now)


def alarm(verdict: Verdict, criteria: Criteria) -> Alarm:
    """What the verdict comes to, now that its rollout is long over."""
    if verdict.decision is Decision.ROLLBACK:
        worse = [m for m in verdict.metrics if m.decisive and m.finding is Finding.WORSE]
        leaks = any(_is_growth(m, criteria) for m in worse)
        return Alarm.GROWING if leaks else Alarm.WORSE
    if verdict.decision is Decision.HOLD:
        return Alarm.HELD
    return Alarm.QUIET if verdict.decision is Decision.PROMOTE else Alarm.UNSURE


def _is_growth(result: MetricResult, criteria: Criteria) -> bool:
    return result.unit == GROWTH and result.metric in {what.metric for what in growing(criteria)}
