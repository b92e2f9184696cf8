"""CPU, memory and billable time: more of the machine for the same work."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, Array, Story
from core.judge_samples import Level, Made, answers, made, result
from tidegate.core.judge import Criteria
from tidegate.core.verdict import Attribution, Decision, Finding

HOUR = Story()
HALF = HOUR.but(shares=(50,))
SEEDS = 8
MIB = 2.0**20
LOOKS = range(3, 61, 3)


def cpu(factor: float, idle: float = 0.02) -> Level:
    """Of an instance whose requests cost `factor` times a twelve-hundredth of a CPU each, and that idles."""
    return lambda age, requests: idle + factor * requests / 1200


def of(
    metric: str,
    old: Level,
    new: Level,
    noise: float,
    *,
    story: Story = HOUR,
    instances: int = 1,
    loads: bool = True,
) -> Callable[[int], Made]:
    kept = (metric, "request_count") if loads else (metric,)

    def make(seed: int) -> Made:
        levels = {OLD: old, NEW: new}
        return made(story, seed).plus(metric, levels, noise=noise, instances=instances, idle=True).only(*kept)

    return make


def needing(metric: str) -> Criteria:
    return Criteria(required=(metric,))


def memory(old: float, new: Level, **options: object) -> Callable[[int], Made]:
    return of("memory_bytes", old * MIB, new, 0.01, **options)  # type: ignore[arg-type]


def climbing(age: Array, requests: Array) -> Array:
    return (200 + 2 * np.maximum(age, 0) / 60) * MIB


WORSE = {
    "30 % more CPU a request": (of("cpu_utilization", cpu(1), cpu(1.3), 0.03), "cpu_utilization"),
    "the same on three instances": (
        of("cpu_utilization", cpu(1), cpu(1.3), 0.03, instances=3),
        "cpu_utilization",
    ),
    "twice the CPU, load unknown": (
        of("cpu_utilization", 0.3, 0.6, 0.05, story=HALF, loads=False),
        "cpu_utilization",
    ),
    "four times the memory": (memory(200, 800 * MIB, instances=2), "memory_bytes"),
    "four times the memory use": (
        of("memory_utilization", 0.2, 0.8, 0.02, instances=0),
        "memory_utilization",
    ),
    "two mebibytes a minute": (memory(200, climbing), "memory_bytes"),
    "twice the billable time": (
        of(
            "billable_instance_seconds",
            lambda age, requests: 0.5 * requests,
            lambda age, requests: requests,
            0.05,
            story=HALF.but(requests=20.0),
            instances=0,
        ),
        "billable_instance_seconds",
    ),
}


def whole(age: Array, requests: Array) -> Array:
    """Each instance serves 400 requests a minute, and is billed by the minute."""
    return 60 * np.ceil(requests / 400)


def one_more_of_few(age: Array, requests: Array) -> Array:
    """Two instances, where the candidate, at half of the traffic, rounds up to three."""
    return np.full(age.size, 180.0)


FINE = {
    "CPU that follows the load": of("cpu_utilization", cpu(1), cpu(1), 0.05),
    "CPU of which half is idling": of("cpu_utilization", cpu(1, 0.2), cpu(1, 0.2), 0.05),
    "less CPU a request": of("cpu_utilization", cpu(1), cpu(0.7), 0.05),
    "a third more CPU, load unknown": of("cpu_utilization", 0.3, 0.4, 0.05, story=HALF, loads=False),
    "the same memory": memory(200, 200 * MIB, instances=2),
    "a little more memory": memory(200, 215 * MIB, instances=2),
    "less memory": memory(200, 150 * MIB),
    "the same memory use": of("memory_utilization", 0.3, 0.3, 0.02, instances=0),
    "whole instances, of which a small share needs one": of(
        "billable_instance_seconds", whole, whole, 0.0, instances=0
    ),
    "one instance more, where few are needed": of(
        "billable_instance_seconds",
        120.0,
        one_more_of_few,
        0.02,
        story=HALF.but(requests=20.0),
        instances=0,
    ),
    "the same billable time": of(
        "billable_instance_seconds",
        lambda age, requests: 0.5 * requests,
        lambda age, requests: 0.5 * requests,
        0.05,
        story=HALF.but(requests=20.0),
        instances=0,
    ),
}


@pytest.mark.parametrize("name", WORSE)
def test_needing_more_for_the_same_work_is_rolled_back(name: str) -> None:
    make, metric = WORSE[name]
    for seed in range(SEEDS):
        _, verdict = make(seed).looked_at(LOOKS, needing(metric))
        assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION)
        assert {m.metric for m in verdict.metrics if m.finding is Finding.WORSE} == {metric}


@pytest.mark.parametrize("name", FINE)
def test_what_load_or_chance_explains_is_promoted(name: str) -> None:
    make = FINE[name]
    (metric,) = make(0).samples.metrics() - {"request_count"}
    found = answers(make, SEEDS, LOOKS, needing(metric))
    assert {decision for decision, _ in found} == {Decision.PROMOTE}, found


def test_the_ratio_is_told() -> None:
    make, metric = WORSE["30 % more CPU a request"]
    found = result(make(1).at(60, needing(metric)), metric)
    assert found.unit == "ratio to stable"
    assert found.estimate == pytest.approx(1.3, abs=0.06)
    assert f"{NEW} needs" in found.sentence
    assert f"more than {OLD}" in found.sentence
    make, metric = WORSE["four times the memory"]
    (reason,) = make(1).at(20, needing(metric)).reasons
    assert re.search(r"needs (29|30)\d % more .*\((79|80)\d MiB against (19|20)\d MiB\)", reason), reason


def test_nothing_needs_nothing() -> None:
    metric = "billable_instance_seconds"
    told = made(HOUR, 1).plus(metric, {OLD: 600.0, NEW: 0.001}, noise=0.02)
    found = result(told.only(metric, "request_count").at(40), metric)
    assert found.sentence.startswith(f"billable time per request: {NEW} needs more than 99 % less than {OLD}")


def test_both_needing_more_since_the_rollout_is_shared() -> None:
    def more(age: Array, requests: Array) -> Array:
        return np.where(age > 600, 0.8, 0.2)

    both = of("memory_utilization", more, more, 0.02)
    assert set(answers(both, SEEDS, LOOKS, needing("memory_utilization"))) == {
        (Decision.HOLD, Attribution.SHARED)
    }
    alone = of("memory_utilization", 0.2, more, 0.02)
    assert (Decision.HOLD, Attribution.SHARED) not in answers(
        alone, SEEDS, LOOKS, needing("memory_utilization")
    )


def test_without_a_stable_revision_use_is_only_reported() -> None:
    for name in ("30 % more CPU a request", "four times the memory use", "twice the billable time"):
        make, metric = WORSE[name]
        verdict = make(1).first_deployment().at(60, needing(metric))
        assert verdict.decision is Decision.PROMOTE
        assert "nothing to compare with" in result(verdict, metric).sentence


def test_a_leak_of_memory_is_found_on_a_first_deployment() -> None:
    verdict = WORSE["two mebibytes a minute"][0](1).first_deployment().at(60, needing("memory_bytes"))
    assert verdict.decision is Decision.ROLLBACK
    assert "MiB/min" in verdict.reasons[0]


def test_a_leak_of_memory_says_when_its_limit_is_reached() -> None:
    make = WORSE["two mebibytes a minute"][0]
    limited = Criteria(required=("memory_bytes",), memory_limit=2.0**30)
    assert "1.0 GiB reached in" in make(1).at(60, limited).reasons[0]
    far = Criteria(required=("memory_bytes",), memory_limit=2.0**30, leak_horizon=3600.0)
    assert make(1).at(30, far).decision is not Decision.ROLLBACK
