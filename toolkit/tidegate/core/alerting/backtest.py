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
from tidegate.core.alerting.rule import Rule
from tidegate.core.policies.promql import selectors
from tidegate.core.samples import NoData

DAY = 86_400.0
NOISY_PER_DAY = 1.0
"""More incidents than that are read by nobody in the long run."""
MOSTLY = 0.5
"""Share of the time with data in which an alert that is open tells nothing new."""


@dataclass(frozen=True)
class Coverage:
    """When a metric had data: stretches of `span` seconds by their ends, epoch seconds, rising, not empty."""

    span: float
    ends: tuple[float, ...]

    @property
    def first(self) -> float:
        return self.ends[0] - self.span

    @property
    def last(self) -> float:
        return self.ends[-1]

    @property
    def seconds(self) -> float:
        return self.span * len(self.ends)

    def between(self, begin: float, end: float) -> bool:
        return any(stop > begin and stop - self.span < end for stop in self.ends)


Data = Coverage | NoData | None
"""None where it could not be read whether there was any."""


class Outcome(StrEnum):
    FIRED = "fired"
    QUIET = "quiet"
    """It could have fired and did not."""
    NO_DATA = "no_data"
    """What it looks at was never measured, so that nothing is known of it."""
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
    def missing(self) -> tuple[str, ...]:
        """Metrics of the query that never had data."""
        return tuple(name for name, found in self.data.items() if isinstance(found, NoData))

    @property
    def outcome(self) -> Outcome:
        if self.episodes:
            return Outcome.FIRED
        if isinstance(self.judged, NoData):
            return Outcome.NO_DATA
        if self.judged is None or self.held.unread_count >= self.grid.count:
            return Outcome.UNREAD
        return Outcome.QUIET

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
        seconds = (
            self.judged.seconds if isinstance(self.judged, Coverage) else self.grid.end - self.grid.begin
        )
        return seconds / DAY

    @property
    def revisions(self) -> tuple[str, ...]:
        """Those that incidents named."""
        return tuple(sorted({v for e in self.episodes for k, v in e.labels if k == "revision_name"}))

    @property
    def noise(self) -> str:
        """Why nobody would go on reading it; empty where that is not so, or too little is known."""
        if self.outcome is not Outcome.FIRED or self.days < 1:
            return ""
        share = self.open_seconds / (self.days * DAY)
        if share >= MOSTLY:
            return f"was open for {min(1.0, share):.0%} of the time"
        if len(self.episodes) / self.days > NOISY_PER_DAY:
            return f"fires {len(self.episodes) / self.days:.1f} times a day"
        return ""


def concluded(rule: Rule, grid: Evaluations, held: Held, data: Mapping[str, Data]) -> Backtest:
    """`data` by metric, of at least those that the rule names."""
    own = {name: data[name] for name in metrics_of(rule.query)}
    return Backtest(rule, grid, episodes(held, grid, rule.for_seconds), held, own)


def metrics_of(query: str) -> dict[str, tuple[str, ...]]:
    """Metric → its selectors with their labels, in the order in which they stand there.

    The queries of the monitoring module name what they judge first. A metric without braces is not seen.
    """
    found: dict[str, dict[str, None]] = {}
    for selector in selectors(query, ""):
        if selector.endswith("}"):
            found.setdefault(selector.partition("{")[0].strip(), {})[selector] = None
    return {name: tuple(ones) for name, ones in found.items()}


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
    """What the answer to a query of `presence` says; the spans are those before each evaluation."""
    found: Sequence[IndexArray] = list(held.series.values())
    ends = tuple(grid.at(i) for i in sorted({int(i) for indices in found for i in indices}))
    if ends:
        return Coverage(grid.step, ends)
    return None if held.unread else NoData(f"{name} was never measured")
