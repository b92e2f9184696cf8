"""The rank tests give known values, and each rival does what its makers say it does."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.families import FAMILIES
from benchmarks.detection.outcome import End, Outcome, Rate
from benchmarks.detection.ranks import mann_kendall, mann_whitney, ranks, shift
from benchmarks.detection.readings import Readings
from benchmarks.detection.rivals import RIVALS
from benchmarks.detection.simulate import make


def outcomes(rule: str, family: str, seeds: int = 12) -> list[Outcome]:
    return [RIVALS[rule](Readings(make(FAMILIES[family], seed))) for seed in range(seeds)]


def share(rule: str, family: str) -> float:
    found = outcomes(rule, family)
    return sum(o.rolled_back for o in found) / len(found)


def test_equal_values_share_their_ranks() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_mann_whitney_on_a_textbook_example() -> None:
    """Permeability constants of Hollander & Wolfe (1973), 69f: W = 35."""
    term = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    early = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    u, z = mann_whitney(term, early)
    assert u == 35
    assert z == pytest.approx(10 / np.sqrt(10 * 5 * 16 / 12))
    assert mann_whitney(early, term)[0] == 10 * 5 - 35


def test_mann_whitney_corrects_for_ties() -> None:
    u, z = mann_whitney(np.array([1.0, 2.0, 2.0]), np.array([2.0, 3.0]))
    assert u == 1.0  # two halves
    # 3 * 2 / 12 * (6 - (27 - 3) / (5 * 4))
    assert z == pytest.approx((1 - 3) / np.sqrt(2.4))


def test_the_shift_and_its_lower_bound() -> None:
    one, other = np.arange(20.0) + 100.3, np.arange(20.0)
    low, estimate = shift(one, other, 2.3263)
    assert estimate == pytest.approx(100.3)
    assert 90 < low < estimate
    rng = np.random.default_rng(1)
    below = [shift(rng.normal(2, 1, 30), rng.normal(0, 1, 40), 1.645)[0] < 2 for _ in range(400)]
    assert 0.92 < np.mean(below) < 0.98


def test_mann_kendall_on_known_series() -> None:
    # Ten rising values: S = 45, variance 10 * 9 * 25 / 18 = 125.
    assert mann_kendall(np.arange(10.0))[-1] == pytest.approx(44 / np.sqrt(125))
    assert mann_kendall(-np.arange(10.0))[-1] == pytest.approx(-44 / np.sqrt(125))
    # Two equal ones: S = 5, variance (4 * 3 * 13 - 2 * 1 * 9) / 18.
    assert mann_kendall(np.array([1.0, 1, 2, 3]))[-1] == pytest.approx(4 / np.sqrt(138 / 18))
    assert not mann_kendall(np.full(8, 5.0)).any()


def test_every_prefix_has_the_trend_it_would_have_alone() -> None:
    values = np.round(np.random.default_rng(2).normal(0, 2, 40))
    whole = mann_kendall(values)
    for k in (5, 17, 40):
        assert whole[k - 1] == pytest.approx(mann_kendall(values[:k])[-1])


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 100, 0.0, 0.0370), (5, 100, 0.0215, 0.1118), (10, 10, 0.7225, 1.0)]
)
def test_wilson_intervals(hits: int, n: int, low: float, high: float) -> None:
    assert Rate(hits, n).interval == pytest.approx((low, high), abs=1e-4)


def test_the_release_manager_sees_errors_and_no_leaks() -> None:
    assert share("release manager", "errors +5 points") > 0.9
    assert share("release manager", "leak 5/min on 1 instance") < 0.4
    assert share("release manager", "never starts") == 0  # nothing measured counts as healthy


def test_kayenta_sees_leaks_silence_and_healthy_pools() -> None:
    assert share("Kayenta", "leak 5/min on 3 instances") > 0.9
    assert share("Kayenta", "never starts") == 1
    assert share("Kayenta", "load-proportional fds") > 0.3


def test_an_alert_needs_twenty_minutes_for_a_leak() -> None:
    found = outcomes("alerts", "leak 5/min on 3 instances")
    assert all(o.rolled_back for o in found)
    assert np.median([o.minutes for o in found]) >= 20


def test_a_trend_test_alone_fires_on_nearly_everything() -> None:
    assert share("Mann-Kendall", "leak 5/min on 1 instance") == 1
    assert share("Mann-Kendall", "pool warm-up") > 0.8


def test_always_promoting_finds_nothing() -> None:
    assert {o.end for o in outcomes("always promote", "leak 5/min on 1 instance", 3)} == {End.PROMOTED}
