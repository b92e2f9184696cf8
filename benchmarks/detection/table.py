"""Outcomes as Markdown tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from benchmarks.detection.families import FAMILIES, Family
from benchmarks.detection.outcome import End, Outcome, Rate, quantile
from benchmarks.detection.rivals import RIVALS

JUDGE = "tidegate"
WITHIN = 30.0
"""Minutes of samples within which a fault must be found."""

Outcomes = Mapping[str, Mapping[str, Sequence[Outcome]]]
"""By family, then by rule."""


def percent(rate: Rate) -> str:
    return f"{100 * rate.value:.1f}" if rate.n else "–"


def with_interval(rate: Rate) -> str:
    low, high = rate.interval
    return f"{percent(rate)} ({100 * low:.1f}–{100 * high:.1f})" if rate.n else "–"


def minutes(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f}"


def ended(outcomes: Sequence[Outcome], end: End) -> Rate:
    return Rate.of([o.end is end for o in outcomes])


def found(outcomes: Sequence[Outcome]) -> Rate:
    return Rate.of([o.found(WITHIN) for o in outcomes])


def times(outcomes: Sequence[Outcome]) -> list[float]:
    """Minutes until the fault was found, where it was."""
    return [o.minutes for o in outcomes if o.found(WITHIN)]


def attributed(family: Family, outcomes: Sequence[Outcome]) -> Rate:
    """How often the attribution was right: in a faulty family of those rolled back, else of all."""
    counted = [o for o in outcomes if o.rolled_back] if family.faulty else outcomes
    return Rate.of([o.attribution in family.right for o in counted])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def healthy(results: Outcomes) -> list[str]:
    head = ["family", "n", "rolled back %", "held %", "inconclusive %", "attribution right %", "blamed"]
    rows = []
    for name, by_rule in results.items():
        if not FAMILIES[name].faulty:
            mine = by_rule[JUDGE]
            rows.append(
                [
                    name,
                    f"{len(mine)}",
                    with_interval(ended(mine, End.ROLLED_BACK)),
                    percent(ended(mine, End.HELD)),
                    percent(ended(mine, End.INCONCLUSIVE)),
                    percent(attributed(FAMILIES[name], mine)),
                    _blamed(mine, lambda o: o.rolled_back),
                ]
            )
    return _table(head, rows)


def faulty(results: Outcomes) -> list[str]:
    head = ["family", "n", "found in 30 min %", "median, min", "95 % by", "held %", "attribution right %"]
    rows = []
    for name, by_rule in results.items():
        if FAMILIES[name].faulty:
            mine = by_rule[JUDGE]
            rows.append(
                [
                    name,
                    f"{len(mine)}",
                    with_interval(found(mine)),
                    minutes(quantile(times(mine), 0.5)),
                    minutes(quantile(times(mine), 0.95)),
                    percent(ended(mine, End.HELD)),
                    percent(attributed(FAMILIES[name], mine)),
                ]
            )
    return _table(head, rows)


def rivals(results: Outcomes, *, of_faulty: bool) -> list[str]:
    """Rolled back %, and for faulty families what was found within 30 min with its median in minutes."""
    rules = [JUDGE, *RIVALS]
    rows = []
    for name, by_rule in results.items():
        if FAMILIES[name].faulty == of_faulty:
            cells = [_cell(by_rule.get(rule, ()), of_faulty=of_faulty) for rule in rules]
            rows.append([name, *cells])
    return _table(["family", *rules], rows)


def _cell(outcomes: Sequence[Outcome], *, of_faulty: bool) -> str:
    if not of_faulty:
        return percent(ended(outcomes, End.ROLLED_BACK))
    rate = found(outcomes)
    return f"{percent(rate)} in {minutes(quantile(times(outcomes), 0.5))}" if rate.hits else percent(rate)


def _blamed(outcomes: Sequence[Outcome], which: Callable[[Outcome], bool]) -> str:
    counts = Counter(o.blamed for o in outcomes if which(o))
    return "; ".join(f"{metric} ×{count}" for metric, count in counts.most_common(3))


def crashes(results: Outcomes) -> list[str]:
    """One line for each kind of crash, with where."""
    counts = Counter(
        (name, o.blamed) for name, by_rule in results.items() for o in by_rule[JUDGE] if o.end is End.CRASHED
    )
    return [f"- {name}: {what} (×{count})" for (name, what), count in counts.most_common()]
