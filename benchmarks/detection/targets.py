"""The targets the judge is held to, and by how much it misses them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.detection.families import (
    FAMILIES,
    FAULTY,
    HEALTHY,
    PRE_EXISTING_LEAKS,
    TARGET_FAULTS,
    TARGET_HEALTHY,
)
from benchmarks.detection.outcome import End, Outcome, Rate, quantile
from benchmarks.detection.rivals import RIVALS
from benchmarks.detection.table import JUDGE, Outcomes, attributed, ended, found, minutes, percent, times

Mine = dict[str, Sequence[Outcome]]
"""The judge's outcomes by family."""
LEAKS = (
    ("leak 1/min on 3 instances", 0.99, 15),
    ("leak 1/min on 1 instance", 0.95, 20),
    ("leak 5/min on 3 instances", 0.99, 10),
    ("leak 5/min on 1 instance", 0.99, 10),
)
"""Family, share to be found within 30 minutes, minutes until half of them are."""


@dataclass(frozen=True)
class Row:
    """One target. `missed` is empty where it is met."""

    what: str
    target: str
    got: str
    missed: str

    @property
    def verdict(self) -> str:
        return f"missed: {self.missed}" if self.missed else "met"


def rows(results: Outcomes) -> list[Row]:
    """Every target whose families were run."""
    mine = {name: by_rule[JUDGE] for name, by_rule in results.items()}
    other_healthy = [f.name for f in HEALTHY if f.name not in (*TARGET_HEALTHY, *PRE_EXISTING_LEAKS)]
    other_faults = [f.name for f in FAULTY if f.name not in (*TARGET_FAULTS, *(name for name, *_ in LEAKS))]
    found_rows = [
        _healthy(mine, TARGET_HEALTHY, "healthy rollouts rolled back, each family"),
        _healthy(mine, other_healthy, "the same, families beyond those the targets name"),
        *_leaks(mine),
        _faults(mine, TARGET_FAULTS, "other faults found within 30 min, each family"),
        _faults(mine, other_faults, "the same, faults beyond those the targets name"),
        _pre_existing(mine),
        _attribution(mine),
        *_rivals(results),
    ]
    return [row for row in found_rows if row is not None]


def _worst_first(rates: dict[str, Rate], *, high: bool) -> list[tuple[str, Rate]]:
    return sorted(rates.items(), key=lambda kv: kv[1].value, reverse=high)


def _listed(rates: Sequence[tuple[str, Rate]], most: int = 6) -> str:
    told = [f"{name} {percent(rate)} %" for name, rate in rates[:most]]
    return ", ".join(told) + (f" and {len(rates) - most} more" if len(rates) > most else "")


def _healthy(mine: Mine, names: Sequence[str], what: str) -> Row | None:
    rates = {name: ended(mine[name], End.ROLLED_BACK) for name in names if name in mine}
    if not rates:
        return None
    worst = _worst_first(rates, high=True)
    over = [one for one in worst if one[1].value > 0.01]
    return Row(
        what,
        "≤ 1 % (worst ≤ 2 %)",
        f"worst: {_listed(worst[:1])}",
        f"over 1 %: {_listed(over, 20)}" if over else "",
    )


def _leaks(mine: Mine) -> Iterator[Row]:
    for name, least, latest in LEAKS:
        if name not in mine:
            continue
        rate, median = found(mine[name]), quantile(times(mine[name]), 0.5)
        missed = []
        if rate.value < least:
            missed.append(f"{100 * (least - rate.value):.1f} points")
        if not median <= latest:
            missed.append("no time" if math.isnan(median) else f"{median - latest:.2g} min")
        yield Row(
            f"{name}: found within 30 min; median",
            f"≥ {100 * least:.0f} %; ≤ {latest} min",
            f"{percent(rate)} %; {minutes(median)} min",
            " and ".join(missed),
        )


def _faults(mine: Mine, names: Sequence[str], what: str) -> Row | None:
    rates = {name: found(mine[name]) for name in names if name in mine}
    if not rates:
        return None
    worst = _worst_first(rates, high=False)
    under = [one for one in worst if one[1].value < 0.95]
    return Row(
        what,
        "≥ 95 %",
        f"worst: {_listed(worst[:1])}",
        f"under 95 %: {_listed(under, 20)}" if under else "",
    )


def _pre_existing(mine: Mine) -> Row | None:
    rates = {name: ended(mine[name], End.ROLLED_BACK) for name in PRE_EXISTING_LEAKS if name in mine}
    if not rates:
        return None
    worst = _worst_first(rates, high=True)
    over = [one for one in worst if one[1].value > 0.02]
    return Row(
        "leak in both revisions mistaken for the candidate's",
        "≤ 2 %",
        f"worst: {_listed(worst[:1])}",
        _listed(over),
    )


def _attribution(mine: Mine) -> Row | None:
    rates = {name: attributed(FAMILIES[name], outcomes) for name, outcomes in mine.items()}
    rates = {name: rate for name, rate in rates.items() if rate.n}
    if not rates:
        return None
    total = Rate(sum(r.hits for r in rates.values()), sum(r.n for r in rates.values()))
    under = [one for one in _worst_first(rates, high=False) if one[1].value < 0.95]
    return Row(
        "attribution right, each family",
        "≥ 95 %",
        f"{percent(total)} % over all",
        f"under 95 %: {_listed(under, 20)}" if under else "",
    )


def _rivals(results: Outcomes) -> Iterator[Row]:
    healthy = [name for name in results if not FAMILIES[name].faulty]
    faulty = [name for name in results if FAMILIES[name].faulty]
    rules = [rule for rule in RIVALS if all(rule in by_rule for by_rule in results.values())]
    rules = [rule for rule in rules if rule != "always promote"]
    if not (healthy and faulty and rules):
        return

    def false(rule: str) -> float:
        return _over(results, healthy, rule, lambda o: o.rolled_back)

    def missing(rule: str) -> float:
        return 1 - _over(results, faulty, rule, lambda o: o.found(30))

    mine = (false(JUDGE), missing(JUDGE))
    for rule in rules:
        theirs = (false(rule), missing(rule))
        behind = [
            f"{what} {100 * (a - b):.1f} points more"
            for what, a, b in zip(("false rollbacks", "missed faults"), mine, theirs, strict=True)
            if a > b
        ]
        yield Row(
            f"against {rule}: false rollbacks; missed faults",
            f"under {100 * theirs[0]:.1f} %; {100 * theirs[1]:.1f} %",
            f"{100 * mine[0]:.1f} %; {100 * mine[1]:.1f} %",
            ", ".join(behind),
        )
    fit = [rule for rule in rules if false(rule) <= 0.05 and missing(rule) < 1]
    for rule in sorted(fit, key=missing)[:1]:
        yield _pace(results, faulty, rule)
    if not fit:
        yield Row(
            "decision time against the best rival with ≤ 5 % false rollbacks",
            "≤ half",
            "none of them has so few and finds anything",
            "",
        )


def _over(results: Outcomes, names: Sequence[str], rule: str, hit: object) -> float:
    """Mean over families, so that each counts the same."""
    rates = [Rate.of([hit(o) for o in results[name][rule]]).value for name in names]  # type: ignore[operator]
    return sum(rates) / len(rates)


def _pace(results: Outcomes, faulty: Sequence[str], rule: str) -> Row:
    both = [
        (a.minutes, b.minutes)
        for name in faulty
        for a, b in zip(results[name][JUDGE], results[name][rule], strict=True)
        if a.found(30) and b.found(30)
    ]
    mine, theirs = (quantile([pair[i] for pair in both], 0.5) for i in (0, 1))
    return Row(
        f"decision time against {rule} where both find the fault, median",
        f"≤ {theirs / 2:.0f} min (half of {theirs:.0f})",
        f"{mine:.0f} min",
        "" if mine <= theirs / 2 else f"{mine - theirs / 2:.0f} min",
    )
