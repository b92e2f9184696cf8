"""A rollout worked out from the requests of each revision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import UsageError
from tidegate.core.reconstruct import Shares, coverage, describe, pair, steps
from tidegate.core.samples import Key, Samples, Series

START, PERIOD = 1_700_000_000.0, 60.0
Plan = dict[str, list[tuple[float, int]]]
"""Per revision: from which minute on it has how many percent of the traffic."""


def traffic(plan: Plan, rate: float, minutes: int = 60, before: int = 20, seed: int = 1) -> Samples:
    """`request_count` a minute, each request sent by the split of its moment."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {revision: [] for revision in plan}
    minute = np.arange(-before, minutes)
    for m in minute:
        at = np.sort(rng.uniform(m, m + 1, rng.poisson(rate * PERIOD)))
        shares = np.array([[_percent(moves, t) for t in at] for moves in plan.values()]) / 100
        drawn = rng.uniform(size=at.size)
        upto = np.cumsum(shares, axis=0)
        for i, revision in enumerate(plan):
            low = upto[i - 1] if i else 0 * drawn
            found[revision].append(float(((drawn >= low) & (drawn < upto[i])).sum()))
    ends = START + PERIOD * (minute + 1)
    return Samples.of(
        Series(Key("request_count", revision), ends.copy(), np.array(counts))
        for revision, counts in found.items()
    )


def _percent(moves: list[tuple[float, int]], minute: float) -> int:
    return next((percent for since, percent in reversed(moves) if since <= minute), 0)


CANARY: Plan = {
    "one": [(-99, 100), (0, 95), (10, 75), (20, 50), (30, 0)],
    "two": [(0, 5), (10, 25), (20, 50), (30, 100)],
}


def worked_out(plan: Plan, rate: float, **more: int) -> tuple[str, str, list[tuple[float, int]]]:
    """Stable, candidate, and steps in minutes."""
    shares = Shares.of(traffic(plan, rate, **more), PERIOD)
    stable, candidate = pair(shares)
    moved = steps(shares.between(stable, candidate), candidate)
    return stable, candidate, [((s.time - START) / 60, s.percent) for s in moved]


def test_a_canary_is_found_with_its_steps() -> None:
    stable, candidate, moved = worked_out(CANARY, 20)
    assert (stable, candidate) == ("one", "two")
    assert [percent for _, percent in moved] == pytest.approx([5, 25, 50, 100], abs=2)
    assert [minute for minute, _ in moved] == pytest.approx([0, 10, 20, 30], abs=0.1)


def test_a_move_within_a_period_is_placed_in_it() -> None:
    plan: Plan = {"one": [(-99, 100), (10.4, 50), (25.75, 0)], "two": [(10.4, 50), (25.75, 100)]}
    _, _, moved = worked_out(plan, 50)
    assert [minute for minute, _ in moved] == pytest.approx([10.4, 25.75], abs=0.1)
    assert [percent for _, percent in moved] == pytest.approx([50, 100], abs=1)


def test_little_traffic_shows_the_revisions_and_the_large_moves() -> None:
    stable, candidate, moved = worked_out(CANARY, 0.2)
    assert (stable, candidate) == ("one", "two")
    assert moved[0][0] == pytest.approx(0, abs=6)
    assert moved[-1] == (pytest.approx(30, abs=2), 100)


def test_a_rollback_ends_with_no_traffic() -> None:
    _, _, moved = worked_out({"one": [(-99, 100), (5, 50), (15, 100)], "two": [(5, 50), (15, 0)]}, 20)
    assert [percent for _, percent in moved] == [pytest.approx(50, abs=2), 0]


def test_a_smoke_check_before_the_traffic_is_no_step() -> None:
    samples = traffic({"one": [(-99, 100), (30, 50)], "two": [(30, 50)]}, 20)
    (two,) = samples.of_metric("request_count", "two")
    counts = two.values.copy()
    counts[5] = 3.0
    changed = Samples.of([*samples.of_metric("request_count", "one"), Series(two.key, two.times, counts)])
    shares = Shares.of(changed, PERIOD)
    (only,) = steps(shares, "two")
    assert only.time == pytest.approx(START + 1800, abs=10)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 1, 20]), st.integers(2, 98))
def test_a_constant_share_has_one_step(seed: int, rate: float, percent: int) -> None:
    plan: Plan = {"one": [(-99, 100 - percent)], "two": [(-99, percent)]}
    shares = Shares.of(traffic(plan, rate, before=5, minutes=40, seed=seed), PERIOD)
    assert len(steps(shares, "two")) <= 1


def test_revisions_given_are_taken_at_their_word() -> None:
    shares = Shares.of(traffic(CANARY, 5), PERIOD)
    assert pair(shares, candidate="two") == ("one", "two")
    assert pair(shares, stable="one") == ("one", "two")
    assert pair(Shares.of(traffic({"two": [(10, 100)]}, 5), PERIOD), stable="", candidate="two") == (
        "",
        "two",
    )


REFUSED: dict[str, tuple[Plan, str | None, str]] = {
    "nobody new": ({"one": [(-99, 60)], "two": [(-99, 40)]}, None, "no revision got its first traffic"),
    "two new ones": (
        {"one": [(-99, 100), (0, 50), (30, 0)], "two": [(0, 50), (30, 0)], "three": [(30, 100)]},
        None,
        "2 revisions got their first traffic in that time: three, two",
    ),
    "two before": (
        {"one": [(-99, 50), (20, 0)], "two": [(-99, 50), (20, 0)], "new": [(20, 100)]}, None, "one and two",
    ),
    "a third beside": (
        {"one": [(-99, 100), (0, 50)], "two": [(0, 30)], "three": [(0, 20)]}, "two", "three had traffic too",
    ),
    "nothing before": ({"two": [(10, 100)]}, "two", "no revision had traffic before two"),
    "never seen": ({"one": [(-99, 100)]}, "seven", "seven had next to no requests"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_is_not_clear_is_refused_with_everybody_seen(case: str) -> None:
    plan, candidate, said = REFUSED[case]
    with pytest.raises(UsageError, match=said) as caught:
        pair(Shares.of(traffic(plan, 20), PERIOD), candidate=candidate)
    for revision in plan:
        assert f"{revision} " in caught.value.message.partition("seen: ")[2]
    assert caught.value.hint


def test_no_requests_at_all() -> None:
    with pytest.raises(UsageError, match="no requests"):
        pair(Shares.of(Samples.of(()), PERIOD))
    assert steps(Shares.of(Samples.of(()), PERIOD), "one") == ()


def test_who_had_how_much_is_told_in_order() -> None:
    times = START + np.array([60.0, 120.0])
    shares = Shares.of(
        Samples.of(
            Series(Key("request_count", name), times.copy(), np.array(counts))
            for name, counts in (("a", [1.0, 0.0]), ("b", [1.0, 2.0]))
        ),
        PERIOD,
    )
    assert describe(shares) == (
        "b 75 % of 4 requests (11-14 22:13 to 22:15 UTC), a 25 % of 4 requests (11-14 22:13 to 22:14 UTC)"
    )


def test_gaps_are_counted_inside_a_series() -> None:
    times = START + PERIOD * np.array([0.0, 1, 2, 6, 7])
    late = START + PERIOD * np.array([50.0, 51])
    buckets = [
        Series(Key("latency_ms_bucket", "one", "", le), times.copy(), np.ones(5)) for le in (10.0, np.inf)
    ]
    samples = Samples.of([
        Series(Key("open_fds", "one", "a"), times.copy(), np.ones(5)),
        Series(Key("open_fds", "one", "b"), late, np.ones(2)),
        *buckets,
    ])  # fmt: skip
    fds, latency = sorted(coverage(samples, PERIOD), key=lambda c: c.metric, reverse=True)
    assert (fds.series, fds.samples, fds.missing, fds.gap) == (2, 7, 3, 240.0)
    assert (latency.series, latency.samples) == (1, 5)
