"""When a rule would have been open: the semantics of Prometheus' alerts on what was read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.alerting.firing import (
    Episode,
    Evaluations,
    Held,
    Labels,
    Unread,
    episodes,
    evaluations,
    most_at_once,
    together,
)

R1: Labels = (("revision_name", "r1"),)
R2: Labels = (("revision_name", "r2"),)
MINUTE = 60.0


def held(unread: tuple[tuple[int, int], ...] = (), **series: str) -> Held:
    """`#` where it held; by series."""
    found = {
        (("revision_name", name),): np.array([i for i, c in enumerate(drawn) if c == "#"], dtype=np.int64)
        for name, drawn in series.items()
    }
    return Held(found, tuple(Unread(first, last, "refused") for first, last in unread))


def grid(count: int, lead: int) -> Evaluations:
    return Evaluations(0.0, MINUTE, count, lead)


def minutes(one: Episode) -> tuple[float | None, float | None, float, float]:
    known = [None if at is None else at / MINUTE for at in (one.opened, one.closed)]
    return known[0], known[1], one.since / MINUTE, one.until / MINUTE


@pytest.mark.parametrize(
    ("drawn", "wait", "found"),
    [
        ("..........", 0, []),
        ("...#......", 0, [(3, 4, 3, 4)]),
        ("...###....", 2, [(5, 6, 5, 6)]),
        ("...##.....", 2, []),
        ("...##.###.", 2, [(8, 9, 8, 9)]),  # a missing evaluation begins the wait anew
        ("...###.###", 2, [(5, 6, 5, 6), (9, None, 9, 9)]),
        (".....#####", 1, [(6, None, 6, 9)]),
        ("...####...", 3, [(6, 7, 6, 7)]),
    ],
)  # fmt: skip
def test_it_opens_after_it_has_held_and_closes_with_the_first_evaluation_without_it(
    drawn: str, wait: int, found: list[tuple[float | None, ...]]
) -> None:
    told = episodes(held(r1=drawn), grid(len(drawn), 1), wait * MINUTE)
    assert [minutes(one) for one in told] == found


@pytest.mark.parametrize(
    ("drawn", "found"),
    [
        ("###.......", []),
        ("####......", [(None, 4, 3, 4)]),  # open when the window begins, nobody knows since when
        (".###......", [(3, 4, 3, 4)]),  # held for the last minutes before it: opens with it
        ("#.##......", []),
        ("##########", [(None, None, 3, 9)]),
    ],
)
def test_what_was_under_way_when_the_window_began(drawn: str, found: list[tuple[float | None, ...]]) -> None:
    told = episodes(held(r1=drawn), grid(len(drawn), 3), 2 * MINUTE)
    assert [minutes(one) for one in told] == found


def test_nothing_is_said_of_what_could_not_be_read() -> None:
    drawn = "..####........####.."
    told = episodes(held(((6, 13),), r1=drawn), grid(20, 1), MINUTE)
    assert [minutes(one) for one in told] == [(3, None, 3, 5), (None, 18, 15, 18)]


def test_each_series_has_incidents_of_its_own() -> None:
    told = episodes(held(r1="..####..##", r2="....####.."), grid(10, 1), 0)
    assert [(one.labels, minutes(one)[:2]) for one in told] == [
        (R1, (2, 6)), (R2, (4, 8)), (R1, (8, None)),
    ]  # fmt: skip
    assert together(told) == ((120.0, 540.0),)
    assert most_at_once(told) == 2
    assert most_at_once(()) == 0
    assert together(()) == ()


def test_evaluations_are_at_whole_steps_and_the_start_is_outside() -> None:
    found = evaluations(3600.0, 3600.0 + 600, 60.0, 150.0)
    assert (found.begin, found.end, found.lead) == (3660.0, 4200.0, 4)
    assert found.start == 3660.0 - 4 * 60
    with pytest.raises(ValueError, match="no evaluation"):
        evaluations(3601.0, 3659.0, 60.0, 0.0)


@given(
    st.lists(st.booleans(), min_size=12, max_size=60), st.integers(0, 5), st.sampled_from([60.0, 59.0, 1.0])
)
def test_it_is_open_exactly_when_a_rule_that_is_evaluated_step_by_step_fires(
    truth: list[bool], wait: int, hold: float
) -> None:
    """Against the loop of Prometheus itself: active since, and firing once that is `for` ago."""
    for_seconds = wait * hold
    active: float | None = None
    fires = []
    for at, true in enumerate(truth):
        active = None if not true else active if active is not None else at * MINUTE
        fires.append(active is not None and at * MINUTE - active >= for_seconds)
    lead = 7
    drawn = "".join("#" if true else "." for true in truth)
    told = episodes(held(r1=drawn), grid(len(truth), lead), for_seconds)
    opened = [
        any(e.since <= at * MINUTE and (e.closed is None or at * MINUTE < e.closed) for e in told)
        for at in range(len(truth))
    ]
    assert opened[lead:] == fires[lead:]
