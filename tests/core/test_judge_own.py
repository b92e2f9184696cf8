"""Metrics of the user's own: a level compared with the stable revision's, or growth judged as a leak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, Array, Story
from core.judge_samples import Level, Made, made, result
from tidegate.core.judge import Criteria, Custom
from tidegate.core.verdict import Attribution, Decision, Finding

HOUR = Story()
SEEDS = 10


@dataclass(frozen=True)
class Case:
    own: Custom
    old: Level
    new: Level
    noise: float = 0.0
    jitter: float = 0.0
    instances: int = 0
    placement: float = 0.0

    def made(self, seed: int) -> Made:
        return (
            made(HOUR, seed)
            .plus(
                "queue",
                {OLD: self.old, NEW: self.new},
                noise=self.noise,
                jitter=self.jitter,
                instances=self.instances,
                placement=self.placement,
                idle=True,
            )
            .only("queue", "request_count")
        )

    @property
    def criteria(self) -> Criteria:
        return Criteria(required=("queue",), custom=(self.own,))


PLAIN = Custom("queue")
LOWER = Custom("queue", higher_is_worse=False)
GROWTH = Custom("queue", growth=True, tolerance=0.5)


def climbing(start: float, per_minute: float) -> Level:
    return lambda age, requests: start + per_minute * np.maximum(age, 0) / 60


def from_minute_ten(then: float, now: float) -> Level:
    def level(age: Array, requests: Array) -> Array:
        return np.where(age > 600, now, then)

    return level


WORSE = {
    "half as much again": Case(PLAIN, 10, 15, noise=0.1),
    "something where there was nothing": Case(PLAIN, 0, 5, noise=0.1),
    "less far below zero": Case(PLAIN, -10, -5, jitter=0.5),
    "half as much, and less is worse": Case(LOWER, 10, 5, noise=0.1),
    "further below zero, and less is worse": Case(LOWER, -10, -15, jitter=0.5),
    "a change in units, of a level about zero": Case(Custom("queue", min_change=1), 0, 4, jitter=1.0),
    "two a minute": Case(GROWTH, 100, climbing(100, 2), jitter=2, instances=1),
    "two a minute, from below zero": Case(GROWTH, -500, climbing(-500, 2), jitter=2, instances=1),
    "two a minute, known of the revision only": Case(GROWTH, 100, climbing(100, 2), jitter=2),
}
FINE = {
    "the same": Case(PLAIN, 10, 10, noise=0.2),
    "nothing but noise about zero": Case(PLAIN, 0, 0, jitter=1.0),
    "the same below zero": Case(PLAIN, -10, -10, jitter=1.0),
    "more, as tolerated": Case(Custom("queue", tolerance=0.6), 10, 15, noise=0.1),
    "more, but not by so much": Case(Custom("queue", min_change=6), 10, 15, noise=0.1),
    "less, and more is worse": Case(PLAIN, 10, 5, noise=0.1),
    "more, and less is worse": Case(LOWER, 10, 15, noise=0.1),
    "instances that differ": Case(PLAIN, 10, 10, noise=0.1, instances=3, placement=0.05),
    "no growth": Case(GROWTH, 100, 100, jitter=2, instances=1),
    "growth as tolerated": Case(Custom("queue", growth=True, tolerance=3), 100, climbing(100, 2), jitter=2),
    "a higher level that does not grow": Case(GROWTH, 100, 300, jitter=2, instances=1),
}
TOGETHER = {
    "both up": Case(PLAIN, from_minute_ten(10, 20), from_minute_ten(10, 20), noise=0.05),
    "both down, and less is worse": Case(LOWER, from_minute_ten(10, 5), from_minute_ten(10, 5), noise=0.05),
    "both begin to grow": Case(GROWTH, climbing(100, 3), climbing(100, 3), jitter=2, instances=1),
}


@pytest.mark.parametrize("name", WORSE)
def test_a_change_for_the_worse_is_rolled_back(name: str) -> None:
    case = WORSE[name]
    for seed in range(SEEDS):
        _, verdict = case.made(seed).looked_at(range(4, 61, 3), case.criteria)
        assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION)
        assert result(verdict, "queue").sentence in verdict.reasons


@pytest.mark.parametrize("name", FINE)
def test_what_is_tolerated_is_promoted(name: str) -> None:
    case = FINE[name]
    for seed in range(SEEDS):
        _, verdict = case.made(seed).looked_at(range(4, 61, 4), case.criteria)
        assert verdict.decision is Decision.PROMOTE, verdict.reasons
        assert verdict.enough_data


@pytest.mark.parametrize("name", TOGETHER)
def test_what_both_do_at_once_is_held(name: str) -> None:
    case = TOGETHER[name]
    for seed in range(SEEDS):
        _, verdict = case.made(seed).looked_at(range(4, 61, 2), case.criteria)
        assert (verdict.decision, verdict.attribution) == (Decision.HOLD, Attribution.SHARED)


def test_a_metric_that_never_moves_is_as_good_as_any() -> None:
    case = Case(PLAIN, 7, 7)
    assert case.made(1).at(60, case.criteria).decision is Decision.PROMOTE


def test_a_required_metric_that_is_not_measured_is_not_promoted() -> None:
    case = FINE["the same"]
    verdict = case.made(1).where(lambda k: k.metric != "queue" or k.revision == OLD).at(60, case.criteria)
    assert (verdict.decision, verdict.enough_data) == (Decision.CONTINUE, False)
    assert verdict.reasons == (f"queue: nothing measured for {NEW} yet",)
    wished_for = Criteria(required=("request_count",), custom=(PLAIN,))
    promoted = case.made(1).without("queue").at(60, wished_for)
    assert promoted.decision is Decision.PROMOTE


def test_without_a_stable_revision_a_level_is_only_reported() -> None:
    case = WORSE["half as much again"]
    verdict = case.made(1).first_deployment().at(60, case.criteria)
    assert verdict.decision is Decision.PROMOTE
    assert "nothing to compare with" in result(verdict, "queue").sentence


def test_growth_is_judged_on_a_first_deployment_too() -> None:
    case = WORSE["two a minute"]
    verdict = case.made(1).first_deployment().at(60, case.criteria)
    assert verdict.decision is Decision.ROLLBACK


def test_what_is_found_is_told_in_the_metrics_own_unit_and_by_its_own_noun() -> None:
    own = Custom("queue", noun="orders waiting", higher_is_worse=False)
    case = Case(own, 10, 5, noise=0.05)
    found = result(case.made(1).at(30, case.criteria), "queue")
    assert found.sentence.startswith("orders waiting ")
    assert found.estimate == pytest.approx(-5, abs=0.5)
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.estimate < found.high < 0
    grown = Case(
        Custom("queue", noun="orders waiting", growth=True, tolerance=0.5), 100, climbing(100, 2), jitter=2
    )
    found = result(grown.made(1).at(40, grown.criteria), "queue")
    assert found.sentence.startswith("orders waiting climb ")
    assert (found.finding, found.unit) == (Finding.WORSE, "per minute")
    assert found.estimate == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"metric": ""}, "needs a name"),
        ({"metric": "open_fds"}, "not built in"),
        ({"tolerance": -0.1}, "0 or more"),
        ({"tolerance": float("inf")}, "0 or more"),
        ({"min_change": float("nan")}, "0 or more"),
        ({"growth": True, "higher_is_worse": False}, "upwards only"),
    ],
)
def test_metrics_that_cannot_be_meant(bad: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Custom(**{"metric": "queue"} | bad)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="twice"):
        Criteria(custom=(PLAIN, LOWER))
