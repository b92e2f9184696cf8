"""`tidegate preflight` as its reader sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate import cli
from tidegate.cli.preflight import lines
from tidegate.core.errors import ExitCode
from tidegate.core.judge import Mode
from tidegate.core.preflight import Finding, Kind, Preflight

SPEC = "service: orders\nproject: demo-project\nregion: europe-west1\ncontainers: [{port: 8080}]\n"
BURNING = Finding(
    Kind.BURNING, "orders-1 fails 20 % of its last 250 requests, 2 % are allowed", "deploy the fix"
)
SPOTS = [Finding(Kind.LITTLE_TRAFFIC, f"not seen: {name}", "longer steps") for name in ("errors", "CPU")]
HELD = Finding(Kind.HELD, "rollout r by ci is in phase step", "wait for it")
SPLIT = Finding(Kind.SPLIT, "the traffic of orders is split")


def found(*findings: Finding, mode: Mode = Mode.REGRESSION) -> Preflight:
    return Preflight("orders", findings, mode, "orders-1", {"orders-1": 100})


def test_what_is_to_be_done_stands_under_what_was_found_and_once() -> None:
    assert lines(found(BURNING, *SPOTS, mode=Mode.FIX)) == [
        "burning         orders-1 fails 20 % of its last 250 requests, 2 % are allowed",
        "                deploy the fix",
        "little_traffic  not seen: errors",
        "little_traffic  not seen: CPU",
        "                longer steps",
        "a deployment of orders would go on, judged for improvement (fix mode)",
    ]


@pytest.mark.parametrize(
    ("findings", "code", "said"),
    [
        ((), ExitCode.DONE, "would go on, compared with orders-1"),
        ((BURNING,), ExitCode.DONE, "would go on"),
        ((SPLIT,), ExitCode.HELD, "would be refused"),
        ((HELD,), ExitCode.BUSY, "would be refused"),
        ((SPLIT, HELD), ExitCode.BUSY, "would be refused"),
    ],
)
def test_the_exit_code_says_whether_it_would_go_on(
    findings: tuple[Finding, ...], code: ExitCode, said: str
) -> None:
    one = found(*findings)
    assert one.exit_code is code
    assert said in one.conclusion()
    assert one.data()["goes"] is (code is ExitCode.DONE)


def test_without_a_cloud_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["preflight", "--target", "local", "--local-directory", "no"]) == ExitCode.USAGE
    assert "no local Cloud Run is running in no" in capfd.readouterr().err
