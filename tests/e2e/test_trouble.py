"""What goes wrong on the way, with real processes: the traffic ends where it belongs."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.local_city import City, finish
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e
WRITE = "Services/UpdateService"
Bereft = tuple[City, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def city(bereft: Bereft, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """`v1` serves at first. Every test leaves one revision with all the traffic."""
    city = City(tmp_path_factory.mktemp("city"))
    try:
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


def serving(city: City) -> str:
    """The revision that effectively has all the traffic."""
    (only,) = ((r["revision"], r["percent"]) for r in city.seen()["revisions"] if r["percent"])
    assert only[1] == 100
    return str(only[0])


@pytest.mark.parametrize(
    ("number", "code", "image"),
    [(signal.SIGINT, ExitCode.INTERRUPTED, "v2"), (signal.SIGTERM, ExitCode.TERMINATED, "v3")],
)
def test_a_signal_in_a_step(city: City, number: signal.Signals, code: ExitCode, image: str) -> None:
    before = serving(city)
    city.spec(step=60)
    running = city.start_deploy(image, "--no-monitoring")
    city.until_phase(running, Phase.STEP)
    running.send_signal(number)
    done = finish(running)
    assert done.returncode == code, done.stderr
    assert f"traffic is on {before}" in done.stdout
    assert serving(city) == before
    assert city.answering() == {before}
    assert city.recorded()["phase"] == Phase.ABORTED
    assert city.recorded()["exit_code"] == code


def test_a_container_that_never_starts(city: City) -> None:
    before = serving(city)
    done = city.deploy("dead", "--no-monitoring")
    assert done.returncode == ExitCode.TERRAFORM, done.stderr
    assert "does not start" in done.stdout
    assert "no licence" in done.stdout
    assert serving(city) == before
    assert city.answering() == {before}


def test_an_apply_that_fails_half_way(city: City) -> None:
    before = serving(city)
    city.spec()
    refused = {"method": WRITE, "code": "INVALID_ARGUMENT", "message": "no such machine"}
    city.fault({"method": WRITE}, refused)  # the first write is the lock, the second Terraform's
    done = city.deploy("v1", "--no-monitoring")
    city.fault()
    assert done.returncode == ExitCode.TERRAFORM, done.stderr
    assert "no such machine" in done.stdout
    assert serving(city) == before
    assert city.recorded()["phase"] == Phase.ABORTED


def test_answers_that_get_lost(city: City) -> None:
    before = serving(city)
    city.spec(step=1)
    lost: dict[str, Any] = {"method": WRITE, "response_lost": True}
    through: dict[str, Any] = {"method": WRITE}
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


def test_a_second_deployment_while_one_runs_and_after_it_was_killed(city: City) -> None:
    before = serving(city)
    city.spec(step=60)
    running = city.start_deploy("v1", "--no-monitoring", owner="first")
    city.until_phase(running, Phase.STEP)
    second = city.deploy("v3")
    assert second.returncode == ExitCode.BUSY
    assert re.search(r"first \(process \d+\) since \d{4}-.* UTC", second.stderr)
    cut_in = city.run("rollback", "--target", "local")
    assert cut_in.returncode == ExitCode.BUSY
    assert re.search(r"by first, started \d{4}-.* UTC", cut_in.stderr)
    assert "--take-over" in cut_in.stderr
    running.kill()
    finish(running)
    after = city.deploy("v3")
    assert after.returncode == ExitCode.BUSY
    assert "tidegate abort" in after.stderr
    done = city.run("rollback", "--target", "local", "--no-watch", "--take-over")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert serving(city) == before


def test_the_control_plane_goes_away_in_the_middle(bereft: Bereft) -> None:
    city, running = bereft
    done = finish(running)
    assert done.returncode in (ExitCode.NEEDS_PERSON, ExitCode.REMOTE)
    assert "a person is needed" in done.stdout
    assert re.search(r"^traffic +not known, last seen: orders-\S+ 50 %, orders-\S+ 50 %$", done.stdout, re.M)
    gone = city.run("status", "--target", "local")
    assert gone.returncode == ExitCode.USAGE
    assert "no local Cloud Run is running" in gone.stderr
    # What it says is to be typed does take the traffic back.
    (typed,) = re.findall(r"; by hand: (.*)$", done.stdout.splitlines()[0])
    for command in typed.split(" && "):
        program, *rest = shlex.split(command)
        assert program == "tidegate"
        followed = city.run(*rest)
        assert followed.returncode == ExitCode.DONE, followed.stderr
    (before,) = re.findall(r"--to (\S+)", typed)
    assert city.status()["traffic"] == {before: 100}


def test_terraform_leaves_its_state_beside_the_local_cloud(city: City) -> None:
    (root,) = (city.cloud / "roots").iterdir()
    assert (root / "service" / "terraform.tfstate").exists()
    assert not list(Path(city.directory).glob("*.tf"))
