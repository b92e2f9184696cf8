"""Do the candidate's instances pile up descriptors or connections that the stable ones do not?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.distributions import t_quantile
from tidegate.core.judge.growth import (
    PLAUSIBLE,
    TAUS,
    Growth,
    Slope,
    difference,
    growth,
    late_rise,
    pooled_dependence,
)
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.looks import Look, look_at
from tidegate.core.judge.regression import plain_slope
from tidegate.core.judge.segments import Segment, segments
from tidegate.core.judge.view import View
from tidegate.core.judge.wording import NOUNS, duration, number
from tidegate.core.verdict import Attribution, Finding, MetricResult

LASTING = 0.7
"""A climb whose last third is slower than this part of its middle third is still settling."""


@dataclass(frozen=True)
class Comparison:
    """Candidate against stable (None: nothing to compare with) at the time constant that counts."""

    candidate: Growth
    stable: Growth | None
    excess: Slope
    statistic: float
    """The smaller of (excess - delta) / se and (candidate - delta) / se."""
    df: float


def judge_leak(view: View, metric: str) -> Judged:
    """`metric` is `open_fds` or `tcp_connections`. Slopes in the result are per instance and minute."""
    criteria, rollout = view.criteria, view.rollout
    every = segments(view, metric, rollout.candidate, rollout.start, 1)
    have = max((len(s) for s in every), default=0)
    look = look_at(view.intervals, criteria.min_samples)
    if look is None or have < criteria.min_samples:
        return _too_few(view, metric, have)
    then = view.cut_at(rollout.start + look.intervals * rollout.sample_period)
    candidate, stable = _both(then, metric)
    compared = compare(candidate, stable, criteria.warm_up, criteria.leak_min_slope / 60)
    if compared is None:
        return _too_few(view, metric, have)
    if rollout.stable and compared.stable is None and _was_measured(view, metric):
        return _too_few(view, metric, have, of=rollout.stable)
    return _conclude(then, metric, look, compared)


def _both(view: View, metric: str) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """The candidate's segments since it got traffic; the stable ones for as long, and as long before."""
    rollout, shortest = view.rollout, view.criteria.min_samples
    candidate = segments(view, metric, rollout.candidate, rollout.start, shortest)
    if not rollout.stable:
        return candidate, ()
    before = max(view.cut - rollout.start, 30 * rollout.sample_period)
    return candidate, segments(view, metric, rollout.stable, rollout.start - before, shortest)


def _was_measured(view: View, metric: str) -> bool:
    return bool(view.samples.of_metric(metric, view.rollout.stable))


def compare(
    candidate: tuple[Segment, ...], stable: tuple[Segment, ...], warm_up: float, delta: float
) -> Comparison | None:
    """The comparison least unfavourable to the candidate among plausible warm-ups. `delta` is per second."""
    tried: list[tuple[float, Comparison]] = []
    for factor in TAUS:
        tau = factor * warm_up
        phi = pooled_dependence(candidate + stable, tau)
        mine, other = growth(candidate, tau, phi), growth(stable, tau, phi)
        if mine is None:
            continue
        excess = difference(mine.slope, other.slope if other else None)
        statistics = [((s.value - delta) / math.sqrt(s.variance), s.df) for s in (mine.slope, excess)]
        statistic, df = min(statistics)
        tried.append((mine.log_likelihood, Comparison(mine, other, excess, statistic, df)))
    if not tried:
        return None
    best = max(likelihood for likelihood, _ in tried)
    return min((c for ll, c in tried if ll >= best - PLAUSIBLE), key=lambda c: c.statistic)


# ----------------------------------------------------------------------------------------- conclusions


def _conclude(view: View, metric: str, look: Look, compared: Comparison) -> Judged:
    criteria = view.criteria
    delta = criteria.leak_min_slope / 60
    boundary = t_quantile(criteria.alphas[metric] * look.share, round(max(compared.df, 1.0), 1))
    middle, late = late_rise(compared.candidate.pairs)
    lasting = late > delta and late > LASTING * middle
    certain = compared.statistic > boundary and lasting
    facts = _Facts(view, metric, look, compared, boundary)
    if certain:
        left = _exhausted_in(view, metric, compared)
        if left > criteria.leak_horizon:
            return facts.judged(Finding.WORSE, facts.climbs(), Attribution.REVISION, decisive=False)
        return facts.judged(Finding.WORSE, facts.climbs(), Attribution.REVISION)
    stable = compared.stable
    if stable is not None and _climbs_surely(stable, delta, boundary):
        return _shared_or_older(facts, compared, delta)
    low = min(compared.candidate.slope.interval()[0], compared.excess.interval()[0])
    if low > delta and lasting:
        return facts.judged(Finding.NOT_ENOUGH_DATA, facts.suspected(), Attribution.UNKNOWN)
    longest = max(float(s.age[-1]) for s, _ in compared.candidate.pairs)
    if longest < 2 * criteria.warm_up and compared.candidate.slope.value > delta:
        return facts.judged(Finding.NOT_ENOUGH_DATA, facts.warming(longest), Attribution.UNKNOWN)
    if _explained_by_load(compared, delta):
        return facts.judged(Finding.FINE, facts.follows_load(), Attribution.TRAFFIC)
    return facts.judged(Finding.FINE, facts.fine(), Attribution.NONE)


def _climbs_surely(grown: Growth, delta: float, boundary: float) -> bool:
    _, late = late_rise(grown.pairs)
    surely = (grown.slope.value - delta) / math.sqrt(grown.slope.variance) > min(boundary, 6.0)
    return surely and late > delta


def _shared_or_older(facts: _Facts, compared: Comparison, delta: float) -> Judged:
    """The stable revision climbs for certain: is the candidate a cure, the same, or not yet known?"""
    stable = compared.stable
    assert stable is not None  # noqa: S101  the caller has looked
    margin = max(delta, 0.5 * stable.slope.value)
    low, high = compared.excess.interval(0.05)
    if compared.candidate.slope.interval(0.05)[1] < margin:
        return facts.judged(Finding.FINE, facts.cured(), Attribution.NONE)
    if high < margin and low > -margin:
        if _began_with_rollout(facts.view, stable, delta):
            return facts.judged(Finding.SHARED, facts.both(since_start=True), Attribution.SHARED)
        return facts.judged(Finding.PRE_EXISTING, facts.both(since_start=False), Attribution.PRE_EXISTING)
    return facts.judged(Finding.NOT_ENOUGH_DATA, facts.undecided(), Attribution.UNKNOWN)


def _began_with_rollout(view: View, stable: Growth, delta: float) -> bool:
    """Whether the stable revision was seen flat before the candidate got traffic, and climbs since."""
    start = view.rollout.start
    before, after = [], []
    for segment, fitted in stable.pairs:
        early = segment.times <= start
        if early.sum() >= 5 and (~early).sum() >= 5:
            before.append(plain_slope(segment.age[early], fitted.unloaded[early]))
            after.append(plain_slope(segment.age[~early], fitted.unloaded[~early]))
    return bool(before) and float(np.mean(before)) < max(delta, 0.2 * float(np.mean(after)))


def _explained_by_load(compared: Comparison, delta: float) -> bool:
    """A rise in the raw values that is gone once load is taken out."""
    pairs = compared.candidate.pairs
    raw = [plain_slope(s.age, s.values) for s, _ in pairs]
    rest = [plain_slope(s.age, f.unloaded) for s, f in pairs]
    return float(np.mean(raw)) > 5 * delta and float(np.mean(rest)) < 0.3 * float(np.mean(raw))


def _exhausted_in(view: View, metric: str, compared: Comparison) -> float:
    """Seconds until the fullest instance of the candidate reaches the limit at the estimated slope."""
    limit = view.criteria.fd_limit if metric == "open_fds" else view.criteria.connection_limit
    level = max(float(s.values[-1]) for s, _ in compared.candidate.pairs)
    slope = compared.candidate.slope.value
    return max(limit - level, 0.0) / slope if slope > 0 else math.inf


def _too_few(view: View, metric: str, have: int, of: str = "") -> Judged:
    criteria, period = view.criteria, view.rollout.sample_period
    revision = of or view.rollout.candidate
    if of:
        text = f"{NOUNS[metric]}: no instance of {of} has {criteria.min_samples} samples yet to compare with"
    elif not have:
        text = f"{NOUNS[metric]}: nothing measured for {revision} since it got traffic"
    else:
        need = max(criteria.min_samples - have, 1)
        text = (
            f"{NOUNS[metric]}: {have} of {criteria.min_samples} samples of an instance of {revision}; "
            f"the rest takes about {duration(need * period)}"
        )
    result = MetricResult(metric, Finding.NOT_ENOUGH_DATA, text, samples=have, unit="per minute")
    return Judged(result, Attribution.UNKNOWN)


@dataclass(frozen=True)
class _Facts:
    """What there is to say about one comparison, and the sentences that say it."""

    view: View
    metric: str
    look: Look
    compared: Comparison
    boundary: float

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
            boundary=self.boundary,
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
        left = _exhausted_in(self.view, self.metric, self.compared)
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
        seen = 60 * (self.view.criteria.leak_min_slope / 60 + self.boundary * math.sqrt(excess.variance))
        return (
            f"{NOUNS[self.metric]} do not climb on {self._names[0]}: "
            f"{self._rate(self.compared.candidate.slope)}; a climb of {number(seen)}/min would have been seen"
        )
