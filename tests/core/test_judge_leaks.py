"""What climbs, what only looks like it, and whose fault it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, START, Array, Story, exponential, hyperbolic
from core.judge_samples import Level, Made, answers, made, result
from tidegate.core.judge import Criteria, Mode
from tidegate.core.samples import Key, Series
from tidegate.core.verdict import Attribution, Decision, Finding

HOUR = Story()
SEEDS = 8
LOOKS = range(2, 61, 2)


def told(story: Story) -> Callable[[int], Made]:
    return lambda seed: made(story, seed)


def one_of(instances: int, per_minute: float) -> Callable[[int], Made]:
    """A code path that few requests take: one instance of many leaks."""

    def make(seed: int) -> Made:
        def changed(series: Series) -> Array:
            leaks = series.key == Key("open_fds", NEW, f"{NEW}-0-0")
            return series.values + leaks * np.round(per_minute * np.maximum(series.times - START, 0) / 60)

        return made(HOUR.but(instances=instances), seed).with_values(changed)

    return make


def restarting(per_minute: float, every: int, *, renamed: bool) -> Callable[[int], Made]:
    """The candidate's instance is replaced every so many minutes, under a new name or the old one."""

    def make(seed: int) -> Made:
        there = made(HOUR.but(shares=(50,)), seed)
        found = [
            s for s in there.samples.by_key.values() if s.key.metric != "open_fds" or s.key.revision == OLD
        ]
        times = there.samples.by_key[Key("request_count", NEW)].times
        age = np.arange(times.size) % every
        values = np.round(20 + per_minute * age + 1.5 * there.rng.normal(size=times.size))
        size = every if renamed else times.size
        for first in range(0, times.size, size):
            part = slice(first, first + size)
            found.append(Series(Key("open_fds", NEW, f"i{first}"), times[part], values[part]))
        return there.of(found)

    return make


def connections(seed: int) -> Made:
    levels: dict[str, Level] = {OLD: 20.0, NEW: lambda age, requests: 20 + 3 * np.maximum(age, 0) / 60}
    return made(HOUR, seed).plus("tcp_connections", levels, jitter=2.0, instances=1, idle=True)


def late(age: Array) -> Array:
    """A leak that begins after twenty minutes."""
    return 3 * np.maximum(age - 1200, 0) / 60


LEAKS = {
    "in one instance of eight": (one_of(8, 3.0), 30, "in one instance of 8"),
    "by request, while the traffic moves": (told(HOUR.but(leak_per_request=0.05)), 40, "load taken out"),
    "by request, where load costs as well": (
        told(HOUR.but(leak_per_request=0.05, load=10.0)),
        60,
        "load taken out",
    ),
    "replaced every 10 minutes, one name": (restarting(5.0, 10, renamed=False), 60, "climb"),
    "replaced every 10 minutes, new names": (restarting(5.0, 10, renamed=True), 60, "climb"),
    "replaced every 20 minutes, new names": (restarting(5.0, 20, renamed=True), 40, "climb"),
    "while a pool fills": (told(HOUR.but(leak=4 / 60, warm=exponential(40, 240))), 40, "climb"),
    "from the twentieth minute": (told(HOUR.but(warm=late)), 50, "climb"),
    "of connections": (connections, 30, "TCP connections per instance climb"),
    "on a first deployment": (
        told(HOUR.but(leak=3 / 60, stable=False, shares=(100,))),
        40,
        "no stable revision",
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_rolled_back_however_it_hides(name: str) -> None:
    make, latest, words = LEAKS[name]
    for seed in range(SEEDS):
        k, verdict = make(seed).looked_at(LOOKS)
        assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION), (seed, k)
        assert k <= latest
        assert words in verdict.reasons[0]


def linear(size: float, minutes: float) -> Callable[[Array], Array]:
    return lambda age: size * np.clip(age / 60 / minutes, 0, 1)


def staircase(age: Array) -> Array:
    return 10 * np.floor(np.clip(age, 0, 900) / 300)


NO_LEAK = {
    "a pool that fills fast": told(HOUR.but(warm=exponential(30, 60))),
    "a pool that fills slowly": told(HOUR.but(warm=exponential(40, 240))),
    "a pool that fills very slowly": told(HOUR.but(warm=exponential(60, 360))),
    "a pool that never quite fills": told(HOUR.but(warm=hyperbolic(60, 240))),
    "a pool that fills evenly": told(HOUR.but(warm=linear(30, 5))),
    "a pool that fills in steps": told(HOUR.but(warm=staircase)),
    "a pool in each of three instances": told(HOUR.but(warm=exponential(40, 240), instances=3)),
    "a pool on a first deployment": told(HOUR.but(warm=exponential(40, 180), stable=False, shares=(100,))),
    "a jump": told(HOUR.but(jump=40.0)),
    "a jump in each of three instances": told(HOUR.but(jump=15.0, instances=3)),
    "more with more load": told(HOUR.but(load=20.0)),
    "more with more load, and a pool": told(HOUR.but(load=20.0, warm=exponential(30, 120))),
    "instances replaced, one name": restarting(0.0, 10, renamed=False),
    "instances replaced, new names": restarting(0.0, 10, renamed=True),
}


@pytest.mark.parametrize("name", NO_LEAK)
def test_what_only_looks_like_a_leak_is_promoted(name: str) -> None:
    found = answers(NO_LEAK[name], SEEDS, range(1, 61, 2))
    assert {decision for decision, _ in found} == {Decision.PROMOTE}, found


BOTH = {
    "both leak": (HOUR.but(leak=2 / 60, old_leak=2 / 60), Attribution.PRE_EXISTING),
    "both leak, one instance in three each": (
        HOUR.but(leak=2 / 60, old_leak=2 / 60, instances=3),
        Attribution.PRE_EXISTING,
    ),
    "both leak by request": (HOUR.but(leak_per_request=0.05, old_per_request=0.05), Attribution.PRE_EXISTING),
    "both begin with the rollout": (
        HOUR.but(leak=3 / 60, old_leak=3 / 60, old_leak_from=0.0),
        Attribution.SHARED,
    ),
    "both begin after twenty minutes": (
        HOUR.but(warm=late, old_leak=3 / 60, old_leak_from=1200.0, shares=(5, 25, 50)),
        Attribution.SHARED,
    ),
}


@pytest.mark.parametrize("name", BOTH)
def test_what_both_do_is_held_and_put_down_to_when_it_began(name: str) -> None:
    story, attribution = BOTH[name]
    found = answers(told(story), SEEDS, LOOKS)
    assert {decision for decision, _ in found} == {Decision.HOLD}, found
    assert found[Decision.HOLD, attribution] >= SEEDS - 1, found


@pytest.mark.parametrize("mode", Mode)
def test_a_cure_is_never_rolled_back_and_called_one(mode: Mode) -> None:
    cure = HOUR.but(old_leak=3 / 60)
    found = answers(told(cure), 2 * SEEDS, LOOKS, Criteria(mode=mode))
    assert not any(decision is Decision.ROLLBACK for decision, _ in found)
    last = made(cure, 2).at(60, Criteria(mode=mode))
    assert last.decision is Decision.PROMOTE
    assert f"climb on {OLD} at" in result(last, "open_fds").sentence
    assert f"and not on {NEW}" in result(last, "open_fds").sentence


def test_a_leak_faster_than_the_old_one_is_the_candidates() -> None:
    found = answers(told(HOUR.but(old_leak=1 / 60, leak=6 / 60)), SEEDS, LOOKS)
    assert set(found) == {(Decision.ROLLBACK, Attribution.REVISION)}


@pytest.mark.parametrize(("tolerated", "finding"), [(0.2, Finding.WORSE), (4.0, Finding.FINE)])
def test_how_fast_is_too_fast_can_be_set(tolerated: float, finding: Finding) -> None:
    verdict = made(HOUR.but(leak=3 / 60), 1).at(60, Criteria(leak_min_slope=tolerated))
    assert result(verdict, "open_fds").finding is finding


@pytest.mark.parametrize(("limit", "unit"), [(250.0, "min"), (3000.0, "h"), (25000.0, "d")])
def test_the_time_left_is_reckoned_by_the_limit(limit: float, unit: str) -> None:
    """At 5 a minute, from about 170 after half an hour."""
    found = result(made(HOUR.but(leak=5 / 60), 1).at(30, Criteria(fd_limit=limit)), "open_fds")
    assert f"{limit:,.0f} reached in " in found.sentence
    assert found.sentence.endswith(f" {unit}")


@pytest.mark.parametrize("seed", [46, 59])
def test_a_cure_with_little_traffic_is_not_taken_for_the_old_trouble(seed: int) -> None:
    """Early on it seems to climb: too slowly for the old leak by time, too fast for the same by request."""
    _, verdict = made(HOUR.but(old_leak=3 / 60), seed).looked_at(LOOKS)
    assert verdict.decision is Decision.PROMOTE
