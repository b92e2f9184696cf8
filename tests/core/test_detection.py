"""A fixed part of the detection benchmark; `python -m benchmarks.detection` runs the whole of it."""

from __future__ import annotations

import pytest

from benchmarks.detection.families import FAMILIES
from benchmarks.detection.outcome import End, Outcome
from benchmarks.detection.runner import looked_at
from benchmarks.detection.simulate import make
from tidegate.core.judge import Criteria


def judged(name: str, seeds: range, every: float) -> list[Outcome]:
    """Fewer looks than a rollout has, to be quick; the last seed is audited for reading what is too young."""
    last = seeds[-1]
    return [
        looked_at(make(FAMILIES[name], seed), Criteria(), every=every, audit=seed == last) for seed in seeds
    ]


@pytest.mark.parametrize("name", ["a/a", "pool warm-up", "gc sawtooth", "upstream outage"])
def test_healthy_rollouts_are_left_alone(name: str) -> None:
    found = judged(name, range(8), every=300)
    assert sum(o.rolled_back for o in found) <= 1
    assert all(o.end is not End.CRASHED for o in found)


@pytest.mark.parametrize(
    ("name", "every"),
    [("leak 5/min on 3 instances", 180), ("errors +5 points", 180), ("never starts", 120)],
)
def test_faults_are_found_and_put_down_to_the_revision(name: str, every: float) -> None:
    found = judged(name, range(12), every)
    assert sum(o.found(30) for o in found) >= 10
    assert {o.attribution for o in found if o.rolled_back} == {"revision"}


def test_a_leak_in_both_is_not_put_down_to_the_candidate() -> None:
    found = judged("leak in both by time", range(8), every=300)
    assert sum(o.attribution == "revision" for o in found) <= 1
    assert sum(o.end is End.HELD and o.attribution == "pre_existing" for o in found) >= 5
