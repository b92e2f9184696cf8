"""What the alerts of a spec are let live through: troubles, healthy lives, the user's cases."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.core.alerting.cases import Placed, too_short, twice
from tidegate.core.alerting.lives import LIVES, MINUTES, NO_COLLECTOR
from tidegate.core.alerting.rule import Rules
from tidegate.core.alerting.trial import MOST_CHECKPOINTS, Stretch
from tidegate.core.alerting.troubles import DAYS, TROUBLES
from tidegate.core.errors import Fault, InvalidInput

_BUDGET = "monthly_cost"
_SILENCE = "telemetry_silent"


def troubles(rules: Rules, kinds: Sequence[str]) -> tuple[Stretch, ...]:
    """One for each of the kinds."""
    found = []
    for kind in kinds:
        trouble = TROUBLES[kind]
        found.append(
            Stretch(
                in_trouble(kind),
                (kind,),
                tuple(trouble.series(rules.subject)),
                trouble.since(rules.subject) + trouble.patience,
                trouble.interval,
                trouble.interval,
                trouble.interval,
            )
        )
    return tuple(found)


def in_trouble(kind: str) -> str:
    """The name of the stretch in which a kind must fire."""
    return f"the trouble of {kind}"


def healthy(rules: Rules, kinds: Sequence[str]) -> tuple[Stretch, ...]:
    """All lives in which any of the kinds may be looked at."""
    found = [
        Stretch(name, looked_at, tuple(life.series(rules.subject)), MINUTES, evaluated=2, looked=10)
        for name, life in LIVES.items()
        if (looked_at := _in_life(name, kinds))
    ]
    for name, days in DAYS.items():
        if looked_at := tuple(kind for kind in days.kinds if kind in kinds):
            end, interval = days.end(rules.subject), days.interval
            series = tuple(days.series(rules.subject))
            found.append(Stretch(name, looked_at, series, end, interval, 2 * interval, 60))
    return tuple(found)


def _in_life(name: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """What a service of two instances costs is nothing a budget could be held against, and of one that has no
    collector silence is told by intent."""
    left_out = {_BUDGET, *((_SILENCE,) if name == NO_COLLECTOR else ())}
    return tuple(kind for kind in kinds if kind not in left_out)


def of_cases(rules: Rules, cases: Sequence[Placed]) -> tuple[Stretch, ...]:
    """Raises InvalidInput for cases that are over before they are decided, or have a series twice."""
    found: list[Stretch] = []
    faults: list[Fault] = []
    for placed in cases:
        case = placed.case
        interval = int(case.interval) // 60
        needed = due(placed, rules)
        if case.fires and case.minutes < needed:
            faults.append(too_short(placed, needed))
        series = tuple(one.given().written(rules.subject) for one in case.series)
        faults += twice(placed, [one["series"] for one in series])
        end = max(case.minutes, interval)
        looked = interval * -(-end // (MOST_CHECKPOINTS * interval))
        found.append(
            Stretch(
                placed.name,
                (case.alert,),
                series,
                end,
                interval,
                interval,
                looked,
                (*case.revisions, ""),
            )
        )
    if faults:
        raise InvalidInput(tuple(faults))
    return tuple(found)


def due(placed: Placed, rules: Rules) -> int:
    """The minute by which a case has fired that is to."""
    case = placed.case
    within = rules.of(case.alert).within_minutes if case.within is None else int(case.within) // 60
    return int(case.since) // 60 + within
