"""A metric of the user's own takes part in a rollout like any other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from flows.rollout_world import CANDIDATE, CRITERIA, STABLE, World
from tidegate.core.errors import ExitCode
from tidegate.core.judge import Criteria, Custom
from tidegate.core.rollout import Phase
from tidegate.flows.job import Job

OWN = replace(CRITERIA, custom=(Custom("queue_depth", "queue depth", tolerance=0.2, min_change=2.0),))


@dataclass
class Queueing(World):
    """Every revision has a queue of its own, `jobs` deep on the candidate and 10 on the other."""

    jobs: float = 10.0
    criteria: Criteria = OWN

    @property
    def job(self) -> Job:
        return replace(super().job, criteria=self.criteria)

    def values(self, revision: str, time: float) -> Mapping[str, float]:
        found = super().values(revision, time)
        depth = (self.jobs if revision == CANDIDATE else 10.0) + math.sin(time * 2.3)
        return {**found, "queue_depth": depth} if "request_count" in found else found


def test_a_healthy_one_is_promoted(tmp_path: Path) -> None:
    assert Queueing(tmp_path).deploy().state.phase is Phase.PROMOTED


def test_a_worse_one_takes_the_traffic_back(tmp_path: Path) -> None:
    world = Queueing(tmp_path, jobs=25.0)
    outcome = world.deploy()
    assert outcome.state.exit_code == ExitCode.ROLLED_BACK
    assert "queue depth" in outcome.state.reason
    assert world.serving == {STABLE: 100}


def test_a_worse_one_that_is_a_dry_run_is_told_and_decides_nothing(tmp_path: Path) -> None:
    dry = replace(OWN, dry_run=("queue_depth",))
    outcome = Queueing(tmp_path, jobs=25.0, criteria=dry).deploy()
    assert outcome.state.phase is Phase.PROMOTED
    (own,) = [m for m in outcome.evidence.verdicts[-1].metrics if m.metric == "queue_depth"]
    assert (own.finding, own.decisive) == ("worse", False)


@pytest.mark.parametrize("required", [True, False])
def test_one_that_is_never_measured_is_not_taken_for_fine(tmp_path: Path, required: bool) -> None:
    asked = (*CRITERIA.required, *(["nothing"] if required else []))
    criteria = replace(CRITERIA, custom=(Custom("nothing"),), required=asked)
    outcome = Queueing(tmp_path, criteria=criteria).deploy()
    assert outcome.state.phase is (Phase.HELD if required else Phase.PROMOTED)
    (own,) = [m for m in outcome.evidence.verdicts[-1].metrics if m.metric == "nothing"]
    assert own.finding == "not_enough_data"
