"""What there is to say about the growth of one metric, in sentences for a person on call."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate.core.judge.comparison import Comparison
from tidegate.core.judge.growth import Slope
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.view import View
from tidegate.core.judge.wording import amount, duration, noun
from tidegate.core.verdict import Attribution, Finding, MetricResult


def exhausted_in(compared: Comparison, limit: float | None, slope: float | None = None) -> float:
    """Seconds until the fullest climbing instance is full at this slope; None: the estimated one."""
    slope = compared.candidate.slope.value if slope is None else slope
    if slope <= 0:
        return math.inf
    if limit is None:
        return 0.0
    level = max(float(s.values[-1]) for s in compared.candidate.spoken_of)
    return max(limit - level, 0.0) / slope


@dataclass(frozen=True)
class Facts:
    """What there is to say about one comparison, and the sentences that say it."""

    view: View
    metric: str
    limit: float | None
    tolerated: float
    """Growth per minute that is not worth a rollback."""
    compared: Comparison

    def judged(
        self, finding: Finding, text: str, attribution: Attribution, *, decisive: bool = True
    ) -> Judged:
        slope = self.compared.candidate.slope
        low, high = slope.interval()
        count = sum(len(s) for s in self.compared.candidate.segments)
        result = MetricResult(
            self.metric,
            finding,
            text,
            samples=count,
            unit="per minute",
            estimate=60 * slope.value,
            low=60 * low,
            high=60 * high,
            evidence=self.compared.statistic,
            boundary=self.compared.boundary,
            decisive=decisive,
        )
        return Judged(result, attribution)

    @property
    def _names(self) -> tuple[str, str]:
        return self.view.rollout.candidate, self.view.rollout.stable

    @property
    def _noun(self) -> str:
        return noun(self.metric, self.view.criteria)

    def _number(self, value: float) -> str:
        return amount(self.metric, value)

    def _rate(self, slope: Slope) -> str:
        low, high = slope.interval()
        told = [self._number(60 * v) for v in (slope.value, low, high)]
        return "{}/min (95 % interval {} to {})".format(*told)

    def _load(self) -> str:
        segment = self.compared.candidate.segments[0]
        return (
            "load taken out" if segment.rate is not None or segment.in_flight is not None else "load unknown"
        )

    def _stable(self) -> str:
        name, stable = self._names[1], self.compared.stable
        if not name:
            return "there is no stable revision to compare with"
        if stable is None:
            return f"{name} was never measured"
        if abs(stable.slope.value) < max(self.tolerated / 60, self.compared.excess.value / 5):
            return f"{name} is flat"
        return f"{name} moves {self._number(60 * stable.slope.value)}/min"

    def climbs(self) -> str:
        mine, horizon = self.compared.candidate, self.view.criteria.leak_horizon
        left = exhausted_in(self.compared, self.limit)
        told = [
            f"{self._noun} climb {self._rate(mine.slope)} on {self._names[0]}, {self._load()}",
            self._stable(),
        ]
        if len(mine.segments) > 1 and len(mine.chosen) == 1:
            told.insert(1, f"in one instance of {len(mine.segments)}")
        if self.limit is not None:
            soon = f"{self._number(self.limit)} reached in {duration(left)}"
            if left > horizon:
                soon += f", later than the {duration(horizon)} that would call for a rollback"
            told.append(soon)
        return "; ".join(told)

    def suspected(self) -> str:
        return (
            f"{self._noun} seem to climb {self._rate(self.compared.candidate.slope)} on "
            f"{self._names[0]}; {self._stable()}; not yet certain"
        )

    def warming(self, longest: float) -> str:
        rest = max(2 * self.view.criteria.warm_up - longest, self.view.rollout.sample_period)
        return (
            f"{self._noun} rise on {self._names[0]}, which may still be its warm-up: "
            f"known in about {duration(rest)}"
        )

    def follows_load(self) -> str:
        return f"{self._noun} on {self._names[0]} rise with its traffic and not otherwise"

    def cured(self) -> str:
        stable = self.compared.stable
        climb = f" at {self._number(60 * stable.slope.value)}/min" if stable else ""
        return f"{self._noun} climb on {self._names[1]}{climb}, and not on {self._names[0]}"

    def undecided(self) -> str:
        return (
            f"{self._noun} climb on {self._names[1]}; whether {self._names[0]} is any different "
            "is not certain yet"
        )

    def both(self, *, since_start: bool) -> str:
        stable = self.compared.stable
        other = f" and {self._number(60 * stable.slope.value)}/min on {self._names[1]}" if stable else ""
        head = (
            f"{self._noun} climb {self._number(60 * self.compared.candidate.slope.value)}/min on "
            f"{self._names[0]}{other}"
        )
        if since_start:
            return f"{head}, on both since the rollout began: not the revision's own doing"
        return f"{head}: {self._names[1]} did so already, a rollback would not help"

    def fine(self) -> str:
        excess, slope = self.compared.excess, self.compared.candidate.slope
        seen = 60 * (self.tolerated / 60 + self.compared.boundary * math.sqrt(excess.variance))
        rate = self._rate(slope)
        told = f"{self._noun} do not climb on {self._names[0]}: {rate}"
        if slope.interval()[0] > self.tolerated / 60:
            told = f"{self._noun} rise {rate} on {self._names[0]}, which need not be a leak"
        return f"{told}; a climb of {self._number(seen)}/min would have been seen"
