"""The chances of error that the judge's evidence promises, drawn anew; and the tables it is held against."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.boundaries import PHIS, WARM_UPS, at, suprema, tail
from core.judge_rollouts import Array
from tidegate.core.judge import JUDGED, Criteria, Custom
from tidegate.core.judge.boundaries import LEAST, STAGES, TAILS, boundary, stage_of
from tidegate.core.judge.counts import Counts, excess_evidence, wanted
from tidegate.core.judge.criteria import CUSTOM_SHARE, SHARES
from tidegate.core.judge.distributions import t_quantile, t_sf
from tidegate.core.judge.evidence import above, below, over_dispersion, upper_bound, wilson, wilson_difference

# ------------------------------------------------------------------------------------------ growth


def test_the_boundaries_are_what_the_script_draws() -> None:
    """Of one instance, in the stages of which a few hundred draws say much."""
    rng = np.random.default_rng(20261201)
    drawn = np.concatenate([suprema(rng, 1, warm_up, phi, 40) for warm_up in WARM_UPS for phi in PHIS])
    assert drawn.shape == (len(WARM_UPS) * len(PHIS) * 40, len(STAGES))
    for stage in (0, 1, 2):
        stored = TAILS[1][stage]
        assert at(*tail(drawn[:, stage]), 0.01) == pytest.approx(at(*stored, 0.01), abs=0.4)
        # 640 draws at 5 %: 2.2 points of chance either way with 99 % confidence, and as much for the fit.
        assert 0.01 < (drawn[:, stage] > at(*stored, 0.05)).mean() < 0.09


alphas = st.floats(1e-9, 0.4)
ages = st.floats(0, 1000)


@given(alphas, alphas, st.integers(1, 20), ages)
def test_to_be_surer_asks_for_more_evidence(alpha: float, other: float, segments: int, age: float) -> None:
    less, more = sorted((alpha, other), reverse=True)
    assert LEAST <= boundary(less, segments, age) <= boundary(more, segments, age) < math.inf


@given(st.integers(1, 20), ages)
def test_no_chance_is_small_enough_to_ask_for_nothing(segments: int, age: float) -> None:
    assert boundary(1e-12, segments, age) > boundary(1e-4, segments, age) > LEAST
    assert boundary(0.4, segments, age) >= 2.5


def test_the_last_stage_never_ends_and_the_first_begins_with_the_first_look() -> None:
    assert [stage_of(age) for age in (0, *STAGES, 1e9)] == [0, *range(len(STAGES)), len(STAGES) - 1]
    assert all(len(stages) == len(STAGES) for stages in TAILS.values())


# ------------------------------------------------------------------------------------------ alpha


@pytest.mark.parametrize("own", [(), ("a",), ("a", "b", "c")])
def test_all_metrics_together_spend_alpha_and_no_more(own: tuple[str, ...]) -> None:
    criteria = Criteria(custom=tuple(Custom(name) for name in own), alpha=0.02)
    spent = [criteria.alpha_of(metric) for metric in (*SHARES, *own)]
    assert sum(spent) <= 0.02 + 1e-12
    assert min(spent) > 0
    assert sum(SHARES.values()) + CUSTOM_SHARE == pytest.approx(1)
    assert set(SHARES) == set(JUDGED) - {"request_count"}


# ------------------------------------------------------------------------------------------ counts

LIMIT = math.log(20)
"""Log evidence that a healthy revision exceeds at any look in 5 % of rollouts at most."""
ROUNDS = 400
MOST = 0.05 * ROUNDS + 2.6 * math.sqrt(0.05 * 0.95 * ROUNDS)
"""So many of them by chance, but for one run of this in 200."""


N, BEFORE = 40, 30
"""Sample periods since the start, and of the stable revision before."""


def failing(rng: np.random.Generator, requests: Array, p: Array) -> Counts:
    bins = np.arange(requests.size) - requests.size + N + 1
    return Counts(bins, rng.binomial(requests.astype(int), p).astype(float), requests)


def ever(mine: Counts, stable: Counts, limit: float) -> bool:
    """Whether the evidence exceeds the limit at any look."""
    return any(
        excess_evidence(mine.where(last=k), stable.where(first=1, last=k), stable.where(last=k)) > limit
        for k in range(4, N + 1, 4)
    )


@pytest.mark.parametrize("story", ["quiet", "the share moves", "an outage of both", "bursts"])
def test_healthy_errors_seldom_exceed_the_limit_at_any_look(story: str) -> None:
    rng, fooled = np.random.default_rng(7), 0
    share = np.full(N, 0.3)
    if story == "the share moves":
        share = np.repeat([0.05, 0.25, 0.5, 0.9], N // 4)
    p = np.full(BEFORE + N, 0.02)
    if story == "an outage of both":
        p[-20:-10] = 0.5
    for _ in range(ROUNDS):
        burst = rng.gamma(0.5, 2.0, (2, BEFORE + N)) if story == "bursts" else np.ones((2, BEFORE + N))
        requests = rng.poisson(200, BEFORE + N).astype(float)
        mine = rng.binomial(requests[-N:].astype(int), share).astype(float)
        requests[-N:] -= mine
        candidate = failing(rng, mine, np.clip(p * burst[0], 0, 1)[-N:])
        fooled += ever(candidate, failing(rng, requests, np.clip(p * burst[1], 0, 1)), LIMIT)
    assert fooled <= MOST


def test_more_errors_exceed_it_nearly_always() -> None:
    rng, found = np.random.default_rng(8), 0
    for _ in range(50):
        mine, other = (rng.poisson(rate, n).astype(float) for rate, n in ((60, N), (140, BEFORE + N)))
        candidate = failing(rng, mine, np.full(N, 0.06))
        found += ever(candidate, failing(rng, other, np.full(BEFORE + N, 0.02)), wanted(0.0035))
    assert found >= 48


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.001, 0.999))
def test_evidence_of_more_and_of_less_do_not_both_grow(events: int, trials: int, ratio: float) -> None:
    k = min(events, trials)
    assert min(above(k, trials, ratio), below(k, trials, ratio)) <= 1e-9
    assert 0 <= k / trials <= upper_bound(k, trials, 0.01) <= 1


def test_bursts_count_for_less() -> None:
    steady, requests = np.full(40, 4.0), np.full(40, 200.0)
    assert over_dispersion(steady, requests) == 1
    bursts = np.where(np.arange(40) % 10, 0.0, 40.0)
    assert 30 < over_dispersion(bursts, requests) < 40
    assert over_dispersion(bursts[:3], requests[:3]) == 1  # too few to tell


# ------------------------------------------------------------------------------------------ tables


@pytest.mark.parametrize(
    ("tail", "df", "t"),
    [
        (0.25, 1, 1.000),
        (0.1, 2, 1.886),
        (0.05, 1, 6.314),
        (0.05, 5, 2.015),
        (0.025, 3, 3.182),
        (0.025, 10, 2.228),
        (0.025, 30, 2.042),
        (0.01, 8, 2.896),
        (0.005, 20, 2.845),
        (0.001, 15, 3.733),
        (0.0005, 4, 8.610),
        (0.0005, 120, 3.373),
    ],
)
def test_quantiles_of_students_t(tail: float, df: float, t: float) -> None:
    assert t_quantile(tail, df) == pytest.approx(t, abs=6e-4)
    assert t_sf(t, df) == pytest.approx(tail, rel=2e-3)
    assert t_sf(-t, df) == pytest.approx(1 - tail, rel=2e-3)


def test_intervals_of_ratios() -> None:
    """Newcombe (1998), Statistics in Medicine 17: 81 of 263 alone, and 56 of 70 against 48 of 80."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=2e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=2e-4)
    assert wilson(0, 0) == (0, 1)
    assert wilson_difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=2e-4)
