"""`tidegate power` where nothing can be measured: what is given must do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidegate import cli
from tidegate.core.errors import ExitCode

SPEC = """\
service: orders
project: demo-project
region: europe-west1
containers: [{name: app, port: 8080}]
rollout: {steps: [5, 50], step_duration: 10m, bake: 30m}
environments:
  slow: {rollout: {steps: [50], step_duration: 5h, bake: 5h}}
"""
LOCAL = ("--target", "local", "--local-directory", "nowhere")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)


def test_a_rate_that_is_given_is_reckoned_with(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["power", *LOCAL, "--rate", "0.7", "--instances", "3", "--error-ratio", "0.002"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("orders at present: 42 requests/min, 0.2 % errors, 3 instances\n")
    assert "5 % for 10 min" in out
    assert err.startswith("warning: nothing is measured: no local Cloud Run is running in nowhere")


def test_the_steps_are_those_of_the_environment(capfd: pytest.CaptureFixture[str]) -> None:
    found = []
    for more in ((), ("--env", "slow")):
        assert cli.main(["power", *LOCAL, "--rate", "0.7", "--format", "json", *more]) == 0
        found.append(json.loads(capfd.readouterr().out))
    short, slow = found
    assert [s["seconds"] for s in short["steps"]] == [600, 600, 1800]
    assert [s["seconds"] for s in slow["steps"]] == [18000, 18000]
    assert short["service"] == slow["service"] == "orders"
    seen = [[f["seconds_in_rollout"] for f in one["faults"]] for one in found]
    assert all(late is not None for late in seen[1])
    assert None in seen[0]


def test_without_any_traffic_known_it_says_what_to_give(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["power", *LOCAL]) == ExitCode.USAGE
    assert "no local Cloud Run" in capfd.readouterr().err
    assert cli.main(["power", *LOCAL, "--rate", "0"]) == ExitCode.USAGE
    assert capfd.readouterr().out == ""
