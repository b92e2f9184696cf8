"""Twenty deployments of one service at the same moment: one goes out, the others say who is at it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.local_city import SPEC, City, finish, until
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e
MANY = 20
GO = "go"
WAITING = """
  hooks:
    - {{name: everybody is here, when: before_apply, timeout: 100s,
       command: [sh, -c, 'until [ -e "{go}" ]; do sleep 0.1; done']}}
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """`v1` serves, and a deployment waits for a file before it applies anything."""
    city = City(tmp_path_factory.mktemp("many"))
    try:
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


@pytest.mark.parametrize(("image", "apart"), [("v3", True), ("v1", False)], ids=["apart", "together"])
def test_one_of_twenty_wins(city: City, tmp_path: Path, image: str, *, apart: bool) -> None:
    go = tmp_path / GO
    (before,) = city.status()["traffic"]
    running = [
        city.start_deploy(
            image, "--no-monitoring", owner=f"number-{number}",
            directory=place(tmp_path, number, go, apart=apart),
        )
        for number in range(MANY)
    ]  # fmt: skip
    try:
        until(lambda: sum(one.poll() is not None for one in running) >= MANY - 1)
    finally:
        go.touch()
    done = [finish(one) for one in running]
    assert Counter(one.returncode for one in done) == {ExitCode.DONE: 1, ExitCode.BUSY: MANY - 1}, done
    winner = next(number for number, one in enumerate(done) if one.returncode == ExitCode.DONE)
    losers = [one for one in done if one.returncode == ExitCode.BUSY]
    assert all(re.search(rf"rollout \S+ by number-{winner}\b", one.stderr) for one in losers)
    status = city.status()
    assert status["rollout"]["owner"] == f"number-{winner}"
    assert status["rollout"]["phase"] == Phase.PROMOTED
    assert status["traffic"] == {status["rollout"]["candidate"]: 100}
    assert status["rollout"]["stable"] == before
    assert [r["revision"] for r in city.seen()["revisions"] if r["image"].endswith(image)]


def place(directory: Path, number: int, go: Path, *, apart: bool) -> Path:
    """A working directory with the spec; everybody's own, or one for all."""
    found = directory / (str(number) if apart else "one")
    found.mkdir(exist_ok=True)
    text = SPEC.format(step=1, bake=1, inconclusive="promote")
    text = text.replace("\nanalysis:", WAITING.format(go=go) + "\nanalysis:")
    (found / "tidegate.yaml").write_text(text)
    return found
