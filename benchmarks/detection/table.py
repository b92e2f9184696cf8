"""Outcomes as Markdown tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.detection.families import FAMILIES, Family
from benchmarks.detection.outcome import CRASHED, HELD, Outcome, Rate, found, quantile

WITHIN = 30.0


def percent(rate: Rate, *, interval: bool = True) -> str:
    if not rate.n:
        return "–"
    low, high = rate.interval
    text = f"{100 * rate.value:.1f}"
    return f"{text} ({100 * low:.1f}–{100 * high:.1f})" if interval else text


def attributed(family: Family, outcomes: Sequence[Outcome]) -> Rate:
    """Faulty families: of those rolled back, how many for the revision. Healthy ones: of all."""
    counted = [o for o in outcomes if o.rolled_back] if family.faulty else list(outcomes)
    return Rate(sum(o.attribution in family.right for o in counted), len(counted))


def healthy_rows(by_family: dict[str, list[Outcome]]) -> list[str]:
    rows = [
        "| healthy family | n | rolled back % | held % | inconclusive % | attribution right % | blamed |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, outcomes in by_family.items():
        family = FAMILIES[name]
        if family.faulty:
            continue
        n = len(outcomes)
        back = Rate(sum(o.rolled_back for o in outcomes), n)
        rows.append(
            f"| {name} | {n} | {percent(back)} | {percent(_ended(outcomes, HELD), interval=False)} "
            f"| {percent(_ended(outcomes, 'inconclusive'), interval=False)} "
            f"| {percent(attributed(family, outcomes), interval=False)} | {_blamed(outcomes)} |"
        )
    return rows


def faulty_rows(by_family: dict[str, list[Outcome]]) -> list[str]:
    rows = [
        "| faulty family | n | found within 30 min % | median min | p95 min | held % | attribution right % |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, outcomes in by_family.items():
        family = FAMILIES[name]
        if not family.faulty:
            continue
        n = len(outcomes)
        hits = [o.minutes for o in outcomes if found(o, WITHIN)]
        rows.append(
            f"| {name} | {n} | {percent(Rate(len(hits), n))} | {quantile(hits, 0.5):.0f} "
            f"| {quantile(hits, 0.95):.0f} | {percent(_ended(outcomes, HELD), interval=False)} "
            f"| {percent(attributed(family, outcomes), interval=False)} |"
        )
    return rows


def _ended(outcomes: Sequence[Outcome], end: str) -> Rate:
    return Rate(sum(o.end == end for o in outcomes), len(outcomes))


def _blamed(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(o.metric for o in outcomes if o.rolled_back or o.end == CRASHED)
    return ", ".join(f"{metric} ×{count}" for metric, count in counts.most_common(3))
