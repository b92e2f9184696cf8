"""`tidegate record` as far as it gets without a cloud: arguments, and what is there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate import cli
from tidegate.core.errors import ExitCode

ORDERS = ("--service", "orders", "--project", "p1", "--region", "europe-west1")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_trace_is_not_overwritten(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "there").mkdir()
    (place / "there" / "samples.csv").write_text("mine")
    assert cli.main(["record", *ORDERS, "--target", "local", "there"]) == ExitCode.USAGE
    out, err = capfd.readouterr()
    assert out == ""
    assert "there already holds a trace" in err
    assert "--force" in err
    assert (place / "there" / "samples.csv").read_text() == "mine"
    assert cli.main(["record", *ORDERS, "--target", "local", "--force", "there"]) == ExitCode.USAGE
    assert "no local Cloud Run is running" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--service", "orders"], "--project and --region missing"),
        (["--service", "orders", "--project", "p1"], "--region missing"),
        ([], "there is no file tidegate.yaml"),
        ([*ORDERS, "--since", "2"], "is not a duration"),
        ([*ORDERS, "--since", "0s"], "no length of time"),
        ([*ORDERS, "--from", "yesterday"], "is no time"),
        ([*ORDERS, "--from", "nan"], "no time that can be meant"),
        ([*ORDERS, "--from", "1e300"], "no time that can be meant"),
    ],
)
def test_arguments_that_cannot_be_meant(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["record", *arguments, "trace"]) == ExitCode.USAGE
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert not Path("trace").exists()
