"""A candidate that is not heard of: its own fault only where others were, and it should have been."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, START, Story
from core.judge_samples import Made, made, result
from tidegate.core.judge import Criteria, Rollout, Step
from tidegate.core.samples import Samples, Series
from tidegate.core.verdict import Attribution, Decision, Finding

QUARTER = Story(shares=(25,))
MUTE = QUARTER.but(silent=True)
SEEDS = 8
ROLLED_BACK = (Decision.ROLLBACK, Attribution.REVISION)
UNKNOWN = (Decision.CONTINUE, Attribution.UNKNOWN)


def told(story: Story) -> Callable[[int], Made]:
    return lambda seed: made(story, seed)


def ratios_only(seed: int) -> Made:
    return made(MUTE, seed).plus("error_ratio", {OLD: 0.01}, noise=0.2).only("error_ratio")


def counted_zeros(seed: int) -> Made:
    """It lives, and no request gets to it."""
    return made(QUARTER, seed).with_values(
        lambda s: 0 * s.values if s.key.revision == NEW and s.key.metric != "open_fds" else s.values
    )


def idle(seed: int) -> Made:
    """Both revisions stop being asked after ten minutes, as a service that scales to zero."""
    return made(QUARTER, seed).unheard(OLD, 10).unheard(NEW, 10)


def steps(story: Story, *percent: tuple[int, int]) -> Callable[[int], Made]:
    """The samples of a story under other steps: minute and percent of each."""
    moved = tuple(Step(START + 60 * minute, share) for minute, share in percent)

    def make(seed: int) -> Made:
        there = made(story, seed)
        return Made(Rollout("orders", OLD, NEW, moved, None, 60.0, 0.0), there.samples, there.rng)

    return make


SILENT: dict[str, tuple[Callable[[int], Made], int]] = {
    "counted": (told(MUTE), 8),
    "counted, at one in 20": (told(MUTE.but(shares=(5,))), 8),
    "alive, with no request": (counted_zeros, 8),
    "not counted, by latency": (lambda seed: made(MUTE, seed).only("latency_p99_ms"), 24),
    "not counted, by error ratio": (ratios_only, 24),
    "fell silent after a quarter of an hour": (lambda seed: made(QUARTER, seed).unheard(NEW, 15), 32),
}


@pytest.mark.parametrize("name", SILENT)
def test_a_candidate_that_gets_traffic_and_says_nothing_is_rolled_back(name: str) -> None:
    make, latest = SILENT[name]
    for seed in range(SEEDS):
        k, verdict = make(seed).looked_at(range(1, 61))
        assert (verdict.decision, verdict.attribution) == ROLLED_BACK
        assert 8 <= k <= latest
        found = result(verdict, "request_count")
        assert (found.finding, verdict.reasons[0]) == (Finding.WORSE, found.sentence)
        assert f"{NEW} gets" in found.sentence
        assert f"while {OLD} goes on as before" in found.sentence


def test_how_long_is_too_long_can_be_set() -> None:
    for periods in (3, 8, 20):
        criteria = Criteria(silent_intervals=periods)
        assert made(MUTE, 1).looked_at(range(1, 61), criteria)[0] == periods


NOT_ITS_FAULT: dict[str, Callable[[int], Made]] = {
    "no traffic to speak of": told(MUTE.but(requests=0.01)),
    "nothing was measured": lambda seed: made(MUTE, seed).of([]),
    "both, from the start": lambda seed: made(MUTE, seed).unheard(OLD, 0),
    "both, after ten minutes": idle,
    "both, the candidate never heard of": lambda seed: made(MUTE, seed).unheard(OLD, 2),
    "all the traffic is its own": told(MUTE.but(shares=(100,))),
    "its traffic was taken away again": steps(MUTE, (0, 25), (4, 0)),
    "first deployment": told(MUTE.but(stable=False, shares=(100,))),
    "the stable one is often not heard of either": lambda seed: made(MUTE, seed).unheard(OLD, -25, 30),
}


@pytest.mark.parametrize("name", NOT_ITS_FAULT)
def test_silence_that_says_nothing_rolls_nothing_back(name: str) -> None:
    for seed in range(SEEDS):
        _, verdict = NOT_ITS_FAULT[name](seed).looked_at(range(1, 61))
        assert verdict.decision is not Decision.ROLLBACK, verdict.reasons


@pytest.mark.parametrize("name", [n for n in NOT_ITS_FAULT if n != "both, after ten minutes"])
def test_who_has_never_been_heard_of_is_not_promoted(name: str) -> None:
    verdict = NOT_ITS_FAULT[name](1).at(60)
    assert (verdict.decision, verdict.attribution) == UNKNOWN
    assert not verdict.enough_data
    assert verdict.reasons


@pytest.mark.parametrize("missing", [1, 3, 6, 10])
def test_missing_a_few_periods_is_not_silence(missing: int) -> None:
    for seed in range(SEEDS):
        there = made(QUARTER, seed).unheard(NEW, 15, 15 + missing)
        _, verdict = there.looked_at(range(15, 46))
        assert verdict.decision is Decision.PROMOTE, verdict.reasons


@pytest.mark.parametrize("lost", [0.3, 0.6])
def test_samples_that_get_lost_on_both_sides_are_not_silence(lost: float) -> None:
    for seed in range(SEEDS):
        there = made(QUARTER, seed)
        left = []
        for s in there.samples.by_key.values():
            kept = there.rng.random(len(s)) >= lost
            left.append(Series(s.key, s.times[kept], s.values[kept]))
        _, verdict = there.of(left).looked_at(range(1, 61, 2))
        assert result(verdict, "request_count").finding is Finding.FINE
        assert verdict.decision is not Decision.ROLLBACK, verdict.reasons


def test_nobody_asked_yet_is_no_silence() -> None:
    rollout = made(MUTE, 1).rollout
    for minutes in (-5, 0, 1):
        verdict = Made(rollout, Samples(), np.random.default_rng(0)).at(minutes)
        assert (verdict.decision, verdict.attribution) == UNKNOWN


def test_a_dry_run_of_silence_rolls_nothing_back() -> None:
    criteria = Criteria(required=("open_fds",), dry_run=("request_count",))
    _, verdict = made(MUTE, 1).looked_at(range(1, 61), criteria)
    assert result(verdict, "request_count").finding is Finding.WORSE
    assert verdict.decision is Decision.CONTINUE
