"""What there is to say about the growth of one metric, in sentences for a person on call."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate.core.judge.comparison import Comparison
from tidegate.core.judge.growth import Slope
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.view import View
from tidegate.core.judge.wording import NOUNS, duration, number
from tidegate.core.verdict import Attribution, Finding, MetricResult


def exhausted_in(view: View, metric: str, compared: Comparison) -> float:
    """Seconds until the fullest instance of the candidate reaches the limit at the estimated slope."""
    limit = view.criteria.fd_limit if metric == "open_fds" else view.criteria.connection_limit
    level = max(float(s.values[-1]) for s, _ in compared.candidate.pairs)
    slope = compared.candidate.slope.value
    return max(limit - level, 0.0) / slope if slope > 0 else math.inf


@dataclass(frozen=True)
class Facts:
    """What there is to say about one comparison, and the sentences that say it."""

    view: View
    metric: str
    compared: Comparison

    def judged(
        self, finding: Finding, text: str, attribution: Attribution, *, decisive: bool = True
    ) -> Judged:
        slope = self.compared.candidate.slope
        low, high = slope.interval()
        count = sum(len(s) for s, _ in self.compared.candidate.pairs)
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

    def _rate(self, slope: Slope) -> str:
        low, high = slope.interval()
        return f"{number(60 * slope.value)}/min (95 % interval {number(60 * low)} to {number(60 * high)})"

    def _load(self) -> str:
        segment = self.compared.candidate.pairs[0][0]
        return (
            "load taken out" if segment.rate is not None or segment.in_flight is not None else "load unknown"
        )

    def _stable(self) -> str:
        name, stable = self._names[1], self.compared.stable
        if not name:
            return "there is no stable revision to compare with"
        if stable is None:
            return f"{name} was never measured"
        if abs(stable.slope.value) < max(
            self.view.criteria.leak_min_slope / 60, self.compared.excess.value / 5
        ):
            return f"{name} is flat"
        return f"{name} moves {number(60 * stable.slope.value)}/min"

    def climbs(self) -> str:
        limit = (
            self.view.criteria.fd_limit if self.metric == "open_fds" else self.view.criteria.connection_limit
        )
        left = exhausted_in(self.view, self.metric, self.compared)
        soon = f"{limit:,.0f} reached in {duration(left)}"
        if left > self.view.criteria.leak_horizon:
            soon += (
                f", later than the {duration(self.view.criteria.leak_horizon)} that would call for a rollback"
            )
        return (
            f"{NOUNS[self.metric]} climb {self._rate(self.compared.candidate.slope)} on {self._names[0]}, "
            f"{self._load()}; {self._stable()}; {soon}"
        )

    def suspected(self) -> str:
        return (
            f"{NOUNS[self.metric]} seem to climb {self._rate(self.compared.candidate.slope)} on "
            f"{self._names[0]}; {self._stable()}; not yet certain"
        )

    def warming(self, longest: float) -> str:
        rest = max(2 * self.view.criteria.warm_up - longest, self.view.rollout.sample_period)
        return (
            f"{NOUNS[self.metric]} rise on {self._names[0]}, which may still be its warm-up: "
            f"known in about {duration(rest)}"
        )

    def follows_load(self) -> str:
        return f"{NOUNS[self.metric]} on {self._names[0]} rise with its traffic and not otherwise"

    def cured(self) -> str:
        stable = self.compared.stable
        climb = f" at {number(60 * stable.slope.value)}/min" if stable else ""
        return f"{NOUNS[self.metric]} climb on {self._names[1]}{climb}, and not on {self._names[0]}"

    def undecided(self) -> str:
        return (
            f"{NOUNS[self.metric]} climb on {self._names[1]}; whether {self._names[0]} is any different "
            "is not certain yet"
        )

    def both(self, *, since_start: bool) -> str:
        stable = self.compared.stable
        other = f" and {number(60 * stable.slope.value)}/min on {self._names[1]}" if stable else ""
        head = (
            f"{NOUNS[self.metric]} climb {number(60 * self.compared.candidate.slope.value)}/min on "
            f"{self._names[0]}{other}"
        )
        if since_start:
            return f"{head}, on both since the rollout began: not the revision's own doing"
        return f"{head}: {self._names[1]} did so already, a rollback would not help"

    def fine(self) -> str:
        excess = self.compared.excess
        seen = 60 * (
            self.view.criteria.leak_min_slope / 60 + self.compared.boundary * math.sqrt(excess.variance)
        )
        return (
            f"{NOUNS[self.metric]} do not climb on {self._names[0]}: "
            f"{self._rate(self.compared.candidate.slope)}; a climb of {number(seen)}/min would have been seen"
        )
