"""Killed at every effect of every scenario, a rollout ends well in the hands of whoever takes it up.

`make crash` goes through all points: also around reads, looks and notices, and each both ways.
"""

from __future__ import annotations

import os

import pytest

from crash.campaign import Report, run
from crash.scenarios import SCENARIOS

pytestmark = pytest.mark.e2e
ENOUGH = 60
ALL = os.environ.get("CRASH_POINTS") == "all"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return run(tmp_path_factory.mktemp("crash"), everything=ALL)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_whatever_dies_the_traffic_ends_where_it_belongs(report: Report, scenario: str) -> None:
    assert report.effects[scenario]
    broken = [str(outcome) for outcome in report.of(scenario) if outcome.broken]
    assert not broken, "\n".join(broken)


def test_there_are_enough_points_and_they_are_reached(report: Report) -> None:
    points = [outcome for outcome in report.outcomes if outcome.point.kind != "never"]
    killed = [outcome for outcome in points if outcome.killed]
    assert len(killed) >= ENOUGH
    kinds = {(o.point.scenario, o.point.kind) for o in killed}
    assert kinds == {(scenario, kind) for scenario in SCENARIOS for kind in ("before", "after", "lost")}
    unreached = [str(o.point) for o in points if not o.killed and o.point.kind != "lost"]
    # How often a rollout looks, and so how many points it has, is not the same each time.
    assert len(unreached) <= (len(points) / 10 if ALL else 0), unreached
