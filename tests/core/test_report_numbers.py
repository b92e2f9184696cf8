"""Numbers and times of a report, and the ticks of its axes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.report.numbers import duration, offset, percent, quantity
from tidegate.core.report.scale import time_axis, value_axis


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (-4e-14, "0"),
        (-0.0, "0"),
        (0.000123, "0.000123"),
        (0.0353, "0.0353"),
        (0.99999, "1"),
        (9.999, "10"),
        (12.34, "12.3"),
        (99.97, "100"),
        (322.915, "323"),
        (12400, "12,400"),
        (-3, "\N{MINUS SIGN}3"),
        (math.inf, "∞"),
        (-math.inf, "\N{MINUS SIGN}∞"),
        (math.nan, "unknown"),
    ],
)
def test_quantities(value: float, told: str) -> None:
    assert quantity(value) == told


@given(st.floats(-1e11, 1e11))
def test_a_quantity_is_near_its_value_and_has_no_exponent(value: float) -> None:
    told = quantity(value)
    assert "e" not in told
    assert float(told.replace(",", "").replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        value, rel=6e-3, abs=1e-6
    )


def test_percent() -> None:
    assert percent(0.0353) == "3.53 %"
    assert percent(-1e-17) == "0 %"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (1e-9, "0 s"),
        (0.0497, "50 ms"),
        (0.9999, "1 s"),
        (20.2091, "20.2 s"),
        (60, "60 s"),
        (99.96, "1 min 40 s"),
        (119.7, "2 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (90_000, "25 h"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
        (math.inf, "∞"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_offsets_have_a_sign_unless_they_are_none() -> None:
    assert [offset(s) for s in (-30, -1e-9, 0, 1e-9, 20.25)] == [
        "\N{MINUS SIGN}30 s",
        "0 s",
        "0 s",
        "0 s",
        "+20.2 s",
    ]


@given(st.floats(0, 1e15), st.sampled_from([1e-2, 1.0, 10.0]), st.booleans())
def test_values_fit_their_axis_and_its_ticks_are_few_and_different(
    highest: float, least: float, whole: bool
) -> None:
    axis = value_axis(highest, least=least, whole=whole)
    assert axis.low == 0
    assert axis.high >= highest * (1 - 1e-6)
    assert 2 <= len(axis.ticks) <= 6
    assert all(axis.low <= t.at <= axis.high * (1 + 1e-9) for t in axis.ticks)
    if highest < 1e9:
        assert len({t.label for t in axis.ticks}) == len(axis.ticks)


def test_an_axis_of_things_has_no_halves() -> None:
    assert [t.label for t in value_axis(1, least=2, whole=True).ticks] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (30, ["\N{MINUS SIGN}5 s", "0 s", "+5 s", "+10 s", "+15 s", "+20 s", "+25 s"]),
        (600, ["0 min", "+2 min"]),
        (3600, ["0 min", "+10 min"]),
        (86400 * 300, ["0 d"]),
    ],
)
def test_times_are_told_in_round_units(length: float, labels: list[str]) -> None:
    found = [t.label for t in time_axis(1000 - 5, 1000 + length - 5, 1000, 7).ticks]
    assert found[: len(labels)] == labels


@given(st.floats(0, 2e9), st.floats(0, 1e9), st.floats(0, 1e9), st.integers(2, 12))
def test_time_ticks_are_few_and_inside(origin: float, before: float, after: float, most: int) -> None:
    axis = time_axis(origin - before, origin + after, origin, most)
    assert len(axis.ticks) <= most
    assert all(axis.low - 1e-3 <= t.at <= axis.high + 1e-3 for t in axis.ticks)
