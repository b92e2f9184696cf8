"""What people say to a rollout from another directory that has nothing but access to the service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.local_city import City, finish
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e
SERVICE = ("--service", "orders", "--project", "demo-project", "--region", "europe-west1")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    city = City(tmp_path_factory.mktemp("operated"))
    try:
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


@pytest.fixture
def elsewhere(city: City, tmp_path: Path) -> Elsewhere:
    return Elsewhere(city, tmp_path)


class Elsewhere:
    """Another machine, as far as files go: no spec, no rendered roots, no state."""

    def __init__(self, city: City, directory: Path) -> None:
        self._city = city
        self._directory = directory

    def __call__(self, command: str, *more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TIDEGATE_LOCAL": str(self._city.cloud), "TIDEGATE_OWNER": "ann"}
        running = subprocess.Popen(
            [sys.executable, "-m", "tidegate", command, *SERVICE, "--target", "local", *more],
            cwd=self._directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._city.processes.append(running)
        return finish(running)

    def status(self) -> dict[str, Any]:
        done = self("status", "--format", "json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


def test_a_running_rollout_is_paused_killed_elsewhere_and_resumed(city: City, elsewhere: Elsewhere) -> None:
    city.spec(step=10)
    running = city.start_deploy("v3", "--no-monitoring")
    city.until_phase(running, Phase.STEP)
    found = elsewhere.status()
    assert (found["rollout"]["living"], found["rollout"]["percent"]) == (True, 50)
    assert found["evidence"]["decision"] in ("continue", "promote")
    assert elsewhere("resume").returncode == ExitCode.BUSY

    paused = elsewhere("pause")
    assert paused.returncode == ExitCode.DONE, paused.stderr
    assert "asked e2e to pause" in paused.stderr
    done = finish(running)
    assert done.returncode == ExitCode.HELD
    assert "paused by ann" in done.stdout
    assert city.recorded()["phase"] == Phase.PAUSED
    assert elsewhere("pause").returncode == ExitCode.DONE  # safe to repeat

    # Whoever goes on with it is killed; the next one takes over at once, for it sees that the other is dead.
    resuming = city.start("resume", "--target", "local")
    city.until_phase(resuming, Phase.STEP)
    os.kill(resuming.pid, signal.SIGKILL)
    resuming.wait()
    assert elsewhere.status()["rollout"]["living"] is False
    resumed = elsewhere("resume", "--format", "json")
    assert resumed.returncode == ExitCode.DONE, resumed.stderr
    assert json.loads(resumed.stdout)["verdict"] == "promoted"
    assert city.recorded()["owner"] == "ann"
    assert elsewhere("resume").returncode == ExitCode.DONE
    assert "promoted" in elsewhere("history").stdout.splitlines()[0]


def test_a_killed_rollout_is_aborted_from_elsewhere(city: City, elsewhere: Elsewhere) -> None:
    city.spec(step=60)
    running = city.start_deploy("v1", "--no-monitoring")
    city.until_phase(running, Phase.STEP)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = city.recorded()
    for waiting in ((), ("--wait", "60s")):
        refused = city.deploy("v2", "--no-monitoring", *waiting)
        assert refused.returncode == ExitCode.BUSY
        assert "waiting for its end" not in refused.stderr
        assert "tidegate resume" in refused.stderr
        assert f"`tidegate abort` sends all traffic to {before['stable']}" in refused.stderr
    looked = city.run("preflight", "--target", "local")
    assert looked.returncode == ExitCode.BUSY
    assert "nobody works on it any more" in looked.stdout
    aborted = elsewhere("abort", "--no-watch")
    assert aborted.returncode == ExitCode.DONE, aborted.stderr
    assert "aborted by ann" in aborted.stdout
    assert elsewhere.status()["traffic"] == {before["stable"]: 100}
    again = elsewhere("abort")
    assert again.returncode == ExitCode.DONE
    assert "rolled back" in again.stdout
    assert elsewhere("pause").returncode == ExitCode.DONE
    assert elsewhere("promote", "--force").returncode == ExitCode.ROLLED_BACK  # it does not serve
    assert elsewhere("rollback").returncode == ExitCode.DONE


def test_a_living_rollout_goes_back_when_asked(city: City, elsewhere: Elsewhere) -> None:
    city.spec(step=60)
    running = city.start_deploy("v1", "--no-monitoring")
    city.until_phase(running, Phase.STEP)
    before = city.recorded()
    assert elsewhere("abort", "--no-watch").returncode == ExitCode.DONE
    assert elsewhere.status()["traffic"] == {before["stable"]: 100}
    done = finish(running)
    assert done.returncode in (ExitCode.ROLLED_BACK, ExitCode.NEEDS_PERSON)
    assert "aborted by ann" in done.stdout


def test_a_second_deployment_waits_for_the_first(city: City) -> None:
    city.spec(step=2)
    first = city.start_deploy("v3", "--no-monitoring")
    city.until_phase(first, Phase.STEP)
    second = city.start_deploy("v1", "--no-monitoring", "--wait", "60s", owner="patient")
    assert finish(first).returncode == ExitCode.DONE
    done = finish(second)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "waiting for its end" in done.stderr
    assert city.recorded()["owner"] == "patient"
