"""Two reads put together are one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.samples import Key, Samples, Series, joined

INF = float("inf")


def series(metric: str, points: dict[float, float], instance: str = "", le: float | None = None) -> Series:
    return Series(Key(metric, "r", instance, le), np.array(list(points)), np.array(list(points.values())))


def shown(samples: Samples) -> dict[tuple[str, str, float | None], dict[float, float]]:
    return {
        (k.metric, k.instance, k.le): dict(zip(s.times.tolist(), s.values.tolist(), strict=True))
        for k, s in samples.by_key.items()
    }


def test_the_older_half_serves_up_to_the_seam_and_the_younger_after_it() -> None:
    old = Samples.of([series("a", {1: 10, 2: 20, 3: 30}), series("gone", {1: 1})])
    new = Samples.of([series("a", {2: -1, 3: 31, 4: 41}), series("new", {4: 4})])
    assert shown(joined(old, new, 2)) == {
        ("a", "", None): {1: 10, 2: 20, 3: 31, 4: 41},
        ("gone", "", None): {1: 1},
        ("new", "", None): {4: 4},
    }


def test_instances_in_either_half_make_the_whole_revision_s_series_a_second_source() -> None:
    whole, named = series("in_flight", {1: 3}), series("in_flight", {2: 5}, "i1")
    assert shown(joined(Samples.of([whole]), Samples.of([named]), 1)) == {("in_flight", "i1", None): {2: 5}}
    later = Samples.of([series("in_flight", {2: 3})])
    found = joined(Samples.of([series("in_flight", {1: 5}, "i1")]), later, 1)
    assert shown(found) == {("in_flight", "i1", None): {1: 5}}


def test_a_half_that_has_both_keeps_both() -> None:
    both = Samples.of([series("a", {1: 3}), series("a", {1: 4}, "i1")])
    assert shown(joined(both, Samples(), 5)) == shown(both)


def test_bounds_that_one_half_left_out_hold_as_many_as_the_next_lower_one() -> None:
    old = Samples.of([series("h", {1: 2}, le=10), series("h", {1: 5}, le=30), series("h", {1: 5}, le=INF)])
    new = Samples.of([series("h", {2: 1}, le=20), series("h", {2: 7}, le=INF)])
    assert shown(joined(old, new, 1)) == {
        ("h", "", 10): {1: 2, 2: 0},
        ("h", "", 20): {1: 2, 2: 1},
        ("h", "", 30): {1: 5, 2: 1},
        ("h", "", INF): {1: 5, 2: 7},
    }


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["", "i1", "i2"])),
        st.dictionaries(st.integers(0, 20), st.integers(-9, 9), min_size=1),
        max_size=4,
    ),
    st.integers(-1, 21),
)
def test_what_is_cut_and_joined_is_what_it_was(
    points: dict[tuple[str, str], dict[int, int]], at: int
) -> None:
    kept = {key: p for key, p in points.items() if key[1] or (key[0], "i1") not in points}
    whole = Samples.of(
        series(metric, {float(t): float(v) for t, v in sorted(p.items())}, instance)
        for (metric, instance), p in kept.items()
        if instance != "i2" or (metric, "") not in kept
    )
    assert shown(joined(whole.until(at), whole.after(at), at)) == shown(whole)


def test_nothing_joined_with_nothing_is_nothing() -> None:
    assert joined(Samples(), Samples(), 0.0).by_key == {}


@pytest.mark.parametrize("at", [0.0, 5.0])
def test_one_half_may_be_empty(at: float) -> None:
    whole = Samples.of([series("a", {1: 1, 2: 2})])
    assert shown(joined(whole, Samples(), 5.0)) == shown(whole)
    assert shown(joined(Samples(), whole, 0.0)) == shown(whole)
