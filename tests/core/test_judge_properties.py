"""What must hold for all samples, sensible or not."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.judge_rollouts import NEW, OLD, START, Story, exponential
from tidegate.core.judge import Criteria, Rollout, Step, judge, recovery
from tidegate.core.judge.distributions import beta_cdf, log_beta_sf, t_quantile, t_sf
from tidegate.core.judge.evidence import above, more_than_share, upper_bound
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.trace import METRICS, read, write
from tidegate.core.verdict import Verdict

STORIES = st.sampled_from(
    [
        Story(n=30),
        Story(n=30, leak=3 / 60),
        Story(n=30, leak=3 / 60, old_leak=3 / 60),
        Story(n=30, load=20.0, warm=exponential(30, 120)),
        Story(n=30, errors=lambda r, age: 0.03 * (r == NEW) + 0 * age),
        Story(n=30, stable=False, shares=(100,), leak=1 / 60),
    ]
)
looking = settings(deadline=None, max_examples=25)


def same(a: Verdict, b: Verdict) -> None:
    assert (a.decision, a.attribution, a.enough_data) == (b.decision, b.attribution, b.enough_data)
    assert [m.finding for m in a.metrics] == [m.finding for m in b.metrics]


@looking
@given(STORIES, st.integers(0, 1000), st.integers(1, 30), st.randoms())
def test_the_order_of_rows_does_not_matter(story: Story, seed: int, k: int, random: Random) -> None:
    rollout, samples = story.make(seed)
    files = write(rollout, samples)
    head, *rows = files["samples.csv"].splitlines()
    random.shuffle(rows)
    again, shuffled, _ = read(files["rollout.json"], "\n".join([head, *rows]))
    at = START + 60 * k
    assert judge(shuffled, again, Criteria(), at) == judge(samples, rollout, Criteria(), at)


@looking
@given(STORIES, st.integers(0, 1000), st.integers(1, 30), st.integers(1, 500))
def test_descriptors_that_both_revisions_hold_do_not_matter(
    story: Story, seed: int, k: int, more: int
) -> None:
    rollout, samples = story.make(seed)
    raised = Samples.of(
        Series(key, s.times.copy(), s.values + (more if key.metric == "open_fds" else 0))
        for key, s in samples.by_key.items()
    )
    same(
        judge(samples, rollout, Criteria(), START + 60 * k),
        judge(raised, rollout, Criteria(), START + 60 * k),
    )


@looking
@given(STORIES, st.integers(0, 1000), st.integers(1, 30), st.sampled_from([1 / 64, 0.25, 2.0, 8.0]))
def test_the_same_story_told_faster_is_judged_the_same(story: Story, seed: int, k: int, pace: float) -> None:
    """Times, warm-up and horizon shrink; rates grow. Counts per sample period stay what they are."""
    rollout, samples = story.make(seed)
    criteria = Criteria()

    def scaled(time: float) -> float:
        return START + pace * (time - START)

    fast_rollout = Rollout(
        "orders",
        rollout.stable,
        rollout.candidate,
        tuple(Step(scaled(s.time), s.percent) for s in rollout.steps),
        None,
        pace * rollout.sample_period,
        0.0,
    )
    fast = Samples.of(
        Series(key, START + pace * (s.times - START), s.values.copy()) for key, s in samples.by_key.items()
    )
    fast_criteria = replace(
        criteria,
        warm_up=pace * criteria.warm_up,
        leak_min_slope=criteria.leak_min_slope / pace,
        leak_horizon=pace * criteria.leak_horizon,
    )
    same(
        judge(samples, rollout, criteria, START + 60 * k),
        judge(fast, fast_rollout, fast_criteria, scaled(START + 60 * k)),
    )


@looking
@given(STORIES, st.integers(0, 1000), st.integers(1, 30), st.floats(0, 600))
def test_nothing_younger_than_the_ingestion_delay_is_seen(
    story: Story, seed: int, k: int, delay: float
) -> None:
    rollout, samples = story.make(seed)
    rollout = replace(rollout, ingestion_delay=delay)
    at = START + 60 * k
    visible = samples.until(at - delay)
    assert judge(samples, rollout, Criteria(), at) == judge(visible, rollout, Criteria(), at)
    assert recovery(samples, rollout, Criteria(), START, at) == recovery(
        visible, rollout, Criteria(), START, at
    )


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -1.0, 1e15, 1e308, 5e-324])
moments = st.integers(-40, 90).map(lambda k: START + 60.0 * k) | st.floats(-1e18, 1e18)


@st.composite
def rubbish(draw: st.DrawFn) -> Samples:
    found = {}
    for _ in range(draw(st.integers(0, 8))):
        metric = draw(st.sampled_from(sorted(METRICS)))
        le = draw(st.sampled_from([1.0, 5.0, 100.0, np.inf])) if metric == "latency_ms_bucket" else None
        key = Key(metric, draw(st.sampled_from([OLD, NEW])), draw(st.sampled_from(["", "a", "b"])), le)
        times = sorted(draw(st.sets(moments, min_size=1, max_size=30)))
        values = draw(st.lists(numbers, min_size=len(times), max_size=len(times)))
        found[key] = Series(key, np.array(times), np.array(values))
    return Samples.of(found.values())


@settings(deadline=None, max_examples=150)
@given(rubbish(), st.booleans(), st.floats(-1e4, 1e4), st.sampled_from([1e-3, 1.0, 60.0, 1e6]))
def test_rubbish_is_judged_without_a_crash(
    samples: Samples, first: bool, later: float, period: float
) -> None:
    steps = (Step(START, 10), Step(START + 600, 100))
    rollout = Rollout("orders", "" if first else OLD, NEW, steps, None, period, 0.0)
    verdict = judge(samples, rollout, Criteria(), START + later)
    assert verdict.reasons
    for result in verdict.metrics:
        assert result.sentence
        for value in (result.estimate, result.low, result.high, result.evidence, result.boundary):
            assert value is None or np.isfinite(value)
    recovery(samples, rollout, Criteria(), START, START + later)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_no_sample_can_be_no_number(wrong: float) -> None:
    for time, value in ((1.0, wrong), (wrong, 1.0)):
        with pytest.raises(ValueError, match="finite"):
            Series(Key("open_fds", NEW), np.array([time]), np.array([value]))


# ------------------------------------------------------------------------------------------- the parts


@pytest.mark.parametrize(
    ("tail", "df", "t"), [(0.025, 10, 2.22814), (0.0001, 3, 22.2037), (0.001, 1e5, 3.0903), (0.25, 1, 1.0)]
)
def test_t_quantiles_are_those_of_the_tables(tail: float, df: float, t: float) -> None:
    assert t_quantile(tail, df) == pytest.approx(t, rel=1e-4)
    assert t_sf(t, df) == pytest.approx(tail, rel=1e-3)


@given(st.floats(0.01, 0.99), st.floats(0.5, 2000), st.floats(0.5, 2000))
def test_the_beta_tail_is_the_other_side_of_its_distribution(x: float, a: float, b: float) -> None:
    cdf = beta_cdf(x, a, b)
    assert 0 <= cdf <= 1
    assert np.exp(log_beta_sf(x, a, b)) == pytest.approx(1 - cdf, abs=1e-9)


def test_evidence_is_seldom_large_by_chance_at_any_look() -> None:
    """Ville: the chance that it ever passes 1/alpha is at most alpha, however often one looks."""
    rng, fooled, rounds = np.random.default_rng(1), {"above": 0, "share": 0, "bound": 0}, 300
    for _ in range(rounds):
        n, m = rng.integers(1, 40, 60).astype(float), rng.integers(1, 40, 60).astype(float)
        p = rng.uniform(0.01, 0.3)
        k, o = rng.binomial(n.astype(int), p).astype(float), rng.binomial(m.astype(int), p).astype(float)
        looks = range(1, 61, 6)
        limit = np.log(20)
        fooled["above"] += any(above(k[:i].sum(), n[:i].sum(), p) > limit for i in looks)
        fooled["share"] += any(more_than_share(k[:i], n[:i], o[:i], m[:i]) > limit for i in looks)
        fooled["bound"] += any(upper_bound(k[:i].sum(), n[:i].sum(), 0.05) < p for i in (10, 30, 60))
    assert all(count <= 0.05 * rounds for count in fooled.values()), fooled


def test_an_outage_of_both_is_no_evidence_however_the_shares_move() -> None:
    p = np.repeat([0.01, 0.6], 30)
    n, m = np.repeat([10.0, 90.0], 30), np.repeat([90.0, 10.0], 30)
    assert more_than_share(p * n, n, p * m, m) < 0
