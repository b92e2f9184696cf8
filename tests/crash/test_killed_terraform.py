"""Killed while the real Terraform works: it ends too, and the next deployment finds a state it can use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.local_city import City, finish, until
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    city = City(tmp_path_factory.mktemp("killed"))
    try:
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        city.spec(step=1)
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


@pytest.mark.parametrize(("moment", "ending"), [("planning", "abort"), ("applying", "resume")])
def test_terraform_dies_with_it(city: City, moment: str, ending: str) -> None:
    (before,) = city.answering()
    running = city.start_deploy("v3" if before.startswith("orders-00001") else "v1", "--no-monitoring")
    city.until_phase(running, Phase.LOCKED)
    if moment == "applying":
        until(lambda: {r["revision"] for r in city.seen()["revisions"]} - {before})
    running.kill()
    finish(running)
    until(lambda: not working_in(city.cloud))
    done = city.run(ending, "--target", "local")
    assert done.returncode in (ExitCode.DONE, ExitCode.INTERRUPTED, ExitCode.TERRAFORM), done.stderr
    recorded = city.recorded()
    assert recorded["exit_code"] is not None
    assert recorded["phase"] in (Phase.PROMOTED, Phase.ABORTED)
    (serving,) = city.answering()
    assert serving == (recorded["candidate"] if recorded["phase"] == Phase.PROMOTED else before)
    again = city.deploy("v2" if moment == "planning" else "v3", "--no-monitoring")
    assert again.returncode == ExitCode.DONE, again.stderr


def working_in(directory: Path) -> list[str]:
    """Commands of the processes that work on root modules below the directory."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                at, command = (process / "cwd").readlink(), (process / "cmdline").read_bytes()
            except OSError:
                continue
            if (directory / "roots") in (at, *at.parents):
                found.append(command.replace(b"\0", b" ").decode())
    return found
