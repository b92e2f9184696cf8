"""Commands for a spec of several regions, as far as they go without a cloud."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tidegate import cli
from tidegate.cli import everywhere, options
from tidegate.cli.everywhere import one_after_the_other
from tidegate.core.errors import ExitCode, NotFound, UsageError
from tidegate.core.plan import fingerprint, summarize

SPEC = """\
service: orders
project: demo-project
regions: [europe-west1, us-central1]
containers:
  - name: app
    port: 8080
    probes:
      startup: {http: {path: /healthz}}
      liveness: {http: {path: /healthz}}
alerts:
  channels: [{email: oncall@example.com}]
"""
IMAGE = ("--image", "demo/orders:v1")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    for name in ("TIDEGATE_LOCAL", "TIDEGATE_WEBHOOKS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(place: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def start(*arguments: str) -> Ran:
        capfd.readouterr()
        code = cli.main(list(arguments))
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Ran(int(code), out, err)

    return start


def test_each_region_has_roots_and_states_of_its_own(run: Run, place: Path) -> None:
    assert run("render", *IMAGE, "--out", "rendered").code == 0
    for region in ("europe-west1", "us-central1"):
        main = (place / "rendered" / region / "service" / "main.tf").read_text()
        assert f'region  = "{region}"' in main
    other = run("render", *IMAGE, "--out", "one", "--region", "us-central1")
    assert other.code == 0
    assert 'region  = "us-central1"' in (place / "one" / "service" / "main.tf").read_text()


def test_states_in_a_bucket_do_not_meet(run: Run, place: Path) -> None:
    (place / "tidegate.yaml").write_text(SPEC + "state: {backend: gcs, bucket: states}\n")
    assert run("render", *IMAGE, "--out", "rendered").code == 0
    prefixes = {
        line.strip()
        for path in (place / "rendered").glob("*/*/backend.tf")
        for line in path.read_text().splitlines()
        if "prefix" in line
    }
    assert len(prefixes) == 4


def test_all_regions_are_validated_and_told_as_one_document(run: Run) -> None:
    ran = run("validate", "--no-terraform", "--format", "json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert list(found["regions"]) == ["europe-west1", "us-central1"]
    assert all(one["valid"] for one in found["regions"].values())
    one = json.loads(run("validate", "--no-terraform", "--format", "json", "--region", "us-central1").out)
    assert one["valid"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("deploy", *IMAGE, "--auto-approve", "--region", "us-west1"), "orders has no region 'us-west1'"),
        (("status", "--region", "us-west1"), "orders has no region 'us-west1'"),
        (("rollback", "--to", "orders-1"), "--to orders-1 names a revision of one region"),
        (("promote",), "promote skips the steps"),
        (("record", "trace"), "of which region? The spec has several"),
        (("deploy", *IMAGE), "nobody is here to approve the plan"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(
    run: Run, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = run(*arguments)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert said in ran.err


def test_what_people_say_to_rollouts_is_said_in_all_regions_at_once(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes: without a local Cloud Run each of them says so, and the worst code is returned."""
    ran = run("abort", "--target", "local", "--local-directory", "nowhere", "--format", "json")
    assert ran.code == ExitCode.USAGE
    found = json.loads(ran.out)["regions"]
    assert list(found) == ["europe-west1", "us-central1"]
    assert all("no local Cloud Run is running" in one["error"] for one in found.values())
    assert "us-central1: error: no local Cloud Run is running" in ran.err


def test_trouble_in_one_region_keeps_no_other_from_being_told(capfd: pytest.CaptureFixture[str]) -> None:
    def missing() -> None:
        raise NotFound("there is no service")

    runs = {"a": missing, "b": partial(options.emit, {"fine": True}), "c": lambda: 8}
    assert one_after_the_other(runs, "json") == ExitCode.REMOTE
    out, err = capfd.readouterr()
    assert json.loads(out)["regions"] == {
        "a": {"error": "there is no service", "exit_code": 9},
        "b": {"fine": True},
        "c": {"error": "", "exit_code": 8},
    }
    assert err == "error: a: there is no service\n"


def test_what_is_wrong_with_the_spec_is_told_once() -> None:
    def wrong() -> None:
        raise UsageError("no")

    with pytest.raises(UsageError):
        one_after_the_other({"a": wrong, "b": wrong}, "text")


def test_a_spec_that_changes_during_the_waves_is_noticed(run: Run, place: Path) -> None:
    from tidegate.cli.waves import _digest, approved_before

    file = place / "tidegate.yaml"
    token = f"{_digest(file)}:abc"
    assert approved_before(token, file) == "abc"
    file.write_text(SPEC + "labels: {team: x}\n")
    with pytest.raises(UsageError, match="has changed since the deployment in all regions began"):
        approved_before(token, file)


def test_plans_have_the_same_fingerprint_when_they_do_the_same() -> None:
    def plan(before: str, after: str, etag: str) -> str:
        change = {
            "actions": ["update"],
            "before": {"image": before, "etag": etag},
            "after": {"image": after},
            "after_unknown": {"etag": True},
        }
        resource = {"address": "a.b", "type": "a", "name": "b", "change": change}
        return fingerprint({"service": summarize({"format_version": "1.2", "resource_changes": [resource]})})

    assert plan("v1", "v2", "x") == plan("v1", "v2", "y") == plan("v0", "v2", "x")
    assert plan("v1", "v2", "x") != plan("v1", "v3", "x")


def test_the_same_program_is_run_for_each_region() -> None:
    assert everywhere.program("abort")[-3:] == ["-m", "tidegate", "abort"]
