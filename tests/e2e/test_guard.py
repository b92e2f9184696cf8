"""A leak that a rollout without traffic let pass, and the guard that finds it afterwards: real processes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.local_city import City, descriptors, until
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase

pytestmark = pytest.mark.e2e
LOOK = ("guard", "--target", "local", "--format", "json", "--window", "2m", "--until", "20m")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path)
    try:
        yield city
    finally:
        city.close()


def until_sure(city: City) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """The first look that calls it growth: how soon that is depends on how busy this machine is."""
    looks: list[tuple[subprocess.CompletedProcess[str], dict[str, Any]]] = []

    def sure() -> bool:
        done = city.run(*LOOK)
        looks.append((done, json.loads(done.stdout)))
        return bool(looks[-1][1]["alarm"] == "growing")

    until(sure)
    return looks[-1]


def test_what_leaks_after_its_rollout_is_found_and_taken_back_where_that_is_allowed(city: City) -> None:
    city.spec(step=1, bake=0, inconclusive="promote")
    assert city.deploy("v1", "--no-monitoring").returncode == ExitCode.DONE
    (v1,) = city.answering()
    with city.load(5):
        time.sleep(10)  # twenty samples of how it was before the next one
        quiet = city.run(*LOOK)
        assert quiet.returncode in (ExitCode.DONE, ExitCode.HELD), quiet.stderr
        assert json.loads(quiet.stdout)["alarm"] in ("quiet", "unsure")
    done = city.deploy("v2", "--no-monitoring")
    assert done.returncode == ExitCode.DONE, done.stderr
    (v2,) = city.answering(1)
    pid = city.pid_of("v2")
    assert pid is not None
    with city.load(20):
        begin = descriptors(pid)
        until(lambda: descriptors(pid) >= begin + 150)
        forbidden = city.run(*LOOK, "--rollback")
        assert forbidden.returncode == ExitCode.USAGE
        assert "does not allow" in forbidden.stderr
        told, found = until_sure(city)
        assert (told.returncode, found["revision"]) == (ExitCode.NEEDS_PERSON, v2)
        assert city.answering() == {v2}
        with (city.directory / "tidegate.yaml").open("a") as spec:
            spec.write("guard: {rollback: true}\n")
        back, found = until_sure(city)
        # How sure it is that the rollback helped depends on how busy this machine is.
        assert back.returncode in (ExitCode.ROLLED_BACK, ExitCode.NEEDS_PERSON), (found, back.stderr)
        assert back.returncode == city.recorded()["exit_code"]
        assert found["rollback"]["to"] == v1
        assert city.answering() == {v1}
    after = json.loads(city.run(*LOOK).stdout)
    assert after["alarm"] is None
    assert city.recorded()["phase"] != Phase.PROMOTED
