"""Errors known as a ratio only, and latency: found when worse, left alone when not."""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import median

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, START, Array, Story
from core.judge_samples import Level, Made, answers, made, result
from tidegate.core.judge import Criteria, recovery
from tidegate.core.verdict import Attribution, Decision, Finding

HOUR = Story()
SEEDS = 10
RATIO = Criteria(required=("error_ratio",))
MEAN = Criteria(required=("latency_mean_ms",))
P99 = Criteria(required=("latency_p99_ms",))
EVERY = range(1, 61)


def ratios(old: Level, new: Level, *, noise: float = 0.2, jitter: float = 0.0) -> Callable[[int], Made]:
    """Of nobody knows how many requests."""

    def make(seed: int) -> Made:
        told = made(HOUR, seed).plus("error_ratio", {OLD: old, NEW: new}, noise=noise, jitter=jitter)
        return told.only("error_ratio").with_values(lambda s: np.clip(s.values, 0, 1))

    return make


def latencies(
    metric: str, old: Level, new: Level, *, noise: float = 0.2, instances: int = 0, placement: float = 0.0
) -> Callable[[int], Made]:
    def make(seed: int) -> Made:
        told = made(HOUR, seed).plus(
            metric, {OLD: old, NEW: new}, noise=noise, instances=instances, placement=placement
        )
        return told.only(metric)

    return make


def histograms(slowed: Callable[[str, float, Array], Array]) -> Callable[[int], Made]:
    return lambda seed: made(HOUR, seed).without("latency_p99_ms").timed(slowed)


def late(age: Array, requests: Array) -> Array:
    return np.where(age > 2700, 0.3, 0.0)


def tail(revision: str, age: float, healthy: Array) -> Array:
    """Every 25th request of the candidate takes six times as long."""
    slow = healthy.copy()
    if revision == NEW:
        slow[::25] *= 6
    return slow


def throughout(revision: str, age: float, healthy: Array) -> Array:
    """A typical request of the candidate takes twice as long; the slowest hardly more."""
    return healthy + (25 if revision == NEW else 0)


def from_minute_ten(then: float, now: float) -> Level:
    def level(age: Array, requests: Array) -> Array:
        return np.where(age > 600, now, then)

    return level


WORSE = {
    "a fifth fails, none before": (ratios(0, 0.2), RATIO, "error_ratio", 12),
    "one in 20 fails, none before": (ratios(0, 0.05), RATIO, "error_ratio", 16),
    "a tenth fails, one in 50 before": (ratios(0.02, 0.1), RATIO, "error_ratio", 30),
    "a third fails with all the traffic": (
        ratios(0, late),
        RATIO,
        "error_ratio",
        60,
    ),
    "mean times three": (latencies("latency_mean_ms", 100, 300), MEAN, "latency_mean_ms", 25),
    "median times two": (latencies("latency_p50_ms", 100, 200, noise=0.1), MEAN, "latency_mean_ms", 25),
    "p99 times three": (latencies("latency_p99_ms", 100, 300, noise=0.3), P99, "latency_p99_ms", 60),
    "p95 times three": (latencies("latency_p95_ms", 100, 300, noise=0.3), P99, "latency_p99_ms", 60),
    "instances that differ, times three": (
        latencies("latency_mean_ms", 100, 300, instances=3, placement=0.1),
        MEAN,
        "latency_mean_ms",
        40,
    ),
    "one in 25 takes six times as long": (histograms(tail), P99, "latency_p99_ms", 40),
    "all requests take 25 ms longer": (histograms(throughout), MEAN, "latency_mean_ms", 20),
}
FINE = {
    "as few fail": (ratios(0.02, 0.02, noise=0.4), RATIO),
    "few fail, measured badly": (ratios(0.005, 0.005, jitter=0.02), RATIO),
    "none fails": (ratios(0, 0), RATIO),
    "a cure": (ratios(0.2, 0.01), RATIO),
    "the same mean": (latencies("latency_mean_ms", 100, 100, noise=0.3), MEAN),
    "a little more": (latencies("latency_mean_ms", 100, 115), MEAN),
    "two to four milliseconds": (latencies("latency_mean_ms", 2, 4), MEAN),
    "instances that differ": (
        latencies("latency_mean_ms", 100, 100, instances=3, placement=0.1),
        MEAN,
    ),
    "instances that differ widely": (
        latencies("latency_mean_ms", 100, 100, noise=0.1, instances=6, placement=0.4),
        MEAN,
    ),
    "the same p99": (latencies("latency_p99_ms", 100, 100, noise=0.4), P99),
    "the same histogram": (histograms(lambda revision, age, healthy: healthy), P99),
}
TOGETHER = {
    "both fail from minute ten": (ratios(from_minute_ten(0.002, 0.3), from_minute_ten(0.002, 0.3)), RATIO),
    "both are slow from minute ten": (
        latencies("latency_mean_ms", from_minute_ten(100, 300), from_minute_ten(100, 300)),
        MEAN,
    ),
    "all of both takes longer from minute ten": (
        histograms(lambda revision, age, healthy: healthy * (3 if age > 600 else 1)),
        P99,
    ),
}


@pytest.mark.parametrize("name", WORSE)
def test_what_is_worse_is_rolled_back_for_what_it_is(name: str) -> None:
    make, criteria, metric, latest = WORSE[name]
    for seed in range(SEEDS):
        k, verdict = make(seed).looked_at(EVERY, criteria)
        assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION)
        assert [m.metric for m in verdict.metrics if m.finding is Finding.WORSE] == [metric]
        assert k <= latest


@pytest.mark.parametrize("name", FINE)
def test_what_is_no_worse_is_promoted(name: str) -> None:
    make, criteria = FINE[name]
    found = answers(make, SEEDS, range(2, 61, 2), criteria)
    assert {decision for decision, _ in found} == {Decision.PROMOTE}, found


@pytest.mark.parametrize("name", TOGETHER)
def test_what_both_go_through_is_held_as_shared(name: str) -> None:
    make, criteria = TOGETHER[name]
    found = answers(make, SEEDS, EVERY, criteria)
    assert set(found) == {(Decision.HOLD, Attribution.SHARED)}


def test_both_failing_as_often_as_ever_is_older() -> None:
    assert set(answers(ratios(0.2, 0.2), SEEDS, EVERY, RATIO)) == {(Decision.HOLD, Attribution.PRE_EXISTING)}


def test_a_fifth_of_errors_is_seen_within_a_few_samples() -> None:
    looked = [ratios(0, 0.2)(seed).looked_at(EVERY, RATIO)[0] for seed in range(30)]
    assert median(looked) <= 8


def test_a_few_samples_promote_nothing() -> None:
    for make, criteria in (FINE["none fails"], FINE["the same mean"], FINE["the same p99"]):
        verdict = make(1).at(5, criteria)
        assert (verdict.decision, verdict.enough_data) == (Decision.CONTINUE, False)
        assert "so far" in verdict.reasons[0]


@pytest.mark.parametrize(("ratio", "decision"), [(0.2, Decision.ROLLBACK), (0.02, Decision.PROMOTE)])
def test_on_a_first_deployment_only_the_limit_counts(ratio: float, decision: Decision) -> None:
    for seed in range(SEEDS):
        _, verdict = ratios(0, ratio)(seed).first_deployment().looked_at(EVERY, RATIO)
        assert verdict.decision is decision
        assert "5 % are allowed" in verdict.reasons[0]
        assert "only absolute limits were judged" in verdict.reasons[-1]


@pytest.mark.parametrize(
    ("limit", "decision"), [(None, Decision.PROMOTE), (500.0, Decision.PROMOTE), (100.0, Decision.ROLLBACK)]
)
def test_latency_on_a_first_deployment_is_judged_by_its_limit(
    limit: float | None, decision: Decision
) -> None:
    make = latencies("latency_p99_ms", 100, 300)
    criteria = Criteria(required=("latency_p99_ms",), latency_limit_ms=limit)
    for seed in range(SEEDS):
        _, verdict = make(seed).first_deployment().looked_at(EVERY, criteria)
        assert verdict.decision is decision, verdict.reasons


def test_the_levels_that_were_compared_are_told() -> None:
    verdict = WORSE["mean times three"][0](1).at(30, MEAN)
    found = result(verdict, "latency_mean_ms")
    assert f"ms on {NEW}" in found.sentence
    assert f"ms on {OLD}" in found.sentence
    assert found.unit == "ratio to stable"
    assert found.estimate == pytest.approx(3, rel=0.15)
    assert found.low is not None
    assert found.low > 1.5
    found = result(WORSE["a fifth fails, none before"][0](1).at(30, RATIO), "error_ratio")
    assert found.unit == "ratio"
    assert found.estimate == pytest.approx(0.2, abs=0.03)


def healthy(_: str, age: float, latencies: Array) -> Array:
    return latencies


def test_few_requests_are_not_taken_for_faults_among_many() -> None:
    few = made(HOUR, 1).without("latency_p99_ms").timed(healthy)
    verdict = few.at(4, Criteria(min_requests=5000))
    for metric, start in (
        ("error_ratio", "errors: "), ("latency_mean_ms", "typical latency (median): "), ("request_count", ""),
    ):  # fmt: skip
        assert re.fullmatch(
            rf"{re.escape(start)}[\d,]+ requests? to {NEW} so far, of the 5,000 it takes(; the rest .*)?",
            result(verdict, metric).sentence,
        )


def test_a_median_is_called_one() -> None:
    verdict = made(HOUR, 1).without("latency_p99_ms").timed(healthy).at(40, MEAN)
    assert result(verdict, "latency_mean_ms").sentence.startswith("typical latency (median) ")
    verdict = latencies("latency_mean_ms", 100, 100)(1).at(40, MEAN)
    assert result(verdict, "latency_mean_ms").sentence.startswith("mean latency ")


def test_sentences_join_whatever_they_follow() -> None:
    first = ratios(0, 0.02)(1).first_deployment()
    for verdict in (
        first.at(30, RATIO), recovery(first.samples, first.rollout, RATIO, START, START + 600)
    ):  # fmt: skip
        assert verdict.reasons[-1].startswith("there is no stable revision")
        assert not verdict.reasons[-1].endswith(".")
