"""What goes wrong on the way, with real processes: the traffic ends where it belongs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.local_city import City, finish
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e
WRITE = "Services/UpdateService"
Bereft = tuple[City, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def bereft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bereft]:
    """A deployment that lost its control plane in a step. How it ends takes a minute, so it begins first."""
    city = City(tmp_path_factory.mktemp("bereft"))
    done = city.deploy("v1", "--no-monitoring")
    assert done.returncode == ExitCode.DONE, done.stderr
    city.spec(step=2, inconclusive="hold")
    running = city.start_deploy("v2", "--no-monitoring")
    city.until_phase(running, Phase.STEP)
    os.kill(city.daemon.pid, signal.SIGKILL)
    yield city, running
    city.close()


@pytest.fixture(scope="module")
def city(bereft: Bereft, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """`v1` serves. Every test leaves one revision with all the traffic."""
    city = City(tmp_path_factory.mktemp("city"))
    done = city.deploy("v1")
    assert done.returncode == ExitCode.DONE, done.stderr
    yield city
    city.close()
    assert orphans.marked(city.daemon.mark) == []


def serving(city: City) -> str:
    (revision,) = city.status()["traffic"]
    return str(revision)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
)
def test_a_signal_in_a_step_and_a_second_deployment_meanwhile(
    city: City, number: signal.Signals, code: ExitCode
) -> None:
    before = serving(city)
    city.spec(step=60)
    running = city.start_deploy("v2" if number == signal.SIGINT else "v3", "--no-monitoring", owner="first")
    found = city.until_phase(running, Phase.STEP)
    assert found["traffic"][before] == 50
    second = city.deploy("v3")
    assert second.returncode == ExitCode.BUSY
    assert re.search(r"first \(process \d+\) since \d{4}-.* UTC", second.stderr)
    cut_in = city.run("rollback", "--target", "local")
    assert cut_in.returncode == ExitCode.BUSY
    assert re.search(r"by first, started \d{4}-.* UTC", cut_in.stderr)
    running.send_signal(number)
    done = finish(running)
    assert done.returncode == code, done.stderr
    status = city.status()
    assert status["traffic"] == {before: 100}
    assert status["rollout"]["phase"] == Phase.ABORTED
    assert status["rollout"]["exit_code"] == code
    assert city.answering() == {before}


def test_a_container_that_never_starts(city: City) -> None:
    before = serving(city)
    done = city.deploy("dead", "--no-monitoring")
    assert done.returncode == ExitCode.TERRAFORM, done.stderr
    assert "does not start" in done.stdout
    assert "no licence" in done.stdout
    assert city.status()["traffic"] == {before: 100}
    assert city.answering() == {before}


def test_an_apply_that_fails_half_way(city: City) -> None:
    before = serving(city)
    pinned, refused = {"method": WRITE}, {"method": WRITE, "code": "INTERNAL", "message": "disk full"}
    city.fault(pinned, refused)
    done = city.deploy("v1", "--no-monitoring")
    city.fault()
    assert done.returncode == ExitCode.TERRAFORM, done.stderr
    assert "disk full" in done.stdout
    status = city.status()
    assert status["traffic"] == {before: 100}
    assert status["rollout"]["phase"] == Phase.ABORTED


def test_answers_that_get_lost(city: City) -> None:
    before = serving(city)
    city.spec(step=1)
    lost, through = {"method": WRITE, "response_lost": True}, {"method": WRITE}
    # The lock's answer is lost and it is sent again; Terraform's is not; then every other one.
    city.fault(lost, through, through, *[lost, through] * 8)
    done = city.deploy("v3", "--no-monitoring")
    city.fault()
    assert done.returncode == ExitCode.DONE, done.stderr
    status = city.status()
    assert status["traffic"] == {status["rollout"]["candidate"]: 100}
    assert status["rollout"]["candidate"] != before
    assert status["rollout"]["phase"] == Phase.PROMOTED
    assert [p["id"] for p in status["history"]].count(status["rollout"]["id"]) == 1


def test_a_deployment_that_was_killed_leaves_a_way_out(city: City) -> None:
    before = serving(city)
    city.spec(step=60)
    running = city.start_deploy("v1", "--no-monitoring")
    city.until_phase(running, Phase.STEP)
    running.kill()
    finish(running)
    refused = city.deploy("v3")
    assert refused.returncode == ExitCode.BUSY
    assert "tidegate rollback" in refused.stderr
    assert city.status()["traffic"][before] == 50
    refused = city.run("rollback", "--target", "local", "--no-watch")
    assert refused.returncode == ExitCode.BUSY
    assert "--take-over" in refused.stderr
    done = city.run("rollback", "--target", "local", "--no-watch", "--take-over")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert city.status()["traffic"] == {before: 100}


def test_the_control_plane_goes_away_in_the_middle(bereft: Bereft) -> None:
    city, running = bereft
    done = finish(running)
    assert done.returncode in (ExitCode.NEEDS_PERSON, ExitCode.REMOTE)
    assert "a person is needed" in done.stdout
    gone = city.run("status", "--target", "local")
    assert gone.returncode == ExitCode.USAGE
    assert "no local Cloud Run is running" in gone.stderr


def test_terraform_leaves_its_state_beside_the_local_cloud(city: City) -> None:
    (root,) = (city.cloud / "roots").iterdir()
    assert (root / "service" / "terraform.tfstate").exists()
    assert not list(Path(city.directory).glob("*.tf"))
