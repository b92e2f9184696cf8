"""Small worlds in each of which a single rule about growth decides the verdict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, START, Array, Story, autoregressive, exponential
from core.judge_samples import Made, answers, made
from tidegate.core.samples import Key, Series
from tidegate.core.verdict import Attribution, Decision

HOUR = Story()
SEEDS = 6
LOOKS = range(10, 61, 4)


def told(story: Story, seed: int) -> Made:
    return made(story, seed).only("open_fds", "request_count")


def with_fds(there: Made, revision: str, added: Callable[[Series], Array]) -> Made:
    """With so many more descriptors open in each instance of the revision, as whole numbers."""

    def changed(series: Series) -> Array:
        if (series.key.metric, series.key.revision) != ("open_fds", revision):
            return series.values
        return np.maximum(np.round(series.values + added(series)), 0)

    return there.with_values(changed)


def test_what_a_curve_misses_of_a_large_pool_is_no_leak() -> None:
    """300 connections in each of three instances: no shape fits them to the last one."""
    pool = HOUR.but(warm=exponential(300, 240), instances=3, noise=1.0)
    found = answers(lambda seed: told(pool, seed), SEEDS, LOOKS)
    assert {decision for decision, _ in found} == {Decision.PROMOTE}, found


@pytest.mark.parametrize("seed", [0, 15, 24, 26])
def test_one_instance_that_only_wanders_does_not_climb_alone(seed: int) -> None:
    """Its clients come and go, by fifteen or so; the other seven hold a steady number.

    Against the noise of all eight some of that looks like a climb. Against its own it does not.
    """
    there = told(HOUR.but(instances=8, noise=1.0, phi=0.0, level=65.0), seed)
    wandering = autoregressive(there.rng, 200, 0.9, 15.0)

    def added(series: Series) -> Array:
        return wandering[: series.values.size] * (series.key.instance == f"{NEW}-0-0")

    _, verdict = with_fds(there, NEW, added).looked_at(range(10, 61, 5))
    assert verdict.decision is Decision.PROMOTE, verdict.reasons


def test_what_both_began_at_once_is_not_the_candidates_though_it_has_it_worse() -> None:
    """Something upstream holds descriptors since the start: 2 a minute on stable, 2.7 on the candidate."""
    both = HOUR.but(
        leak=2.7 / 60,
        old_leak=2 / 60,
        old_leak_from=0.0,
        warm=exponential(40, 240),
        load=20.0,
        shares=(50,),
        noise=1.0,
    )
    found = answers(lambda seed: told(both, seed), SEEDS, LOOKS)
    assert {decision for decision, _ in found} == {Decision.HOLD}, found
    assert found[Decision.HOLD, Attribution.SHARED] >= SEEDS - 1, found


def test_a_leak_by_request_is_found_where_requests_come_in_bursts() -> None:
    """Three busy minutes in twenty, one descriptor lost in a hundred requests: stairs by age, a line by
    request."""

    def busy(series: Series) -> Array:
        minutes = np.round((series.times - START) / 60) - 1
        counted = series.key.metric == "request_count"
        return np.where((minutes % 20 < 3) | (not counted), series.values, 0.0)

    def make(seed: int) -> Made:
        there = told(HOUR.but(shares=(50,), noise=1.0), seed).with_values(busy)
        served = np.cumsum(there.samples.by_key[Key("request_count", NEW)].values)
        return with_fds(there, NEW, lambda series: 0.01 * served)

    found = answers(make, SEEDS, LOOKS)
    assert set(found) == {(Decision.ROLLBACK, Attribution.REVISION)}, found


def test_a_record_that_is_cut_off_shows_no_cold_start() -> None:
    """The stable instances are hours old. What is read of them begins an hour before the rollout, just as a
    rush of work ends; that says nothing about how the candidate's pools fill."""

    def rush(series: Series) -> Array:
        return 60 * np.exp(-np.maximum(series.times - START + 3600, 0) / 60)

    pool = HOUR.but(before=200, warm=exponential(60, 360), instances=3)
    found = answers(lambda seed: with_fds(told(pool, seed), OLD, rush), SEEDS, LOOKS)
    assert {decision for decision, _ in found} == {Decision.PROMOTE}, found
