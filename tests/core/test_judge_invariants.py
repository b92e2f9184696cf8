"""What must hold whatever is measured, beyond errors, latency and descriptors: see test_judge_properties."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.judge_rollouts import NEW, OLD, START, Story, exponential
from core.judge_samples import Made, everything
from tidegate.core.catalogue import BY_ID
from tidegate.core.judge import JUDGED, Criteria, Custom, Rollout, Step, judge
from tidegate.core.samples import BoolArray, Key, Samples, Series
from tidegate.core.trace import BUCKETS
from tidegate.core.verdict import Decision, Verdict

OWN = (Custom("queue", min_change=2.0), Custom("goroutines", growth=True, tolerance=0.5))
CRITERIA = Criteria(custom=OWN)
STORIES = (
    Story(n=40),
    Story(n=40, leak=4 / 60, instances=2),
    Story(n=40, leak=3 / 60, old_leak=3 / 60, shares=(20, 50)),
    Story(n=40, load=20.0, warm=exponential(30, 120), churn=True),
    Story(n=40, errors=lambda r, age: 0.03 * (r == NEW) + 0 * age),
    Story(n=40, stable=False, shares=(100,)),
)
METRICS = sorted({key.metric for key in everything(STORIES[0], 0).samples.by_key})
looking = settings(deadline=None, max_examples=25)
look = st.integers(1, 40)


Named = tuple[int, int]
"""A story of the above and a seed."""
stories = st.tuples(st.integers(0, len(STORIES) - 1), st.integers(0, 3))


@cache
def told(name: Named) -> Made:
    which, seed = name
    return everything(STORIES[which], seed)


def same(a: Verdict, b: Verdict) -> None:
    assert (a.decision, a.attribution, a.enough_data) == (b.decision, b.attribution, b.enough_data)
    assert [(m.metric, m.finding, m.decisive) for m in a.metrics] == [
        (m.metric, m.finding, m.decisive) for m in b.metrics
    ]


def at(rollout: Rollout, k: int) -> float:
    return rollout.start + k * rollout.sample_period


@looking
@given(stories, look, st.permutations(range(200)))
def test_the_order_of_series_does_not_matter(name: Named, k: int, order: list[int]) -> None:
    series = list(told(name).samples.by_key.values())
    shuffled = told(name).of(series[i] for i in order if i < len(series))
    assert shuffled.at(k, CRITERIA) == told(name).at(k, CRITERIA)


@looking
@given(stories, look)
def test_the_names_of_instances_do_not_matter(name: Named, k: int) -> None:
    """Turned round in their order as well."""
    names = sorted({key.instance for key in told(name).samples.by_key if key.instance})
    other = {name: f"i{len(names) - i:03}" for i, name in enumerate(names)} | {"": ""}
    renamed = told(name).of(
        Series(replace(key, instance=other[key.instance]), s.times.copy(), s.values.copy())
        for key, s in told(name).samples.by_key.items()
    )
    same(renamed.at(k, CRITERIA), told(name).at(k, CRITERIA))


@looking
@given(stories, look)
def test_the_names_of_revisions_do_not_matter(name: Named, k: int) -> None:
    rollout = replace(told(name).rollout, candidate="a", stable="b" if told(name).rollout.stable else "")
    other = {NEW: "a", OLD: "b"}
    renamed = Samples.of(
        Series(replace(key, revision=other[key.revision]), s.times.copy(), s.values.copy())
        for key, s in told(name).samples.by_key.items()
    )
    same(judge(renamed, rollout, CRITERIA, at(rollout, k)), told(name).at(k, CRITERIA))


@looking
@given(stories, look, st.sampled_from([1 / 64, 0.25, 2.0, 8.0]))
def test_the_same_told_faster_is_judged_the_same(name: Named, k: int, pace: float) -> None:
    """Times, warm-up, horizon and billed seconds shrink; rates grow."""

    def scaled(time: float) -> float:
        return float(START + pace * (time - START))

    rollout = replace(
        told(name).rollout,
        steps=tuple(Step(scaled(s.time), s.percent) for s in told(name).rollout.steps),
        sample_period=pace * told(name).rollout.sample_period,
    )
    fast = Samples.of(
        Series(
            key,
            START + pace * (s.times - START),
            s.values * (pace if key.metric == "billable_instance_seconds" else 1),
        )
        for key, s in told(name).samples.by_key.items()
    )
    criteria = replace(
        CRITERIA,
        warm_up=pace * CRITERIA.warm_up,
        leak_min_slope=CRITERIA.leak_min_slope / pace,
        memory_min_slope=CRITERIA.memory_min_slope / pace,
        leak_horizon=pace * CRITERIA.leak_horizon,
        custom=(OWN[0], replace(OWN[1], tolerance=OWN[1].tolerance / pace)),
    )
    same(judge(fast, rollout, criteria, at(rollout, k)), told(name).at(k, CRITERIA))


@looking
@given(stories, look, st.integers(1, 1000))
def test_what_both_revisions_hold_does_not_matter(name: Named, k: int, more: int) -> None:
    held = ("tcp_connections", "goroutines")
    raised = told(name).with_values(lambda s: s.values + (more if s.key.metric in held else 0))
    same(raised.at(k, CRITERIA), told(name).at(k, CRITERIA))


@looking
@given(stories, look, st.floats(0, 1200))
def test_what_is_younger_than_the_ingestion_delay_may_say_anything(name: Named, k: int, delay: float) -> None:
    rollout = replace(told(name).rollout, ingestion_delay=delay)
    now = at(rollout, k)
    wild = told(name).with_values(lambda s: np.where(s.times > now - delay, 1e6, s.values))
    seen = judge(told(name).samples, rollout, CRITERIA, now)
    assert judge(wild.samples, rollout, CRITERIA, now) == seen
    assert judge(told(name).samples.until(now - delay), rollout, CRITERIA, now) == seen


@looking
@given(stories, look)
def test_asking_again_gives_the_same_answer(name: Named, k: int) -> None:
    before = {key: s.values.copy() for key, s in told(name).samples.by_key.items()}
    assert told(name).at(k, CRITERIA) == told(name).at(k, CRITERIA)
    assert all(np.array_equal(before[key], s.values) for key, s in told(name).samples.by_key.items())


# ------------------------------------------------------------------------------------------ what is missing


@settings(deadline=None, max_examples=60)
@given(
    stories,
    look,
    st.sets(st.tuples(st.sampled_from(METRICS), st.sampled_from([OLD, NEW]))),
    st.sampled_from([("open_fds", "request_count"), ("queue",), JUDGED]),
)
def test_whatever_is_missing_the_answer_is_a_sentence(
    name: Named, k: int, missing: set[tuple[str, str]], required: tuple[str, ...]
) -> None:
    left = told(name).where(lambda key: (key.metric, key.revision) not in missing)
    verdict = left.at(k, replace(CRITERIA, required=required))
    assert verdict.reasons
    assert all(m.sentence for m in verdict.metrics)
    lacking = [m for m in required if (m, NEW) in missing and m in METRICS]
    direct = [m for m in lacking if not m.startswith("latency")]  # which histograms can stand in for
    if direct:
        assert verdict.decision is not Decision.PROMOTE


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("revision", [OLD, NEW])
def test_any_one_metric_may_be_missing_on_one_side(metric: str, revision: str) -> None:
    left = told((0, 1)).where(lambda key: (key.metric, key.revision) != (metric, revision))
    for k in (3, 12, 40):
        assert left.at(k, CRITERIA).decision is not Decision.ROLLBACK


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([0, 3]), st.integers(0, 2**31), st.floats(0.0, 0.95), look)
def test_nothing_healthy_is_rolled_back_for_samples_that_got_lost(
    which: int, seed: int, lost: float, k: int
) -> None:
    """Each series loses some of its own; silence is another matter."""
    rng = np.random.default_rng(seed)
    found = []
    for key, s in told((which, 0)).samples.by_key.items():
        kept = rng.random(len(s)) >= lost
        if kept.any():
            found.append(Series(key, s.times[kept], s.values[kept]))
    verdict = told((which, 0)).of(found).at(k, replace(CRITERIA, silent_intervals=1000))
    assert verdict.decision is not Decision.ROLLBACK, verdict.reasons


# ------------------------------------------------------------------------------------------ rubbish

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -1.0, 1e15, 1e308, 5e-324])
minutes = st.sets(st.integers(-30, 40), min_size=1, max_size=60)


@st.composite
def rubbish(draw: st.DrawFn, sides: tuple[str, ...]) -> list[Series]:
    """In place of what was measured of some built-in metrics."""
    built_in = [m for m in METRICS if m in BY_ID and m != BUCKETS]
    found = []
    for metric in sorted(draw(st.sets(st.sampled_from(built_in), min_size=1, max_size=6))):
        for revision in sides:
            times = START + 60.0 * np.array(sorted(draw(minutes)))
            some = draw(st.lists(numbers, min_size=1, max_size=4))
            key = Key(metric, revision, draw(st.sampled_from(["", "a"])))
            found.append(Series(key, times, np.resize(some, times.size)))
    return found


@settings(deadline=None, max_examples=100)
@given(stories, st.sampled_from([(NEW,), (OLD,), (OLD, NEW)]).flatmap(rubbish), look)
def test_rubbish_among_the_samples_is_judged_without_a_crash(name: Named, bad: list[Series], k: int) -> None:
    replaced = {(s.key.metric, s.key.revision) for s in bad}
    left = told(name).where(lambda key: (key.metric, key.revision) not in replaced)
    verdict = left.of([*left.samples.by_key.values(), *bad]).at(k, CRITERIA)
    assert verdict.reasons
    for found in verdict.metrics:
        assert found.sentence
        for value in (found.estimate, found.low, found.high, found.evidence, found.boundary):
            assert value is None or np.isfinite(value)


@looking
@given(stories, look, st.sampled_from(["open_fds", "cpu_utilization"]), st.sampled_from([-1.0, 1e16, -1e300]))
def test_values_that_no_metric_can_have_are_as_good_as_lost(
    name: Named, k: int, metric: str, absurd: float
) -> None:
    def broken(series: Series) -> BoolArray:
        return np.asarray((np.arange(len(series)) % 7 == 3) & (series.key.metric == metric))

    there = told(name)
    wild = there.with_values(lambda s: np.where(broken(s), absurd, s.values))
    lost = there.of(
        Series(key, s.times[~broken(s)], s.values[~broken(s)]) for key, s in there.samples.by_key.items()
    )
    assert wild.at(k, CRITERIA) == lost.at(k, CRITERIA)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 3), rubbish((NEW,)), look)
def test_a_candidate_without_data_is_not_promoted_on_rubbish(seed: int, bad: list[Series], k: int) -> None:
    """All there is of it was measured before it got traffic, or is below what any metric can be."""
    stable = told((0, seed)).where(lambda key: key.revision == OLD)
    early = [Series(s.key, s.times - 60.0 * 71, s.values.copy()) for s in bad[::2]]
    absurd = [Series(s.key, s.times.copy(), -1 - abs(s.values)) for s in bad[1::2]]
    verdict = stable.of([*stable.samples.by_key.values(), *early, *absurd]).at(k, CRITERIA)
    assert verdict.decision is not Decision.PROMOTE
    assert not verdict.enough_data
