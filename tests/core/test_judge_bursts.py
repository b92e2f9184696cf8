"""Errors that come in bursts of each revision's own: no reason to roll back, and none to overlook a fault."""

from __future__ import annotations

import numpy as np
import pytest

from core.judge_rollouts import NEW, Array, Story, looks
from tidegate.core.judge import Criteria
from tidegate.core.verdict import Attribution, Decision

SEEDS = 20
ERRORS = Criteria(required=("error_ratio",))
BURSTS = {"now and then": (0.05, 1), "often": (0.1, 1), "of two minutes": (0.05, 2)}
"""Chance in each minute that one begins, and how long it lasts."""


def bursty(seed: int, chance: float, minutes: int, more: float = 0.0) -> Story:
    """A fifth to three fifths of the requests fail in a burst; of the candidate's, `more` always."""
    rng = np.random.default_rng([seed, 2])

    def errors(revision: str, age: Array) -> Array:
        ratio = np.full(age.size, 0.002 + more * (revision == NEW))
        for begin in np.flatnonzero(rng.random(age.size) < chance).tolist():
            ratio[begin : begin + minutes] += rng.uniform(0.2, 0.6)
        return np.minimum(ratio, 0.9)

    return Story(before=90, shares=(10, 25, 50), requests=8.0, errors=errors)


@pytest.mark.parametrize("kind", BURSTS)
def test_bursts_on_either_are_hardly_ever_blamed(kind: str) -> None:
    found = [looks(bursty(seed, *BURSTS[kind]), seed, ERRORS, every=4)[1].decision for seed in range(SEEDS)]
    assert found.count(Decision.ROLLBACK) <= 1


def test_more_errors_beneath_the_bursts_are_found() -> None:
    """Or at worst held, where bursts of both hide whose they are."""
    found = []
    for seed in range(SEEDS // 2):
        _, verdict = looks(bursty(seed, *BURSTS["now and then"], more=0.05), seed, ERRORS, every=4)
        assert verdict.decision in (Decision.ROLLBACK, Decision.HOLD), seed
        found.append(verdict.attribution)
    assert found.count(Attribution.REVISION) >= len(found) * 0.8
