"""Levels that change in the midst of a rollout: whose doing it is must be told from its youngest part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, Array, Story
from core.judge_samples import Level, Made, made
from tidegate.core.judge import Criteria, Custom
from tidegate.core.verdict import Attribution, Decision, Finding

HOUR = Story(shares=(10, 25, 50))
"""Sampled once a minute; a third of it with each share."""
LATE = 25
SEEDS = 10
LOOKS = range(3, 61, 3)


def steady(level: float) -> Level:
    return lambda age, requests: np.full(age.size, level)


def changed(before: float, after: float, since: float = LATE, until: float = 99) -> Level:
    """Another level from minute `since` to minute `until`."""
    return lambda age, requests: np.where((age > since * 60) & (age <= until * 60), after, before)


def cpu(level: Level) -> Level:
    """`level` is what a request costs, in twelve-hundredths of a CPU and minute."""
    return lambda age, requests: 0.02 + level(age, requests) * requests / 1200  # type: ignore[operator]


def alike(level: Level) -> Level:
    return level


METRICS: dict[str, tuple[float, float, float, Callable[[Level], Level]]] = {
    "latency_p99_ms": (100, 220, 0.15, alike),
    "latency_mean_ms": (100, 160, 0.1, alike),
    "error_ratio": (0.01, 0.06, 0.2, alike),
    "cpu_utilization": (1, 1.3, 0.03, cpu),
    "queue": (10, 16, 0.1, alike),
}
"""Healthy, and at fault; noise of the logarithm."""


def story(metric: str, old: Level, new: Level, noise: float, placement: float = 0.0) -> Callable[[int], Made]:
    of_cpu = metric == "cpu_utilization"
    kept = ("request_count",) if of_cpu else ()
    # CPU is compared at equal load, which the two have at half of the traffic each.
    rollout = HOUR.but(shares=(50,)) if of_cpu else HOUR

    def make(seed: int) -> Made:
        return (
            made(rollout, seed)
            .plus(metric, {OLD: old, NEW: new}, noise=noise, instances=1, placement=placement, idle=True)
            .only(metric, *kept)
        )

    return make


def criteria(metric: str) -> Criteria:
    return Criteria(required=(metric,), custom=(Custom("queue"),) if metric == "queue" else ())


@pytest.mark.parametrize("metric", METRICS)
def test_what_begins_late_is_found_and_blamed_on_the_candidate(metric: str) -> None:
    healthy, faulty, noise, kind = METRICS[metric]
    make = story(metric, kind(steady(healthy)), kind(changed(healthy, faulty)), noise)
    for seed in range(SEEDS):
        k, verdict = make(seed).looked_at(LOOKS, criteria(metric))
        assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION), seed
        assert [m.metric for m in verdict.metrics if m.finding is Finding.WORSE] == [metric]
        assert k > LATE, seed


@pytest.mark.parametrize("metric", METRICS)
def test_the_level_since_then_is_told(metric: str) -> None:
    healthy, faulty, noise, kind = METRICS[metric]
    make = story(metric, kind(steady(healthy)), kind(changed(healthy, faulty)), noise)
    _, verdict = make(1).looked_at(LOOKS, criteria(metric))
    (found,) = (m for m in verdict.metrics if m.finding is Finding.WORSE)
    assert found.low is not None
    assert found.estimate is not None
    difference = faulty - healthy if metric in ("error_ratio", "queue") else faulty / healthy
    assert found.estimate == pytest.approx(difference, rel=0.4)


@pytest.mark.parametrize("minutes", [3, 5])
@pytest.mark.parametrize("metric", METRICS)
def test_a_short_spell_is_not_blamed(metric: str, minutes: int) -> None:
    healthy, faulty, noise, kind = METRICS[metric]
    spell = changed(healthy, faulty, LATE + 8, LATE + 8 + minutes)
    make = story(metric, kind(steady(healthy)), kind(spell), noise)
    for seed in range(SEEDS):
        _, verdict = make(seed).looked_at(LOOKS, criteria(metric))
        assert verdict.decision is Decision.PROMOTE, (seed, verdict.reasons)


@pytest.mark.parametrize("metric", METRICS)
def test_an_outage_of_both_is_not_blamed_on_the_candidate(metric: str) -> None:
    healthy, faulty, noise, kind = METRICS[metric]
    both = kind(changed(healthy, faulty))
    make = story(metric, both, both, noise)
    for seed in range(SEEDS):
        _, verdict = make(seed).looked_at(LOOKS, criteria(metric))
        assert verdict.decision is not Decision.ROLLBACK, (seed, verdict.reasons)


@pytest.mark.parametrize("metric", METRICS)
def test_noise_and_placement_are_not_blamed(metric: str) -> None:
    healthy, _, noise, kind = METRICS[metric]
    placement = 0.01 if metric == "cpu_utilization" else 0.05
    make = story(metric, kind(steady(healthy)), kind(steady(healthy)), 2 * noise, placement)
    for seed in range(2 * SEEDS):
        _, verdict = make(seed).looked_at(LOOKS, criteria(metric))
        assert verdict.decision is Decision.PROMOTE, (seed, verdict.reasons)


def test_a_load_of_its_own_that_moves_with_the_traffic_is_not_blamed() -> None:
    """Once the candidate has all of the traffic, a metric that follows it differs for that reason alone."""

    def busy(age: Array, requests: Array) -> Array:
        return requests / 10

    for seed in range(SEEDS):
        rollout = made(Story(), seed).plus("queue", {OLD: busy, NEW: busy}, noise=0.05, idle=True)
        _, verdict = rollout.only("queue", "request_count").looked_at(LOOKS, criteria("queue"))
        assert verdict.decision is not Decision.ROLLBACK, (seed, verdict.reasons)
