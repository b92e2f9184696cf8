"""Many deployments of one service at the same moment: one goes out, the others say who is at it."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.local_city import SPEC, City, finish, until
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e
WAITING = """
  hooks:
    - name: everybody is here
      when: before_apply
      timeout: 240s
      command: [sh, -c, 'until [ -e "{go}" ]; do sleep 0.1; done']
"""
LONG = 200.0
"""Seconds that as many command lines may need to start on a machine with other things to do."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    city = City(tmp_path_factory.mktemp("many"))
    try:
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


def test_one_of_twenty_machines_wins(city: City, tmp_path: Path) -> None:
    places = [machine(city, tmp_path / str(number)) for number in range(20)]
    one_wins(city, tmp_path / "go", places, "v3", r"rollout \S+ by {winner}, started .* is in phase locked")


def test_one_of_several_in_the_same_directory_wins(city: City, tmp_path: Path) -> None:
    place = tmp_path / "one"
    place.mkdir()
    one_wins(city, tmp_path / "go", [(place, city.cloud)] * 6, "v1", "a deployment is already running here: ")


def machine(city: City, directory: Path) -> tuple[Path, Path]:
    """A working directory, and a place of its own for what Terraform knows: only the service is shared."""
    cloud = directory / "cloud"
    shutil.copytree(city.cloud / "roots", cloud / "roots", symlinks=True)
    shutil.copy(city.cloud / "daemon.json", cloud)
    return directory, cloud


def one_wins(city: City, go: Path, places: list[tuple[Path, Path]], image: str, said: str) -> None:
    """A deployment from each place; the one that got the service waits for the others before it applies."""
    (before,) = city.status()["traffic"]
    text = SPEC.format(step=1, bake=1, inconclusive="promote")
    text = text.replace("\nanalysis:", WAITING.format(go=go) + "\nanalysis:")
    for directory, _ in places:
        (directory / "tidegate.yaml").write_text(text)
    running = [
        city.start_deploy(image, "--no-monitoring", owner=f"number-{n}", directory=directory, cloud=cloud)
        for n, (directory, cloud) in enumerate(places)
    ]
    try:
        until(lambda: sum(one.poll() is not None for one in running) >= len(running) - 1, LONG)
    finally:
        go.touch()
    done = [finish(one) for one in running]
    codes = Counter(one.returncode for one in done)
    assert codes == {ExitCode.DONE: 1, ExitCode.BUSY: len(running) - 1}, [one.stderr for one in done]
    winner = f"number-{next(n for n, one in enumerate(done) if one.returncode == ExitCode.DONE)}"
    for one in done:
        assert one.returncode == ExitCode.DONE or re.search(said.format(winner=winner), one.stderr), one
    status = city.status()
    rollout = status["rollout"]
    assert (rollout["owner"], rollout["phase"], rollout["stable"]) == (winner, Phase.PROMOTED, before)
    assert status["traffic"] == {rollout["candidate"]: 100}
    assert city.answering() == {rollout["candidate"]}
