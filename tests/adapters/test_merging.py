"""Ticks, merged distributions and percentiles, against numbers worked out by hand and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.adapters.merging import Histogram, added, deltas, latest, merged, ticks

INF = math.inf


def histogram(bounds: tuple[float, ...], *counts: float, total: float = 0.0) -> Histogram:
    return Histogram(bounds, np.array(counts, dtype=np.float64), total)


def test_a_percentile_of_merged_counts_worked_out_by_hand() -> None:
    # 90 requests of 0..100 ms on one instance, 10 of 100..200 ms on the other: rank 95 is half-way up.
    fast = histogram((100.0, 200.0, INF), 90, 0, 0, total=4500.0)
    slow = histogram((100.0, 200.0, INF), 0, 10, 0, total=1500.0)
    both = merged([fast, slow])
    assert both.quantile(0.95) == 150.0
    assert both.quantile(0.5) == pytest.approx(100 * 50 / 90)
    assert both.mean == 60.0
    fast_p95, slow_p95 = fast.quantile(0.95), slow.quantile(0.95)
    assert fast_p95 is not None
    assert slow_p95 is not None
    assert (fast_p95 + slow_p95) / 2 != pytest.approx(150.0)


@pytest.mark.parametrize(
    ("counts", "q", "expected"),
    [
        ((0, 0, 0), 0.5, None),
        ((4, 0, 0), 0.5, 5.0),
        ((0, 4, 0), 0.0, 10.0),
        ((0, 4, 0), 1.0, 20.0),
        ((0, 0, 4), 0.5, 20.0),
        ((2, 2, 0), 0.5, 10.0),
        ((1, 0, 1), 0.75, 20.0),
    ],
)
def test_percentiles_at_the_edges(counts: tuple[int, ...], q: float, expected: float | None) -> None:
    assert histogram((10.0, 20.0, INF), *counts).quantile(q) == expected


def test_different_layouts_meet_on_the_bounds_they_share() -> None:
    fine = histogram((10.0, 20.0, 30.0, INF), 1, 2, 3, 4)
    coarse = histogram((20.0, 40.0, INF), 10, 20, 30)
    both = merged([fine, coarse])
    assert both.bounds == (20.0, INF)
    assert both.counts.tolist() == [13, 57]


def test_equal_times_are_one_tick() -> None:
    grid = ticks([np.array([60.0, 120.0]), np.array([120.0, 180.0])], 60.0)
    assert grid.times.tolist() == [60, 120, 180]
    assert added(grid, [np.array([1.0, 2.0]), np.array([10.0, 20.0])]).tolist() == [1, 12, 20]


def test_times_less_than_half_a_period_apart_are_one_tick() -> None:
    grid = ticks([np.array([60.0, 120.0]), np.array([63.0, 119.0])], 60.0)
    assert grid.times.tolist() == [63, 120]


def test_a_gauge_read_twice_in_a_tick_counts_once() -> None:
    grid = ticks([np.array([0.0, 1.0, 60.0])], 60.0)
    ((tick, values),) = latest(grid, [np.array([5.0, 7.0, 9.0])])
    assert tick.tolist() == [0, 1]
    assert values.tolist() == [7, 9]


def test_a_reset_counts_from_zero_and_a_fall_is_dropped() -> None:
    times, values, dropped = deltas(
        np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
        np.array([10.0, 15.0, 3.0, 2.0, 6.0]),
        np.array([0.0, 0.0, 2.5, 2.5, 2.5]),
    )
    assert times.tolist() == [2, 3, 5]
    assert values.tolist() == [5, 3, 4]
    assert dropped == 1


_TIMES = st.lists(st.integers(0, 400), max_size=40, unique=True).map(
    lambda xs: np.array(sorted(xs), dtype=float)
)


@given(st.lists(_TIMES, max_size=4), st.integers(1, 60))
def test_adding_up_never_loses_or_doubles_a_point(series: list[np.ndarray], period: int) -> None:
    grid = ticks(series, float(period))
    total = added(grid, [np.ones(times.size) for times in series])
    assert total.sum() == sum(times.size for times in series)
    assert (np.diff(grid.times) > 0).all()
    for times, tick in zip(series, grid.of, strict=True):
        assert (np.abs(grid.times[tick] - times) < max(period / 2, 1e-9)).all()


@given(st.lists(st.lists(st.integers(0, 50), min_size=5, max_size=5), min_size=1, max_size=5))
def test_a_percentile_lies_in_the_bucket_that_holds_its_rank(counts: list[list[int]]) -> None:
    bounds = (1.0, 2.0, 4.0, 8.0, INF)
    both = merged([histogram(bounds, *one) for one in counts])
    for q in (0.5, 0.95, 0.99):
        found = both.quantile(q)
        values = [
            bound for bound, n in zip(bounds, np.sum(counts, axis=0), strict=True) for _ in range(int(n))
        ]
        if not values:
            assert found is None
            continue
        assert found is not None
        upper = values[max(0, math.ceil(q * len(values)) - 1)]
        lower = (0.0, *bounds)[bounds.index(upper)]
        assert lower <= found <= (upper if upper < INF else 8.0)
