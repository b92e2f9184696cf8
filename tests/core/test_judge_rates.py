"""Over many seeded rollouts: how often a healthy candidate is rolled back, and a bad one found.

Thirty seeds a family, to be quick, at fewer looks than a rollout has; the rates over a thousand, and rivals,
are what `python -m benchmarks.detection` measures.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from core.judge_rollouts import NEW, Array, Story, exponential, hyperbolic, looks
from tidegate.core.judge import Criteria
from tidegate.core.verdict import Attribution, Decision

MINUTES = Criteria()
SECONDS = Criteria(warm_up=2.0)
HOUR = Story()
DEMO = Story(period=1.0, before=15, shares=(20, 50, 100), requests=20.0, level=12, noise=1.5, phi=0.2)
FIRST = {"stable": False, "shares": (100,)}


def outage(revision: str, age: Array) -> Array:
    return np.where((age > 600) & (age < 2400), 0.4, 0.002)


HEALTHY = {
    "a/a": (HOUR, MINUTES),
    "slow noise": (HOUR.but(phi=0.85), MINUTES),
    "pool warm-up": (HOUR.but(warm=exponential(30, 120)), MINUTES),
    "hyperbolic warm-up": (HOUR.but(warm=hyperbolic(40, 120)), MINUTES),
    "load-proportional": (HOUR.but(load=20.0), MINUTES),
    "sawtooth": (HOUR.but(sawtooth=10.0), MINUTES),
    "churn": (HOUR.but(churn=True, warm=exponential(20, 120)), MINUTES),
    "one jump": (HOUR.but(jump=20.0), MINUTES),
    "three instances": (HOUR.but(instances=3, phi=0.7), MINUTES),
    "under one request a second": (HOUR.but(requests=0.3), MINUTES),
    "both fail as often": (HOUR.but(errors=lambda r, age: 0.03 + 0 * age), MINUTES),
    "first deployment": (HOUR.but(warm=exponential(30, 120), **FIRST), MINUTES),
    "seconds": (DEMO, SECONDS),
    "seconds, warm-up": (DEMO.but(warm=exponential(15, 2)), SECONDS),
    "seconds, load": (DEMO.but(load=1.0, warm=exponential(10, 3)), SECONDS),
    "seconds, first deployment": (DEMO.but(warm=exponential(15, 2), **FIRST), SECONDS),
}

SHARED_FAULTS = {
    "outage upstream": (HOUR.but(errors=outage), MINUTES, Attribution.SHARED),
    "the leak is older": (HOUR.but(leak=2 / 60, old_leak=2 / 60), MINUTES, Attribution.PRE_EXISTING),
    "the leak per request is older": (
        HOUR.but(leak_per_request=0.05, old_per_request=0.05),
        MINUTES,
        Attribution.PRE_EXISTING,
    ),
}

FAULTY = {
    "2 fds a minute": (HOUR.but(leak=2 / 60), MINUTES, "open fds", 26, 45),
    "1 fd a minute, three instances": (HOUR.but(leak=1 / 60, instances=3), MINUTES, "open fds", 33, 45),
    "5 fds a minute and warm-up": (
        HOUR.but(leak=5 / 60, warm=exponential(30, 120)),
        MINUTES,
        "open fds",
        20,
        30,
    ),
    "one fd in 20 requests": (HOUR.but(leak_per_request=0.05), MINUTES, "open fds", 24, 35),
    "5 points more errors": (
        HOUR.but(errors=lambda r, age: 0.001 + 0.05 * (r == NEW) + 0 * age),
        MINUTES,
        "fails",
        8,
        16,
    ),
    "p99 times 2.5": (
        HOUR.but(p99=lambda r, age: 80 * (1 + 1.5 * (r == NEW)) + 0 * age),
        MINUTES,
        "p99",
        15,
        30,
    ),
    "first deployment fails": (
        HOUR.but(errors=lambda r, age: 0.2 + 0 * age, **FIRST),
        MINUTES,
        "fails",
        4,
        6,
    ),
    "seconds, one fd per request": (DEMO.but(leak_per_request=1.0), SECONDS, "open fds", 17, 24),
    "seconds, first deployment leaks": (
        DEMO.but(leak_per_request=0.5, **FIRST),
        SECONDS,
        "open fds",
        13,
        20,
    ),
}
"""With what the reason says, and the sample by which half of them and all of them are found."""
SEEDS = 30


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_rollouts_are_not_rolled_back(name: str) -> None:
    story, criteria = HEALTHY[name]
    seen = Counter(looks(story, seed, criteria, every=3)[1].decision for seed in range(SEEDS))
    assert not seen[Decision.ROLLBACK]
    assert seen[Decision.PROMOTE] >= SEEDS - 1, seen


@pytest.mark.parametrize("name", SHARED_FAULTS)
def test_what_a_rollback_would_not_mend_is_held(name: str) -> None:
    story, criteria, attribution = SHARED_FAULTS[name]
    seen = Counter(
        (v.decision, v.attribution)
        for v in (looks(story, seed, criteria, every=2)[1] for seed in range(SEEDS))
    )
    assert {decision for decision, _ in seen} == {Decision.HOLD}
    assert seen[Decision.HOLD, attribution] >= SEEDS - 1, seen


@pytest.mark.parametrize("name", FAULTY)
def test_faults_are_found_in_time(name: str) -> None:
    story, criteria, words, usually, latest = FAULTY[name]
    found = []
    for seed in range(SEEDS):
        k, verdict = looks(story, seed, criteria, every=2)
        assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION), verdict
        assert words in verdict.reasons[0]
        found.append(k)
    assert np.median(found) <= usually
    assert max(found) <= latest


def test_a_fast_leak_is_found_within_its_first_step() -> None:
    """One descriptor per request at 4 requests a second: before the 20th sample, where the traffic moves."""
    story, criteria, *_ = FAULTY["seconds, one fd per request"]
    found = [looks(story, seed, criteria)[0] for seed in range(SEEDS)]
    assert np.median(found) <= 15
    assert max(found) <= 20
