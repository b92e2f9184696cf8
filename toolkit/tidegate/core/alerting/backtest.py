"""What the history of a service says of a rule: how often it would have fired, and on which data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.core.alerting.firing import (
    Episode,
    Evaluations,
    Held,
    IndexArray,
    episodes,
    most_at_once,
    together,
)
from tidegate.core.alerting.needs import metrics_of, needed, reach
from tidegate.core.alerting.rule import Rule
from tidegate.core.report.numbers import percent
from tidegate.core.samples import NoData

DAY = 86_400.0
NOISY_PER_DAY = 1.0
"""More incidents than that are read by nobody in the long run."""
MOSTLY = 0.5
"""Share of the time with data in which an alert that is open tells nothing new."""


@dataclass(frozen=True)
class Coverage:
    """When a metric had data: stretches of `span` seconds by their ends, epoch seconds, rising, not empty.

    `looked` is the time since which it was looked for.
    """

    span: float
    ends: tuple[float, ...]
    looked: float

    @property
    def first(self) -> float:
        return self.ends[0] - self.span

    @property
    def began(self) -> bool:
        """Whether it was looked for earlier and not there."""
        return self.first > self.looked + self.span / 2

    @property
    def last(self) -> float:
        return self.ends[-1]

    def seconds(self, begin: float) -> float:
        """With data, after `begin`."""
        return sum(min(self.span, end - begin) for end in self.ends if end > begin)

    def between(self, begin: float, end: float) -> bool:
        return any(stop > begin and stop - self.span < end for stop in self.ends)


Data = Coverage | NoData | None
"""None where it could not be read whether there was any."""


class Outcome(StrEnum):
    FIRED = "fired"
    QUIET = "quiet"
    """It could have fired and did not."""
    NO_DATA = "no_data"
    """Something without which it cannot fire was not measured, so that nothing is known of it."""
    UNREAD = "unread"
    """Nothing of it could be evaluated, or not whether there was data."""


@dataclass(frozen=True)
class Backtest:
    """One rule over one history. `data` has the metrics of the query, the one that is judged first."""

    rule: Rule
    grid: Evaluations
    episodes: tuple[Episode, ...] = ()
    held: Held = field(default_factory=Held)
    data: Mapping[str, Data] = field(default_factory=dict)

    @property
    def judged(self) -> Data:
        """Of the metric that the rule is about."""
        return next(iter(self.data.values()), None)

    @property
    def outcome(self) -> Outcome:
        if self.episodes:
            return Outcome.FIRED
        needs = [self.data[name] for name in needed(self.rule.query)]
        about = needs or list(self.data.values())  # of alternatives, one is enough
        lacking = [isinstance(one, NoData) for one in about]
        if about and (any(lacking) if needs else all(lacking)):
            return Outcome.NO_DATA
        if not about or None in about or self.held.unread_count >= self.grid.count:
            return Outcome.UNREAD
        return Outcome.QUIET

    @property
    def gaps(self) -> tuple[tuple[float, float, str], ...]:
        """What of the window could not be read: first and last evaluation, and why."""
        return tuple(
            (self.grid.at(max(gap.first, self.grid.lead)), self.grid.at(gap.last), gap.reason)
            for gap in self.held.unread
            if gap.last >= self.grid.lead
        )

    @property
    def open_seconds(self) -> float:
        """In which at least one incident was open."""
        return sum(end - begin for begin, end in together(self.episodes))

    @property
    def most_at_once(self) -> int:
        return most_at_once(self.episodes)

    @property
    def days(self) -> float:
        """With data of what is judged; of the whole window where that is not known."""
        begin = self.grid.begin
        if isinstance(self.judged, Coverage):
            return self.judged.seconds(begin) / DAY
        return (self.grid.end - begin) / DAY

    @property
    def revisions(self) -> tuple[str, ...]:
        """Those that incidents named."""
        return tuple(sorted({v for e in self.episodes for k, v in e.labels if k == "revision_name"}))

    @property
    def hasty(self) -> int:
        """Incidents that began before what is judged had been measured as long as the query looks back."""
        if not (isinstance(self.judged, Coverage) and self.judged.began):
            return 0
        whole = self.judged.first + reach(self.rule.query)
        return sum(episode.since < whole for episode in self.episodes)

    @property
    def noise(self) -> str:
        """Why nobody would go on reading it; empty where that is not so, or too little is known."""
        if self.outcome is not Outcome.FIRED or self.days < 1:
            return ""
        share = self.open_seconds / (self.days * DAY)
        if share >= MOSTLY:
            return f"was open for {percent(min(1.0, share))} of the time"
        if len(self.episodes) / self.days > NOISY_PER_DAY:
            return f"fires {len(self.episodes) / self.days:.1f} times a day"
        return ""


def concluded(rule: Rule, grid: Evaluations, held: Held, data: Mapping[str, Data]) -> Backtest:
    """`data` by metric, of at least those that the rule names."""
    own = {name: data[name] for name in metrics_of(rule.query)}
    return Backtest(rule, grid, episodes(held, grid, rule.for_seconds), held, own)


def presence(rules: Iterable[Rule], span: float) -> dict[str, str]:
    """Metric → the query that has a value where any of its series had a sample in the last `span` seconds."""
    wanted: dict[str, dict[str, None]] = {}
    for rule in rules:
        for name, ones in metrics_of(rule.query).items():
            wanted.setdefault(name, {}).update(dict.fromkeys(ones))
    return {
        name: " or ".join(f"count(count_over_time({one}[{span:.0f}s]))" for one in ones)
        for name, ones in wanted.items()
    }


def covered(held: Held, grid: Evaluations, name: str) -> Data:
    """What the answer to a query of `presence` says; the spans are those before each evaluation.

    The lead of the grid is what the rules look back to. Data there alone is none of the window.
    """
    found: Sequence[IndexArray] = list(held.series.values())
    indices = sorted({int(i) for one in found for i in one})
    if indices and indices[-1] >= grid.lead:
        return Coverage(grid.step, tuple(map(grid.at, indices)), grid.start - grid.step)
    return None if held.unread else NoData(f"{name} was not measured in this time")
